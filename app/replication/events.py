"""The events of this host's engines: durable, numbered, written by several processes.

Numbers grow by one and are never used again, so that "newer than N" loses nothing, whoever asks, however
many ask and however long they were away. The newest 200,000 of the last 400 days are kept; a reader that
comes back later is told of the gap by an event in its place. Where the file is damaged a new one begins,
with higher numbers; where the disk is full, or does not even let the file be opened, events wait in memory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from app.model.errors import ArcxoError
from app.model.events import GAP_CODE, EventRecord, Severity
from app.sqlite_files import journal_of_shared

EVENTS_KEPT = 200_000
DAYS_KEPT = 400
_TRIM_EVERY = 1_000
_BUSY_TIMEOUT_S = 30.0
_VALUE_MOST_CHARACTERS = 4_000
_WAITING_MOST = 1_000
_OPEN_AGAIN_S = 1.0
_COLUMNS = "sequence, code, severity, at, scenario_id, scenario_name, params"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL,
    severity TEXT NOT NULL,
    at TEXT NOT NULL,
    scenario_id INTEGER,
    scenario_name TEXT NOT NULL,
    params TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS delivery (
    reader TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL
) STRICT;
"""
_log = logging.getLogger("arcxo.events")

_Row = tuple[str, str, str, int | None, str, str]


