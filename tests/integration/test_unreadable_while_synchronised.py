"""What could not be read while a replica was synchronised is sent once it can be read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scenario import ScenarioState
from app.replication.master import looking_again
from tests.support.replication_pair import Pair, until

_KEPT_NS = 10**18


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(looking_again, "_RETRY_S", 0.2)
    made = Pair(tmp_path)
    yield made
    made.close()


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Whoever opens the file is told to try again, as while a file server has promised it to a client."""
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    fd = os.open(path, os.O_RDWR)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield
    finally:
        os.close(fd)
        signal.signal(signal.SIGIO, before)


@pytest.mark.parametrize("meanwhile", ["nothing", "restart", "run again"])
@pytest.mark.parametrize(("size", "names"), [(10, 1), (3 << 20, 1), (10, 3)])
def test_it_is_sent_once_it_can_be_read(pair: Pair, size: int, names: int, meanwhile: str) -> None:
    pair.create()
    _hidden(pair.master / "file", b"first" * size)
    for number in range(1, names):
        os.link(pair.master / "file", pair.master / f"name {number}")
    pair.run()
    pair.settle()
    point = pair.engine.bookmark(pair.id, "before")
    _hidden(pair.master / "file", b"later" * size)
    pair.settle()
    pair.connector.reachable = False
    pair.connector.cut()
    until(lambda: pair.engine.status(pair.id).state is not ScenarioState.REPLICATING, what="no connection")
    pair.replica_engine.rewind(pair.id, point.id)
    with _refusing(pair.master / "file"):
        pair.connector.reachable = True
        until(lambda: pair.engine.status(pair.id).problems, what="the problem to be told")
        pair.settle()
        assert pair.codes().count("SR00202") == 2, "synchronised again and again"
        if meanwhile == "run again":
            pair.engine.stop(pair.id)
        elif meanwhile == "restart":
            pair.engine.close()
    if meanwhile == "run again":
        pair.run()
    elif meanwhile == "restart":
        pair.engine = pair.open_engine()
        pair.wait()
    until(lambda: not pair.engine.status(pair.id).problems, what="the problem to be over")
    pair.assert_equal()


def _hidden(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(_KEPT_NS, _KEPT_NS))
