"""Heartbeats, progress and duties of several servers, in the database that they share.

Progress is quick and not durable there either (an unlogged table). Times are the database's, so that clocks
which differ make no server look dead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection, text

from app.catalog import dialect, rows
from app.catalog.api import ServerRecord
from app.catalog.database import Database
from app.model.job import JobProgress

_TABLES = (
    "CREATE UNLOGGED TABLE IF NOT EXISTS live_progress (job_id BIGINT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS live_servers (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, pid BIGINT NOT NULL, version TEXT NOT NULL,
        started_at BIGINT NOT NULL, heartbeat_at BIGINT NOT NULL, capabilities TEXT NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS live_duties (
        name TEXT PRIMARY KEY, server_id TEXT NOT NULL, until BIGINT NOT NULL)""",
    "CREATE SEQUENCE IF NOT EXISTS live_changes",
    "CREATE SEQUENCE IF NOT EXISTS catalog_changes",
)
CATALOG_CHANGES = "catalog_changes"
LIVE_CHANGES = "live_changes"
_MAKING = 0x6172_6378_6F01
"""The advisory lock under which one of several servers makes the tables."""


def make_live_tables(database: Database) -> None:
    """Make the tables where they are missing; costs one query where they are there."""
    with database.read() as c:
        there = c.execute(text("SELECT to_regclass(:name)"), {"name": CATALOG_CHANGES}).scalar() is not None
    if not there:
        with database.write() as c:
            c.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MAKING})
            for statement in _TABLES:
                c.execute(text(statement))
    database.counter = CATALOG_CHANGES


@contextmanager
def _quick(database: Database) -> Iterator[Connection]:
    """A write that waits for no disk: it is said again soon anyway."""
    with database.write(LIVE_CHANGES) as c:
        c.execute(text("SET LOCAL synchronous_commit TO off"))
        yield c


class SharedLive:
    """See `app.catalog.api.Live`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put_progress(self, job_id: int, progress: JobProgress) -> None:
        """Replace a job's progress."""
        put = text(
            "INSERT INTO live_progress VALUES (:job, :value)"
            " ON CONFLICT (job_id) DO UPDATE SET value = excluded.value"
        )
        with _quick(self._database) as c:
            c.execute(put, {"job": job_id, "value": rows.progress_to_json(progress)})

    def progress(self, job_id: int) -> JobProgress | None:
        """A job's last progress, or None."""
        with self._database.read() as c:
            found = c.execute(
                text("SELECT value FROM live_progress WHERE job_id = :job"), {"job": job_id}
            ).scalar()
        return None if found is None else rows.progress_from_json(found)

    def all_progress(self) -> dict[int, JobProgress]:
        """Progress by job."""
        with self._database.read() as c:
            found = c.execute(text("SELECT job_id, value FROM live_progress")).fetchall()
        return {int(job_id): rows.progress_from_json(value) for job_id, value in found}

    def clear_progress(self, job_id: int) -> None:
        """Forget a job's progress."""
        with _quick(self._database) as c:
            c.execute(text("DELETE FROM live_progress WHERE job_id = :job"), {"job": job_id})


class SharedServers:
    """See `app.catalog.api.Servers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(
        self, server_id: str, name: str, pid: int, version: str, capabilities: Sequence[str] = ()
    ) -> None:
        """Announce a server; its start and heartbeat are now."""
        put = text(
            "INSERT INTO live_servers VALUES (:id, :name, :pid, :version, :now, :now, :can)"
            " ON CONFLICT (id) DO UPDATE SET name = excluded.name, pid = excluded.pid,"
            " version = excluded.version, started_at = excluded.started_at,"
            " heartbeat_at = excluded.heartbeat_at, capabilities = excluded.capabilities"
        )
        with self._database.write() as c:
            values = {"id": server_id, "name": name, "pid": pid, "version": version}
            c.execute(put, {**values, "now": dialect.now_us(c), "can": json.dumps(list(capabilities))})

    def heartbeat(self, server_id: str, capabilities: Sequence[str] | None = None) -> None:
        """Say that a server lives, and what it can do now."""
        beat = text(
            "UPDATE live_servers SET heartbeat_at = :now, capabilities = coalesce(:can, capabilities)"
            " WHERE id = :id"
        )
        can = None if capabilities is None else json.dumps(list(capabilities))
        with _quick(self._database) as c:
            c.execute(beat, {"id": server_id, "now": dialect.now_us(c), "can": can})

    def list(self) -> Sequence[ServerRecord]:
        """All announced servers, by name; `silent_s` by the database's clock."""
        statement = text(
            "SELECT id, name, pid, version, started_at, heartbeat_at, capabilities FROM live_servers"
            " ORDER BY name, id"
        )
        with self._database.read() as c:
            now = dialect.now_us(c)
            found = c.execute(statement).fetchall()
        return [
            ServerRecord(
                row.id,
                row.name,
                int(row.pid),
                row.version,
                dialect.from_us(row.started_at),
                dialect.from_us(row.heartbeat_at),
                tuple(json.loads(row.capabilities)),
                max(0.0, (now - row.heartbeat_at) / 1_000_000),
            )
            for row in found
        ]

    def remove(self, server_id: str) -> None:
        """A server stopped: it stays listed, and its duties go to the others."""
        with self._database.write() as c:
            c.execute(text("UPDATE live_servers SET pid = 0 WHERE id = :id"), {"id": server_id})
            c.execute(text("DELETE FROM live_duties WHERE server_id = :id"), {"id": server_id})

    def forget(self, server_id: str) -> None:
        """It does not belong to the installation any more."""
        with self._database.write() as c:
            c.execute(text("DELETE FROM live_servers WHERE id = :id"), {"id": server_id})

    def takes_duty(self, server_id: str, duty: str, lease_s: float) -> bool:
        """Whether a duty that only one server may do is this one's for so long; asking again prolongs it."""
        take = text(
            "INSERT INTO live_duties VALUES (:duty, :id, :until) ON CONFLICT (name) DO UPDATE"
            " SET server_id = excluded.server_id, until = excluded.until"
            " WHERE live_duties.server_id = excluded.server_id OR live_duties.until < :now"
        )
        with _quick(self._database) as c:
            now = dialect.now_us(c)
            values = {"duty": duty, "id": server_id, "until": now + int(lease_s * 1_000_000), "now": now}
            return bool(c.execute(take, values).rowcount == 1)
