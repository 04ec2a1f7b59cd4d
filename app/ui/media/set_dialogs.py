"""Format, erase, rename, protect, retire and forget: what is done to whole media sets."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from PySide6.QtCore import QDateTime
from PySide6.QtWidgets import QCheckBox, QDateTimeEdit, QHBoxLayout, QLineEdit, QWidget

from app.model.media import MediaInfo, SetPlan
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.loss import LossPane, set_loss
from app.ui.media.state import Storage
from app.ui.theme import theme
from app.ui.widgets.form import Field

_KEPT_DAYS = 30
_NAME_MAX = 64


class ExpiryField(QWidget):
    """Not protected, or until a day."""

    def __init__(self, at: datetime | None) -> None:
        super().__init__()
        self.box = QCheckBox("Protect from being overwritten until")
        self.box.setChecked(at is not None)
        self.when = QDateTimeEdit(
            QDateTime.fromSecsSinceEpoch(
                int((at or datetime.now(UTC) + timedelta(days=_KEPT_DAYS)).timestamp())
            )
        )
        self.when.setDisplayFormat("yyyy-MM-dd HH:mm")
        self.when.setCalendarPopup(True)
        self.when.setAccessibleName("Protected until")
        self.when.setEnabled(at is not None)
        self.when.setFixedWidth(theme().px(180))
        self.box.toggled.connect(self.when.setEnabled)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.box)
        row.addWidget(self.when)
        row.addStretch(1)

    @property
    def value(self) -> datetime | None:
        """The moment; None = not protected."""
        if not self.box.isChecked():
            return None
        return datetime.fromtimestamp(self.when.dateTime().toSecsSinceEpoch(), UTC)


class _LossDialog(ActDialog):
    """Asks for a plan, shows what is lost, and wants the media's name where something is."""

    storage: Storage
    plan: SetPlan | None = None

    def _prepare(self, storage: Storage) -> None:
        self.storage = storage
        self.loss = LossPane()
        self.form.addWidget(self.loss, 1)

    def ask(self, plan: Callable[[], SetPlan]) -> None:
        """Ask what would be lost; until that is known the button waits."""
        self.plan = None
        self.loss.show_loss("Looking what is on it…", (), ())
        self.refresh()
        self.context.tasks.run(self, plan, self._on_plan, self._on_plan_failed, key="plan")

    def _on_plan(self, plan: SetPlan) -> None:
        self.plan = plan
        self.problem.hide()
        head, lines = set_loss(plan, self.storage.sessions)
        if plan.refused:
            lines = [f"It would be refused: {plan.refused}", *lines]
        self.loss.show_loss(head, lines, plan.sessions)
        self.set_gate(plan.name if plan.media else "")

    def _on_plan_failed(self, error: Exception) -> None:
        self.loss.show_loss("", (), ())
        self._on_refused(error)

    def fault(self) -> str:
        """Nothing is done before the person has seen what goes."""
        if self.plan is None:
            return "What is lost is not known yet"
        return "It would be refused" if self.plan.refused else ""


class FormatDialog(_LossDialog):
    """Make a media on a device."""

    def __init__(
        self, context: Context, storage: Storage, device: str, name: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            f"Format a media on the device {device}",
            "A new label is written. A media set of the same name on this device is erased before.",
            "Format",
            parent,
            width=560,
        )
        self.device = device
        self.name = QLineEdit(name)
        self.name.setMaxLength(_NAME_MAX)
        self.name.setPlaceholderText("Named by date and time")
        self.form.addWidget(Field("Media name, optional", self.name))
        self.expiry = ExpiryField(None)
        self.form.addWidget(self.expiry)
        self._prepare(storage)
        self._delay = Delay(300, self)
        self._delay.passed.connect(self._on_name)
        self.name.textChanged.connect(self._on_typed)
        self._on_name(name)

    def _on_typed(self, text: str) -> None:
        self.plan = None
        self.refresh()
        self._delay.put(text)

    def _on_name(self, text: str) -> None:
        self.ask(partial(self.context.services.storage.plan_format, self.device, text.strip()))

    def set_gate(self, name: str) -> None:
        """The button says whether something goes."""
        super().set_gate(name)
        self.action.setProperty("kind", "danger" if name else "primary")
        self.action.style().unpolish(self.action)
        self.action.style().polish(self.action)
        self.action.setText(f"Erase {name} and format" if name else "Format")
        (self.cancel if name else self.action).setDefault(True)

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(
            self.context.services.storage.format,
            self.device,
            self.name.text().strip(),
            expires_at=self.expiry.value,
        )


