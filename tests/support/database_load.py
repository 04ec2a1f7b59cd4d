"""Databases under a write load: SQLite in its two journal modes, and PostgreSQL with its own benchmark."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.volumes import MissingCapabilityError

_WRITER = """
import os, random, sqlite3, sys, time
path, mode, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
rng = random.Random(seed)
database = sqlite3.connect(path, isolation_level=None, timeout=60)
database.execute("PRAGMA journal_mode=" + mode)
database.execute("PRAGMA synchronous=NORMAL")
print("ready", flush=True)
while True:
    database.execute("BEGIN IMMEDIATE")
    for _ in range(rng.randrange(1, 40)):
        database.execute("INSERT INTO row (text) VALUES (?)", (rng.randbytes(rng.randrange(900)),))
    last = database.execute("SELECT max(id) FROM row").fetchone()[0]
    for _ in range(rng.randrange(20)):
        where = (rng.randbytes(200), rng.randrange(last) + 1)
        database.execute("UPDATE row SET text = ? WHERE id = ?", where)
    database.execute("DELETE FROM row WHERE id = ?", (rng.randrange(last) + 1,))
    database.execute("COMMIT")
    if os.path.exists(sys.argv[4]):
        database.close()
        break
    time.sleep(0.002)
"""


class SqliteLoad:
    """Processes that write to one database each until `stop`, or until they are killed."""

    def __init__(self, directory: Path, stop_file: Path, writers: int = 2) -> None:
        self.paths = {mode: directory / f"{mode}.db" for mode in ("wal", "delete")}
        self._stop_file = stop_file
        self._processes = []
        for mode, path in self.paths.items():
            database = sqlite3.connect(path)
            database.execute("PRAGMA journal_mode=" + mode)
            database.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, text BLOB)")
            database.execute("CREATE INDEX by_text ON row (text)")
            database.execute("INSERT INTO row (text) VALUES (x'00')")
            database.commit()
            database.close()
            for seed in range(writers):
                command = [sys.executable, "-c", _WRITER, str(path), mode, str(seed), str(stop_file)]
                process = subprocess.Popen(command, stdout=subprocess.PIPE)
                assert process.stdout is not None
                assert process.stdout.readline() == b"ready\n"
                self._processes.append(process)

    def stop(self) -> None:
        """Let all writers end their transaction and close."""
        self._stop_file.touch()
        for process in self._processes:
            assert process.wait(60) == 0

    def kill(self) -> None:
        """End all writers wherever they are."""
        for process in self._processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def sqlite_facts(path: Path) -> tuple[str, int, int]:
    """What the integrity check says, the number of rows and the last number. Of a copy: it may be changed."""
    database = sqlite3.connect(path)
    try:
        (verdict,) = database.execute("PRAGMA integrity_check").fetchone()
        rows, last = database.execute("SELECT count(*), max(id) FROM row").fetchone()
    finally:
        database.close()
    return verdict, rows, last


class PostgreSQL:
    """A cluster in a directory, run by a user without privileges. Raises MissingCapabilityError."""

    def __init__(self, data: Path, sockets: Path, settings: Sequence[str] = ()) -> None:
        self.data = data
        self._sockets = sockets
        self._settings = settings
        self._server: subprocess.Popen[bytes] | None = None
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
        on_path = shutil.which("pgbench")
        if not found and on_path is None:
            raise MissingCapabilityError("PostgreSQL (the package postgresql)")
        self._programs = found[-1].parent if found else Path(str(on_path)).parent
        self._user = "nobody" if os.geteuid() == 0 else None

    def initialize(self) -> None:
        """Make the cluster."""
        self._own(self.data)
        options = ["--auth=trust", "--username=load", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", "-D", str(self.data), *options)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self._sockets.mkdir(exist_ok=True)
        self._own(self._sockets)
        # Nothing is written by itself while it is idle.
        settings = ("listen_addresses=", "autovacuum=off", "checkpoint_timeout=1h", "max_wal_size=64MB",
                    "shared_buffers=16MB", "logging_collector=off", "wal_recycle=on")  # fmt: skip
        command = [str(self._programs / "postgres"), "-D", str(self.data), "-k", str(self._sockets)]
        for setting in (*settings, *self._settings):
            command += ["-c", setting]
        log = self._sockets / "log"
        with log.open("wb") as output:
            self._server = subprocess.Popen(command, user=self._user, stdout=output, stderr=output, cwd="/")
        deadline = time.monotonic() + 60
        while True:
            ready = [str(self._programs / "pg_isready"), "-h", str(self._sockets), "-q"]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            assert self._server.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server, at once."""
        if self._server is not None:
            self._server.send_signal(3)
            self._server.wait(60)
            self._server = None

    def query(self, statement: str) -> str:
        """The answer to one statement, as text."""
        return self._run("psql", *self._access(), "-Atqc", statement).strip()

    def fill(self, scale: int) -> None:
        """The tables of the benchmark."""
        self._run("pgbench", "-i", "-q", "-s", str(scale), *self._access())

    def load(self, seconds: int, clients: int = 2) -> subprocess.Popen[bytes]:
        """Begin a write load."""
        command = [str(self._programs / "pgbench"), "-n", "-T", str(seconds), "-c", str(clients)]
        return subprocess.Popen([*command, *self._access()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _access(self) -> Sequence[str]:
        return "-h", str(self._sockets), "-U", "load", "postgres"

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            check=False, capture_output=True, text=True, user=self._user, cwd="/",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _own(self, directory: Path) -> None:
        if self._user is not None:
            shutil.chown(directory, self._user)
        directory.chmod(0o700)
