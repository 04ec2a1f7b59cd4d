"""The utilities: merge, compare, copy. Each is a job in the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from app.model.media import MediaInfo, SessionInfo
from app.ui import formats
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.device_dialogs import DirectoryField
from app.ui.media.session_password import SessionPasswordField
from app.ui.media.state import Storage
from app.ui.widgets.form import Field


class MergeDialog(ActDialog):
    """Read the sessions of a media, or of a directory with one, into the catalog."""

    def __init__(
        self, context: Context, storage: Storage, media: MediaInfo | None, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            "Merge",
            "Sessions that the catalog does not have are read into it, with their names, so that they can be "
            "browsed and searched. Nothing is written to the media.",
            "Merge",
            parent,
            width=520,
        )
        self.media = QComboBox()
        self.media.addItem("A directory", "")
        for one in sorted(storage.media, key=lambda one: (one.name, one.sequence)):
            if one.online:
                self.media.addItem(f"{one.name}, ID {one.media_id}, seq {one.sequence}", one.serial)
        if media is not None:
            self.media.setCurrentIndex(max(0, self.media.findData(media.serial)))
        self.media.currentIndexChanged.connect(self._on_media)
        self.directory = DirectoryField("Directory of the media", "For media that are in no device.")
        self.directory.path.textChanged.connect(self.refresh)
        self.form.addWidget(Field("Media", self.media))
        self.form.addWidget(self.directory)
        self.password = SessionPasswordField(1, "")
        self.password.set_hint("Without it encrypted sessions are recorded without the names in them.")
        self.form.addWidget(self.password)
        self.form.addStretch(1)
        self._on_media()

    def _on_media(self) -> None:
        self.directory.setVisible(not self.media.currentData())
        self.refresh()

    def fault(self) -> str:
        """A media, or where one is."""
        if self.media.currentData() or self.directory.text.startswith("/"):
            return ""
        return "Type the directory of the media, from the root on"

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        where = str(self.media.currentData() or self.directory.text)
        return partial(self.context.services.utilities.merge, where, self.password.words)


class CompareDialog(ActDialog):
    """Compare a session with files on disk."""

    def __init__(
        self, context: Context, media: MediaInfo, session: SessionInfo, parent: QWidget | None = None
    ) -> None:
        what = session.scenario_name or session.machine
        super().__init__(
            context,
            f"Compare session {session.number} of {media.name}",
            f"{what}, backed up {formats.moment(session.finished_at)}: each path that differs is named in "
            "the job's log. Nothing is changed.",
            "Compare",
            parent,
            width=520,
        )
        self.media, self.session = media, session
        self.where = QComboBox()
        self.where.addItem(f"The replica, {session.replica or session.machine}", "replica")
        self.where.addItem(f"The master, {session.machine}", "master")
        self.where.addItem("A directory of this server", "")
        self.where.currentIndexChanged.connect(self._on_where)
        self.directory = DirectoryField("Directory")
        self.directory.path.textChanged.connect(self.refresh)
        self.paths = QLineEdit()
        self.paths.setPlaceholderText("The whole session")
        self.metadata = QCheckBox("Also permissions, owners, attributes and times")
        self.metadata.setChecked(True)
        self.form.addWidget(Field("With", self.where))
        self.form.addWidget(self.directory)
        self.form.addWidget(Field("Only this path of the master, optional", self.paths))
        self.paths.textChanged.connect(self.refresh)
        self.form.addWidget(self.metadata)
        self.password = SessionPasswordField(int(session.encrypted), "It opens the session.")
        self.password.password.textChanged.connect(self.refresh)
        self.form.addWidget(self.password)
        self.form.addStretch(1)
        self._on_where()

    def _on_where(self) -> None:
        self.directory.setVisible(not self.where.currentData())
        self.refresh()

    def fault(self) -> str:
        """Where, what, and what opens it."""
        if not self.where.currentData() and not self.directory.text.startswith("/"):
            return "Type the directory from the root on"
        if self.paths.text().strip() and not self.paths.text().strip().startswith("/"):
            return "Type the path from the root on"
        return "Type the session password" if self.session.encrypted and not self.password.words else ""

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        path = self.paths.text().strip()
        return partial(
            self.context.services.utilities.compare,
            self.media.serial,
            self.session.number,
            str(self.where.currentData() or self.directory.text),
            paths=[path.encode("utf-8", "surrogateescape")] if path else [],
            metadata=self.metadata.isChecked(),
            passwords=self.password.words,
        )


class CopyDialog(ActDialog):
    """Copy sessions to a media of another set."""

    def __init__(
        self,
        context: Context,
        storage: Storage,
        media: MediaInfo,
        chosen: Sequence[SessionInfo] = (),
        parent: QWidget | None = None,
    ) -> None:
        sessions = tuple(chosen) or storage.sessions_of(media.serial)
        what = formats.counted(len(sessions), "session") if chosen else f"all {len(sessions):,} sessions"
        super().__init__(
            context,
            f"Copy {what} of {media.name}",
            "To a media of another set, for the day on which this one is lost. The copies can be browsed and "
            "restored as these; encrypted sessions stay encrypted with the same password.",
            "Copy",
            parent,
            width=520,
        )
        self.media, self.chosen = media, tuple(chosen)
        self.to = QComboBox()
        for group in storage.groups:
            self.to.addItem(f"Device group {group}: a media with room, or a new one", ("group", group))
        for one in sorted(storage.media, key=lambda one: (one.name, one.sequence)):
            if one.online and one.set_id != media.set_id and not one.retired:
                self.to.addItem(
                    f"Media {one.name}, ID {one.media_id}, on {one.device}", ("media", one.serial)
                )
        self.to.currentIndexChanged.connect(self._on_to)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setPlaceholderText("Any, or named by date and time")
        self.name_field = Field("Media name, optional", self.name)
        self.form.addWidget(Field("To", self.to))
        self.form.addWidget(self.name_field)
        encrypted = sum(one.encrypted for one in sessions)
        self.password = SessionPasswordField(encrypted, "With it their names stay searchable in the copies.")
        self.form.addWidget(self.password)
        self.form.addStretch(1)
        self._on_to()

    def _on_to(self) -> None:
        kind, _ = self.to.currentData() or ("", "")
        self.name_field.setVisible(kind == "group")
        self.refresh()

    def fault(self) -> str:
        """Somewhere to copy to."""
        return "" if self.to.count() else "There is no device group and no other media"

    def call(self) -> Callable[[], Any]:
        """Submit the job."""
        kind, name = self.to.currentData()
        return partial(
            self.context.services.utilities.copy,
            self.media.serial,
            [session.number for session in self.chosen],
            to=name if kind == "media" else "",
            group=name if kind == "group" else "",
            name=self.name.text().strip() if kind == "group" else "",
            passwords=self.password.words,
        )
