from __future__ import annotations

import dataclasses
import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.model.entry import order_key
from app.model.errors import ArcxoError, BusyError
from app.model.rewind import PointKind
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.codec import encode
from app.replication.definition import to_xml
from app.replication.frames import (
    PROTOCOL_VERSION,
    Batch,
    BatchKind,
    Committed,
    Hello,
    Listing,
    ListingEnd,
    ListRequest,
    Ping,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.records import Extent, Mark, Record, Remove, SetMetadata, WriteBlocks
from app.replication.replica.engine import ReplicaEngine
from app.replication.replica.replica import Replica
from app.replication.replica.undo_log import UndoLog
from app.replication.staged import StagedOperation
from tests.support.replica_link import MemoryLink, pair
from tests.support.replica_tree import (
    begin_stream,
    directory_metadata,
    file_metadata,
    make,
    open_store,
    picture,
    put,
)


def definition(base: Path) -> Scenario:
    return Scenario(
        77,
        "Files",
        ServerType.FILE_SERVER,
        ProductType.DR,
        "localhost",
        (Root(b"/master/data"),),
        (ReplicaSpec("localhost", (os.fsencode(base / "replica"),)),),
    )


class Master:
    """The master's end of one stream."""

    def __init__(self, engine: ReplicaEngine, scenario: Scenario) -> None:
        self.link: MemoryLink
        self.link, other = pair()
        self.thread = threading.Thread(target=engine.serve, args=(other,))
        self.thread.start()
        self.link.tell(Hello(PROTOCOL_VERSION, to_xml(scenario), "localhost", "e1", 1, 0))

    def welcome(self) -> Welcome:
        frame = self.link.hear(Welcome)
        assert isinstance(frame, Welcome)
        return frame

    def send(self, kind: BatchKind, first: int, *records: Record) -> Committed:
        self.link.tell(Batch(kind, "e1", first, tuple(encode(record) for record in records)))
        frame = self.link.hear(Committed)
        assert isinstance(frame, Committed)
        return frame

    def synchronize(self, *records: Record) -> None:
        now = datetime.now(UTC)
        begin = Mark(PointKind.SYNCHRONIZATION, "s1", "begin", now)
        assert self.send(BatchKind.SYNC, 1, begin, *records).seq == 1
        assert self.send(BatchKind.SYNC, 1, Mark(PointKind.SYNCHRONIZATION, "s2", "end", now)).seq == 2

    def end(self) -> None:
        self.link.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


def test_stream_synchronises_replicates_and_resumes(engine: ReplicaEngine, tmp_path: Path) -> None:
    scenario = definition(tmp_path)
    master = Master(engine, scenario)
    assert master.welcome().epoch == ""
    master.link.tell(ListRequest(0))
    listing = master.link.hear(Listing)
    assert isinstance(listing, Listing)
    assert [entry.path for entry in listing.entries] == [b""]
    master.link.hear(ListingEnd)
    with pytest.raises(BusyError), engine.freeze(77):
        pass
    master.synchronize(make(b"d"), put(b"d/f", b"1"), put(b"d!", b"2"), put(b"d/\xff", b"3"))
    assert master.send(BatchKind.STREAM, 1, put(b"d/g", b"g"), put(b"h", b"h")).seq == 2
    master.link.tell(Ping(9))
    assert master.link.hear(Pong) == Pong(9)
    master.end()

    again = Master(engine, scenario)
    assert (again.welcome().epoch, again.link is not None) == ("e1", True)
    again.link.tell(ListRequest(0))
    listing = again.link.hear(Listing)
    assert isinstance(listing, Listing)
    paths = [entry.path for entry in listing.entries]
    assert paths == sorted(paths, key=order_key)
    assert set(paths) == {b"", b"d", b"d/f", b"d/g", b"d/\xff", b"d!", b"h"}
    again.link.hear(ListingEnd)
    again.link.tell(Batch(BatchKind.STREAM, "e1", 3, (encode(put(b"gone/x", b"x")),)))
    trouble = again.link.hear(Trouble)
    assert isinstance(trouble, Trouble)
    assert (trouble.path, trouble.code, trouble.final) == (b"gone", "ER00401", False)
    assert isinstance(again.link.hear(Committed), Committed)
    again.end()


@pytest.mark.parametrize("error", [OSError(28, "No space left"), sqlite3.OperationalError("disk is full")])
def test_a_full_disk_refuses_a_stream_until_there_is_room(
    engine: ReplicaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(*_: object) -> None:
        raise error

    with monkeypatch.context() as full:
        full.setattr(Replica, "_write", refuse)
        master = Master(engine, definition(tmp_path))
        refused = master.link.hear(Refused)
        assert isinstance(refused, Refused)
        assert refused.code == "ER00408"
        master.end()
    again = Master(engine, definition(tmp_path))
    assert again.welcome().epoch == ""
    again.end()


def test_changes_rewind_points_and_undo_of_a_rewind(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"1"), make(b"d"), put(b"d/x", b"x"))
    with engine.freeze(77) as frozen:
        incarnation, change = frozen.incarnation, frozen.change
        assert frozen.pairs == ((b"/master/data", os.fsencode(tmp_path / "replica")),)
    master.send(
        BatchKind.STREAM,
        1,
        Mark(PointKind.BOOKMARK, "b1", "before", datetime.now(UTC)),
        put(b"f", b"22"),
        Remove(0, b"d"),
    )
    assert engine.changed_since(77, incarnation, change) == [(0, b"d", "removed"), (0, b"f", "changed")]
    assert engine.changed_since(77, "other", change) is None
    with pytest.raises(BusyError):
        engine.rewind(77, "before")
    master.end()
    points = engine.rewind_points(77)
    assert [point.path for point in points][:2] == [b"/master/data/d", b"/master/data/f"]
    assert [p.text for p in engine.rewind_points(77, kinds=[PointKind.BOOKMARK])] == ["before"]
    plan = engine.plan_rewind(77, "before")
    assert {item.path: item.action.value for item in plan.items} == {
        b"/master/data/f": "overwrite",
        b"/master/data/d": "create",
        b"/master/data/d/x": "create",
    }
    result = engine.rewind(77, "before")
    assert (tmp_path / "replica/f").read_bytes() == b"1"
    assert (tmp_path / "replica/d/x").read_bytes() == b"x"
    assert result.undo_point is not None
    assert result.undo_point.text == "before rewinding to before"
    again = engine.rewind(77, result.undo_point.id)
    assert again.undo_point is not None
    assert again.undo_point.text == f"before rewinding to {result.undo_point.at:%Y-%m-%d %H:%M:%S}"
    assert (tmp_path / "replica/f").read_bytes() == b"22"
    assert not (tmp_path / "replica/d").exists()
    assert engine.status(77).applied_operations > 5


def test_restore_goes_through_the_undo_log(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"now"), put(b"g", b"now"))
    master.end()
    area = engine.begin_restore(77)
    staged = os.path.join(area.directories[0], b"1")
    Path(os.fsdecode(staged)).write_bytes(b"then")
    operations = [
        StagedOperation(0, b"f", file_metadata(4), staged),
        StagedOperation(0, b"l", link_to=b"f"),
        StagedOperation(0, b"g", remove=True),
    ]
    assert engine.apply_staged(77, operations) == []
    engine.end_restore(77, area)
    replica = tmp_path / "replica"
    assert (replica / "f").read_bytes() == (replica / "l").read_bytes() == b"then"
    assert not (replica / "g").exists()
    newest_sync = engine.rewind_points(77, kinds=[PointKind.SYNCHRONIZATION])[0]
    engine.rewind(77, newest_sync.id)
    assert (replica / "f").read_bytes() == (replica / "g").read_bytes() == b"now"


def test_a_restore_makes_directories_and_fills_them_together(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"now"))
    master.end()
    before = picture(tmp_path / "replica")
    area = engine.begin_restore(77)
    staged = os.path.join(area.directories[0], b"1")
    Path(os.fsdecode(staged)).write_bytes(b"then")
    operations = [
        StagedOperation(0, b"d", directory_metadata()),
        StagedOperation(0, b"d/e", directory_metadata()),
        StagedOperation(0, b"d/e/x", file_metadata(4), staged),
        StagedOperation(0, b"d/e", directory_metadata()),
        StagedOperation(0, b"d", directory_metadata(permissions=0o700)),
    ]
    assert engine.apply_staged(77, operations) == []
    engine.end_restore(77, area)
    found = picture(tmp_path / "replica")
    assert found[b"d/e/x"][:2] == (file_metadata(4), b"then")
    assert found[b"d/e"][0] == directory_metadata()
    assert found[b"d"][0] == directory_metadata(permissions=0o700)
    newest_sync = engine.rewind_points(77, kinds=[PointKind.SYNCHRONIZATION])[0]
    engine.rewind(77, newest_sync.id)
    assert picture(tmp_path / "replica") == before


def test_many_restored_files_wait_for_the_disk_together(
    engine: ReplicaEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f0", b"now"))
    master.end()
    area = engine.begin_restore(77)
    operations = []
    for number in range(30):
        staged = os.path.join(area.directories[0], b"%d" % number)
        Path(os.fsdecode(staged)).write_bytes(b"then")
        operations.append(StagedOperation(0, b"f%d" % number, file_metadata(4, modified_ns=10**18), staged))
    synced = []
    sync = UndoLog.sync
    monkeypatch.setattr(UndoLog, "sync", lambda log: (synced.append(log), sync(log))[1])
    assert engine.apply_staged(77, operations) == []
    engine.end_restore(77, area)
    assert len(synced) < 5
    found = picture(tmp_path / "replica")
    assert {found[b"f%d" % number][:2] for number in range(30)} == {
        (file_metadata(4, modified_ns=10**18), b"then")
    }


def test_a_staged_entry_of_another_kind_is_not_put_in_place(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"now"))
    master.end()
    area = engine.begin_restore(77)
    staged = os.path.join(area.directories[0], b"1")
    os.mkfifo(staged)
    (problem,) = engine.apply_staged(77, [StagedOperation(0, b"f", file_metadata(4), staged)])
    engine.end_restore(77, area)
    assert problem.code == "ER00404"
    assert (tmp_path / "replica/f").read_bytes() == b"now"


