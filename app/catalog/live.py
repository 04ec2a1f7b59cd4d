"""Heartbeats and progress in `live.sqlite3`: quick, shared by all processes of a home, not durable.

Whatever is wrong with the file, it is made anew: nothing in it outlives the work it tells about.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from app.catalog import dialect, rows
from app.catalog.api import ServerRecord
from app.model.job import JobProgress
from app.sqlite_files import journal_of_shared

_T = TypeVar("_T")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (job_id INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS servers (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, pid INTEGER NOT NULL, version TEXT NOT NULL,
    started_at INTEGER NOT NULL, heartbeat_at INTEGER NOT NULL, capabilities TEXT NOT NULL
);
"""


class LiveStore:
    """One connection, used by one thread at a time; statements take well under a millisecond."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do `work` in one transaction of its own statements (autocommit)."""
        with self._guard, dialect.explained(self._path):
            try:
                return work(self._opened())
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorname", "") not in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
                    raise
                self._forget()
                return work(self._opened())

    def revision(self) -> int:
        """Differs after a commit of anyone else; own commits are counted besides."""
        own, others = self.run(
            lambda c: (c.total_changes, int(c.execute("PRAGMA data_version").fetchone()[0]))
        )
        return others * 1_000_000_000 + own

    def close(self) -> None:
        """Close the connection."""
        with self._guard:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(
                self._path, timeout=dialect.BUSY_WAIT_S, check_same_thread=False, isolation_level=None
            )
            try:
                connection.execute(f"PRAGMA journal_mode = {journal_of_shared(self._path)}")
                connection.execute("PRAGMA synchronous = OFF")
                connection.executescript(_SCHEMA)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path + suffix)


class SqlLive:
    """Progress of active jobs."""

    def __init__(self, store: LiveStore) -> None:
        self._store = store

    def put_progress(self, job_id: int, progress: JobProgress) -> None:
        """Replace a job's progress."""
        value = rows.progress_to_json(progress)
        self._store.run(lambda c: c.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (job_id, value)))

    def progress(self, job_id: int) -> JobProgress | None:
        """A job's last progress, or None."""
        found = self._store.run(
            lambda c: c.execute("SELECT value FROM progress WHERE job_id = ?", (job_id,)).fetchone()
        )
        return None if found is None else rows.progress_from_json(found[0])

    def all_progress(self) -> dict[int, JobProgress]:
        """Progress by job."""
        found = self._store.run(lambda c: c.execute("SELECT job_id, value FROM progress").fetchall())
        return {job_id: rows.progress_from_json(value) for job_id, value in found}

    def clear_progress(self, job_id: int) -> None:
        """Forget a job's progress."""
        self._store.run(lambda c: c.execute("DELETE FROM progress WHERE job_id = ?", (job_id,)))


class SqlServers:
    """Servers and their heartbeats."""

    def __init__(self, store: LiveStore) -> None:
        self._store = store

    def put(
        self, server_id: str, name: str, pid: int, version: str, capabilities: Sequence[str] = ()
    ) -> None:
        """Announce a server; its start and heartbeat are now."""
        now = time.time_ns() // 1000
        row = (server_id, name, pid, version, now, now, json.dumps(list(capabilities)))
        self._store.run(
            lambda c: c.execute("INSERT OR REPLACE INTO servers VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        )

    def heartbeat(self, server_id: str, capabilities: Sequence[str] | None = None) -> None:
        """Say that a server lives, and what it can do now (None: as before)."""
        values = (time.time_ns() // 1000, None if capabilities is None else json.dumps(list(capabilities)))
        beat = "UPDATE servers SET heartbeat_at = ?, capabilities = coalesce(?, capabilities) WHERE id = ?"
        self._store.run(lambda c: c.execute(beat, (*values, server_id)))

    def takes_duty(self, server_id: str, duty: str, lease_s: float) -> bool:
        """Whether a duty that only one server may do is this one's: there is no other."""
        return bool(server_id and duty and lease_s)

    def list(self) -> Sequence[ServerRecord]:
        """All announced servers."""
        found = self._store.run(lambda c: c.execute("SELECT * FROM servers ORDER BY name").fetchall())
        return [
            ServerRecord(
                server_id,
                name,
                pid,
                version,
                dialect.from_us(started_at),
                dialect.from_us(heartbeat_at),
                tuple(json.loads(capabilities)),
                max(0.0, time.time() - heartbeat_at / 1_000_000),
            )
            for server_id, name, pid, version, started_at, heartbeat_at, capabilities in found
        ]

    def forget(self, server_id: str) -> None:
        """As `remove`: only one server is here."""
        self.remove(server_id)

    def remove(self, server_id: str) -> None:
        """Forget a server that stopped."""
        self._store.run(lambda c: c.execute("DELETE FROM servers WHERE id = ?", (server_id,)))
