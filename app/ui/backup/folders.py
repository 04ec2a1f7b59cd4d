"""Directories of hosts as sources: what is chosen, how boxes are filled, and what was read of hosts. Qt-free
but for cells.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry, HostState
from app.model.paths import shown
from app.model.source import DirectSource
from app.ui import formats
from app.ui.models.cell import Cell, Mark, MarkerBox
from app.ui.models.tree import Row

WINDOWS, UNIX = "Windows Systems", "UNIX/Linux Systems"
TOP = b"/"


@dataclass(frozen=True, slots=True)
class Folder:
    """A directory of a host in the tree."""

    host: str
    path: bytes

    @property
    def label(self) -> str:
        """`HOST:/path`."""
        return f"{self.host}:{shown(self.path)}"


@dataclass(frozen=True, slots=True)
class Machine:
    """A host in the tree."""

    state: HostState


def lies_in(path: bytes, above: bytes) -> bool:
    """Whether a path is a directory, or lies in it."""
    return above in (path, TOP) or path.startswith(above + b"/")


def folder_mark(host: str, path: bytes, chosen: Sequence[DirectSource]) -> Mark:
    """Full when it, or what it lies in, is chosen; partial when something in it is."""
    own = [source.path for source in chosen if source.host == host]
    if any(lies_in(path, above) for above in own):
        return Mark.FULL
    return Mark.PARTIAL if any(lies_in(one, path) for one in own) else Mark.EMPTY


def covering(host: str, path: bytes, chosen: Sequence[DirectSource]) -> DirectSource | None:
    """The chosen directory that a directory lies in, if it is not chosen itself."""
    return next(
        (one for one in chosen if one.host == host and one.path != path and lies_in(path, one.path)), None
    )


def toggled(host: str, path: bytes, chosen: Sequence[DirectSource]) -> list[DirectSource]:
    """After a click on the box: chosen, without what lies in it; or not chosen any more."""
    if any((one.host, one.path) == (host, path) for one in chosen):
        return [one for one in chosen if (one.host, one.path) != (host, path)]
    kept = [one for one in chosen if one.host != host or not lies_in(one.path, path)]
    return [*kept, DirectSource(host, path)]


def group_of(state: HostState) -> str:
    """The group of the tree that a host stands in."""
    return WINDOWS if state.info is not None and "windows" in state.info.system.casefold() else UNIX


@dataclass(slots=True)
class FolderFacts:
    """What was read of directories; a fault stands in place of what could not be read."""

    hosts: tuple[HostState, ...] = ()
    entries: dict[tuple[str, bytes], Sequence[DirectoryEntry]] = field(default_factory=dict)
    faults: dict[tuple[str, bytes], str] = field(default_factory=dict)

    def rows(self, chosen: Sequence[DirectSource], text: str = "") -> list[Row]:
        """A group for each kind of system that there are hosts of."""
        wanted = text.strip().casefold()
        rows = []
        for title, icon in ((WINDOWS, "monitor"), (UNIX, "server")):
            hosts = [state for state in self.hosts if group_of(state) == title]
            fitting = [state for state in hosts if not wanted or wanted in _words(state)]
            if not hosts and title is WINDOWS:
                continue  # the other one stands there from the start: rows do not move under the pointer
            marks = [folder_mark(state.host.name, TOP, chosen) for state in hosts]
            cell = Cell(
                title,
                icon=icon,
                icon_role="text2",
                bold=True,
                beside=formats.counted(len(hosts), "machine") if hosts else "asking the hosts…",
                marker=MarkerBox(_together(marks), gray=True),
            )
            rows.append(Row(title, (cell,), tuple(self._machine(state, chosen) for state in fitting)))
        return rows

    def _machine(self, state: HostState, chosen: Sequence[DirectSource]) -> Row:
        host = state.host.name
        away = state.info is None
        cell = Cell(
            host,
            icon="server",
            icon_role="text2",
            beside="this machine" if host == "localhost" else "Client Agent",
            marker=MarkerBox(folder_mark(host, TOP, chosen), gray=True),
            tag=("Disconnected", "unplug", "error") if away else None,
        )
        return Row(host, (cell,), (self._folder(Folder(host, TOP), chosen),), Machine(state))

    def _folder(self, folder: Folder, chosen: Sequence[DirectSource]) -> Row:
        key = (folder.host, folder.path)
        mark = folder_mark(folder.host, folder.path, chosen)
        top = folder.path == TOP
        cell = Cell(
            "/" if top else formats.visible(shown(folder.path.rpartition(b"/")[2])),
            icon="hard-drive" if top else "folder",
            icon_role="text2",
            beside="all of the machine" if top else "",
            marker=MarkerBox(mark),
            tooltip=shown(folder.path),
        )
        return Row(folder.path, (cell,), self._beneath(key, chosen), folder)

    def _beneath(self, key: tuple[str, bytes], chosen: Sequence[DirectSource]) -> tuple[Row, ...] | None:
        if key in self.faults:
            cell = Cell(self.faults[key], icon="triangle-alert", icon_role="warning", role="warning")
            return (Row("fault", (cell,), selectable=False),)
        known = self.entries.get(key)
        if known is None:
            return None
        host, path = key
        return tuple(
            self._folder(Folder(host, path.rstrip(b"/") + b"/" + entry.name), chosen)
            for entry in sorted(known, key=lambda one: one.name.lower())
            if entry.kind is EntryKind.DIRECTORY
        )

    def keys_to(self, folder: Folder) -> list[Hashable]:
        """The keys of the tree's rows from the top to a directory."""
        state = next((one for one in self.hosts if one.host.name == folder.host), None)
        keys: list[Hashable] = [group_of(state) if state is not None else UNIX, folder.host, TOP]
        parts = [part for part in folder.path.split(b"/") if part]
        keys += [b"/" + b"/".join(parts[: count + 1]) for count in range(len(parts))]
        return keys


def _words(state: HostState) -> str:
    return f"{state.host.name} {state.host.address}".casefold()


def _together(marks: Sequence[Mark]) -> Mark:
    """How the gray box of a group is filled by those beneath it."""
    if marks and all(mark is Mark.FULL for mark in marks):
        return Mark.FULL
    return Mark.EMPTY if all(mark is Mark.EMPTY for mark in marks) else Mark.PARTIAL
