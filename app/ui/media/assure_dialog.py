"""Assure and scan: verify a media, scan it, or restore-test a session of it. Each is a job in the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QRadioButton, QSpinBox, QWidget

from app.model.media import MediaInfo, SessionInfo
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.device_dialogs import DirectoryField
from app.ui.media.session_password import SessionPasswordField
from app.ui.media.state import Storage
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field

CHECK, READ, SCAN, TEST = range(4)
_ASSURE = (
    ("Check what is there", "Every pack and session of the media is there and has its size. Takes seconds."),
    ("Read every byte", "Everything is read and compared with its checksums; sessions become Verified."),
    ("Scan", "Lists the sessions in the job's log and reads their directories. The catalog is not written."),
    (
        "Restore test",
        "Restores to a scratch directory, compares it, and removes it; sessions become Restore-tested.",
    ),
)


def choice(text: str, hint: str, group: QButtonGroup, number: int) -> tuple[QRadioButton, Label]:
    """One of a few ways, with what it does below it."""
    made = QRadioButton(text)
    made.setAccessibleDescription(hint)
    group.addButton(made, number)
    said = Label(hint, "small", "muted", wrap=True)
    said.setContentsMargins(theme().px(22), 0, 0, 2)
    return made, said


class AssureDialog(ActDialog):
    """Verify, scan or restore-test a media, or one session of it."""

    def __init__(
        self,
        context: Context,
        storage: Storage,
        media: MediaInfo,
        chosen: Sequence[SessionInfo] = (),
        way: int = READ,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(context, f"Assure and scan {media.name}", "", "Submit", parent, width=560)
        self.media = media
        self.session = chosen[0] if len(chosen) == 1 else None
        self.ways = QButtonGroup(self)
        for number, (text, hint) in enumerate(_ASSURE):
            made, said = choice(text, hint, self.ways, number)
            self.form.addWidget(made)
            self.form.addWidget(said)
        self.heal = QCheckBox("Repair damage from what holds the same content, or quarantine it")
        self.heal.setToolTip(
            "Sources: other packs of this media, and copies of its sessions on media that are online"
        )
        self.form.addWidget(self.heal)
        self.contents = QCheckBox("Read every byte of the files as well")
        self.form.addWidget(self.contents)
        self.percent = QSpinBox()
        self.percent.setRange(1, 100)
        self.percent.setValue(100)
        self.percent.setFixedWidth(theme().px(90))
        self.percent_field = Field("How much of the files, chosen at random", self.percent, unit="%")
        self.form.addWidget(self.percent_field)
        self.scratch = DirectoryField("Scratch directory, optional", "Else the system's temporary directory.")
        self.form.addWidget(self.scratch)
        sessions = storage.sessions_of(media.serial)
        encrypted = sum(one.encrypted for one in sessions)
        self.password = SessionPasswordField(encrypted, "It names their files, and heals and restores them.")
        self.form.addWidget(self.password)
        self.form.addStretch(1)
        self.ways.idToggled.connect(self._on_way)
        self.ways.button(way).setChecked(True)
        self._on_way()

    def _on_way(self, *_how: object) -> None:
        way = self.ways.checkedId()
        self.heal.setVisible(way in (CHECK, READ))
        self.contents.setVisible(way == SCAN)
        self.percent_field.setVisible(way == TEST)
        self.scratch.setVisible(way == TEST)
        number = self.session.number if self.session is not None else 0
        of_session = f"session {number} of " if number and way in (SCAN, TEST) else ""
        newest = "the newest session of each volume of " if way == TEST and not number else ""
        self.title.setText(f"Assure and scan {of_session}{newest}{self.media.name}")
        self.action.setText(("Check", "Verify", "Scan", "Test")[way])
        self.refresh()

    def fault(self) -> str:
        """A scratch directory is given from the root on."""
        wanted = self.ways.checkedId() == TEST and self.scratch.text
        return "Type the scratch directory from the root on" if wanted and wanted[0] != "/" else ""

    def call(self) -> Callable[[], Any]:
        """Submit the job of the chosen way."""
        services, serial = self.context.services, self.media.serial
        number = self.session.number if self.session is not None else 0
        password = self.password.password.text()
        way = self.ways.checkedId()
        if way == SCAN:
            return partial(
                services.utilities.scan,
                serial,
                number,
                contents=self.contents.isChecked(),
                passwords=self.password.words,
            )
        if way == TEST:
            return partial(
                services.media.restore_test,
                serial,
                number,
                percent=self.percent.value(),
                scratch=self.scratch.text,
                session_password=password,
            )
        return partial(
            services.media.verify,
            serial,
            full=way == READ,
            heal=self.heal.isChecked(),
            session_password=password,
        )
