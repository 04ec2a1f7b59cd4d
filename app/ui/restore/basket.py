"""What is chosen for a restore, over all views, and how it becomes selections of sessions. Qt-free.

A source is one session, or a machine as last backed up (as of a time). What a machine's tree offers can come
from several sessions, so its chosen folders are resolved into sessions only when the restore is planned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.model.entry import EntryKind
from app.model.job import RestoreSelection
from app.model.media import CatalogEntry, SessionInfo
from app.model.paths import shown
from app.services.api import Services
from app.ui import formats
from app.ui.restore.selection import PathSelection

ROOT = b"/"
PAGE = 1000


@dataclass(frozen=True, slots=True)
class SessionSource:
    """One session of a media."""

    media_serial: str
    session: int


@dataclass(frozen=True, slots=True)
class TreeSource:
    """A machine's data as last backed up, or as of a time."""

    machine: str
    as_of: datetime | None = None


Source = SessionSource | TreeSource


@dataclass(frozen=True, slots=True)
class BasketItem:
    """One chosen path. `kind` None: a whole session. `entry` is what the catalog says of it."""

    source: Source
    path: bytes
    kind: EntryKind | None
    entry: CatalogEntry | None = None


class Basket:
    """Chosen paths with what is known of them."""

    def __init__(self) -> None:
        self.selection = PathSelection()
        self._known: dict[tuple[Source, bytes], CatalogEntry] = {}

    def learn(self, source: Source, entries: Sequence[CatalogEntry]) -> None:
        """Remember kind and size of entries that were listed."""
        for entry in entries:
            self._known[source, entry.path] = entry

    def items(self) -> Iterator[BasketItem]:
        """What is chosen, source by source."""
        for source, paths in self.selection.chosen():
            assert isinstance(source, SessionSource | TreeSource)
            for path in paths:
                entry = self._known.get((source, path))
                whole = path == ROOT and isinstance(source, SessionSource)
                kind = None if whole else entry.kind if entry else EntryKind.DIRECTORY
                yield BasketItem(source, path, kind, entry)

    def entry(self, source: Source, path: bytes) -> CatalogEntry | None:
        """What is known of a path that was listed."""
        return self._known.get((source, path))

    def drop_elsewhere(self, path: bytes, keep: Source) -> None:
        """Another version of `path` was chosen: the path itself is chosen from no other source any more."""
        for source, paths in list(self.selection.chosen()):
            if source != keep and path in paths:
                self.selection.drop(source, path, lambda _folder: ())

    def clear(self) -> None:
        """Choose nothing."""
        self.selection.clear()

    def __len__(self) -> int:
        return len(self.selection)


def summary(basket: Basket) -> str:
    """Like "3 files and 2 folders, 2.2 GB"; the size only where it is known of everything."""
    items = list(basket.items())
    sessions = sum(item.kind is None for item in items)
    folders = sum(item.kind is EntryKind.DIRECTORY for item in items)
    files = len(items) - sessions - folders
    parts = [formats.counted(files, "file")] if files else []
    parts += [formats.counted(folders, "folder")] if folders else []
    parts += [formats.counted(sessions, "whole session")] if sessions else []
    if not parts:
        return "nothing chosen"
    text = " and ".join(parts) if len(parts) < 3 else f"{parts[0]}, {parts[1]} and {parts[2]}"
    known = sum(
        item.entry.size_bytes for item in items if item.entry and item.kind not in (None, EntryKind.DIRECTORY)
    )
    if files and not folders and not sessions:
        return f"{text}, {formats.size(known)}"
    return f"{text}, {formats.size(known)} in files" if files and known else text


