"""However a stream ends, the next one of its scenario is taken."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.codec import encode
from app.replication.definition import to_xml
from app.replication.events import EventStore
from app.replication.frame_codec import decode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Batch,
    BatchKind,
    Committed,
    Fault,
    Frame,
    Hello,
    Refused,
    Welcome,
)
from app.replication.records import Mark, Record
from app.replication.replica import incoming as incoming_module
from app.replication.replica import replica as replica_module
from app.replication.replica import stream as stream_module
from app.replication.replica.ahead import Ahead
from app.replication.replica.applied import AppliedIndex
from app.replication.replica.engine import ReplicaEngine
from app.replication.replica.hashing import HashAnswers
from app.replication.replica.incoming import Incoming
from app.replication.replica.replica import Replica
from app.replication.replica.replica_scripts import ReplicaScripts
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.stream import ReplicaStream
from app.replication.sync_frames import HashItem, HashRequest
from tests.support.no_room import NoRoom
from tests.support.replica_link import MemoryLink, pair
from tests.support.replica_tree import make, picture, put

_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
_SYNC: list[Record] = [
    Mark(PointKind.SYNCHRONIZATION, "s1", "begin", datetime.now(UTC)),
    make(b"d"),
    put(b"d/one", b"1" * 5_000),
    put(b"two", b"2"),
    Mark(PointKind.SYNCHRONIZATION, "s2", "end", datetime.now(UTC)),
]


class Master:
    """The master's end of a stream that may fail: what its thread raises is kept."""

    def __init__(self, engine: ReplicaEngine, base: Path) -> None:
        root = os.fsencode(base / "replica")
        replica = ReplicaSpec("localhost", (root,))
        scenario = Scenario(
            5, "Files", ServerType.FILE_SERVER, ProductType.DR, "localhost", (Root(b"/master"),), (replica,)
        )
        self.raised: BaseException | None = None
        self.link: MemoryLink
        self.link, self._other = pair()
        self.thread = threading.Thread(target=self._serve, args=(engine,), name="the stream")
        self.thread.start()
        self.link.tell(Hello(PROTOCOL_VERSION, to_xml(scenario), "localhost", "e1", 1, 0))

    def _serve(self, engine: ReplicaEngine) -> None:
        try:
            engine.serve(self._other)
        except Exception as error:
            self.raised = error

    def hear(self, timeout_s: float = 20.0) -> Frame | None:
        """The next frame; None when the stream has ended."""
        try:
            data = self.link.receive(timeout_s)
        except ArcxoError:
            return None
        assert data is not None, "nothing came"
        return decode_frame(data)

    def send(self, kind: BatchKind, first: int, *records: Record) -> Frame | None:
        self.link.tell(Batch(kind, "e1", first, tuple(encode(record) for record in records)))
        return self.hear()

    def end(self) -> None:
        self.link.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


def take_it_all(engine: ReplicaEngine, base: Path) -> None:
    """A stream that is welcome at once, and carries out all there is to do."""
    began = time.monotonic()
    master = Master(engine, base)
    assert isinstance(master.hear(), Welcome)
    assert time.monotonic() - began < 5
    assert isinstance(master.send(BatchKind.SYNC, 1, *_SYNC), Committed)
    assert isinstance(master.send(BatchKind.STREAM, 1, put(b"three", b"3")), Committed)
    master.end()
    assert set(picture(base / "replica")) == {b"", b"d", b"d/one", b"two", b"three"}
    assert master.raised is None


