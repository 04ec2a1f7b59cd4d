from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.model.drift import DriftKind, DriftReport
from app.model.rewind import PointKind
from app.model.scenario import DriftHandling, Override
from app.replication.replica import drift_handling, drift_watch, drift_worker
from app.replication.replica.drift import Drift
from app.replication.replica.drift_keeping import KeptEdits
from app.replication.replica.engine import ReplicaEngine
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture

LIMIT_S = 60.0


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    # These trees are small: nothing is in a hurry after a listing.
    monkeypatch.setattr(drift_watch, "_AFTER_LISTING_S", 0.0)
    monkeypatch.setattr(drift_worker, "_EVERY_S", 0.05)
    pair = Pair(tmp_path)
    yield pair
    pair.close()


def fill(directory: Path) -> None:
    (directory / "folder" / "deep").mkdir(parents=True)
    for number in range(6):
        (directory / f"file{number}").write_bytes(b"master %d" % number)
        (directory / "folder" / f"inner{number}").write_bytes(b"inner %d" % number)
    (directory / "link").symlink_to("file0")


def drift(pair: Pair) -> DriftReport:
    return pair.replica_engine.drift(pair.id, 1_000)


def watched(pair: Pair) -> None:
    """Wait until the replica is looked after."""
    pair.settle()
    until(lambda: drift(pair).checked_at is not None, LIMIT_S, "the first comparison")


def found(pair: Pair) -> dict[str, DriftKind]:
    top = os.fsencode(pair.replica) + b"/"
    return {os.fsdecode(item.path.removeprefix(top)): item.kind for item in drift(pair).items}


def test_what_others_change_is_noticed_and_left_until_the_master_changes_it(running: Pair) -> None:
    fill(running.master)
    running.run()
    watched(running)
    assert found(running) == {}
    replica = running.replica
    (replica / "file0").write_bytes(b"edited here, longer")
    (replica / "new").write_bytes(b"made here")
    (replica / "made").mkdir()
    (replica / "made" / "inside").write_bytes(b"with its folder")
    (replica / "file1").unlink()
    (replica / "file2").rename(replica / "moved")
    os.chmod(replica / "file3", 0o611)
    os.setxattr(replica / "folder", "user.mine", b"1")
    os.utime(replica / "file4", ns=(5, 1_500_000_000_123_456_789))
    expected = {
        "file0": DriftKind.CHANGED,
        "new": DriftKind.CREATED,
        "made": DriftKind.CREATED,
        "file1": DriftKind.REMOVED,
        "moved": DriftKind.RENAMED,
        "file3": DriftKind.METADATA,
        "folder": DriftKind.METADATA,
        "file4": DriftKind.CHANGED,
    }
    until(lambda: found(running) == expected, LIMIT_S, f"{found(running)}")
    renamed = next(item for item in drift(running).items if item.kind is DriftKind.RENAMED)
    assert renamed.other == os.fsencode(replica / "file2")
    made = next(item for item in drift(running).items if item.path.endswith(b"/made"))
    assert made.beneath == 1
    events = [event for event in running.events.newer_than(0, 1000) if event.code == "WR00430"]
    done = {event.params["path"]: event.params["what"] for event in events}
    assert done[str(replica / "file0")] == "changed"
    assert done[str(replica / "file3")] == "given other metadata"
    assert (replica / "file0").read_bytes() == b"edited here, longer"
    # A block written on the master goes into a content that is not the master's: all of it is sent.
    with open(running.master / "file0", "ab") as file:
        file.write(b" and more")
    (running.master / "file1").unlink()
    until(lambda: "file0" not in found(running) and "file1" not in found(running), LIMIT_S, "resolved")
    assert (replica / "file0").read_bytes() == b"master 0 and more"