class EventStore:
    """A SQLite file of events. Usable from any thread; each call blocks for one small transaction.

    `repair`: look whether the file is damaged, and begin a new one then. For the first of the processes.
    A disk that lets the file not be opened is no reason to end: it is tried again with each call. Reading
    raises ArcxoError ER00480 until then.
    """

    def __init__(self, path: str, host: str, *, repair: bool = False) -> None:
        self._host = host
        self._path = path
        self._repair = repair
        self._lock = threading.Lock()
        self._waiting: deque[_Row] = deque(maxlen=_WAITING_MOST)
        self._database: sqlite3.Connection | None = None
        self._fault: sqlite3.OperationalError | OSError | None = None
        self._tried_at = float("-inf")
        self._closed = False
        with self._lock:
            self._open()

    def append(
        self,
        code: str,
        severity: Severity,
        *,
        scenario_id: int | None = None,
        scenario_name: str = "",
        **params: object,
    ) -> EventRecord:
        """Add one event and return it with its number. `params` fill the catalogue's template of `code`.

        Never fails for a full or failing disk: the event waits then, and its number is 0.
        """
        at = datetime.now(UTC)
        texts = {key: _bounded(str(value)) for key, value in params.items()}
        row = (code, severity.value, at.isoformat(), scenario_id, _bounded(scenario_name), json.dumps(texts))
        with self._lock:
            self._waiting.append(row)
            sequence = self._write()
        return EventRecord(sequence, code, severity, at, self._host, scenario_id, scenario_name, texts)

    def newer_than(self, sequence: int, limit: int = 1000) -> Sequence[EventRecord]:
        """Up to `limit` events after `sequence`, oldest first; of a negative one, the newest that many.

        Where events after `sequence` are no longer kept, the first one tells so (`GAP_CODE`), in the place of
        the last of them. 0 asks for what there is, without that.
        """
        with self._lock:
            if self._waiting:
                self._write()
            after = sequence if sequence >= 0 else max(0, self._newest() + sequence)
            rows = (
                self._opened()
                .execute(
                    f"SELECT {_COLUMNS} FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",  # noqa: S608  # constants
                    (after, max(0, limit)),
                )
                .fetchall()
            )
        found = [self._record(*row) for row in rows]
        if sequence > 0 and found and found[0].sequence > sequence + 1:
            return [self._gap(sequence, found[0]), *found[: max(0, limit - 1)]]
        return found

    def newest(self) -> int:
        """The number of the newest event; 0 when there was none yet."""
        with self._lock:
            return self._newest()

    def delivered(self, reader: str) -> int | None:
        """Up to which number a reader of this host was served; None for a new one."""
        with self._lock:
            row = (
                self._opened().execute("SELECT sequence FROM delivery WHERE reader = ?", (reader,)).fetchone()
            )
        return None if row is None else int(row[0])

    def set_delivered(self, reader: str, sequence: int) -> None:
        """Remember up to which number a reader was served. Raises sqlite3.Error when the disk is full."""
        with self._lock:
            self._opened().execute(
                "INSERT INTO delivery (reader, sequence) VALUES (?, ?)"
                " ON CONFLICT (reader) DO UPDATE SET sequence = excluded.sequence",
                (reader, sequence),
            )

    def close(self) -> None:
        """Close the file; repeated calls do nothing."""
        with self._lock:
            self._closed = True
            if self._database is not None:
                self._database.close()

    # with the lock held

    def _open(self) -> sqlite3.Connection | None:
        """The connection; None while the disk does not let it be made."""
        if self._database is None and not self._closed and time.monotonic() - self._tried_at > _OPEN_AGAIN_S:
            try:
                self._database = _sound(self._path) if self._repair else _connect(self._path)
            except (sqlite3.OperationalError, OSError) as error:
                _log.info("%s cannot be opened, events wait in memory: %s", self._path, error)
                self._fault = error
            else:
                self._trim()
            self._tried_at = time.monotonic()
        return self._database

    def _opened(self) -> sqlite3.Connection:
        database = self._open()
        if database is None:
            raise ArcxoError("ER00480", path=self._path, cause=self._fault or "closed")
        return database

    def _write(self) -> int:
        """Write what waits, in order; the number of the last one, 0 when it could not be."""
        sequence = 0
        database = self._open()
        while self._waiting and database is not None:
            try:
                cursor = database.execute(
                    "INSERT INTO event (code, severity, at, scenario_id, scenario_name, params)"
                    " VALUES (?, ?, ?, ?, ?, ?)",
                    self._waiting[0],
                )
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.ProgrammingError):
                    raise
                _log.warning("%d events wait in memory: %s", len(self._waiting), error)
                return 0
            self._waiting.popleft()
            sequence = cursor.lastrowid or 0
            if sequence % _TRIM_EVERY == 0:
                self._trim()
        return sequence

    def _trim(self) -> None:
        oldest = (datetime.now(UTC) - timedelta(days=DAYS_KEPT)).isoformat()
        # The newest stays: a reader must see that there were some.
        with contextlib.suppress(sqlite3.OperationalError):  # a full disk: the next time will do
            self._opened().execute(
                "DELETE FROM event WHERE sequence <= ? OR (at < ? AND sequence < ?)",
                (self._newest() - EVENTS_KEPT, oldest, self._newest()),
            )

    def _newest(self) -> int:
        row = self._opened().execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetchone()
        return 0 if row is None else int(row[0])

    # forms

    def _record(
        self, number: int, code: str, severity: str, at: str, scenario: int | None, name: str, params: str
    ) -> EventRecord:
        when = datetime.fromisoformat(at)
        return EventRecord(
            number, code, Severity(severity), when, self._host, scenario, name, json.loads(params)
        )

    def _gap(self, sequence: int, first: EventRecord) -> EventRecord:
        count = first.sequence - sequence - 1
        params = {"missing": str(count), "first": str(sequence + 1), "last": str(first.sequence - 1)}
        return EventRecord(
            first.sequence - 1, GAP_CODE, Severity.WARNING, first.at, self._host, None, "", params
        )


def _sound(path: str) -> sqlite3.Connection:
    """A connection to the file, or to a new one where it is damaged."""
    try:
        database = _connect(path)
        fault = _fault(database)
        if not fault:
            return database
        database.close()
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        fault = str(error)
    # What it held is kept for people, and numbers that were never given begin.
    aside = f"{path}.damaged-{int(time.time())}"
    _log.warning("%s is damaged (%s); it was moved to %s", path, fault, aside)
    for suffix in ("", "-wal", "-shm", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)
    database = _connect(path)
    database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('event', ?)", (int(time.time()),))
    return database


def _fault(database: sqlite3.Connection) -> str:
    try:
        found = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        return str(error)
    return "" if found == "ok" else found


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        database.execute(f"PRAGMA journal_mode={journal_of_shared(path)}")
        # A number that was given must never be given again, not even after the power went.
        database.execute("PRAGMA synchronous=FULL")
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def _bounded(text: str) -> str:
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return clean if len(clean) <= _VALUE_MOST_CHARACTERS else clean[: _VALUE_MOST_CHARACTERS - 1] + "…"
