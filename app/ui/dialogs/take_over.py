"""A server was lost: its media are named, what they hold is shown, and a home is made that knows it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QVBoxLayout,
    QWidget,
)

from app.messages import render
from app.model.paths import shown
from app.model.recovery import HeldData, HomeFound, RecoveryPlan
from app.ui import formats
from app.ui.bridge.tasks import Tasks
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import ProblemCard
from app.ui.widgets.views import CellTable

Look = Callable[[str, Sequence[str], Sequence[str]], RecoveryPlan]
"""`look(home, directories, secrets)`; blocks; changes nothing."""
Make = Callable[[RecoveryPlan, str, Sequence[str], bool], None]
"""`make(plan, password of caroot, secrets, without_home)`; blocks; raises ArcxoError."""


@dataclass(frozen=True, slots=True)
class TakeOver:
    """What the dialog asks for."""

    look: Look
    make: Make


class HeldDataModel(RowModel[HeldData]):
    """Whose data the media hold."""

    columns = (
        Column("Machine", 140),
        Column("Data", 190, stretch=True),
        Column("Sessions", 76, right=True),
        Column("Newest", 140),
        Column("Size", 84, right=True),
        Column("Opens", 130),
    )

    def key_of(self, item: HeldData) -> Hashable:
        """Machine, volume, scenario."""
        return item.machine, item.entity, item.scenario_name

    def cell(self, item: HeldData, column: int) -> Cell:
        """Paintable content."""
        match column:
            case 0:
                return Cell(item.machine, icon="server", icon_role="master", medium=True)
            case 1:
                named = f", scenario {item.scenario_name}" if item.scenario_name else ""
                return Cell(shown(item.path), middle=True, tooltip=f"{shown(item.path)}{named}")
            case 2:
                return Cell(f"{item.sessions:,}", right=True, sort=item.sessions)
            case 3:
                at = item.last_at
                return Cell(formats.moment(at), tooltip=formats.full_time(at), sort=at.timestamp())
            case 4:
                return Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes)
            case _ if not item.encrypted:
                return Cell("Not encrypted", role="text2")
            case _ if item.opened:
                return Cell("Opens", icon="circle-check", icon_role="ok", role="ok")
            case _:
                return Cell("Needs password", icon="lock", icon_role="warning", role="warning")


def home_words(found: HomeFound | None) -> str:
    """What the media keep of the lost server beside its sessions."""
    if found is None:
        return "The media keep nothing of jobs and accounts. caroot gets the password that you choose."
    at = formats.moment(found.made_at)
    said = f"The media keep jobs, accounts, hosts and alerts of {found.server} as they were {at}. "
    return said + "They come back with the password that caroot had then; jobs wait in Hold."


class TakeOverDialog(QDialog):
    """Directories, passwords, what is there, and the home."""

    def __init__(self, home: str, take_over: TakeOver, tasks: Tasks, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Arcxo: a server was lost")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(840), theme().px(640))
        self._take_over, self._tasks = take_over, tasks
        self.plan: RecoveryPlan | None = None
        self.folder = QLineEdit(home)
        self.folder.editingFinished.connect(self._on_folder)
        self.directories = QListWidget()
        self.directories.setAccessibleName("Directories with media")
        self.directories.setFixedHeight(theme().px(60))
        self.add = button("Add directory…", "", "folder-plus")
        self.add.clicked.connect(self._on_add)
        self.remove = button("Remove")
        self.remove.clicked.connect(self._on_remove)
        self.secret = PasswordField("Session password or recovery key")
        self.secret.editingFinished.connect(self.look)
        self.password = PasswordField("Password of caroot")
        self.password.textChanged.connect(self.refresh)
        self.without_home = QCheckBox(
            "Leave jobs, accounts and hosts of the lost server; know its sessions alone"
        )
        self.without_home.toggled.connect(self._on_without_home)
        self.found = Label("", "body", "text2", wrap=True)
        self.model = HeldDataModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Whose data the media hold")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setMinimumHeight(theme().px(110))
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.look)
        self.make = button("Make home", "primary")
        self.make.setDefault(True)
        self.make.clicked.connect(self._on_make)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self._busy = ""
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        body = QVBoxLayout()
        body.setContentsMargins(20, 16, 20, 12)
        body.setSpacing(10)
        body.addWidget(Label("Make a home from the media of a lost server", "subject"))
        text = "Nothing is written to these media; they stand apart until you let backups go on with them."
        body.addWidget(Label(text, "body", "text2", wrap=True))
        places = QHBoxLayout()
        places.setSpacing(8)
        places.addWidget(_boxed(self.directories), 1)
        buttons = QVBoxLayout()
        buttons.addWidget(self.add)
        buttons.addWidget(self.remove)
        buttons.addStretch(1)
        places.addLayout(buttons)
        body.addWidget(Label("Directories of the media, or that hold media", "small_medium", "text2"))
        body.addLayout(places)
        body.addWidget(self.table, 1)
        body.addWidget(self.found)
        fields = QHBoxLayout()
        fields.setSpacing(16)
        self.password_field = Field("Password of caroot", self.password)
        fields.addWidget(self.password_field, 1)
        fields.addWidget(
            Field("Session password or recovery key, optional", self.secret, "Opens encrypted sessions."), 1
        )
        body.addLayout(fields)
        body.addWidget(self.without_home)
        body.addWidget(Field("Folder of the new home", self.folder))
        body.addWidget(self.problem)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addStretch(1)
        foot.addWidget(self.make)
        foot.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(body, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    @property
    def home(self) -> str:
        """The folder of the home that is made."""
        return str(Path(self.folder.text().strip()).expanduser())

    def add_directory(self, directory: str) -> None:
        """Look into one more directory."""
        if directory and directory not in self._places():
            self.directories.addItem(directory)
            self.look()

    def look(self) -> None:
        """What the media hold; changes nothing."""
        self.problem.hide()
        if not self._places():
            self._show(None)
            return
        self._busy = "The media are being read"
        self.found.setText("Reading…")
        self.refresh()
        call = partial(self._take_over.look, self.home, self._places(), self._secrets())
        self._tasks.run(self, call, self._show, self._on_failed, key="look")

    def _places(self) -> list[str]:
        return [self.directories.item(row).text() for row in range(self.directories.count())]

    def _secrets(self) -> list[str]:
        return [self.secret.text()] if self.secret.text() else []

    def _show(self, plan: RecoveryPlan | None) -> None:
        self._busy = ""
        self.plan = plan
        self.model.set_items(plan.held if plan is not None else ())
        self.without_home.setVisible(plan is not None and plan.found_home is not None)
        if plan is None:
            self.found.setText("Add the directory of a disk or share with media: it is only read.")
        else:
            lines = [home_words(plan.found_home)]
            lines += [f"Not found, and needed: {what}." for what in plan.missing]
            bad = [f"{one.name}: {render(one.problem, {}).text}" for one in plan.media if one.problem]
            damaged = sum(one.damaged_sessions for one in plan.media)
            lines += bad + ([f"{formats.counted(damaged, 'session')} damaged."] if damaged else [])
            self.found.setText("\n".join(lines))
        self.refresh()

    def _on_failed(self, error: Exception) -> None:
        self._busy = ""
        self.problem.show_error(error)
        if self.plan is None:
            self.found.setText("")
        self.refresh()

    def fault(self) -> str:
        """What is missing; "" = the home can be made."""
        if self._busy:
            return self._busy
        if self.plan is None or not self.plan.sessions:
            return "Add a directory that holds media with sessions"
        if not Path(self.folder.text().strip()).expanduser().is_absolute():
            return "Choose a folder for the home: a full path"
        return "" if self.password.text() else "Type the password of caroot"

    def refresh(self) -> None:
        """The buttons, after any change."""
        reason = self.fault()
        self.make.setEnabled(not reason)
        self.make.setToolTip(reason)
        self.remove.setEnabled(bool(self._places()))
        found = self.plan is not None and self.plan.found_home is not None
        as_was = found and not self.without_home.isChecked()
        self.password_field.set_hint("As it was on the lost server" if as_was else "You choose it now")

    def _on_folder(self) -> None:
        # Whether the media may lie where they do depends on where the home is.
        if self.plan is not None and self.plan.home != self.home:
            self.look()

    def _on_without_home(self, _on: bool) -> None:
        self.refresh()

    def _on_add(self) -> None:
        self.add_directory(QFileDialog.getExistingDirectory(self, "Directory with media"))

    def _on_remove(self) -> None:
        row = max(0, self.directories.currentRow())
        self.directories.takeItem(row)
        self.look()

    def _on_make(self) -> None:
        if self.fault() or self.plan is None:
            return
        self._busy = "The home is being made"
        self.problem.hide()
        self.refresh()
        plan, secrets = self.plan, self._secrets()
        call = partial(
            self._take_over.make, plan, self.password.text(), secrets, self.without_home.isChecked()
        )
        self._tasks.run(self, call, self._on_made, self._on_failed)

    def _on_made(self, _nothing: object) -> None:
        self.accept()


def _boxed(widget: QWidget) -> QFrame:
    """With the border of a field."""
    holder = QFrame()
    holder.setProperty("kind", "box")
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(4, 4, 4, 4)
    layout.addWidget(widget)
    return holder