def test_a_batch_that_cannot_be_taken_back_refuses_streams_only_while_the_disk_does(
    engine: ReplicaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = Master(engine, tmp_path)
    assert isinstance(master.hear(), Welcome)
    with monkeypatch.context() as full:
        full.setattr(ReplicaStore, "commit", _raiser(_FULL))
        full.setattr(ReplicaStore, "roll_back", _raiser(_FULL))
        fault = master.send(BatchKind.SYNC, 1, *_SYNC)
        assert isinstance(fault, Fault)
        assert fault.code == "ER00408"
        master.end()
        again = Master(engine, tmp_path)
        refused = again.hear()
        assert isinstance(refused, Refused)
        assert refused.code == "ER00408"
        again.end()
    take_it_all(engine, tmp_path)


STEPS: list[tuple[object, str, Exception]] = [
    (replica_module, "clear_mark", _FULL),
    (Replica, "begin_stream", _FULL),
    (Replica, "opened", _FULL),
    (AppliedIndex, "troubles", sqlite3.OperationalError("database or disk is full")),
    (stream_module, "ReplicaScripts", _FULL),
    (ReplicaStream, "_send", RuntimeError("a bug")),
    (HashAnswers, "__init__", OSError(errno.EMFILE, os.strerror(errno.EMFILE))),
    (ReplicaStream, "_read_frame", RuntimeError("a bug")),
    (Ahead, "__init__", OSError(errno.EMFILE, os.strerror(errno.EMFILE))),
    (Ahead, "_prepared", _FULL),
    (Ahead, "_prepared", RuntimeError("a bug")),
    (Incoming, "_joined_sync", RuntimeError("a bug")),
    (EventStore, "append", sqlite3.OperationalError("database or disk is full")),
    (ReplicaScripts, "before", _FULL),
    (ReplicaScripts, "close", RuntimeError("a bug")),
    (HashAnswers, "close", RuntimeError("a bug")),
    (Ahead, "close", RuntimeError("a bug")),
    (incoming_module, "clean_ahead", RuntimeError("a bug")),
    (stream_module, "render", RuntimeError("a bug")),
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("owner", "name", "error"), STEPS, ids=[f"{s[1]}-{type(s[2]).__name__}" for s in STEPS]
)
def test_whatever_fails_in_a_stream_leaves_its_place_free(
    owner: object, name: str, error: Exception, engine: ReplicaEngine, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    with monkeypatch.context() as broken:
        broken.setattr(owner, name, _raiser(error))
        master = Master(engine, tmp_path)
        if isinstance(master.hear(), Welcome):
            # The end comes with this, where it has not come before.
            master.send(BatchKind.SYNC, 1, *_SYNC)
            master.send(BatchKind.STREAM, 7, put(b"out of order", b""))
        master.end()
    take_it_all(engine, tmp_path)


@pytest.mark.parametrize("part", range(4))
def test_a_disk_that_is_full_at_any_write_of_a_stream_leaves_its_place_free(
    part: int, engine: ReplicaEngine, tmp_path: Path
) -> None:
    take_it_all(engine, tmp_path)
    with NoRoom(lambda thread: thread is not threading.main_thread()) as disk:
        take_it_all(engine, tmp_path)
        calls = disk.calls
        assert calls > 20
        for at in range(1 + part, calls + 1, 16):
            disk.begin(at)
            master = Master(engine, tmp_path)
            if isinstance(master.hear(), Welcome):
                master.send(BatchKind.SYNC, 1, *_SYNC)
            master.end()
            assert master.raised is None
        disk.end()
        take_it_all(engine, tmp_path)


def test_a_reader_that_fails_ends_its_stream(
    engine: ReplicaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(HashAnswers, "ask", _raiser(_FULL))
        master = Master(engine, tmp_path)
        assert isinstance(master.hear(), Welcome)
        master.link.tell(HashRequest(1, 0, (HashItem(b"a", 0, 10),)))
        assert isinstance(master.hear(), Fault)
        assert master.hear() is None
        master.end()
    take_it_all(engine, tmp_path)


def test_of_many_that_come_at_once_one_at_a_time_is_taken(
    engine: ReplicaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard, most, inside = threading.Lock(), 0, 0
    serve = ReplicaStream._serve

    def counted(self: ReplicaStream, replica: Replica, incoming: Incoming) -> None:
        nonlocal most, inside
        with guard:
            inside += 1
            most = max(most, inside)
        try:
            assert replica.streaming
            serve(self, replica, incoming)
        finally:
            with guard:
                inside -= 1

    monkeypatch.setattr(ReplicaStream, "_serve", counted)
    masters = [Master(engine, tmp_path) for _ in range(8)]
    for master in masters:
        assert isinstance(master.hear(30), Welcome | None)
    for master in masters:
        master.end()
        assert master.raised is None
    assert most == 1
    take_it_all(engine, tmp_path)


def _raiser(error: Exception) -> Callable[..., Any]:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises
