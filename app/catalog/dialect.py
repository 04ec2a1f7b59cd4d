"""What differs between SQLite and other databases: opening, locking, the clock, and their errors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, Connection, Engine, create_engine, event, literal, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from app.model.errors import ArcxoError, BusyError, CredentialsError
from app.sqlite_files import journal_of_shared

BUSY_WAIT_S = 5.0
AWAY = "E6040"
"""The database does not answer now: nothing is wrong with what was asked, and it may be asked again."""
_WRITE = "arcxo_write"
_CONNECT_S = 5
_KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


def open_engine(url: str, *, busy_wait_s: float = BUSY_WAIT_S) -> Engine:
    """An engine for `url`. On SQLite: WAL where safe, durable commits, explicit BEGIN, bounded waiting."""
    if not url.startswith("sqlite"):
        # A connection that the server's restart cut off is found before work begins on it.
        return create_engine(
            url,
            pool_size=8,
            max_overflow=24,
            pool_pre_ping=True,
            connect_args={"connect_timeout": _CONNECT_S, "application_name": "arcxo", **_KEEPALIVE},
        )
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=6,
        max_overflow=26,
        connect_args={"timeout": busy_wait_s, "check_same_thread": False},
    )
    journal = journal_of_shared(engine.url.database or "")

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # BEGIN is ours to send
        connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA temp_store = MEMORY")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A deferred transaction that turns into a write fails at once, whatever the time-out.
        write = connection.get_execution_options().get(_WRITE)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def for_writing(connection: Connection, *, write: bool) -> Connection:
    """Mark the connection's next transactions as writing ones or not."""
    return connection.execution_options(**{_WRITE: write})


@contextmanager
def lazily_durable(connection: Connection) -> Iterator[None]:
    """Commits inside wait for no disk: the next ordinary commit of anyone makes them durable, in their order.

    For rows that count only once something later is committed. To be entered outside a transaction.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(text("SET synchronous_commit TO off"))
        connection.commit()
        try:
            yield
        finally:
            connection.rollback()
            connection.execute(text("SET synchronous_commit TO on"))
            connection.commit()
        return
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute("PRAGMA synchronous = NORMAL")
    try:
        yield
    finally:
        raw.execute("PRAGMA synchronous = FULL")


def now_us(connection: Connection) -> int:
    """The database's time: on SQLite that is this machine's, which all users of the file share."""
    if connection.dialect.name == "sqlite":
        return machine_us()
    seconds = connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
    return int(float(seconds) * 1_000_000)


def machine_us() -> int:
    """This machine's time, which is that of a database in a file."""
    return time.time_ns() // 1000


def like(connection: Connection) -> str:
    """The operator that matches patterns without regard to case."""
    return "LIKE" if connection.dialect.name == "sqlite" else "ILIKE"


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of an aware time."""
    delta = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds


def from_us(value: int) -> datetime:
    """The aware time of microseconds since 1970."""
    return datetime.fromtimestamp(value // 1_000_000, UTC).replace(microsecond=value % 1_000_000)


def maybe_us(at: datetime | None) -> int | None:
    """As `to_us`, None kept."""
    return None if at is None else to_us(at)


def maybe_time(value: int | None) -> datetime | None:
    """As `from_us`, None kept."""
    return None if value is None else from_us(value)


@contextmanager
def explained(file: str) -> Iterator[None]:
    """Turn the database's faults into ours; what is not a known fault surfaces as it is."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        fault = _fault(file, cause, lost=isinstance(error, OperationalError))
        if fault is None:
            raise
        raise fault from error


def _fault(file: str, cause: BaseException | None, *, lost: bool) -> ArcxoError | None:
    details = str(cause)
    if not isinstance(cause, sqlite3.Error):
        return _fault_of_server(file, cause, lost=lost)
    name = getattr(cause, "sqlite_errorname", "") or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return BusyError("E6001", file=file, seconds=f"{BUSY_WAIT_S:g}")
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return ArcxoError("E6013", file=file, error=details)
    if name.startswith(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return ArcxoError("E6017", file=file, error=details)
    if not name and lost:
        return ArcxoError("E6013", file=file, error=details)
    return None


def _fault_of_server(file: str, cause: BaseException | None, *, lost: bool) -> ArcxoError | None:
    """A fault of PostgreSQL, by its SQLSTATE; without one nobody answered, or the connection broke."""
    details = " ".join(str(cause).split())
    state = str(getattr(cause, "sqlstate", None) or "")
    if state.startswith("28") or "authentication failed" in details or "no password supplied" in details:
        return CredentialsError("E6041", file=file, error=details)
    if state in ("3D000", "3F000", "42501") or ('database "' in details and "does not exist" in details):
        return ArcxoError("E6048", file=file, error=details)
    if state in ("53100", "25006"):
        return ArcxoError("E6017", file=file, error=details)
    if state in ("40001", "40P01", "55P03"):
        return BusyError("E6001", file=file, seconds=f"{BUSY_WAIT_S:g}")
    if lost or state.startswith(("08", "53", "57P")):
        return BusyError(AWAY, file=file, error=details)
    return None


def bytes_type(connection: Connection) -> str:
    """The column type of raw bytes."""
    return "BLOB" if connection.dialect.name == "sqlite" else "BYTEA"


def placeholder(connection: Connection) -> str:
    """What stands for a value in a statement that is given to the driver as it is."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def constant(value: int) -> BindParameter[int]:
    """A number as a column of a SELECT."""
    return literal(value, BigInteger())


def values_of(connection: Connection, key: str) -> str:
    """A subquery of the numbers in the JSON array that is bound as `key`."""
    if connection.dialect.name == "sqlite":
        return f"SELECT value FROM json_each(:{key})"
    return f"SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST(:{key} AS JSON))"


def unindexed(connection: Connection) -> str:
    """What stands before a column so that no index on it is chosen; "" where that cannot be said."""
    return "+" if connection.dialect.name == "sqlite" else ""
