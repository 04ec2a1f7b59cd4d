import os
import shutil
import subprocess
import threading
import time

import pytest

from app.model.brake import BrakeChange, BrakeDecision
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.rewind import PointKind
from app.model.scenario import ReplicaState, ScenarioState
from tests.support.capabilities import volume_or_report
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture as whole_picture
from tests.support.trees import without_folder_times

OLD = 1_500_000_000


def picture(directory):
    # That a folder's time has changed is no removal, and may be sent before the first one.
    return without_folder_times(whole_picture(directory))


@pytest.fixture
def replication(tmp_path):
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def many(root, folders, each):
    for number in range(folders):
        folder = root / f"d{number}"
        folder.mkdir(parents=True)
        for name in range(each):
            path = folder / f"f{name}"
            path.write_bytes(b"%d %d\n" % (number, name))
            os.utime(path, (OLD, OLD))


def braked(replication):
    return replication.engine.status(replication.id).replicas[0].state is ReplicaState.BRAKED


def wait_braked(replication):
    until(lambda: braked(replication), 30, "the brake")


def flood(replication, folders=22, gone=12):
    """2,200 files on both sides, then 1,200 are removed, more than the brake allows; the pictures before."""
    many(replication.master, folders, 100)
    (replication.master / "link").symlink_to("d0")
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    for number in range(gone):
        shutil.rmtree(replication.master / f"d{number}")
    wait_braked(replication)
    return before


def test_a_flood_of_removals_is_held_and_accepted_as_a_whole(replication):
    before = flood(replication)
    engine, number = replication.engine, replication.id
    assert picture(replication.replica) == before
    until(lambda: engine.brake_review(number).counts.get("removed_files") == 1200, what="all of it")
    review = engine.brake_review(number, limit=10)
    assert review.braked
    assert review.code == "ER00260"
    assert review.limit_files == 1000
    assert review.counts == {"removed_files": 1200, "removed_folders": 12, "undecided": 1212}
    assert len(review.items) == 10
    assert review.truncated
    status = engine.status(number)
    assert status.state is ScenarioState.PROBLEM
    assert "more than the limit of 1,000" in status.reason
    assert status.replicas[0].reason == status.reason
    with pytest.raises(BusyError, match="safety brake"):
        replication.settle(0.5)
    with pytest.raises(BusyError, match="ER00262"):
        engine.synchronize(number)
    points = replication.replica_engine.rewind_points(number, kinds=[PointKind.BOOKMARK])
    until(
        lambda: (
            [p.id for p in replication.replica_engine.rewind_points(number, kinds=[PointKind.BOOKMARK])]
            == [review.point_id]
        ),
        what=f"the bookmark {points}",
    )
    assert engine.brake_accept(number).lifted
    replication.wait()
    replication.assert_equal()
    assert not (replication.replica / "d0").exists()
    assert replication.codes().count("SR00202") == 1
    assert "CR00101" in replication.codes()
    assert not engine.brake_review(number).braked
    with pytest.raises(BusyError, match="ER00263"):
        engine.brake_accept(number)


def test_a_rejected_flood_comes_back_and_never_reaches_the_replica(replication):
    before = flood(replication)
    inode = (replication.replica / "d0/f0").stat().st_ino
    (replication.master / "later").write_text("meanwhile")
    until(lambda: replication.engine.brake_review(replication.id).counts.get("undecided") == 1212, 30)
    result = replication.engine.brake_reject(replication.id)
    assert (result.decided, result.left, result.lifted, result.restored) == (1212, 0, True, 1212)
    assert result.problems == ()
    replication.wait()
    replication.assert_equal()
    after = picture(replication.master)
    assert {path: after[path] for path in before if path not in ("", ".", b"", b".")} == {
        path: before[path] for path in before if path not in ("", ".", b"", b".")
    }
    assert (replication.replica / "d0/f0").stat().st_ino == inode
    assert (replication.replica / "later").exists()