def test_a_lost_index_costs_no_file_and_begins_an_incarnation(tmp_path: Path) -> None:
    store = open_store(tmp_path / "base", tmp_path / "root")
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [put(b"f", b"1"), make(b"d"), put(b"d/x", b"x"), put(b"f", b"22")])
    first = store.index.incarnation
    before = picture(tmp_path / "root")
    store.close()
    for left in (tmp_path / "base").glob("applied.sqlite3*"):
        left.unlink()
    again = open_store(tmp_path / "base", tmp_path / "root")
    try:
        assert again.undone == 0
        assert picture(tmp_path / "root") == before
        assert again.index.incarnation != first
        assert again.index.position.epoch == ""
    finally:
        again.close()


def test_a_hard_linked_snapshot_keeps_its_content(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"old content"))
    with engine.freeze(77) as frozen:
        snapshot = frozen.sides[0] + b"/snap"
        os.link(frozen.roots[0] + b"/f", snapshot)
    block = WriteBlocks(0, b"f", file_metadata(11), (Extent(0, 3),), b"NEW")
    master.send(BatchKind.STREAM, 1, block)
    master.end()
    assert Path(os.fsdecode(snapshot)).read_bytes() == b"old content"
    assert (tmp_path / "replica/f").read_bytes() == b"NEW content"


def test_a_new_time_alone_does_not_show_in_a_hard_linked_snapshot(
    engine: ReplicaEngine, tmp_path: Path
) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"same content"))
    with engine.freeze(77) as frozen:
        snapshot = frozen.sides[0] + b"/snap"
        os.link(frozen.roots[0] + b"/f", snapshot)
    before = os.stat(snapshot).st_mtime_ns
    touched = dataclasses.replace(file_metadata(12), modified_ns=before + 1_000)
    master.send(BatchKind.STREAM, 1, SetMetadata(0, b"f", touched))
    master.end()
    assert os.stat(snapshot).st_mtime_ns == before
    assert os.stat(tmp_path / "replica/f").st_mtime_ns == before + 1_000
    assert (tmp_path / "replica/f").read_bytes() == b"same content"


def test_two_scenarios_may_not_write_one_directory(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    other = definition(tmp_path)
    inside = ReplicaSpec("localhost", (os.fsencode(tmp_path / "replica" / "in"),))
    second = Master(
        engine, Scenario(78, "Other", other.server_type, other.product, "localhost", other.roots, (inside,))
    )
    refused = second.link.hear(Refused)
    assert isinstance(refused, Refused)
    assert refused.code == "ER00415"
    second.end()
    master.end()


def test_a_vanished_root_is_not_filled_again(engine: ReplicaEngine, tmp_path: Path) -> None:
    master = Master(engine, definition(tmp_path))
    master.welcome()
    master.synchronize(put(b"f", b"1"))
    master.end()
    (tmp_path / "replica").rename(tmp_path / "elsewhere")
    (tmp_path / "replica").mkdir()
    again = Master(engine, definition(tmp_path))
    refused = again.link.hear(Refused)
    assert isinstance(refused, Refused)
    assert refused.code == "ER00414"
    again.end()


def test_check_root_names_the_place_of_the_side_store(engine: ReplicaEngine, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    result = engine.checks.root(os.fsencode(tmp_path / "there"))[0]
    assert (result.code, result.params["place"]) == ("IR00411", "home")
    assert engine.checks.root(os.fsencode(tmp_path / "not" / "there"))[0].fix == "create_directory"
    assert os.listdir(tmp_path / "there") == []


def test_unknown_scenarios_are_named(engine: ReplicaEngine) -> None:
    with pytest.raises(ArcxoError) as caught:
        engine.rewind_points(1)
    assert caught.value.code == "ER00418"
