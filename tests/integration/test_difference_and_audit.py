from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError, BusyError
from app.model.report import Report, ReportedChange, ReportKind
from app.model.scenario import SyncMethod
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import (
    PROTOCOL_VERSION,
    Frame,
    Pong,
    Refused,
    Welcome,
)
from app.replication.inspect_frames import Inquiry, InspectRequest
from app.replication.master import audit
from tests.support.replication_pair import Pair, until

LIMIT_S = 60.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def fill(directory: Path) -> None:
    (directory / "folder" / "deep").mkdir(parents=True)
    for number in range(8):
        (directory / f"file{number}").write_bytes(b"master %d" % number)
        (directory / "folder" / f"inner{number}").write_bytes(os.urandom(70_000))
    (directory / "link").symlink_to("file0")


def shown(pair: Pair, report: Report) -> dict[str, ReportedChange]:
    top = os.fsencode(pair.master) + b"/"
    return {os.fsdecode(item.path.removeprefix(top)): item.change for item in report.items}


def rewrite_keeping_size_and_time(path: Path) -> None:
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    with open(path, "r+b") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def damage(replica: Path) -> dict[str, ReportedChange]:
    (replica / "file0").write_bytes(b"much longer than before")
    os.utime(replica / "file1", ns=(1, 1_400_000_000_000_000_001))
    os.chmod(replica / "file2", 0o600)
    (replica / "file3").unlink()
    (replica / "extra").mkdir()
    (replica / "extra" / "in it").touch()
    (replica / "file4").unlink()
    (replica / "file4").mkdir()
    rewrite_keeping_size_and_time(replica / "folder" / "inner1")
    status = replica.stat()
    os.utime(replica, ns=(status.st_atime_ns, replica.stat().st_mtime_ns))
    return {
        "file0": ReportedChange.SIZE,
        "file1": ReportedChange.TIME,
        "file2": ReportedChange.METADATA,
        "file3": ReportedChange.MISSING,
        "extra": ReportedChange.EXTRA,
        "file4": ReportedChange.TYPE,
    }


def without_root(found: dict[str, ReportedChange], pair: Pair) -> dict[str, ReportedChange]:
    return {path: change for path, change in found.items() if path != str(pair.master)}


def states(directory: Path) -> dict[str, tuple[int, ...]]:
    """What `stat` tells of everything there, but for when it was read."""
    found = {str(path): path.lstat() for path in directory.rglob("*")}
    return {
        path: (one.st_mode, one.st_ino, one.st_uid, one.st_gid, one.st_size, one.st_mtime_ns, one.st_ctime_ns)
        for path, one in found.items()
    }