def test_parts_are_decided_one_by_one(replication):
    flood(replication)
    engine, number = replication.engine, replication.id
    root = os.fsencode(replication.master)
    until(lambda: engine.brake_review(number).counts.get("undecided") == 1212, 30)
    first = engine.brake_accept(number, root + b"/d1")
    assert (first.decided, first.left, first.lifted) == (101, 1111, False)
    assert (replication.replica / "d1/f1").exists()
    second = engine.brake_reject(number, root + b"/d2/f7")
    # Its folder came back, too.
    assert (second.decided, second.restored, second.left) == (1, 1, 1109)
    assert (replication.master / "d2/f7").read_bytes() == b"2 7\n"
    listed = engine.brake_review(number, root + b"/d1")
    assert {item.decision for item in listed.items} == {BrakeDecision.ACCEPTED}
    with pytest.raises(NotFoundError, match="ER00264"):
        engine.brake_accept(number, b"/elsewhere")
    with pytest.raises(NotFoundError, match="ER00271"):
        engine.brake_accept(number, root + b"/elsewhere")
    with pytest.raises(NotFoundError, match="ER00271"):
        engine.brake_reject(number, root + b"/d1/elsewhere")
    assert engine.brake_reject(number, root + b"/d3").restored == 101
    assert engine.brake_accept(number).lifted
    replication.wait()
    replication.assert_equal()
    assert (replication.replica / "d2/f7").exists()
    assert (replication.replica / "d3/f99").exists()
    assert not (replication.replica / "d1").exists()


def test_names_that_shared_a_file_share_it_again_when_they_come_back_one_by_one(replication):
    many(replication.master, 22, 100)
    root = replication.master
    for number in range(3):
        (root / f"d{number}/shared").write_text("one file")
        (root / f"d{number}/twin").write_text("another with the same content")
        os.utime(root / f"d{number}/twin", (OLD, OLD))
    os.link(root / "d0/f1", root / "d20/never lost")
    for number in (1, 2):
        os.unlink(root / f"d{number}/shared")
        os.link(root / "d0/shared", root / f"d{number}/shared")
    replication.run()
    replication.settle()
    for number in range(12):
        shutil.rmtree(root / f"d{number}")
    wait_braked(replication)
    until(lambda: not any((root / f"d{number}").exists() for number in range(12)), 30)
    for path in (b"d1/shared", b"d0", b"d2/shared", b""):
        replication.engine.brake_reject(replication.id, os.fsencode(root) + (b"/" + path if path else b""))
    replication.wait()
    replication.assert_equal()
    assert len({(root / f"d{number}/shared").stat().st_ino for number in range(3)}) == 1
    assert (root / "d0/f1").stat().st_ino == (root / "d20/never lost").stat().st_ino
    assert len({(root / f"d{number}/twin").stat().st_ino for number in range(3)}) == 3


def test_the_brake_survives_restarts_and_a_new_run(replication):
    before = flood(replication)
    replication.engine.close()
    replication.engine = replication.open_engine()
    wait_braked(replication)
    assert picture(replication.replica) == before
    replication.engine.stop(replication.id)
    assert replication.engine.brake_review(replication.id).braked
    with pytest.raises(BusyError, match="ER00251"):
        replication.engine.brake_accept(replication.id)
    replication.engine.run(replication.id)
    wait_braked(replication)
    assert picture(replication.replica) == before
    until(lambda: replication.engine.brake_review(replication.id).counts["removed_files"] == 1200)
    assert replication.engine.brake_accept(replication.id).lifted
    replication.wait()
    replication.assert_equal()


def test_what_is_removed_while_the_engine_is_down_is_held(replication):
    many(replication.master, 30, 100)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    replication.engine.close()
    for number in range(20):
        shutil.rmtree(replication.master / f"d{number}")
    replication.engine = replication.open_engine()
    wait_braked(replication)
    now = picture(replication.replica)
    assert {path: now[path] for path in before if path} == {path: before[path] for path in before if path}
    assert replication.engine.brake_review(replication.id).counts["removed_files"] == 2000


def test_rewriting_most_files_brakes_and_rejecting_keeps_both_versions(replication):
    many(replication.master, 13, 100)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    for path in sorted(replication.master.glob("d*/f*")):
        path.write_bytes(b"encrypted")
    wait_braked(replication)

    def counts():
        return replication.engine.brake_review(replication.id).counts

    # What is counted is read once it is committed.
    until(lambda: counts().get("rewritten_files", 0) >= 1000, 30, "what is held")
    assert "removed_files" not in counts()
    items = replication.engine.brake_review(replication.id).items
    assert {item.change for item in items} == {BrakeChange.REWRITTEN}
    changed = [p for p, value in picture(replication.replica).items() if before[p] != value]
    assert len(changed) < 60  # the few before it was a burst, and their folders
    until(lambda: counts()["rewritten_files"] + 25 > 1300, 30)
    result = replication.engine.brake_reject(replication.id)
    assert result.lifted
    assert result.restored == result.kept_aside
    replication.wait()
    replication.assert_equal()
    assert (replication.master / "d12/f99").read_bytes() == b"12 99\n"
    aside = list(replication.master.glob("d12/f99.rejected-*"))
    assert [path.read_bytes() for path in aside] == [b"encrypted"]


def test_an_emptied_root_of_a_few_files_brakes(replication):
    many(replication.master, 3, 10)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    for number in range(3):
        shutil.rmtree(replication.master / f"d{number}")
    wait_braked(replication)
    assert picture(replication.replica) == before
    review = replication.engine.brake_review(replication.id)
    assert review.code == "ER00261"
    assert review.counts["removed_files"] == 30
    assert replication.engine.brake_reject(replication.id).lifted
    replication.wait()
    replication.assert_equal()
    assert len(list(replication.master.glob("d*/f*"))) == 30


def test_a_vanished_root_brakes_and_goes_on_when_it_is_back(replication):
    many(replication.master, 3, 10)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    away = replication.base / "away"
    os.rename(replication.master, away)
    wait_braked(replication)
    assert replication.engine.brake_review(replication.id).root_lost
    with pytest.raises(ArcxoError, match="ER00268"):
        replication.engine.brake_accept(replication.id)
    with pytest.raises(ArcxoError, match="ER00101"):
        replication.engine.run(replication.id)
    wait_braked(replication)
    assert picture(replication.replica) == before
    os.rename(away, replication.master)
    (replication.master / "new").write_text("x")
    replication.engine.run(replication.id)
    replication.wait()
    replication.assert_equal()
    assert replication.codes().count("SR00202") == 1
    assert not replication.engine.brake_review(replication.id).braked


@pytest.mark.parametrize("decide", ["brake_accept", "brake_reject"])
def test_one_path_does_not_decide_about_a_whole_root_that_is_another_one(replication, decide):
    many(replication.master, 3, 10)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    os.rename(replication.master, replication.base / "away")
    wait_braked(replication)
    replication.master.mkdir()
    with pytest.raises(NotFoundError, match="ER00271"):
        getattr(replication.engine, decide)(replication.id, os.fsencode(replication.master) + b"/d1/f1")
    wait_braked(replication)
    assert replication.engine.brake_review(replication.id).root_lost
    assert picture(replication.replica) == before


def test_a_replaced_root_is_taken_when_accepted_and_filled_when_rejected(replication):
    many(replication.master, 3, 10)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    shutil.rmtree(replication.master)
    wait_braked(replication)
    assert picture(replication.replica) == before
    replication.master.mkdir()
    replication.engine.run(replication.id)
    wait_braked(replication)
    # A new directory may have the old one's inode: then it is the old one, and empty.
    if replication.engine.brake_review(replication.id).root_lost:
        assert replication.engine.brake_reject(replication.id).lifted
    until(lambda: replication.engine.brake_review(replication.id).counts.get("removed_files") == 30)
    wait_braked(replication)
    assert picture(replication.replica) == before
    assert replication.engine.brake_reject(replication.id).restored == 33
    replication.wait()
    replication.assert_equal()
    assert len(list(replication.master.glob("d*/f*"))) == 30


@pytest.mark.parametrize("read", [False, True], ids=["contents never read", "contents known"])
def test_a_copy_in_the_place_of_a_root_is_no_flood(replication, read):
    many(replication.master, 12, 100)
    replication.run()
    replication.settle()
    if read:
        for path in replication.master.glob("d*/f*"):
            path.open("r+b").close()
        replication.settle()
    before = picture(replication.replica)
    copy = replication.master.with_name("copy")
    subprocess.run(["cp", "-a", replication.master, copy], check=True)
    replication.master.rename(replication.master.with_name("original"))
    wait_braked(replication)
    copy.rename(replication.master)
    assert replication.engine.brake_review(replication.id).root_lost
    assert replication.engine.brake_accept(replication.id).lifted
    replication.wait()
    replication.assert_equal()
    assert picture(replication.replica) == before
    assert replication.codes().count("CR00101") == 1