def test_the_masters_state_is_put_back_and_edits_are_kept(running: Pair) -> None:
    fill(running.master)
    running.run(drift=DriftHandling.REVERT)
    watched(running)
    replica = running.replica
    (replica / "file0").write_bytes(b"edited here")
    (replica / "made").mkdir()
    (replica / "made" / "inside").write_bytes(b"made here")
    (replica / "file1").unlink()
    (replica / "file2").rename(replica / "moved")
    os.chmod(replica / "file3", 0o600)
    (replica / "folder" / "inner1").unlink()
    until(lambda: "WR00431" in running.codes(), LIMIT_S, "told")
    until(lambda: drift(running).count == 0, LIMIT_S, "everything put back")
    until(lambda: "IR00434" in running.codes(), LIMIT_S, "told that it was")
    running.assert_equal()
    kept = {item.path: item.kept_path for item in drift(running).kept}
    assert Path(os.fsdecode(kept[os.fsencode(replica / "file0")])).read_bytes() == b"edited here"
    inside = Path(os.fsdecode(kept[os.fsencode(replica / "made")])) / "inside"
    assert inside.read_bytes() == b"made here"


def test_replication_itself_is_never_taken_for_somebody_else(running: Pair) -> None:
    fill(running.master)
    running.run()
    watched(running)
    for number in range(30):
        (running.master / f"more{number}").write_bytes(b"x" * number)
        (running.master / "file0").write_bytes(b"y" * number)
    os.link(running.master / "file3", running.master / "name of file3")
    (running.master / "folder").rename(running.master / "renamed")
    os.chmod(running.master / "file5", 0o640)
    running.settle()
    running.engine.suspend(running.id, "")
    running.engine.stop(running.id)
    point = running.replica_engine.rewind_points(running.id, limit=20)[-1]
    running.replica_engine.rewind(running.id, point.id)
    looked = drift(running).checked_at
    running.replica_engine.drift_worker._watches[running.id]._sweep_due = 0.0
    until(lambda: drift(running).checked_at != looked, LIMIT_S, "compared again")
    assert drift(running).count == 0, drift(running)


def test_a_flood_is_one_event(running: Pair) -> None:
    fill(running.master)
    running.run()
    watched(running)
    for number in range(200):
        (running.replica / f"flood{number}").touch()
    until(lambda: drift(running).count == 200, LIMIT_S, "all found")
    assert "WR00433" in running.codes()
    assert running.codes().count("WR00430") <= 20
    report = running.replica_engine.drift(running.id, 10)
    assert (report.count, len(report.items), report.truncated) == (200, 10, True)


def test_what_happened_while_the_engine_was_down_is_found_and_stamped(running: Pair) -> None:
    fill(running.master)
    running.run()
    watched(running)
    running.engine.stop(running.id)
    with running.replica_engine.freeze(running.id) as frozen:
        before = (frozen.incarnation, frozen.change)
    running.replica_engine.close()
    (running.replica / "file0").write_bytes(b"edited while nobody looked")
    (running.replica / "file1").unlink()
    running.replica_engine = ReplicaEngine(str(running.base / "other"), "localhost", running.events)
    running.replica_engine.start()
    until(lambda: drift(running).count == 2, LIMIT_S, "found")
    changed = running.replica_engine.changed_since(running.id, *before)
    assert changed is not None
    assert {path for _, path, _ in changed} >= {b"file0", b"file1"}
    running.engine.run(running.id)
    running.wait()
    running.assert_equal()
    assert running.codes().count("WR00437") == 2
    until(lambda: drift(running).count == 0, LIMIT_S, "resolved")


def test_an_edit_is_put_back_once_the_master_is_there_again(running: Pair) -> None:
    fill(running.master)
    running.run(drift=DriftHandling.REVERT)
    watched(running)
    running.connector.reachable = False
    running.connector.cut()
    (running.replica / "file0").write_bytes(b"edited while the master is away")
    until(lambda: drift(running).count == 1, LIMIT_S, "found")
    assert drift(running).items[0].reverting
    running.replica_engine.close()
    running.replica_engine = ReplicaEngine(str(running.base / "other"), "localhost", running.events)
    running.replica_engine.start()
    assert (running.replica / "file0").read_bytes() == b"edited while the master is away"
    running.connector.reachable = True
    until(lambda: (running.replica / "file0").read_bytes() == b"master 0", LIMIT_S, "put back")
    until(lambda: drift(running).count == 0, LIMIT_S, "no drift")
    (edit,) = drift(running).kept
    assert Path(os.fsdecode(edit.kept_path)).read_bytes() == b"edited while the master is away"