class EraseDialog(_LossDialog):
    """Erase a media set."""

    def __init__(
        self, context: Context, storage: Storage, media: MediaInfo, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            f"Erase {media.name}?",
            "All media of the set are emptied, with all their sessions. This cannot be undone.",
            f"Erase {media.name}",
            parent,
            width=560,
            gate=media.name,
        )
        self.media = media
        self._prepare(storage)
        self.ask(partial(context.services.storage.plan_erase, media.serial))

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(self.context.services.storage.erase, self.media.serial)


class ForgetDialog(_LossDialog):
    """Forget a media set that is gone for good."""

    def __init__(
        self, context: Context, storage: Storage, media: MediaInfo, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            f"Forget {media.name}?",
            "For media that are gone for good. They leave the catalog with their sessions; if they turn up "
            "again, Merge brings them back. What can still be reached of the set is erased.",
            f"Forget {media.name}",
            parent,
            width=560,
            gate=media.name,
        )
        self.media = media
        self._prepare(storage)
        self.ask(partial(context.services.storage.plan_erase, media.serial, forget=True))

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(self.context.services.storage.retire, self.media.serial, forget=True)


class RenameDialog(ActDialog):
    """Another name for a media set."""

    def __init__(self, context: Context, media: MediaInfo, parent: QWidget | None = None) -> None:
        super().__init__(
            context,
            f"Rename {media.name}",
            "All media of its set get the name. Sessions, ID and serial stay.",
            "Rename",
            parent,
        )
        self.media = media
        self.name = QLineEdit(media.name)
        self.name.setMaxLength(_NAME_MAX)
        self.name.selectAll()
        self.name.textChanged.connect(self.refresh)
        self.form.addWidget(Field("New name", self.name))
        self.refresh()

    def fault(self) -> str:
        """A name that is one, and another one."""
        name = self.name.text().strip()
        if not name:
            return "Type a name"
        return "It has this name already" if name == self.media.name else ""

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(self.context.services.storage.rename, self.media.serial, self.name.text().strip())


class ExpireDialog(ActDialog):
    """Until when no backup overwrites a media set."""

    def __init__(self, context: Context, media: MediaInfo, parent: QWidget | None = None) -> None:
        until = f"protected until {formats.timestamp(media.expires_at)}"
        was = until if media.expires_at else "not protected"
        super().__init__(
            context,
            f"Protection of {media.name}",
            f"It is {was} now. An expired media can still be read and written.",
            "Set expiry",
            parent,
        )
        self.media = media
        self.expiry = ExpiryField(media.expires_at)
        self.form.addWidget(self.expiry)
        self.refresh()

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(self.context.services.storage.expire, self.media.serial, self.expiry.value)


class RetireDialog(ActDialog):
    """Write nothing to a media set any more, or again."""

    def __init__(self, context: Context, media: MediaInfo, parent: QWidget | None = None) -> None:
        undo = media.retired
        text = (
            "Backups may write to it again."
            if undo
            else "Nothing is written to it any more. Its sessions can be restored; this can be taken back."
        )
        verb = "Use again" if undo else "Retire"
        super().__init__(context, f"{verb}: {media.name}", text, f"{verb} {media.name}", parent)
        self.media = media
        self.refresh()

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        return partial(self.context.services.storage.retire, self.media.serial, undo=self.media.retired)
