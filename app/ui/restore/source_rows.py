"""The rows of the source trees: media and their sessions, machines, folders. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.model.entry import EntryKind
from app.model.media import CatalogEntry, MediaInfo, SessionInfo
from app.model.paths import shown
from app.model.search import Machine
from app.ui import formats
from app.ui.models.cell import Cell, Column, Mark, MarkerBox
from app.ui.models.tree import Row
from app.ui.restore.basket import ROOT, SessionSource, Source, TreeSource
from app.ui.restore.media_glance import HeldMedia

COLUMNS = (Column("Source", 260, stretch=True),)
Box = Callable[[Source, bytes], MarkerBox]
_NO_TIERS: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Node:
    """What a row stands for: a media (no source), or a path of a source; a session by its `session`."""

    source: Source | None
    path: bytes = ROOT
    session: SessionInfo | None = None
    entry: CatalogEntry | None = None
    title: str = ""
    held: HeldMedia | None = None
    """A media with its sessions."""


def session_rows(
    media: Sequence[MediaInfo],
    sessions: Sequence[SessionInfo],
    box: Box,
    tiers: Mapping[str, str] = _NO_TIERS,
) -> tuple[Row, ...]:
    """Media, newest session first beneath each; a media that is not in the list is made from its sessions."""
    by_media: dict[str, list[SessionInfo]] = {one.serial: [] for one in media}
    for session in sessions:
        by_media.setdefault(session.media_serial, []).append(session)
    known = {one.serial: one for one in media}
    rows = []
    for serial, held in by_media.items():
        if not held:
            continue
        held.sort(key=lambda one: one.number, reverse=True)
        children = tuple(session_row(one, box) for one in held)
        info = known.get(serial)
        name = (info.name if info else "") or held[0].media_name
        there = info is not None and info.online
        # The media of a set have one name.
        notes = [f"seq {info.sequence}"] if info is not None and info.sequence > 1 else []
        notes += [tiers.get(serial, ""), "" if there else "not connected"]
        cell = Cell(
            name,
            icon="hard-drive",
            icon_role="text2" if there else "warning",
            medium=True,
            marker=MarkerBox(_above(children), gray=True),
            beside=", ".join(filter(None, notes)),
            tooltip=f"{name}, serial {serial}",
        )
        rows.append(
            Row(serial, (cell,), children, Node(None, title=name, held=HeldMedia(serial, info, tuple(held))))
        )
    return tuple(rows)


def session_row(session: SessionInfo, box: Box) -> Row:
    """One session; its folders are read when it is opened."""
    source = SessionSource(session.media_serial, session.number)
    facts = [session.scenario_name or session.machine]
    facts += ["encrypted"] if session.encrypted else []
    facts += ["damaged"] if session.damaged else []
    cell = Cell(
        f"Session {session.number}, {formats.moment(session.finished_at)}",
        icon="lock" if session.encrypted else "archive",
        icon_role="error" if session.damaged else "muted",
        marker=box(source, ROOT),
        beside=", ".join(facts),
        tooltip=f"{session_words(session)}. Finished {formats.full_time(session.finished_at)}",
    )
    return Row(source, (cell,), None, Node(source, ROOT, session))


def session_words(session: SessionInfo) -> str:
    """The properties of a session in one line."""
    parts = [
        f"Session {session.number} on {session.media_name}",
        session.scenario_name or session.machine,
        f"backed up {formats.moment(session.finished_at)} from {session.replica or session.machine}",
        formats.counted(session.files, "file"),
        formats.size(session.size_bytes),
    ]
    parts += ["encrypted"] if session.encrypted else []
    parts += ["incomplete"] if session.incomplete else []
    return " · ".join(parts)


def machine_rows(
    machines: Sequence[Machine], source_of: Callable[[str], TreeSource], box: Box
) -> tuple[Row, ...]:
    """Machines; their volumes are read when they are opened."""
    rows = []
    for machine in machines:
        source = source_of(machine.name)
        cell = Cell(
            machine.name,
            icon="server",
            icon_role="master",
            medium=True,
            marker=MarkerBox(box(source, ROOT).mark, gray=True),
            beside=", ".join(machine.scenarios),
            tooltip=f"{machine.name}: {', '.join(machine.scenarios)}",
        )
        rows.append(Row(source, (cell,), None, Node(source, ROOT, title=machine.name)))
    return tuple(rows)


def folder_rows(source: Source, entries: Sequence[CatalogEntry], box: Box) -> tuple[Row, ...]:
    """The folders among a folder's entries."""
    return tuple(
        Row(
            entry.path,
            (
                Cell(
                    shown(entry.path.rpartition(b"/")[2]),
                    icon="folder",
                    marker=box(source, entry.path),
                    role="muted" if entry.deleted_after else "text",
                ),
            ),
            None,
            Node(source, entry.path, entry=entry),
        )
        for entry in entries
        if entry.kind is EntryKind.DIRECTORY
    )


@dataclass(frozen=True, slots=True)
class MoreFolders:
    """Stands behind the folders of `node` that are shown: there are more, from `offset` on."""

    node: Node
    offset: int


def more_row(node: Node, offset: int) -> Row:
    """The row that brings the next folders when it is reached."""
    cell = Cell(f"More than {offset:,} folders: the next ones", icon="ellipsis", role="accent")
    return Row("more", (cell,), (), MoreFolders(node, offset))


def error_row(title: str, text: str) -> Row:
    """Stands where children could not be read."""
    return Row(
        "error", (Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text),), (), None
    )


def _above(children: Sequence[Row]) -> Mark:
    marks = {row.cells[0].marker.mark for row in children if row.cells[0].marker is not None}
    if marks == {Mark.FULL}:
        return Mark.FULL
    return Mark.PARTIAL if marks - {Mark.EMPTY} else Mark.EMPTY
