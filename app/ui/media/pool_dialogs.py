"""Make and change a pool, remove it, and put a media set into one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QWidget

from app.model.media import Pool, PoolSet
from app.model.storage import PoolInfo
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.pool_rows import MediaSet, rules_text, sets_of
from app.ui.media.state import Storage
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field

_SETS = (("Save set: protected", PoolSet.SAVE), ("Scratch set: to be used again", PoolSet.SCRATCH))


class PoolDialog(ActDialog):
    """A new pool, or other numbers for one."""

    def __init__(
        self, context: Context, storage: Storage, pool: Pool | None, parent: QWidget | None = None
    ) -> None:
        title = f"Rules of {pool.name}" if pool is not None else "New media pool"
        super().__init__(
            context,
            title,
            "Media managed as one: backups write to its save set, and take what they need from its scratch "
            "set.",
            "Change" if pool is not None else "Make pool",
            parent,
        )
        self.pool = pool
        self._names = {info.pool.name for info in storage.pools}
        self.name = QLineEdit(pool.name if pool is not None else "")
        self.name.setMaxLength(64)
        self.name.setReadOnly(pool is not None)
        self.days = _number(36_500, pool.retention_days if pool is not None else 6)
        self.minimum = _number(1000, pool.minimum_save if pool is not None else 1)
        self.said = Label("", "body", "text2", wrap=True)
        self.form.addWidget(Field("Name", self.name))
        self.form.addWidget(Field("Retention since it was last written to", self.days, unit="days"))
        self.form.addWidget(Field("Stay in the save set at least", self.minimum, unit="media sets"))
        self.form.addWidget(self.said)
        self.form.addStretch(1)
        self.name.textChanged.connect(self.refresh)
        for editor in (self.days, self.minimum):
            editor.valueChanged.connect(self.refresh)
        self.refresh()

    def value(self) -> Pool:
        """The pool as typed."""
        return Pool(self.name.text().strip(), self.days.value(), self.minimum.value())

    def refresh(self) -> None:
        """The rules in words follow the numbers."""
        if hasattr(self, "said"):
            self.said.setText(rules_text(self.value()))
        super().refresh()

    def fault(self) -> str:
        """A name of its own; other numbers."""
        made = self.value()
        if not made.name:
            return "Type a name"
        if self.pool is not None:
            return "These are its rules" if made == self.pool else ""
        return f"There is a pool {made.name} already" if made.name in self._names else ""

    def call(self) -> Callable[[], Any]:
        """Make or change it."""
        storage = self.context.services.storage
        return partial(storage.add_pool if self.pool is None else storage.change_pool, self.value())


class RemovePoolDialog(ActDialog):
    """Forget a pool; its media are in none then."""

    def __init__(self, context: Context, info: PoolInfo, parent: QWidget | None = None) -> None:
        count = len(sets_of([*info.save, *info.scratch]))
        super().__init__(
            context,
            f"Remove the pool {info.pool.name}?",
            f"Its {count:,} media sets stay, with all sessions, in no pool: no rule makes them scratch, and "
            "backups that name the pool find no media.",
            f"Remove {info.pool.name}",
            parent,
            danger=True,
        )
        self._name = info.pool.name
        self.refresh()

    def call(self) -> Callable[[], Any]:
        """Forget it."""
        return partial(self.context.services.storage.remove_pool, self._name)


class ScratchDialog(ActDialog):
    """To the scratch set: the next backup may overwrite what is on it."""

    def __init__(self, context: Context, chosen: MediaSet, parent: QWidget | None = None) -> None:
        first = chosen.first
        sessions = sum(one.sessions for one in chosen.media)
        super().__init__(
            context,
            f"Put {first.name} into the scratch set?",
            f"The next backup of {first.pool} that needs a media may overwrite it, with its {sessions:,} "
            "sessions. Until then it can be taken back to the save set.",
            "Put into the scratch set",
            parent,
            danger=True,
        )
        self._chosen = chosen
        self.refresh()

    def call(self) -> Callable[[], Any]:
        """Assign it."""
        first = self._chosen.first
        return partial(self.context.services.storage.assign_pool, first.pool, first.serial, PoolSet.SCRATCH)


class AssignDialog(ActDialog):
    """Put a media set into a pool."""

    def __init__(
        self,
        context: Context,
        storage: Storage,
        pool: str,
        chosen: MediaSet | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            "Put media into a pool",
            "All media of a set go together. Nothing is written to them.",
            "Put into the pool",
            parent,
        )
        self.media = QComboBox()
        for one in sets_of(storage.media):
            first = one.first
            where = f", in {first.pool}" if first.pool else ""
            self.media.addItem(f"{first.name}, ID {first.media_id}{where}", first.serial)
        if chosen is not None:
            self.media.setCurrentIndex(max(0, self.media.findData(chosen.first.serial)))
        self.pool = QComboBox()
        self.pool.addItems([info.pool.name for info in storage.pools])
        self.pool.setCurrentText(pool)
        self.set = QComboBox()
        for text, value in _SETS:
            self.set.addItem(text, value)
        self.form.addWidget(Field("Media", self.media))
        self.form.addWidget(Field("Pool", self.pool))
        self.set_field = Field("Set", self.set, " ")
        self.form.addWidget(self.set_field)
        self.form.addStretch(1)
        self.set.currentIndexChanged.connect(self._on_set)
        self.refresh()

    def _on_set(self, position: int) -> None:
        scratch = _SETS[position][1] is PoolSet.SCRATCH
        said = "The next backup that needs a media may overwrite it, with all its sessions."
        self.set_field.set_hint(said if scratch else " ", "warning")

    def call(self) -> Callable[[], Any]:
        """Assign it."""
        return partial(
            self.context.services.storage.assign_pool,
            self.pool.currentText(),
            str(self.media.currentData()),
            PoolSet(self.set.currentData()),
        )


def _number(most: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(0, most)
    made.setValue(value)
    made.setFixedWidth(theme().px(110))
    return made
