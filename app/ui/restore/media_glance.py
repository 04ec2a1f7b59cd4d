"""What is known of a media that is chosen in Restore by Session: its properties, and its sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.media import MediaInfo, SessionInfo
from app.ui import formats
from app.ui.media.session_table import CONSISTENCY, SessionModel, remarks_cell
from app.ui.models.cell import ItemRole
from app.ui.widgets.basics import Label, Line
from app.ui.widgets.views import CellTable

_NEW, _STORED, _CONSISTENCY = 5, 6, 8
_HIDDEN = (_NEW, _STORED)


@dataclass(frozen=True, slots=True)
class HeldMedia:
    """A media with its sessions, newest first. `info` None: the media itself is not known here."""

    serial: str
    info: MediaInfo | None
    sessions: Sequence[SessionInfo]


class MediaGlance(QWidget):
    """`session_wanted(SessionInfo)`: one was opened by double click or Enter."""

    session_wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.facts = Label("", "small", "muted", wrap=True)
        self.facts.setContentsMargins(16, 0, 16, 8)
        self.model = SessionModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Sessions on the media")
        self._proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        for column in _HIDDEN:
            self.table.setColumnHidden(column, True)
        self.table.row_activated.connect(self._on_row_activated)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.facts)
        layout.addWidget(Line())
        layout.addWidget(self.table, 1)

    def show_media(self, held: HeldMedia) -> None:
        """Show a media; what is chosen in the table stays chosen while it is the same one."""
        self.facts.setText(media_words(held))
        self.model.set_items(held.sessions)

    def set_text(self, text: str) -> int:
        """Only sessions that hold `text`; returns how many."""
        self._proxy.set_text(text)
        return self._proxy.rowCount()

    def set_narrow(self, narrow: bool) -> None:
        """Leave out what the properties of a session say as well."""
        self.table.setColumnHidden(_CONSISTENCY, narrow)

    def _on_row_activated(self, index: QModelIndex) -> None:
        session = index.data(ItemRole.OBJECT)
        if isinstance(session, SessionInfo):
            self.session_wanted.emit(session)


def media_words(held: HeldMedia) -> str:
    """The properties of a media, in two lines."""
    sizes = formats.size(sum(one.size_bytes for one in held.sessions))
    lines = [[f"{formats.counted(len(held.sessions), 'session')} with {sizes}"]]
    info = held.info
    if info is None:
        lines[0].append(f"serial {held.serial}")
        lines.append(["The media is not known here: only its sessions are in the catalog"])
    else:
        if info.used_bytes is not None:
            lines[0].append(f"{formats.size(info.used_bytes)} used")
        lines[0].append(f"ID {info.media_id}, serial {info.serial}, sequence {info.sequence}")
        where = [f"group {info.group}"] if info.group else []
        where += [f"device {info.device}"] if info.device else []
        where += [] if info.online else ["not connected"]
        where += [f"pool {info.pool}, {info.pool_set.value} set"] if info.pool else []
        if info.last_written_at:
            where.append(f"last written {formats.moment(info.last_written_at)}")
        where += [f"protected until {formats.moment(info.expires_at)}"] if info.expires_at else []
        lines.append([said[:1].upper() + said[1:] for said in where[:1]] + where[1:])
    unproven = sum(not (one.verified_at or one.restore_tested_at) for one in held.sessions)
    damaged = sum(one.damaged for one in held.sessions)
    lines[0] += [f"{damaged:,} damaged"] if damaged else []
    lines[0] += [f"{unproven:,} not verified yet"] if unproven else []
    return "\n".join(" · ".join(line) for line in lines if line)


def session_facts(session: SessionInfo) -> str:
    """The properties of a session that go beyond its place, time and size."""
    snapshot = f" by {session.snapshot_provider}" if session.snapshot_provider else ""
    parts = [f"{CONSISTENCY[session.consistency.value]} consistency{snapshot}"]
    parts += [formats.counted(session.directories, "folder")]
    parts += [f"{formats.size(session.stored_bytes)} newly stored"]
    checked = "damage found" if session.damaged else "verified"
    at = session.verified_at
    parts += [f"{checked} {formats.moment(at)}" if at else "not verified yet"]
    parts += (
        [f"{session.restore_tested_percent}% restore-tested {formats.moment(session.restore_tested_at)}"]
        if session.restore_tested_at
        else ["not restore-tested yet"]
    )
    parts += [formats.counted(session.problems, "problem")] if session.problems else []
    parts += [remarks_cell(session).text.lower()] if session.damaged or session.origin_serial else []
    return " · ".join(parts)