def test_kept_edits_go_when_their_time_is_over(running: Pair) -> None:
    fill(running.master)
    running.run(drift=DriftHandling.REVERT)
    watched(running)
    (running.replica / "file0").write_bytes(b"edited")
    until(lambda: len(drift(running).kept) == 1 and drift(running).count == 0, LIMIT_S, "put back")
    (edit,) = drift(running).kept
    replica = running.replica_engine.replica_of(running.id)
    with replica.lock:
        assert replica.store is not None
        kept = KeptEdits(replica.store)
        kept.drop_old(int(edit.until.timestamp() * 1e9) - 10**9)
        assert os.path.exists(edit.kept_path)
        kept.drop_old(int(edit.until.timestamp() * 1e9) + 10**9)
        Drift(replica.store).commit()
    assert not os.path.lexists(os.path.dirname(edit.kept_path))
    assert drift(running).kept == ()


def test_a_property_of_one_replica_decides(running: Pair) -> None:
    fill(running.master)
    running.create()
    scenario = running.engine.status(running.id).scenario
    (spec,) = scenario.replicas
    own = replace(spec, overrides=(Override("drift", "revert"),))
    running.engine.update(replace(scenario, replicas=(own,)))
    running.run()
    watched(running)
    (running.replica / "file0").write_bytes(b"edited")
    until(lambda: "WR00431" in running.codes(), LIMIT_S, "told")
    until(lambda: (running.replica / "file0").read_bytes() == b"master 0", LIMIT_S, "put back")


def test_lost_events_cost_a_comparison_of_everything(running: Pair) -> None:
    fill(running.master)
    running.run()
    watched(running)
    watch = running.replica_engine.drift_worker._watches[running.id]
    looked = drift(running).checked_at
    (running.replica / "file0").write_bytes(b"edited")
    for hints in watch._hints:
        hints.take()
        hints.overflowed()
    until(lambda: drift(running).checked_at != looked, LIMIT_S, "compared")
    until(lambda: found(running) == {"file0": DriftKind.CHANGED}, LIMIT_S, "found")


def test_without_watches_everything_is_compared_regularly(
    running: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_watch, "watch_limit", lambda: 4)
    monkeypatch.setattr(drift_watch, "_BLIND_EVERY_S", 0.5)
    fill(running.master)
    running.run()
    watched(running)
    assert not drift(running).watched
    assert "WR00435" in running.codes()
    (running.replica / "folder" / "deep" / "new").touch()
    until(lambda: found(running) == {"folder/deep/new": DriftKind.CREATED}, LIMIT_S, "found")


def test_what_is_made_where_names_are_kept_stays_and_is_no_drift_any_more(running: Pair) -> None:
    fill(running.master)
    running.run(drift=DriftHandling.REVERT, keep_deleted_during_replication=True)
    watched(running)
    (running.replica / "made here").write_bytes(b"stays")
    until(lambda: "WR00431" in running.codes(), LIMIT_S, "told")
    until(lambda: drift(running).count == 0, LIMIT_S, "settled")
    assert (running.replica / "made here").read_bytes() == b"stays"
    (running.replica / "file0").write_bytes(b"edited")
    until(lambda: (running.replica / "file0").read_bytes() == b"master 0", LIMIT_S, "put back")


