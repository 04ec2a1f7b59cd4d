"""Names in folders that a session itself brings into the catalog: written as they come, nothing looked up.

A first session is nearly all such names. SQLite only: one writer at a time, so ids can be given here. What
can be done before the catalog is held is done before.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection

from app.catalog.master_paths import split_path
from app.catalog.sessions_api import SessionEntry
from app.native import native

_native = native("rows")
_REMEMBERED = 50_000
"""So many folders are known at a time; the names of others are looked up as any."""
_ARE_THERE = "SELECT path FROM folders WHERE machine = ? AND path IN "
_LAST_FOLDER = "SELECT coalesce(max(id), 0) FROM folders"
_LAST_NAME = "SELECT coalesce(max(id), 0) FROM names"
_MAKE_BATCH = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS fresh (number INTEGER PRIMARY KEY, folder INTEGER, name BLOB,"
    " text TEXT, kind TEXT, size_bytes INTEGER, modified_ns INTEGER, content_id TEXT)"
)
_FILL = "INSERT INTO fresh (folder, name, text, kind, size_bytes, modified_ns, content_id) VALUES "
_ROW = "(?, ?, ?, ?, ?, ?, ?)"
_VALUES = 7
_AT_ONCE = 250
"""Rows in one statement: for each statement other threads may take the interpreter, and keep it for long."""
_FOLDERS = "INSERT INTO folders (id, machine, path) VALUES (?, ?, ?)"
_NAMES = (
    "INSERT INTO names (id, folder_id, name, text, ever_folder)"
    " SELECT :names + number, CASE WHEN folder < 0 THEN :folders - folder ELSE folder END, name,"
    " coalesce(text, CAST(name AS TEXT)), kind = 'directory' FROM fresh ORDER BY number"
)
_VERSIONS = (
    "INSERT INTO versions (name_id, lineage_id, first_ordinal, kind, size_bytes, modified_ns, content_id)"
    " SELECT :names + number, :lineage, :ordinal, kind, size_bytes, modified_ns, content_id FROM fresh"
    " ORDER BY number"
)


class FreshFolders:
    """The folders that one staging made, as long as nobody else adds names. One thread, one staging.

    `prepare` and then, in a write transaction, `write`.
    """

    def __init__(self, machine: str, lineage_id: int, ordinal: int) -> None:
        self._machine = machine
        self._keys = {"lineage": lineage_id, "ordinal": ordinal}
        self._folders: dict[bytes, int] = {}
        self._last_name = 0
        self._new: dict[bytes, int] = {}
        self._uses_known = False

    def forget(self) -> None:
        """What was made in a transaction that failed is not there."""
        self._folders.clear()

    def prepare(self, connection: Connection, batch: list[SessionEntry]) -> list[SessionEntry]:
        """Take what is in folders that were made here or are not there; the others are returned."""
        raw = _raw(connection)
        if len(self._folders) > _REMEMBERED:
            self._folders.clear()
        known, new = self._folders, dict[bytes, int]()
        self._new = new
        parts = _runs(batch)
        others = self._there(raw, {folder for folder, _, _ in parts if folder not in known})
        left: list[SessionEntry] = []
        rows: list[object] = []
        self._uses_known = False
        for folder, first, beyond in parts:
            if folder in others:
                left += batch[first:beyond]
                continue
            place = known.get(folder)
            if place is None:
                place = new.setdefault(folder, -1 - len(new))
            else:
                self._uses_known = True
            _values(batch, first, beyond, place, rows)
        if rows:
            raw.execute(_MAKE_BATCH)
            raw.execute("BEGIN")
            raw.execute("DELETE FROM fresh")  # numbers begin at 1 in an empty table
            step = _VALUES * _AT_ONCE
            for start in range(0, len(rows), step):
                part = rows[start : start + step]
                raw.execute(_FILL + ", ".join([_ROW] * (len(part) // _VALUES)), part)
            raw.execute("COMMIT")
        return left

    def _there(self, raw: sqlite3.Connection, folders: set[bytes]) -> set[bytes]:
        """Those of `folders` that the catalog has."""
        asked, found = list(folders), set[bytes]()
        for start in range(0, len(asked), _AT_ONCE):
            part = asked[start : start + _AT_ONCE]
            marks = "(" + ", ".join("?" * len(part)) + ")"
            found.update(path for (path,) in raw.execute(_ARE_THERE + marks, [self._machine, *part]))
        return found

    def write(self, connection: Connection) -> bool:
        """Write what was taken. False when somebody else has added names, perhaps in folders made here.

        Raises sqlite3.IntegrityError for a path that was told twice, or a folder that came meanwhile.
        """
        raw = _raw(connection)
        names = raw.execute(_LAST_NAME).fetchone()[0]
        # No name is ever removed, so this tells.
        if self._uses_known and names != self._last_name:
            return False
        folders = raw.execute(_LAST_FOLDER).fetchone()[0]
        made = {path: folders - place for path, place in self._new.items()}
        raw.executemany(_FOLDERS, [(number, self._machine, path) for path, number in made.items()])
        keys = {**self._keys, "names": names, "folders": folders}
        count = raw.execute(_NAMES, keys).rowcount
        raw.execute(_VERSIONS, keys)
        if names != self._last_name:
            self._folders.clear()
        self._folders.update(made)
        self._last_name = names + count
        return True


def _raw(connection: Connection) -> sqlite3.Connection:
    """The driver's own connection: very many rows go past SQLAlchemy."""
    raw = connection.connection.driver_connection
    assert isinstance(raw, sqlite3.Connection)
    return raw


def _runs_here(batch: list[SessionEntry]) -> list[tuple[bytes, int, int]]:
    """[(folder, first, beyond the last)] of entries that follow each other and lie in one folder."""
    found: list[tuple[bytes, int, int]] = []
    start, kept = 0, None
    for at, entry in enumerate(batch):
        folder, _ = split_path(entry.path)
        if folder != kept:
            if kept is not None:
                found.append((kept, start, at))
            start, kept = at, folder
    if kept is not None:
        found.append((kept, start, len(batch)))
    return found


def _values_here(batch: list[SessionEntry], first: int, beyond: int, place: int, rows: list[object]) -> None:
    """Append what a row of `fresh` holds of each entry; no text where it is the very name."""
    for path, kind, size_bytes, modified_ns, content_id in batch[first:beyond]:
        _, name = split_path(path)
        text = None if name.isascii() else name.decode("utf-8", "replace")
        rows += place, name, text, kind.value, size_bytes, modified_ns, content_id


_runs = _runs_here if _native is None else _native.runs
_values = _values_here if _native is None else _native.values
