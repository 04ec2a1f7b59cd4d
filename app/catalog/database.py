"""One open database: short read and write transactions, and a cheap sign that something changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text

from app.catalog import dialect


class Database:
    """An engine and the file it is for. Thread safe: every transaction has a connection of its own."""

    def __init__(self, engine: Engine, file: str) -> None:
        self.engine = engine
        self.file = file
        self._guard = threading.Lock()
        self._watcher: Connection | None = None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent state, ended when the block is left."""
        with dialect.explained(self.file), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed when the block ends well. Keep it under 50 ms.

        Raises:
            BusyError: E6001 another writer held the catalog for the whole bounded wait.
        """
        with dialect.explained(self.file), self.engine.connect() as connection:
            writing = dialect.for_writing(connection, write=True)
            with writing.begin():
                yield writing

    @contextmanager
    def write_lazily(self) -> Iterator[Connection]:
        """As `write`, but it is durable only with the next ordinary commit of anyone, after all before it.

        For what counts only once something later is committed: whoever is killed loses none of it.
        """
        with (
            dialect.explained(self.file),
            self.engine.connect() as connection,
            dialect.lazily_durable(connection),
        ):
            writing = dialect.for_writing(connection, write=True)
            with writing.begin():
                yield writing

    def revision(self) -> int:
        """A number that differs after anyone's commit; comparable only with earlier ones of this object."""
        with dialect.explained(self.file), self._guard:
            if self._watcher is None:
                self._watcher = self.engine.connect()
            if self._watcher.dialect.name == "sqlite":
                raw = self._watcher.connection.driver_connection
                assert raw is not None
                return int(raw.execute("PRAGMA data_version").fetchone()[0])
            with self._watcher.begin():
                changed = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
                return int(self._watcher.execute(text(changed)).scalar_one() or 0)

    def close(self) -> None:
        """Give all connections back."""
        with self._guard:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self.engine.dispose()