def test_a_flood_of_edits_is_not_put_back_until_people_have_decided(
    running: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drift_handling, "FLOOD_LEAST", 8)
    fill(running.master)
    running.run(drift=DriftHandling.REVERT)
    watched(running)
    (running.replica / "file0").write_bytes(b"one edit")
    until(lambda: drift(running).count == 0 and drift(running).kept, LIMIT_S, "one is put back")
    edited = [f"file{number}" for number in range(6)] + [f"folder/inner{number}" for number in range(6)]
    for path in edited:
        (running.replica / path).write_bytes(b"somebody else works here")
    until(lambda: "ER00436" in running.codes(), LIMIT_S, "told")
    # Fewer than the limit may have been put back before the others were seen.
    left = [path for path in edited if (running.replica / path).read_bytes() == b"somebody else works here"]
    assert len(edited) - len(left) < 8
    until(lambda: drift(running).count == len(left), LIMIT_S, "all found")
    assert not any(item.reverting for item in drift(running).items)
    assert all((running.replica / path).read_bytes() == b"somebody else works here" for path in left)
    # A synchronisation decides: the master's state comes, and the edits are kept.
    running.engine.synchronize(running.id)
    until(lambda: drift(running).count == 0, LIMIT_S, "the master's state")
    running.assert_equal()
    assert {item.path for item in drift(running).kept} >= {
        os.fsencode(running.replica / path) for path in edited
    }
    (running.replica / "file1").write_bytes(b"one more edit")
    until(lambda: (running.replica / "file1").read_bytes() == b"master 1", LIMIT_S, "put back again")
    assert running.codes().count("ER00436") == 1


def test_a_rewind_across_put_back_drift_gives_what_the_master_had(running: Pair) -> None:
    fill(running.master)
    (running.master / "large").write_bytes(b"a" * 300_000)
    running.run(drift=DriftHandling.REVERT)
    watched(running)
    first = picture(running.master)
    running.engine.bookmark(running.id, "first")
    (running.master / "file0").write_bytes(b"second")
    (running.master / "file5").unlink()
    with (running.master / "large").open("r+b") as file:
        # Blocks in place: taken back in a foreign content they would make something of both.
        file.seek(100_000)
        file.write(b"b" * 10_000)
    running.settle()
    second = picture(running.master)
    running.engine.bookmark(running.id, "second")
    replica = running.replica
    for path in ("file0", "large", "folder/inner0"):
        (replica / path).write_bytes(b"edited here")
    (replica / "made").mkdir()
    (replica / "made" / "inside").write_bytes(b"made here")
    (replica / "file1").unlink()
    (replica / "file2").rename(replica / "moved")
    os.chmod(replica / "file3", 0o600)
    until(lambda: "WR00431" in running.codes(), LIMIT_S, "told")
    until(lambda: drift(running).count == 0, LIMIT_S, "everything put back")
    running.assert_equal()
    (running.master / "file0").write_bytes(b"third")
    (running.master / "file1").write_bytes(b"third")
    running.settle()
    third = picture(running.master)
    running.engine.stop(running.id)
    engine = running.replica_engine
    points = {point.text: point.id for point in engine.rewind_points(running.id, kinds=[PointKind.BOOKMARK])}
    result = engine.rewind(running.id, points["second"])
    assert picture(replica) == second
    engine.rewind(running.id, points["first"])
    assert picture(replica) == first
    # And forth again, over the same log.
    engine.rewind(running.id, points["second"])
    assert picture(replica) == second
    engine.rewind(running.id, result.undo_point.id)
    assert picture(replica) == third
    engine.rewind(running.id, points["first"], [os.fsencode(running.master / "large")])
    assert (replica / "large").read_bytes() == b"a" * 300_000
    assert "WR00423" not in running.codes()


def test_a_rewind_says_where_others_had_destroyed_what_the_master_had(running: Pair) -> None:
    fill(running.master)
    running.run(drift=DriftHandling.REPORT)
    watched(running)
    running.engine.bookmark(running.id, "point")
    (running.replica / "file0").write_bytes(b"edited here")
    until(lambda: "file0" in found(running), LIMIT_S, "found")
    (running.master / "file0").write_bytes(b"something else by now")
    running.assert_equal()
    running.engine.stop(running.id)
    engine = running.replica_engine
    (point,) = engine.rewind_points(running.id, kinds=[PointKind.BOOKMARK])
    engine.rewind(running.id, point.id)
    told = [event for event in running.events.newer_than(0, 1000) if event.code == "WR00423"]
    assert [event.params["path"] for event in told] == ["file0"]