def origin(basket: Basket, sessions: dict[SessionSource, SessionInfo]) -> str:
    """Where the chosen things come from, in a sentence."""
    numbers: list[str] = []
    machines: list[str] = []
    for source, _ in basket.selection.chosen():
        if isinstance(source, SessionSource):
            session = sessions.get(source)
            media = f" on {session.media_name}" if session else ""
            numbers.append(f"session {source.session}{media}")
        elif isinstance(source, TreeSource):
            when = f"as of {formats.moment(source.as_of)}" if source.as_of else "as last backed up"
            machines.append(f"{source.machine} {when}")
    found = numbers + machines
    if not found:
        return "Choose sessions, folders or files by their boxes."
    if len(found) > 4:
        found = [*found[:3], f"{len(found) - 3} more"]
    return "From " + (found[0] if len(found) == 1 else ", ".join(found[:-1]) + " and " + found[-1]) + "."


def all_entries(services: Services, source: Source, path: bytes) -> list[CatalogEntry]:
    """Every entry of a folder, page by page. Blocks on the catalog; call it on a task thread."""
    found: list[CatalogEntry] = []
    while True:
        page = list_page(services, source, path, len(found))
        found += page
        if len(page) < PAGE:
            return found


def list_page(services: Services, source: Source, path: bytes, offset: int) -> Sequence[CatalogEntry]:
    """One page of a folder's entries, folders first. Blocks on the catalog."""
    if isinstance(source, SessionSource):
        return services.restores.browse_session(
            source.media_serial, source.session, path, limit=PAGE, offset=offset
        )
    return services.restores.browse_tree(source.machine, path, as_of=source.as_of, limit=PAGE, offset=offset)


@dataclass(frozen=True, slots=True)
class Part:
    """Chosen paths of one session (none = all of it), with the session."""

    session: SessionInfo
    paths: tuple[bytes, ...] = ()

    @property
    def selection(self) -> RestoreSelection:
        """As the request carries it."""
        return RestoreSelection(self.session.media_serial, self.session.number, self.paths)


def resolve(services: Services, items: Sequence[BasketItem]) -> list[Part]:
    """What is chosen, session by session, oldest first so that the newest wins where both hold a path.

    Blocks on the catalog; call it on a task thread. Raises what the services raise.
    """
    known = {(one.media_serial, one.number): one for one in services.media.sessions()}
    chosen: dict[tuple[str, int], set[bytes]] = {}
    for item in items:
        for key in _sessions_of(services, item, list(known.values())):
            chosen.setdefault(key, set()).add(item.path)
    parts = []
    for (serial, number), paths in chosen.items():
        session = known.get((serial, number)) or services.media.session(serial, number)
        parts.append(Part(session, () if ROOT in paths else tuple(sorted(paths))))
    return sorted(parts, key=lambda part: (part.session.finished_at, part.session.number))


def _sessions_of(
    services: Services, item: BasketItem, sessions: Sequence[SessionInfo]
) -> list[tuple[str, int]]:
    if isinstance(item.source, SessionSource):
        return [(item.source.media_serial, item.source.session)]
    own = [(item.entry.media_serial, item.entry.session_number)] if item.entry else []
    if item.kind is not EntryKind.DIRECTORY:
        return own
    found = dict.fromkeys(own)
    source = item.source
    candidates = dict.fromkeys(
        (entry.media_serial, entry.session_number) for entry in all_entries(services, source, item.path)
    )
    candidates.update(dict.fromkeys(_newest(sessions, source.machine, source.as_of)))
    for serial, number in candidates:
        if (serial, number) not in found and services.restores.browse_session(
            serial, number, item.path, limit=1
        ):
            found[serial, number] = None
    return list(found)


def _newest(sessions: Sequence[SessionInfo], machine: str, as_of: datetime | None) -> list[tuple[str, int]]:
    """Of every scenario and entity of a machine the newest session (until a time)."""
    newest: dict[tuple[int | None, str], SessionInfo] = {}
    for session in sessions:
        if session.machine != machine or (as_of is not None and session.finished_at > as_of):
            continue
        key = (session.scenario_id, session.entity)
        if key not in newest or newest[key].finished_at < session.finished_at:
            newest[key] = session
    return [(one.media_serial, one.number) for one in newest.values()]


def item_name(item: BasketItem) -> str:
    """The path for people; a whole session by its number."""
    if item.kind is None and isinstance(item.source, SessionSource):
        return f"All of session {item.source.session}"
    return shown(item.path)
