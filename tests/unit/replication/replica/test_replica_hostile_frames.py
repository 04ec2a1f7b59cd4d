"""Frames that no honest master sends: refused with a code, and nothing of the replica changes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgpack
import pytest

from app.model.entry import EntryKind, Metadata
from app.model.rewind import PointKind
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.codec import encode
from app.replication.definition import to_xml
from app.replication.events import EventStore
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Batch,
    BatchKind,
    Committed,
    Fault,
    Fetched,
    FetchRequest,
    Frame,
    Hello,
    ListRequest,
    Ping,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.link import FRAME_MAX_BYTES
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Mark,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.replica.engine import ReplicaEngine
from tests.support.replica_link import MemoryLink, pair
from tests.support.replica_tree import directory_metadata, file_metadata, make, picture, put

NOW = datetime(2026, 1, 1, tzinfo=UTC)
U63 = (1 << 63) - 1


def definition(base: Path, *, number: int = 77, replica: Path | None = None) -> Scenario:
    return Scenario(
        number,
        "Files",
        ServerType.FILE_SERVER,
        ProductType.DR,
        "localhost",
        (Root(b"/master/data"),),
        (ReplicaSpec("localhost", (os.fsencode(replica or base / "replica"),)),),
    )


class Bench:
    """A replica's engine with one synchronised scenario, and everything that must not change."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "engine").mkdir()
        (base / "outside").mkdir()
        (base / "outside/f").write_bytes(b"precious")
        self.events = EventStore(str(base / "events.sqlite3"), "localhost")
        self.engine = ReplicaEngine(str(base / "engine"), "localhost", self.events)
        self.engine.start()
        self.scenario = definition(base)
        self.threads: list[threading.Thread] = []
        link = self.connect()
        self.batch(link, BatchKind.SYNC, 1, Mark(PointKind.SYNCHRONIZATION, "s1", "begin", NOW),
                   make(b"d"), put(b"d/f", b"content"), put(b"big", b"x" * 200_000),
                   Mark(PointKind.SYNCHRONIZATION, "s2", "end", NOW))  # fmt: skip
        away = Metadata(EntryKind.SYMLINK, 0o777, 0, 0, 0, 0, (), os.fsencode(base / "outside"))
        self.batch(link, BatchKind.STREAM, 1, MakeEntry(0, b"away", away), put(b"g", b"g"))
        self.end(link)

    def open(self) -> MemoryLink:
        ours, theirs = pair()
        thread = threading.Thread(target=self.engine.serve, args=(theirs,), name="hostile")
        thread.start()
        self.threads.append(thread)
        return ours

    def connect(self, scenario: Scenario | None = None) -> MemoryLink:
        link = self.open()
        link.tell(Hello(PROTOCOL_VERSION, to_xml(scenario or self.scenario), "localhost", "e1", 1, 0))
        link.hear(Welcome)
        return link

    def batch(self, link: MemoryLink, kind: BatchKind, first: int, *records: Record) -> list[Frame]:
        link.tell(Batch(kind, "e1", first, tuple(encode(record) for record in records)))
        return self.answers(link)

    def answers(self, link: MemoryLink) -> list[Frame]:
        """Everything up to the one that ends it."""
        found: list[Frame] = []
        while not found or not isinstance(found[-1], Committed | Fault | Refused):
            data = link.receive(20.0)
            assert data is not None, f"nothing came after {found}"
            found.append(decode_frame(data))
        return found

    def end(self, link: MemoryLink) -> None:
        link.close()
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()
        self.threads.clear()

    def state(self) -> dict[str, object]:
        home = self.base / "engine/replica/77"
        files = {
            str(path.relative_to(self.base)): path.read_bytes()
            for folder in (home / "undo", self.base / "engine/side")
            for path in sorted(folder.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
        database = sqlite3.connect(home / "applied.sqlite3")
        index = sorted(database.iterdump())
        database.close()
        return {
            "tree": picture(self.base / "replica"),
            "outside": picture(self.base / "outside"),
            "files": files,
            "index": index,
        }

    def close(self) -> None:
        self.engine.close()
        self.events.close()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    raised: list[object] = []
    monkeypatch.setattr(threading, "excepthook", raised.append)
    made = Bench(tmp_path)
    yield made
    made.close()
    assert raised == []


def raw(*fields: object) -> bytes:
    packed: bytes = msgpack.packb(list(fields), use_bin_type=True)
    return packed


def stream(first: int, *records: Record | bytes, epoch: str = "e1", kind: int = 0) -> bytes:
    packed = [one if isinstance(one, bytes) else encode(one) for one in records]
    return raw(7, kind, epoch, first, packed)


def whole(path: bytes, **changed: object) -> ReplaceFile:
    return ReplaceFile(0, path, file_metadata(1), (Extent(0, 1),), b"x", **changed)  # type: ignore[arg-type]


def damaged(record: Record) -> bytes:
    return encode(record)[:-1]


REFUSED = {
    "garbage": b"\xc1\xff\x00",
    "nothing": b"",
    "a number": b"\x05",
    "a frame kind that does not exist": raw(99, 0),
    "a frame without fields": raw(7),
    "a text that is no UTF-8": b"\x95\x07\x00\xa2\xff\xfe\x03\x90",
    "a batch of another kind": stream(3, kind=9),
    "a gap": stream(9, put(b"new", b"x")),
    "another epoch": stream(3, put(b"new", b"x"), epoch="e2"),
    "no epoch": stream(3, put(b"new", b"x"), epoch=""),
    "a sequence before the first": stream(0, put(b"new", b"x")),
    "a negative sequence": stream(-1, put(b"new", b"x")),
    "the last of all sequences": stream(U63, put(b"new", b"x")),
    "a sequence that does not fit": raw(7, 0, "e1", (1 << 64) - 1, []),
    "a synchronisation that never began": stream(3, put(b"new", b"x"), kind=1),
    "a synchronisation that ends before the first": stream(
        0,
        Mark(PointKind.SYNCHRONIZATION, "s1", "begin", NOW),
        Mark(PointKind.SYNCHRONIZATION, "s2", "end", NOW),
        kind=1,
    ),
    "records that are numbers": raw(7, 0, "e1", 3, [1, 2]),
    "a record that is cut": stream(3, damaged(put(b"new", b"x"))),
    "a good record before a bad one": stream(3, put(b"new", b"x"), damaged(put(b"new2", b"x"))),
    "an unknown record": stream(3, raw(99, 0, b"new")),
    "a path above": stream(3, raw(6, 0, b"../outside/f")),
    "an absolute path": stream(3, raw(6, 0, b"/etc/passwd")),
    "a path with a dot": stream(3, raw(6, 0, b"d/./f")),
    "a path with a zero": stream(3, raw(6, 0, b"d\0f")),
    "a path that is a text": stream(3, raw(6, 0, "d/f")),
    "a rename to above": stream(3, raw(7, 0, b"d/f", b"../f")),
    "a link to above": stream(3, raw(5, 0, b"d/l", b"../outside/f")),
    "a negative root": stream(3, raw(6, -1, b"d")),
    "a root past all": stream(3, raw(6, 1 << 40, b"d")),
    "a negative extent": stream(3, raw(2, 0, b"n", [0, 420, 0, 0, 1, 0, [], b"", 0], [-1, 1], b"x", 0)),
    "extents that overlap": stream(
        3, raw(2, 0, b"n", [0, 420, 0, 0, 4, 0, [], b"", 0], [0, 3, 1, 3], b"xxxxxx", 0)
    ),
    "an extent beyond the size": stream(
        3, raw(2, 0, b"n", [0, 420, 0, 0, 1, 0, [], b"", 0], [0, 2], b"xx", 0)
    ),
    "content that is too short": stream(
        3, raw(2, 0, b"n", [0, 420, 0, 0, 9, 0, [], b"", 0], [0, 9], b"xx", 0)
    ),
    "a negative size": stream(3, raw(2, 0, b"n", [0, 420, 0, 0, -1, 0, [], b"", 0], [], b"", 0)),
    "a size that does not fit": stream(
        3, raw(2, 0, b"n", [0, 420, 0, 0, 1 << 63, 0, [], b"", 0], [], b"", 0)
    ),
    "permissions of more bits": stream(3, raw(4, 0, b"n", [1, 1 << 16, 0, 0, 0, 0, [], b"", 0])),
    "nesting without an end": b"\x91" * 100_000,
    "many empty arrays": b"\xdd" + (3_000_000).to_bytes(4, "big") + b"\x90" * 3_000_000,
    "an array of arrays of nothing": raw(7, [[[]] * 1_000] * 1_000),
    "a map with array keys": b"\x92\x0a\x81\x90\x01",
    "too large": b"\x95\x07\x00\xa2e1\x03\x91\xc6" + (9 << 20).to_bytes(4, "big") + bytes(9 << 20),
    "an answer": encode_frame(Welcome("x", "e1", 1, 1)),
    "an answer to nothing": encode_frame(Committed(BatchKind.STREAM, 3, 1)),
    "a second greeting": encode_frame(Hello(PROTOCOL_VERSION, b"<x/>", "localhost", "e1", 1, 0)),
    "a fetched entry": encode_frame(Fetched(0, b"d/f", file_metadata(1), b"x", True)),
    "a note": raw(11, "no such state", ""),
    "a listing of a root that does not exist": encode_frame(ListRequest(5)),
    "a fetch from a root that does not exist": encode_frame(FetchRequest(5, b"d")),
    "a fetch from above": encode_frame(FetchRequest(0, b"../outside/f")),
    "no zstd": b"\x28\xb5\x2f\xfd" + b"\xff" * 40,
    "a zstd bomb": b"\x28\xb5\x2f\xfd\xa0" + (1 << 31).to_bytes(4, "little") + b"\x01" * 40,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_frame_that_cannot_be_is_refused_and_changes_nothing(bench: Bench, name: str) -> None:
    before = bench.state()
    link = bench.connect()
    link.send(REFUSED[name])
    (answer,) = bench.answers(link)
    assert isinstance(answer, Fault)
    assert answer.code in ("ER00301", "ER00407", "E1010"), answer
    bench.end(link)
    assert bench.state() == before
    # It goes on with an honest one.
    link = bench.connect()
    assert bench.batch(link, BatchKind.STREAM, 3, put(b"honest", b"x"))[-1] == Committed(
        BatchKind.STREAM, 3, bench.engine.status(77).lag_seconds or _change(bench)
    )
    bench.end(link)


def _change(bench: Bench) -> int:
    with bench.engine.freeze(77) as frozen:
        return frozen.change


TROUBLED = {
    "through a link": whole(b"away/new"),
    "blocks through a link": WriteBlocks(0, b"away/f", file_metadata(8), (Extent(0, 1),), b"x"),
    "a rename through a link": Rename(0, b"away/f", b"f"),
    "a link through a link": MakeLink(0, b"f", b"away/f"),
    "metadata through a link": SetMetadata(0, b"away/f", file_metadata(8)),
    "a name that is too long": whole(b"n" * 256),
    "a file as a directory": whole(b"g/new"),
    "the root itself": whole(b""),
    "the removal of the root": Remove(0, b""),
    "a directory into itself": Rename(0, b"d", b"d/in"),
    "a name of ours": whole(b".arcxo-0a1b/new"),
    "a content that was never staged": ReplaceFile(0, b"n", file_metadata(9), (Extent(0, 9),), None, 5),
    "a link to a directory": MakeLink(0, b"n", b"d"),
    "a link to nothing": MakeLink(0, b"n", b"nothing"),
    "blocks of a directory": WriteBlocks(0, b"d", file_metadata(1), (Extent(0, 1),), b"x"),
    "blocks of nothing": WriteBlocks(0, b"nothing", file_metadata(1), (Extent(0, 1),), b"x"),
    "a target that is too long": MakeEntry(
        0, b"n", Metadata(EntryKind.SYMLINK, 0o777, 0, 0, 0, 0, (), b"t" * 60_000)
    ),
    "another root": Remove(7, b"d"),
}


@pytest.mark.parametrize("name", TROUBLED)
def test_a_record_that_cannot_be_carried_out_is_told_and_changes_nothing(bench: Bench, name: str) -> None:
    before = bench.state()
    link = bench.connect()
    first, *_ = bench.batch(link, BatchKind.STREAM, 3, TROUBLED[name])
    assert isinstance(first, Trouble | Fault), first
    assert first.code.startswith("ER004") or first.code in ("ER00301", "E1010"), first
    bench.end(link)
    after = bench.state()
    assert (after["tree"], after["outside"]) == (before["tree"], before["outside"])
    if isinstance(first, Fault):
        assert after == before


def test_a_rename_into_a_link_goes_nowhere_and_asks_for_what_was_moved(bench: Bench) -> None:
    before = bench.state()
    link = bench.connect()
    first, *_ = bench.batch(link, BatchKind.STREAM, 3, Rename(0, b"g", b"away/g"))
    assert isinstance(first, Trouble)
    assert first.path == b"away"
    bench.end(link)
    after = bench.state()
    assert after["outside"] == before["outside"]
    # The master has nothing at the old name any more.
    del before["tree"][b"g"], before["tree"][b""], after["tree"][b""]
    assert after["tree"] == before["tree"]


def test_a_removal_through_a_link_removes_nothing(bench: Bench) -> None:
    before = bench.state()
    link = bench.connect()
    assert isinstance(bench.batch(link, BatchKind.STREAM, 3, Remove(0, b"away/f"))[-1], Committed)
    bench.end(link)
    after = bench.state()
    assert (after["tree"], after["outside"]) == (before["tree"], before["outside"])


@pytest.mark.parametrize("size", [U63, 1 << 60, 1 << 45])
def test_sizes_beyond_any_disk_neither_hang_nor_fail_the_engine(bench: Bench, size: int) -> None:
    before = bench.state()
    link = bench.connect()
    records: list[Record] = [
        ReplaceFile(0, b"huge", file_metadata(size), (), b""),
        WriteBlocks(0, b"g", file_metadata(size), (), b""),
        StageContent(9, size - 1, b"x"),
        ReplaceFile(0, b"staged", file_metadata(size), (Extent(0, size),), None, 9),
        WriteBlocks(0, b"big", file_metadata(size), (Extent(size - 1, 1),), b"x"),
    ]
    for number, record in enumerate(records):
        answers = bench.batch(link, BatchKind.STREAM, 3 + number, record)
        if isinstance(answers[-1], Fault):
            # A disk that is full is told, and the batch comes again.
            assert answers[-1].code == "ER00408"
            bench.end(link)
            assert bench.state()["outside"] == before["outside"]
            return
    bench.end(link)
    assert bench.state()["outside"] == before["outside"]


def test_a_replay_of_what_was_applied_changes_nothing(bench: Bench) -> None:
    before = bench.state()
    link = bench.connect()
    for first in (1, 2):
        answer = bench.batch(link, BatchKind.STREAM, first, put(b"g", b"another"), Remove(0, b"d"))[-1]
        if first == 1:
            assert isinstance(answer, Committed)
            assert answer.seq == 2
            assert bench.state() == before
    bench.end(link)
    # Of the second, the first record had been applied; the other one is new.
    assert b"d" not in picture(bench.base / "replica")
    assert picture(bench.base / "replica")[b"g"] == before["tree"][b"g"]  # type: ignore[index]


def test_marks_of_one_id_may_come_again(bench: Bench) -> None:
    link = bench.connect()
    mark = Mark(PointKind.BOOKMARK, "same", "x" * 4_000, NOW)
    for number in range(3):
        assert isinstance(bench.batch(link, BatchKind.STREAM, 3 + number, mark)[-1], Committed)
    bench.end(link)
    assert [point.id for point in bench.engine.rewind_points(77)].count("same") >= 1


HELLOS = {
    "no definition": b"",
    "no XML": b"<scenario",
    "entities": b'<!DOCTYPE x [<!ENTITY a "b">]><scenario format="1">&a;</scenario>',
    "another format": b'<scenario format="999"/>',
    "deep": b"<a>" * 100_000,
    "large": b"<a>" + b" " * (7 << 20) + b"</a>",
}


@pytest.mark.parametrize("name", HELLOS)
def test_a_greeting_that_cannot_be_read_is_refused(bench: Bench, name: str) -> None:
    before = bench.state()
    link = bench.open()
    link.tell(Hello(PROTOCOL_VERSION, HELLOS[name], "localhost", "e1", 1, 0))
    (answer,) = bench.answers(link)
    assert isinstance(answer, Refused)
    assert answer.code == "E3370"
    bench.end(link)
    assert bench.state() == before


@pytest.mark.parametrize(
    "first",
    [*(encode_frame(one) for one in (Ping(1), Pong(1), ListRequest(0))), b"\x91\x91", raw(11, "x", "")],
)
def test_a_stream_that_does_not_begin_with_a_greeting_is_refused(bench: Bench, first: bytes) -> None:
    before = bench.state()
    link = bench.open()
    link.send(first)
    (answer,) = bench.answers(link)
    assert isinstance(answer, Refused)
    assert answer.code == "ER00301"
    bench.end(link)
    assert bench.state() == before


def test_a_greeting_for_directories_of_others_is_refused(bench: Bench) -> None:
    before = bench.state()
    other = definition(bench.base, number=78, replica=bench.base / "replica/d")
    own = definition(bench.base, number=78, replica=bench.base / "engine")
    above = definition(bench.base, number=78, replica=bench.base)
    for scenario in (other, own, above):
        link = bench.open()
        link.tell(Hello(PROTOCOL_VERSION, to_xml(scenario), "localhost", "e1", 1, 0))
        (answer,) = bench.answers(link)
        assert isinstance(answer, Refused), scenario
        bench.end(link)
    assert bench.state() == before


def test_frames_are_never_larger_than_a_link_takes() -> None:
    assert all(len(frame) <= FRAME_MAX_BYTES or name == "too large" for name, frame in REFUSED.items())


def test_permissions_of_directories_are_kept_after_all_that(bench: Bench) -> None:
    link = bench.connect()
    bench.batch(link, BatchKind.STREAM, 3, SetMetadata(0, b"d", directory_metadata(permissions=0o700)))
    bench.end(link)
    assert (bench.base / "replica/d").stat().st_mode & 0o7777 == 0o700
