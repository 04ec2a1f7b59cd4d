"""One session's rows on their way into the catalog.

Rows are written in batches with an ordinal that no session has yet: opened ones have it as their first,
closed ones as their next. No reader sees a difference until `publish` inserts the session's row, which is
all its transaction does besides checking the claim. A path that did not change gets no row.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, insert, select, text, update

from app.catalog import claims, dialect, name_index, sweeping
from app.catalog.database import Database
from app.catalog.fresh import FreshFolders
from app.catalog.master_paths import parents, split_path, subtree
from app.catalog.session_rows import session_values
from app.catalog.sessions_api import SessionEntry
from app.catalog.tables import lineages, sessions, stagings, versions
from app.model.entry import EntryKind
from app.model.errors import BusyError, UsageError
from app.model.media import SessionInfo

BATCH_ROWS = 500
_MOST_ROWS = 2000
_LEAST_ROWS = 50
_TIDY_EVERY = 4
_HELD_S = 0.025
"""How long a batch should hold the catalog: half of what is allowed."""
_SCAN_ROWS = 10_000

_MAKE_BATCH = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged (folder {bytes} NOT NULL, name {bytes} NOT NULL,"
    " text TEXT NOT NULL, kind TEXT NOT NULL, size_bytes BIGINT NOT NULL, modified_ns BIGINT NOT NULL,"
    " content_id TEXT NOT NULL, name_id BIGINT, version_id BIGINT, same INTEGER NOT NULL DEFAULT 0)"
)
_COPIED = ["name_id", "lineage_id", "first_ordinal", "kind", "size_bytes", "modified_ns", "content_id"]
_FILL = (
    "INSERT INTO staged (folder, name, text, kind, size_bytes, modified_ns, content_id)"
    " VALUES ({mark}, {mark}, {mark}, {mark}, {mark}, {mark}, {mark})"
)
_RESOLVE = (
    "UPDATE staged SET name_id = (SELECT n.id FROM folders f JOIN names n ON n.folder_id = f.id"
    " WHERE f.machine = :machine AND f.path = staged.folder AND n.name = staged.name) WHERE name_id IS NULL"
)
_FIND_CURRENT = (
    "UPDATE staged SET version_id = (SELECT v.id FROM versions v WHERE v.name_id = staged.name_id"
    " AND v.lineage_id + 0 = :lineage AND v.next_ordinal IS NULL) WHERE name_id IS NOT NULL"
)
_MARK_SAME = (
    "UPDATE staged SET same = 1 WHERE version_id IS NOT NULL AND EXISTS (SELECT 1 FROM versions v"
    " WHERE v.id = staged.version_id AND v.kind = staged.kind AND v.size_bytes = staged.size_bytes"
    " AND v.modified_ns = staged.modified_ns AND v.content_id = staged.content_id)"
)
_NEW_FOLDERS = (
    "INSERT INTO folders (machine, path) SELECT DISTINCT CAST(:machine AS TEXT), s.folder FROM staged s"
    " WHERE s.name_id IS NULL ON CONFLICT DO NOTHING"
)
_NEW_NAMES = (
    "INSERT INTO names (folder_id, name, text, ever_folder)"
    " SELECT f.id, s.name, s.text, s.kind = 'directory' FROM staged s"
    " JOIN folders f ON f.machine = :machine AND f.path = s.folder WHERE s.name_id IS NULL"
    " ON CONFLICT DO NOTHING"
)
_NOW_FOLDERS = (
    "UPDATE names SET ever_folder = true WHERE NOT ever_folder"
    " AND id IN (SELECT name_id FROM staged WHERE same = 0 AND kind = 'directory')"
)
_DROP_OWN = (
    "DELETE FROM versions WHERE first_ordinal = :ordinal"
    " AND id IN (SELECT version_id FROM staged WHERE same = 0)"
)
_CLOSE_OLD = (
    "UPDATE versions SET next_ordinal = :ordinal WHERE id IN (SELECT version_id FROM staged WHERE same = 0)"
)
_OPEN_NEW = (
    "INSERT INTO versions (name_id, lineage_id, first_ordinal, kind, size_bytes, modified_ns, content_id)"
    " SELECT name_id, :lineage, :ordinal, kind, size_bytes, modified_ns, content_id"
    " FROM staged WHERE same = 0"
)
BENEATH = (
    "SELECT v.id FROM folders f JOIN names n ON n.folder_id = f.id JOIN versions v ON v.name_id = n.id"
    " WHERE f.machine = :machine AND v.lineage_id + 0 = :lineage AND v.next_ordinal IS NULL"
)
_SAME_CONTENT = (
    "s.name_id = v.name_id AND s.kind = v.kind AND s.size_bytes = v.size_bytes"
    " AND s.modified_ns = v.modified_ns AND s.content_id = v.content_id"
)
_AT_BASE = (
    "s.lineage_id + 0 = :base_lineage AND s.first_ordinal <= :base"
    " AND (s.next_ordinal IS NULL OR s.next_ordinal > :base)"
)


class SqlStaging:
    """See `app.catalog.api.Staging`. Made by `SqlSessions.begin`."""

    def __init__(
        self,
        database: Database,
        *,
        staging_id: int,
        lineage_id: int,
        ordinal: int,
        machine: str,
        entity: str,
        job_id: int | None,
        fence: int,
        full: bool,
    ) -> None:
        self._database = database
        self._id = staging_id
        self._machine = machine
        self._entity = entity
        self._job_id = job_id
        self._fence = fence
        self._full = full
        self._keys: dict[str, Any] = {"lineage": lineage_id, "ordinal": ordinal, "machine": machine}
        self._seen = bytearray()
        self._closes: bool | None = None
        """Whether a full session may have to close what it does not name; None before its first row."""
        self._ended = False
        self._rows = BATCH_ROWS
        self._written = 0
        self._fresh = FreshFolders(machine, lineage_id, ordinal)

    def add(self, entries: Iterable[SessionEntry]) -> None:
        """Stage entries; those that equal the state so far write nothing."""
        iterator = iter(entries)
        if self._full and self._closes is None:
            self._closes = self._is_anything_open()
        while batch := list(itertools.islice(iterator, self._rows)):
            self._add_batch(list({entry.path: entry for entry in batch}.values()))

    def remove(self, paths: Iterable[bytes]) -> None:
        """Close paths and everything beneath them."""
        for path in paths:
            folder, name = split_path(path)
            with self._database.read() as c:
                ids = list(
                    c.execute(
                        text(f"{BENEATH} AND f.path = :folder AND n.name = :name"),
                        {**self._keys, "folder": folder, "name": name},
                    ).scalars()
                )
                for low, high in subtree(path):
                    ids += c.execute(
                        text(f"{BENEATH} AND f.path >= :low AND f.path < :high"),
                        {**self._keys, "low": low, "high": high},
                    ).scalars()
            self._close(ids)

    def publish(self, session: SessionInfo) -> None:
        """Close what a full session did not name, then make the session visible.

        Raises:
            BusyError: E6003 the claim is lost. UsageError: E6018 another machine or entity, E6020 the
                session is in the catalog already.
        """
        if (session.machine, session.entity) != (self._machine, self._entity):
            raise UsageError("E6018", machine=self._machine, entity=self._entity)
        if self._full and self._closes is not False:
            self._close_unseen()
        values = session_values(session)
        with self._writing() as c:
            there = select(sessions.c.id).where(
                sessions.c.media_serial == session.media_serial, sessions.c.number == session.number
            )
            if c.execute(there).first() is not None:
                raise UsageError("E6020", session=session.number, media=session.media_name)
            lineage, ordinal = self._keys["lineage"], self._keys["ordinal"]
            c.execute(insert(sessions).values(lineage_id=lineage, ordinal=ordinal, **values))
            c.execute(update(lineages).where(lineages.c.id == lineage).values(last_ordinal=ordinal))
            c.execute(delete(stagings).where(stagings.c.id == self._id))
        self._ended = True

    def discard(self) -> None:
        """Drop the rows."""
        if self._ended:
            return
        self._ended = True
        with self._database.write() as c:
            c.execute(update(stagings).where(stagings.c.id == self._id).values(dead=True))
        sweeping.drop_staging(self._database, self._id)

    def imply_roots(self, roots: Sequence[bytes]) -> None:
        """Stage the directories above the roots, so that a tree can be walked from `/` to them."""
        above = {parent for root in roots for parent in parents(root)}
        self.add(SessionEntry(path, EntryKind.DIRECTORY, 0, 0) for path in sorted(above))

    def rebase(self, lineage_id: int, ordinal: int) -> None:
        """Make the staged state that of another session, which the incremental rows are relative to."""
        keys = {**self._keys, "base_lineage": lineage_id, "base": ordinal}
        surplus = (
            "SELECT v.id FROM versions v WHERE v.lineage_id = :lineage AND v.next_ordinal IS NULL"
            f" AND NOT EXISTS (SELECT 1 FROM versions s WHERE {_AT_BASE} AND {_SAME_CONTENT})"
        )
        missing = (
            f"SELECT s.id FROM versions s WHERE {_AT_BASE} AND NOT EXISTS (SELECT 1 FROM versions v"
            " WHERE v.name_id = s.name_id AND v.lineage_id + 0 = :lineage AND v.next_ordinal IS NULL)"
        )
        with self._database.read() as c:
            ids = list(c.execute(text(surplus), keys).scalars())
        self._close(ids)
        with self._database.read() as c:
            ids = list(c.execute(text(missing), keys).scalars())
        for part in _chunks(ids):
            copied = select(
                versions.c.name_id,
                dialect.constant(self._keys["lineage"]),
                dialect.constant(self._keys["ordinal"]),
                versions.c.kind,
                versions.c.size_bytes,
                versions.c.modified_ns,
                versions.c.content_id,
            ).where(versions.c.id.in_(part))
            with self._writing() as c:
                c.execute(insert(versions).from_select(_COPIED, copied))

    def _add_batch(self, batch: list[SessionEntry]) -> None:
        with (
            dialect.explained(self._database.file),
            self._database.engine.connect() as connection,
            # Nobody sees these rows before `publish`, whose commit makes them durable.
            dialect.lazily_durable(connection),
        ):
            # Rows that a full session may have to close are to be told apart by their ids.
            if not self._closes and not self._database.shared:
                batch = self._add_fresh(connection, batch)
            if batch:
                self._compare_and_add(connection, batch)

    def _add_fresh(self, connection: Connection, batch: list[SessionEntry]) -> list[SessionEntry]:
        """Write what lies in folders that this staging makes; what does not is returned."""
        left = self._fresh.prepare(connection, batch)
        if len(left) == len(batch):
            return batch
        writing = dialect.for_writing(connection, write=True)
        try:
            with writing.begin():
                began = time.monotonic()
                self._check(writing)
                written = self._fresh.write(writing)
        except sqlite3.IntegrityError:
            written = False
        except BaseException:
            self._fresh.forget()
            raise
        if not written:
            self._fresh.forget()
            return batch
        self._wrote(connection, time.monotonic() - began)
        return left

    def _compare_and_add(self, connection: Connection, batch: list[SessionEntry]) -> None:
        """Write what differs from the state so far."""
        reading = dialect.for_writing(connection, write=False)
        # Temporary tables are this connection's own: filling them holds nobody up.
        with reading.begin():
            reading.execute(text(_MAKE_BATCH.format(bytes=dialect.bytes_type(reading))))
            reading.execute(text("DELETE FROM staged"))
            # Past SQLAlchemy's own parameters, which take half as long again as all the rest.
            mark = dialect.placeholder(reading)
            reading.exec_driver_sql(_FILL.format(mark=mark), [_values(entry) for entry in batch])
            for statement in (_RESOLVE, _FIND_CURRENT, _MARK_SAME):
                reading.execute(text(statement), self._keys)
            changed = reading.execute(text("SELECT count(*) FROM staged WHERE same = 0")).scalar_one()
        if changed:
            writing = dialect.for_writing(connection, write=True)
            with writing.begin():
                began = time.monotonic()
                self._check(writing)
                for statement in (
                    _NEW_FOLDERS,
                    _NEW_NAMES,
                    _RESOLVE,
                    _NOW_FOLDERS,
                    _DROP_OWN,
                    _CLOSE_OLD,
                    _OPEN_NEW,
                ):
                    writing.execute(text(statement), self._keys)
            self._wrote(connection, time.monotonic() - began)
        if self._closes:
            reading = dialect.for_writing(connection, write=False)
            with reading.begin():
                reading.execute(text(_FIND_CURRENT), self._keys)
                self._see(reading.execute(text("SELECT version_id FROM staged")).scalars())

    def _wrote(self, connection: Connection, took_s: float) -> None:
        self._adapt(took_s)
        self._written += 1
        if self._written % _TIDY_EVERY == 0:
            name_index.tidy(connection)

    def _adapt(self, took_s: float) -> None:
        """The next batch holds others up no longer than it should, whatever the machine and its load."""
        wanted = int(self._rows * _HELD_S / max(took_s, 0.001))
        self._rows = max(_LEAST_ROWS, min(_MOST_ROWS, wanted, 2 * self._rows))

    def _see(self, ids: Iterable[int]) -> None:
        for version_id in ids:
            byte = version_id >> 3
            if byte >= len(self._seen):
                self._seen.extend(bytes(byte + 4096 - len(self._seen)))
            self._seen[byte] |= 1 << (version_id & 7)

    def _is_seen(self, version_id: int) -> bool:
        byte = version_id >> 3
        return byte < len(self._seen) and bool(self._seen[byte] & (1 << (version_id & 7)))

    def _is_anything_open(self) -> bool:
        mine = versions.c.lineage_id == self._keys["lineage"]
        with self._database.read() as c:
            found = c.execute(select(versions.c.id).where(mine, versions.c.next_ordinal.is_(None)).limit(1))
            return found.first() is not None

    def _close_unseen(self) -> None:
        after = 0
        while True:
            with self._database.read() as c:
                ids = list(
                    c.execute(
                        select(versions.c.id)
                        .where(
                            versions.c.lineage_id == self._keys["lineage"],
                            versions.c.next_ordinal.is_(None),
                            versions.c.id > after,
                        )
                        .order_by(versions.c.id)
                        .limit(_SCAN_ROWS)
                    ).scalars()
                )
            self._close([version_id for version_id in ids if not self._is_seen(version_id)])
            if len(ids) < _SCAN_ROWS:
                return
            after = ids[-1]

    def _close(self, ids: Sequence[int]) -> None:
        ordinal = self._keys["ordinal"]
        for part in _chunks(ids):
            mine = versions.c.id.in_(part)
            with self._writing() as c:
                c.execute(delete(versions).where(mine, versions.c.first_ordinal == ordinal))
                c.execute(update(versions).where(mine).values(next_ordinal=ordinal))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A write transaction that begins with the check of the claim."""
        with self._database.write() as connection:
            self._check(connection)
            yield connection

    def _check(self, connection: Connection) -> None:
        if self._job_id is not None:
            claims.check(connection, self._job_id, self._fence)
        touched = connection.execute(
            update(stagings)
            .where(stagings.c.id == self._id, stagings.c.dead.is_(False))
            .values(touched_at=dialect.now_us(connection))
        )
        if touched.rowcount == 0:
            raise BusyError("E6003", job=self._job_id or "-")


def _chunks(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), BATCH_ROWS):
        yield ids[start : start + BATCH_ROWS]


def _values(entry: SessionEntry) -> tuple[Any, ...]:
    folder, name = split_path(entry.path)
    return (
        folder,
        name,
        name.decode("utf-8", "replace"),
        entry.kind.value,
        entry.size_bytes,
        entry.modified_ns,
        entry.content_id,
    )
