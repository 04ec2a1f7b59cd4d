"""Folder by folder through sessions and machines; versions of a path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from app.catalog import dialect, search
from app.catalog.database import Database
from app.catalog.folder_compare import Held, beneath, compare_folders
from app.catalog.master_paths import split_path
from app.catalog.media import find_media
from app.catalog.session_rows import session_info
from app.catalog.tables import sessions
from app.model.entry import EntryKind
from app.model.errors import NotFoundError
from app.model.folder_comparison import FolderComparison
from app.model.media import CatalogEntry, FileVersion, SessionInfo
from app.model.search import Machine, Query

# In the order of the index by folder and name, so that the first page of a folder of any size is read and no
# more: folders by an index of their own, then the rest.
_LISTING = (
    "SELECT n.id AS name_id, n.name AS name, v.kind AS kind, v.size_bytes AS size_bytes,"
    " v.modified_ns AS modified_ns, v.lineage_id AS lineage_id"
    " FROM (SELECT id, name, (SELECT v.id FROM versions v WHERE v.name_id = names.id AND ({views})"
    " ORDER BY v.modified_ns DESC, v.id DESC LIMIT 1) AS version_id"
    " FROM names WHERE folder_id = :folder_id AND {which}) AS n"
    " JOIN versions v ON v.id = n.version_id WHERE {kind} ORDER BY n.name LIMIT :limit OFFSET :offset"
)
_FOLDER = "SELECT id FROM folders WHERE machine = :machine AND path = :path"
_COUNTS = (
    "SELECT name_id, count(*) AS n FROM (SELECT DISTINCT v.name_id AS name_id, v.kind, v.size_bytes,"
    " v.modified_ns, v.content_id FROM versions v WHERE v.name_id IN :names AND EXISTS ("
    "SELECT 1 FROM sessions s WHERE s.lineage_id = v.lineage_id AND s.ordinal >= v.first_ordinal"
    " AND (v.next_ordinal IS NULL OR s.ordinal < v.next_ordinal))) AS distinct_versions GROUP BY name_id"
)
_HISTORY = (
    "SELECT v.* FROM folders f JOIN names n ON n.folder_id = f.id JOIN versions v ON v.name_id = n.id"
    " WHERE f.machine = :machine AND f.path = :folder AND n.name = :name"
)


class SqlBrowsing:
    """Reads over the sessions' rows. Each call is one short read transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def machines(self) -> Sequence[Machine]:
        """Machines with sessions, by name."""
        columns = (sessions.c.machine, sessions.c.entity, sessions.c.scenario_name)
        entities: defaultdict[str, set[str]] = defaultdict(set)
        scenarios: defaultdict[str, set[str]] = defaultdict(set)
        with self._database.read() as c:
            for machine, entity, scenario in c.execute(select(*columns).distinct()):
                entities[machine].add(entity)
                scenarios[machine].add(scenario)
        return [
            Machine(name, tuple(sorted(entities[name])), tuple(sorted(scenarios[name])))
            for name in sorted(entities)
        ]

    def browse_tree(
        self, machine: str, path: bytes, *, as_of: datetime | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        """A folder as each entity's newest session (until `as_of`) has it."""
        with self._database.read() as c:
            return _listing(c, machine, path, _newest_views(c, machine, as_of), limit, offset)

    def newest_sessions(self, machine: str, *, as_of: datetime | None = None) -> Sequence[SessionInfo]:
        """The newest session of each entity (and set of roots), until `as_of`."""
        with self._database.read() as c:
            return [session_info(row) for row in _newest_views(c, machine, as_of)]

    def browse_session(
        self, media_serial: str, session: int, path: bytes, *, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        """A folder of one session. Raises NotFoundError E6009 or E6010."""
        statement = select(sessions).where(sessions.c.number == session)
        with self._database.read() as c:
            row = c.execute(statement.where(sessions.c.media_serial == media_serial)).one_or_none()
            if row is None:
                serial = find_media(c, media_serial).serial
                row = c.execute(statement.where(sessions.c.media_serial == serial)).one_or_none()
            if row is None:
                raise NotFoundError("E6009", session=session, media=media_serial)
            return _listing(c, row.machine, path, [row], limit, offset)

    def versions(self, machine: str, path: bytes) -> Sequence[FileVersion]:
        """Distinct contents of a path, newest first. Empty for a path that was never backed up."""
        folder, name = split_path(path)
        times: dict[tuple[Any, ...], int] = {}
        with self._database.read() as c:
            keys = {"machine": machine, "folder": folder, "name": name}
            history = c.execute(text(_HISTORY), keys).all()
            held: defaultdict[tuple[Any, ...], list[SessionInfo]] = defaultdict(list)
            for lineage_id in {row.lineage_id for row in history}:
                of_lineage = select(sessions).where(sessions.c.lineage_id == lineage_id)
                for session in c.execute(of_lineage):
                    for row in history:
                        if row.lineage_id == lineage_id and _covers(row, session.ordinal):
                            # A file that was only touched has no new content; it keeps its first time.
                            same = row.content_id or row.modified_ns
                            key = (row.kind, row.size_bytes, row.content_id, same)
                            times[key] = min(row.modified_ns, times.get(key, row.modified_ns))
                            held[key].append(session_info(session))
        found = []
        for key, holders in held.items():
            kind, size_bytes, content_id, _ = key
            holders.sort(key=lambda session: (session.finished_at, session.number))
            found.append(
                FileVersion(
                    machine=machine,
                    path=path,
                    kind=EntryKind(kind),
                    size_bytes=size_bytes,
                    modified_ns=times[key],
                    content_id=content_id,
                    first_session=holders[0],
                    last_session=holders[-1],
                )
            )
        return sorted(found, key=lambda version: version.last_session.finished_at, reverse=True)

    def compare_folders(
        self, machine: str, path: bytes, older: Held, newer: Held, *, limit: int = 1000
    ) -> FolderComparison:
        """See `app.catalog.folder_compare`."""
        with self._database.read() as c:
            return compare_folders(c, machine, path, older, newer, limit)

    def beneath(self, media_serial: str, session: int, path: bytes) -> tuple[int, int]:
        """See `app.catalog.folder_compare`."""
        with self._database.read() as c:
            return beneath(c, path, (media_serial, session))

    def query(self, query: Query) -> Sequence[CatalogEntry]:
        """See `app.catalog.search`."""
        with self._database.read() as c:
            return search.find(c, query)


def _newest_views(connection: Connection, machine: str, as_of: datetime | None) -> list[Row[Any]]:
    """Of every entity (and set of roots) the newest session, whatever media set it is on."""
    until = "" if as_of is None else " AND s.finished_at <= :until"
    ranked = (
        "SELECT s.*, row_number() OVER (PARTITION BY l.entity, l.roots"
        " ORDER BY s.finished_at DESC, s.origin_serial, s.id DESC) AS place"
        f" FROM sessions s JOIN lineages l ON l.id = s.lineage_id WHERE l.machine = :machine{until}"
    )
    keys: dict[str, Any] = {"machine": machine}
    if as_of is not None:
        keys["until"] = dialect.to_us(as_of)
    return list(connection.execute(text(f"SELECT * FROM ({ranked}) AS ranked WHERE place = 1"), keys))


def _listing(
    connection: Connection, machine: str, path: bytes, views: list[Row[Any]], limit: int, offset: int
) -> list[CatalogEntry]:
    if not views:
        return []
    keys: dict[str, Any] = {}
    conditions = []
    for place, view in enumerate(views):
        keys[f"lineage{place}"] = view.lineage_id
        keys[f"ordinal{place}"] = view.ordinal
        conditions.append(
            f"(v.lineage_id = :lineage{place} AND v.first_ordinal <= :ordinal{place}"
            f" AND (v.next_ordinal IS NULL OR v.next_ordinal > :ordinal{place}))"
        )
    found = _entries(connection, machine, path, " OR ".join(conditions), keys, limit, offset)
    counts = version_counts(connection, [row.name_id for row in found])
    by_lineage = {view.lineage_id: view for view in views}
    folder = b"" if path == b"/" else path
    return [
        CatalogEntry(
            path=folder + b"/" + bytes(row.name),
            kind=EntryKind(row.kind),
            size_bytes=row.size_bytes,
            modified_ns=row.modified_ns,
            session_number=by_lineage[row.lineage_id].number,
            media_serial=by_lineage[row.lineage_id].media_serial,
            versions=counts.get(row.name_id, 1),
            machine=machine,
        )
        for row in found
    ]


def _entries(
    connection: Connection,
    machine: str,
    path: bytes,
    views: str,
    keys: dict[str, Any],
    limit: int,
    offset: int,
) -> list[Row[Any]]:
    """The rows of one page: folders first, then the rest, each by name."""
    folder = connection.execute(text(_FOLDER), {"machine": machine, "path": path}).scalar()
    if folder is None:
        return []
    keys = {**keys, "folder_id": folder}
    folders = text(_LISTING.format(views=views, which="ever_folder", kind="v.kind = 'directory'"))
    others = text(_LISTING.format(views=views, which="true", kind="v.kind <> 'directory'"))
    if offset == 0:
        found = list(connection.execute(folders, {**keys, "limit": limit, "offset": 0}))
        before = len(found)
    else:
        # How many folders come before is needed to know where the rest begins.
        found = list(connection.execute(folders, {**keys, "limit": offset + limit, "offset": 0}))
        before = len(found)
        found = found[offset:]
    if len(found) < limit:
        left = {"limit": limit - len(found), "offset": max(0, offset - before)}
        found += connection.execute(others, {**keys, **left}).all()
    return found


def version_counts(connection: Connection, name_ids: Sequence[int]) -> dict[int, int]:
    """Distinct contents that sessions hold, by name id."""
    counts: dict[int, int] = {}
    statement = text(_COUNTS).bindparams(bindparam("names", expanding=True))
    for start in range(0, len(name_ids), 500):
        part = list(name_ids[start : start + 500])
        counts.update((row.name_id, row.n) for row in connection.execute(statement, {"names": part}))
    return counts


def _covers(version: Row[Any], ordinal: int) -> bool:
    return bool(
        version.first_ordinal <= ordinal and (version.next_ordinal is None or ordinal < version.next_ordinal)
    )
