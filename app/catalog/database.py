"""One open database: short read and write transactions, and a cheap sign that something changed."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from app.catalog import dialect
from app.model.errors import BusyError

_RETRY_S = 0.25


class Database:
    """An engine and the file it is for. Thread safe: every transaction has a connection of its own."""

    def __init__(self, engine: Engine, file: str) -> None:
        self.engine = engine
        self.file = file
        self.patience_s = 0.0
        self.counter = ""
        self._hurried = threading.Event()
        self._guard = threading.Lock()
        self._watcher: Connection | None = None

    @property
    def shared(self) -> bool:
        """Whether it is a database server that others may use, not a file."""
        return self.engine.dialect.name != "sqlite"

    def hurry(self) -> None:
        """Wait no longer, from now on, for a database that does not answer."""
        self._hurried.set()

    def _connected(self) -> Connection:
        """A connection. One that cannot be had is tried for again for `patience_s`: nothing was done yet."""
        deadline = time.monotonic() + self.patience_s
        while True:
            try:
                with dialect.explained(self.file):
                    return self.engine.connect()
            except BusyError as error:
                if error.code != dialect.AWAY or time.monotonic() > deadline:
                    raise
                if self._hurried.wait(_RETRY_S):
                    raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read transaction: one consistent state, ended when the block is left."""
        with dialect.explained(self.file), self._connected() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self, counter: str = "") -> Iterator[Connection]:
        """A write transaction, committed when the block ends well. Keep it under 50 ms.

        `counter`: the sequence of a shared database that is counted up by it; "" = the catalog's.

        Raises:
            BusyError: E6001 another writer held the catalog for the whole bounded wait.
        """
        with dialect.explained(self.file), self._connected() as connection:
            writing = dialect.for_writing(connection, write=True)
            with writing.begin():
                yield writing
            self._count(writing, counter or self.counter)

    @contextmanager
    def write_lazily(self) -> Iterator[Connection]:
        """As `write`, but it is durable only with the next ordinary commit of anyone, after all before it.

        For what counts only once something later is committed: whoever is killed loses none of it.
        """
        with (
            dialect.explained(self.file),
            self._connected() as connection,
            dialect.lazily_durable(connection),
        ):
            writing = dialect.for_writing(connection, write=True)
            with writing.begin():
                yield writing
            self._count(writing, self.counter)

    def _count(self, connection: Connection, counter: str) -> None:
        """Let others know of a commit, after it: who sees the number sees what it tells of."""
        if not self.shared or not counter:
            return
        # What is committed stays so, whether it can be told now or is seen with the next change.
        with contextlib.suppress(DBAPIError), connection.begin():
            connection.execute(text("SELECT nextval(:counter)"), {"counter": counter})

    def revision(self, counter: str = "") -> int:
        """A number that differs after anyone's commit; comparable only with earlier ones of this object."""
        with dialect.explained(self.file), self._guard:
            if self._watcher is None:
                self._watcher = self.engine.connect()
            if self._watcher.dialect.name == "sqlite":
                raw = self._watcher.connection.driver_connection
                assert raw is not None
                return int(raw.execute("PRAGMA data_version").fetchone()[0])
            try:
                with self._watcher.begin():
                    # The statistics, which count all rows that change, come seconds later.
                    changed = text(
                        f"SELECT last_value, is_called FROM {counter or self.counter}"
                    )  # a name of ours
                    last, called = self._watcher.execute(changed).one()
                    return int(last) + bool(called)
            except DBAPIError:
                self._watcher.invalidate()
                self._watcher.close()
                self._watcher = None
                raise

    def close(self) -> None:
        """Give all connections back."""
        with self._guard:
            if self._watcher is not None:
                self._watcher.close()
                self._watcher = None
        self.engine.dispose()