def test_a_stopped_scenario_is_compared_and_nothing_is_changed(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    running.engine.stop(running.id)
    equal = running.engine.difference(running.id, content=True)
    assert (equal.figures["differences"], equal.figures["in_flight"], equal.items) == (0, 0, ())
    assert equal.figures["compared"] == 20
    assert equal.figures["compared_bytes"] == sum(
        path.lstat().st_size for path in running.master.rglob("*") if path.is_file() and not path.is_symlink()
    )
    expected = damage(running.replica)
    before = states(running.replica)
    quick = running.engine.difference(running.id)
    assert without_root(shown(running, quick), running) == expected
    whole = running.engine.difference(running.id, content=True)
    expected["folder/inner1"] = ReportedChange.CONTENT
    assert without_root(shown(running, whole), running) == expected
    assert whole.figures["differences"] == len(whole.items) == whole.item_count
    assert states(running.replica) == before
    lines = [json.loads(line) for line in Path(whole.file).read_text().splitlines()]
    assert len(lines) == whole.item_count
    few = running.engine.report(running.id, whole.id, limit=2)
    assert (len(few.items), few.truncated, few.item_count) == (2, True, whole.item_count)
    kinds = [report.kind for report in running.engine.reports(running.id)]
    assert kinds.count(ReportKind.DIFFERENCE) == 3
    assert "IR00442" in running.codes()


def test_changes_on_their_way_are_told_apart_while_suspended(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    running.engine.suspend(running.id, "")
    (running.master / "file5").write_bytes(b"waits in the spool")
    (running.master / "new").mkdir()
    (running.master / "new" / "inside").touch()
    os.chmod(running.replica / "file6", 0o600)
    report = running.engine.difference(running.id)
    by_path = {item.path.rpartition(b"/")[2]: item.in_flight for item in report.items}
    assert by_path.pop(b"file6") is False
    assert by_path.pop(b"file5") is True
    assert by_path.pop(b"new") is True
    assert report.figures["differences"] == 1, report
    running.engine.resume(running.id, "")
    running.settle()


def test_comparing_while_it_replicates_finds_no_difference_in_what_moves(running: Pair) -> None:
    fill(running.master)
    running.run()
    for number in range(300):
        (running.master / f"moving{number}").write_bytes(b"m" * number)
    report = running.engine.difference(running.id, content=True)
    assert report.figures["differences"] == 0, report
    running.assert_equal()


def test_a_replica_that_cannot_be_reached_is_an_error(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    running.engine.stop(running.id)
    running.connector.reachable = False
    with pytest.raises(ArcxoError, match="ER00202"):
        running.engine.difference(running.id)
    assert running.engine.reports(running.id)[0].kind is not ReportKind.DIFFERENCE


def test_an_audit_finds_and_mends_what_nothing_else_notices(running: Pair) -> None:
    fill(running.master)
    # What changed shortly before the stop is compared by content, and would show it too early.
    until(lambda: time.time() - (running.master / "folder/inner1").stat().st_ctime > 3)
    running.run()
    running.settle()
    running.engine.stop(running.id)
    rewrite_keeping_size_and_time(running.replica / "folder" / "inner1")
    running.engine.run(running.id)
    running.wait()
    running.settle()
    assert (running.replica / "folder/inner1").read_bytes() != (running.master / "folder/inner1").read_bytes()
    running.engine.audit_now(running.id)
    until(lambda: "IR00454" in running.codes(), LIMIT_S, f"{running.codes()[-5:]}")
    found = [event for event in running.events.newer_than(0, 1000) if event.code == "ER00450"]
    assert [(event.params["path"], event.params["what"]) for event in found] == [
        (str(running.master / "folder/inner1"), "content")
    ]
    assert "SR00452" in running.codes()
    running.assert_equal()


def test_an_audit_goes_on_where_it_was_and_is_quiet_when_all_is_equal(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    running.engine.audit_now(running.id)
    until(lambda: "IR00454" in running.codes(), LIMIT_S, "an audit")
    assert "ER00450" not in running.codes()
    kept = json.loads((running.home / "engine/master" / str(running.id) / "audit.json").read_text())
    assert kept["replicas"]["localhost"]["running"] is False


def test_statistics_count_what_was_done_and_go_on_after_a_restart(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    master = running.master
    (master / "a").mkdir()
    (master / "a" / "b").mkdir()
    for name in ("file0", "file1"):
        with open(master / name, "ab") as file:
            file.write(b", changed")
    running.settle()
    (master / "file2").unlink()
    (master / "file3").rename(master / "renamed")
    running.settle()
    (root,) = running.engine.status(running.id).roots
    assert (root.folders_created, root.files_changed, root.removed, root.renamed) == (2, 2, 1, 1)
    running.restart_master()
    (master / "c").mkdir()
    running.settle()
    (again,) = running.engine.status(running.id).roots
    assert (again.folders_created, again.files_changed, again.removed, again.renamed) == (3, 2, 1, 1)
    assert again.files == 15
    running.engine.stop(running.id)
    (stopped,) = running.engine.status(running.id).roots
    assert stopped == again
    kinds = [report.kind for report in running.engine.reports(running.id)]
    assert kinds[:2] == [ReportKind.SCENARIO, ReportKind.REPLICATION]
    report = running.engine.report(running.id, running.engine.reports(running.id)[1].id)
    assert report.roots == (again,)
    assert report.figures["since_start_removed"] == 1


def test_one_comparison_of_a_replica_runs_at_a_time(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    reporting = running.engine._reporting
    reporting._comparing[running.id, "localhost"] = None  # type: ignore[assignment]
    with pytest.raises(BusyError, match="ER00444"):
        running.engine.difference(running.id)


def test_an_audit_leaves_what_others_changed_to_the_handling_of_drift(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    until(lambda: running.replica_engine.drift(running.id, 9).checked_at is not None, LIMIT_S, "a comparison")
    (running.replica / "file0").write_bytes(b"somebody's own")
    until(lambda: running.replica_engine.drift(running.id, 9).count == 1, LIMIT_S, "drift")
    running.engine.audit_now(running.id)
    until(lambda: "IR00454" in running.codes(), LIMIT_S, "an audit")
    assert "ER00450" not in running.codes()
    assert (running.replica / "file0").read_bytes() == b"somebody's own"


def test_a_synchronisation_reports_what_it_sent_and_removed(running: Pair) -> None:
    fill(running.master)
    (running.replica / "old").write_bytes(b"goes away")
    running.run()
    running.settle()
    (found,) = (r for r in running.engine.reports(running.id) if r.kind is ReportKind.SYNCHRONIZATION)
    report = running.engine.report(running.id, found.id)
    by_path = shown(running, report)
    assert by_path["old"] is ReportedChange.REMOVED
    assert by_path["file0"] is ReportedChange.MODIFIED
    assert report.figures["removed"] == 1
    assert report.figures["modified"] == report.item_count - 1
    assert {item.size_bytes for item in report.items if item.path.endswith(b"/old")} == {9}
    assert "IR00405" in running.codes()


@pytest.mark.parametrize("sync", [SyncMethod.FILE, SyncMethod.BLOCK])
def test_what_was_compared_and_is_the_same_is_not_reported_as_sent(running: Pair, sync: SyncMethod) -> None:
    fill(running.master)
    for name in ("large", "other large"):
        (running.master / name).write_bytes(os.urandom(3_000_000))
    running.run(sync=sync, ignore_same_size_time=False)
    running.settle()
    running.engine.stop(running.id)
    for name in ("file2", "other large"):
        rewrite_keeping_size_and_time(running.master / name)
    running.engine.run(running.id)
    running.settle()
    newest = running.engine.reports(running.id)[0]
    assert newest.kind is ReportKind.SYNCHRONIZATION
    report = running.engine.report(running.id, newest.id)
    assert set(shown(running, report)) == {"file2", "other large"}
    assert report.figures["modified"] == 2


def test_roots_are_quiet_between_two_looks_only_if_nothing_was_written(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    mark = running.engine.quiet_before(running.id, 10.0)
    assert mark is not None
    assert running.engine.quiet_since(running.id, mark, 10.0)
    (running.master / "file0").write_bytes(b"written during the cut")
    assert not running.engine.quiet_since(running.id, mark, 10.0)
    running.settle()
    assert not running.engine.quiet_since(running.id, mark, 10.0)
    again = running.engine.quiet_before(running.id, 10.0)
    assert again is not None
    os.chmod(running.master / "file1", 0o600)
    assert not running.engine.quiet_since(running.id, again, 10.0)
    running.engine.suspend(running.id, "")
    assert running.engine.quiet_before(running.id, 0.5) is None
    running.engine.resume(running.id, "")


def test_an_audit_goes_on_after_a_restart(running: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_RANGE_ENTRIES", 3)
    monkeypatch.setattr(audit, "ENTRIES_PER_S", 8)
    monkeypatch.setattr(audit, "_AGAIN_S", 0.2)
    fill(running.master)
    running.run()
    running.settle()
    path = running.home / "engine/master" / str(running.id) / "audit.json"

    def position() -> dict[str, object]:
        found: dict[str, object] = json.loads(path.read_text())["replicas"]["localhost"]
        return found

    until(path.exists, LIMIT_S, "a plan")
    running.engine.audit_now(running.id)
    until(lambda: position().get("after"), LIMIT_S, "a first part")
    running.restart_master()
    monkeypatch.setattr(audit, "ENTRIES_PER_S", 10_000)
    assert position()["running"] is True
    until(lambda: "IR00454" in running.codes(), LIMIT_S, "the end")
    (event,) = [event for event in running.events.newer_than(0, 1000) if event.code == "IR00454"]
    assert event.params["entries"] == "20"


def test_there_is_no_audit_when_it_is_off(running: Pair) -> None:
    fill(running.master)
    running.run(audit_minutes=0)
    running.settle()
    with pytest.raises(BusyError, match="ER00446"):
        running.engine.audit_now(running.id)


def asked(running: Pair, *frames: Frame) -> list[Frame]:
    """What a replica answers on a link of its own."""
    scenario = running.engine.status(running.id).scenario
    link = running.connector.connect(scenario, scenario.replicas[0], 1.0)
    answers = []
    try:
        for frame in frames:
            link.send(encode_frame(frame))
            data = link.receive(10.0)
            assert data is not None
            answers.append(decode_frame(data))
    finally:
        link.close()
    return answers


def test_an_inquiry_that_makes_no_sense_is_refused(running: Pair) -> None:
    fill(running.master)
    running.run()
    running.settle()
    (unknown,) = asked(running, Inquiry(PROTOCOL_VERSION, 4711, "localhost"))
    assert isinstance(unknown, Refused)
    assert unknown.code == "ER00418"
    (stranger,) = asked(running, Inquiry(PROTOCOL_VERSION, running.id, "another host"))
    assert isinstance(stranger, Refused)
    (old,) = asked(running, Inquiry(PROTOCOL_VERSION + 1, running.id, "localhost"))
    assert isinstance(old, Refused)
    assert old.code == "ER00203"
    inquiry = Inquiry(PROTOCOL_VERSION, running.id, "localhost")
    for strange in (InspectRequest(9, True, b"", 10), InspectRequest(9, False, b"", 10, (b"x",)), Pong(1)):
        welcome, refused = asked(running, inquiry, strange)
        assert isinstance(welcome, Welcome)
        assert isinstance(refused, Refused)
    running.assert_equal()
