"""Hot logs and databases: replicated while they are written, exact when they are quiet, and sound."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.capabilities import missing
from tests.support.database_load import PostgreSQL, SqliteLoad, sqlite_facts
from tests.support.replication_pair import Pair, until
from tests.support.volumes import MissingCapabilityError

_LOAD_S = float(os.environ.get("ARCXO_LOAD_SECONDS", "3"))


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def _follows(both: Pair, seconds: float) -> None:
    """While it is written to, what was written before each call reaches the replica."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        both.settle(20)


def test_an_append_only_log_follows_and_is_exact_when_quiet(both: Pair) -> None:
    log = both.master / "log"
    log.write_bytes(b"begin\n")
    both.run()
    ended = threading.Event()

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            number = 0
            while not ended.is_set():
                number += 1
                file.write(b"%d: something happened that is worth a line in a log\n" % number * 20)
                time.sleep(0.0005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        sizes = []
        for _ in range(4):
            written = log.stat().st_size
            both.settle(20)
            there = (both.replica / "log").read_bytes()
            assert len(there) >= written
            assert log.read_bytes().startswith(there)
            sizes.append(len(there))
            time.sleep(0.3)
        assert sizes == sorted(set(sizes))
    finally:
        ended.set()
        writer.join()
    both.assert_equal()


@pytest.mark.slow
@pytest.mark.parametrize("killed", [pytest.param(False, marks=pytest.mark.deep), True])
def test_sqlite_under_load_follows_and_is_sound_when_quiet(both: Pair, tmp_path: Path, killed: bool) -> None:
    both.run()
    load = SqliteLoad(both.master, tmp_path / "stop")
    try:
        _follows(both, _LOAD_S)
        if not killed:
            load.stop()
    finally:
        load.kill()
    both.assert_equal()
    for path in load.paths.values():
        facts = []
        for side in (both.master, both.replica):
            copy = tmp_path / f"copy-{side.name}-{path.stem}"
            copy.mkdir()
            for file in side.glob(path.name + "*"):
                shutil.copy2(file, copy)
            facts.append(sqlite_facts(copy / path.name))
        assert facts[0] == facts[1]
        assert facts[0][0] == "ok"
        assert facts[0][1] > 100


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that other users can reach what is in."""
    path = Path(tempfile.mkdtemp(prefix="arcxo-postgresql-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.slow
def test_postgresql_under_load_follows_and_is_sound_when_quiet(open_directory: Path) -> None:
    data = open_directory / "data"
    data.mkdir()
    try:
        server = PostgreSQL(data, open_directory / "run")
    except MissingCapabilityError as error:
        missing(str(error))
    server.initialize()
    server.start()
    both = None
    copied = PostgreSQL(open_directory / "copy", open_directory / "run-copy")
    try:
        server.fill(2)
        both = Pair(open_directory, master=data)
        both.run()
        load = server.load(int(_LOAD_S) + 1)
        _follows(both, _LOAD_S)
        output, _ = load.communicate(timeout=60)
        assert load.returncode == 0, output
        server.query("CHECKPOINT")
        until(lambda: _quiet(data), 30, "a quiet server")
        both.assert_equal()
        shutil.copytree(both.replica, copied.data)
        _give(copied.data, server.data)
        (copied.data / "postmaster.pid").unlink()
        copied.start()
        questions = (
            "SELECT count(*), sum(delta) FROM pgbench_history",
            "SELECT count(*), sum(abalance) FROM pgbench_accounts",
            "SELECT sum(bbalance) FROM pgbench_branches",
        )
        for question in questions:
            assert copied.query(question) == server.query(question)
        assert int(server.query("SELECT count(*) FROM pgbench_history")) > 50
        copied.query("REINDEX DATABASE postgres")
    finally:
        copied.stop()
        server.stop()
        if both is not None:
            both.close()


def _quiet(data: Path) -> bool:
    def newest() -> list[tuple[str, int]]:
        return sorted((str(path), path.lstat().st_mtime_ns) for path in data.rglob("*"))

    before = newest()
    time.sleep(0.3)
    return newest() == before


def _give(tree: Path, model: Path) -> None:
    """Owners are not part of what is copied."""
    owner = model.stat()
    for path in (tree, *tree.rglob("*")):
        os.lchown(path, owner.st_uid, owner.st_gid)