def test_what_is_missing_in_a_root_that_came_back_in_part_is_held_when_rejected(replication):
    many(replication.master, 3, 10)
    replication.run()
    replication.settle()
    before = picture(replication.replica)
    moved = replication.master.with_name("moved")
    replication.master.rename(moved)
    wait_braked(replication)
    replication.master.mkdir()
    shutil.copytree(moved / "d0", replication.master / "d0")
    shutil.copytree(moved / "d1", replication.master / "d1")
    assert replication.engine.brake_review(replication.id).root_lost
    assert replication.engine.brake_reject(replication.id).lifted
    until(lambda: replication.engine.brake_review(replication.id).counts.get("removed_files") == 10, 30)
    wait_braked(replication)
    assert replication.engine.brake_review(replication.id).code == "ER00225"
    assert picture(replication.replica) == before
    assert replication.engine.brake_reject(replication.id).restored == 11
    replication.wait()
    replication.assert_equal()
    assert (replication.replica / "d2/f9").read_bytes() == (moved / "d2/f9").read_bytes()


def test_everyday_work_does_not_brake(replication):
    many(replication.master, 12, 100)
    many(replication.master / "big", 15, 100)
    replication.run()
    replication.settle()
    os.rename(replication.master / "big", replication.master / "renamed")
    shutil.rmtree(replication.master / "d3")
    many(replication.master / "build", 12, 100)
    replication.settle()
    for _ in range(2):
        for number in range(4):
            shutil.rmtree(replication.master / f"build/d{number}")
        time.sleep(0)
        many(replication.master / "build/again", 1, 10)
        shutil.rmtree(replication.master / "build/again")
        if (replication.master / "build/d4").exists():
            for number in range(4, 8):
                os.rename(
                    replication.master / f"build/d{number}", replication.master / f"build/d{number - 4}"
                )
    replication.assert_equal()
    assert "CR00101" not in replication.codes()


def test_the_brake_can_be_off(replication):
    many(replication.master, 13, 100)
    replication.run(brake_percent=0)
    replication.settle()
    for number in range(12):
        shutil.rmtree(replication.master / f"d{number}")
    replication.assert_equal()
    assert "CR00101" not in replication.codes()


def test_a_run_asked_for_while_the_last_one_fails_is_not_forgotten(replication, monkeypatch):
    many(replication.master, 1, 3)
    replication.run()
    replication.settle()
    replication.engine.close()
    replication.master.rename(replication.base / "aside")
    replication.master.mkdir()
    opened, asked = threading.Event(), []
    append = replication.events.append

    def failing(code, severity, **params):
        append(code, severity, **params)
        if code == "CR00101" and not asked:
            assert opened.wait(10)
            replication.master.rmdir()
            (replication.base / "aside").rename(replication.master)
            thread = threading.Thread(target=replication.engine.run, args=(replication.id,))
            thread.start()
            asked.append(thread)
            thread.join(0.3)

    monkeypatch.setattr(replication.events, "append", failing)
    replication.engine = replication.open_engine()
    opened.set()
    until(lambda: asked, 20, "the failure")
    asked[0].join(20)
    replication.wait()
    replication.assert_equal()


@pytest.mark.needs_root
def test_an_unmounted_root_brakes_and_goes_on_when_it_is_mounted_again(tmp_path):
    with volume_or_report(tmp_path, "ext4", 32) as volume:
        image = tmp_path / "ext4.img"
        base = tmp_path / "base"
        base.mkdir()
        replication = Pair(base, master=volume)
        try:
            many(volume, 3, 10)
            os.rmdir(volume / "lost+found")
            replication.run()
            replication.settle()
            before = picture(replication.replica)
            subprocess.run(["umount", "-l", str(volume)], check=True)
            wait_braked(replication)
            assert picture(replication.replica) == before
            assert replication.engine.brake_review(replication.id).root_lost
            replication.engine.close()
            replication.engine = replication.open_engine()
            wait_braked(replication)
            subprocess.run(["mount", "-o", "loop", str(image), str(volume)], check=True)
            (volume / "after").write_text("mounted again")
            replication.engine.run(replication.id)
            replication.wait()
            replication.assert_equal()
            assert replication.codes().count("SR00202") == 1
        finally:
            replication.close()
