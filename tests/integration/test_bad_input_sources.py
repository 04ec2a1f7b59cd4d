"""Masters that vanish, are emptied, hold what cannot be read or copied: told by name, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair, break_reading, log_of
from tests.support.capabilities import missing, volume_or_report
from tests.support.trees import assert_identical, fill, picture, without_folder_times

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad-sources")]


@pytest.fixture(scope="module")
def arcxo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arcxo]:
    with running_home(tmp_path_factory.mktemp("bad-sources")) as made:
        yield made


def _files(root: Path, count: int = 20) -> None:
    root.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (root / f"file-{number}").write_text(f"content {number}")


def test_master_missing_at_run_is_refused_and_the_replica_stays(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    _files(master)
    pair = Pair(arcxo, "missing-at-run", master, tmp_path / "replica")
    pair.run()
    pair.stop()
    before = picture(pair.replica)
    master.rename(tmp_path / "away")
    told = arcxo.text("scenario", "run", pair.name, expect=1)
    assert "ER00101" in told
    assert str(master) in told
    assert picture(pair.replica) == before
    (tmp_path / "away").rename(master)
    pair.run()
    pair.in_sync()
    pair.stop()


def test_master_moved_away_while_running_is_no_deletion(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    _files(master)
    pair = Pair(arcxo, "moved-away", master, tmp_path / "replica")
    pair.run()
    before = picture(pair.replica)
    master.rename(tmp_path / "away")
    status = pair.until_problem()
    assert str(master) in status["reason"]
    # Running it meanwhile is refused for the same reason, and it goes on being shown.
    assert "ER00101" in arcxo.text("scenario", "run", pair.name, expect=1)
    assert pair.status()["state"] == "problem"
    assert picture(pair.replica) == before
    (tmp_path / "away").rename(master)
    pair.run()
    pair.in_sync()
    pair.stop()


@pytest.mark.needs_root
def test_master_unmounted_while_running_is_no_deletion(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    master.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "none", master], check=False).returncode:
        missing("root, to mount a tmpfs")
    try:
        _files(master)
        pair = Pair(arcxo, "unmounted", master, tmp_path / "replica")
        pair.run()
        before = picture(pair.replica)
    finally:
        subprocess.run(["umount", "-l", master], check=True)
    until(lambda: not os.path.ismount(master), "the volume to be gone")
    status = pair.until_problem()
    assert str(master) in status["reason"]
    assert picture(pair.replica) == before
    # The empty mount point is no reason to empty the replica either.
    arcxo.text("scenario", "stop", pair.name)
    arcxo.text("scenario", "run", pair.name)
    assert "another directory or file system" in pair.until_problem()["reason"]
    assert picture(pair.replica) == before
    pair.stop()


def test_emptied_master_empties_the_replica_only_when_that_is_accepted(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    _files(master)
    pair = Pair(arcxo, "emptied", master, tmp_path / "replica")
    pair.run()
    pair.stop()
    before = without_folder_times(picture(pair.replica))
    shutil.rmtree(master)
    master.mkdir()
    arcxo.text("scenario", "run", pair.name)
    assert "empty" in pair.until_problem()["reason"]
    assert without_folder_times(picture(pair.replica)) == before
    arcxo.text("scenario", "stop", pair.name)
    arcxo.text("scenario", "run", pair.name)
    assert "empty" in pair.until_problem()["reason"]
    assert without_folder_times(picture(pair.replica)) == before
    arcxo.text("scenario", "brake", pair.name, "accept")
    until(lambda: os.listdir(pair.replica) == [], "the accepted removals")
    pair.stop()


@pytest.mark.needs_root
def test_unreadable_file_of_the_master_is_named_and_the_rest_replicated(arcxo: Arcxo, tmp_path: Path) -> None:
    with volume_or_report(tmp_path, "btrfs") as volume:
        master = volume / "master"
        _files(master)
        (master / "broken").write_bytes(os.urandom(8192))
        break_reading(volume, master / "broken")
        pair = Pair(arcxo, "unreadable", master, tmp_path / "replica")
        arcxo.text("scenario", "run", pair.name)
        until((pair.replica / "file-19").exists, "the readable files")
        told = until(lambda: pair.status()["problems"], "the problem to be told")
        assert str(master / "broken") in str(told)
        assert "Input/output error" in str(told)
        assert str(master / "broken") in arcxo.text("scenario", "show", pair.name)
        assert not (pair.replica / "broken").exists()
        # Written anew it can be read, and arrives by itself.
        (master / "broken").unlink()
        (master / "broken").write_text("whole again")
        pair.in_sync()
        assert until(lambda: not pair.status()["problems"], "the problem to be forgotten")
        pair.stop()
        arcxo.text("scenario", "delete", pair.name, "--yes")


@pytest.mark.needs_root
def test_unreadable_file_makes_the_backup_incomplete_and_is_named(arcxo: Arcxo, tmp_path: Path) -> None:
    with volume_or_report(tmp_path, "btrfs", 256) as volume:
        master = tmp_path / "master"
        _files(master)
        (master / "broken").write_bytes(os.urandom(8192))
        pair = Pair(arcxo, "unreadable-replica", master, volume / "replica")
        pair.run()
        break_reading(volume, pair.replica / "broken")
        job = pair.back_up(expect=3)
        assert job["last_result"] == "incomplete"
        log = log_of(arcxo, job)
        assert job["warnings"] == 1, log
        assert str(master / "broken") in log
        assert "Input/output error" in log
        pair.restore(tmp_path / "restored", path=master)
        (master / "broken").unlink()
        assert sorted(os.listdir(tmp_path / "restored")) == sorted(os.listdir(master))
        pair.stop()
        arcxo.text("scenario", "delete", pair.name, "--yes")


def test_sockets_are_left_out_and_fifos_devices_and_link_loops_copied(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    fill(master)
    os.symlink("round", master / "about")
    os.symlink("about", master / "round")
    os.symlink("..", master / "plain/up")
    if os.geteuid() == 0:
        os.mknod(master / "device", 0o600 | 0o020000, os.makedev(1, 3))
    pair = Pair(arcxo, "special", master, tmp_path / "replica")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(master / "socket"))
        pair.run()
        assert not os.path.lexists(pair.replica / "socket")
        job = pair.back_up()
        assert job["last_result"] == "finished"
    (master / "socket").unlink()
    pair.in_sync()
    pair.back_up()
    pair.restore(tmp_path / "restored")
    assert_identical(master, tmp_path / "restored")
    pair.stop()


def test_longest_names_and_paths_are_replicated_backed_up_and_restored(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    master.mkdir()
    longest = "ü" * 127 + "x"
    assert len(os.fsencode(longest)) == 255
    (master / longest).write_text("longest name")
    deep = b"/".join([b"d" * 199] * 19)
    fd = os.open(master, os.O_RDONLY)
    for part in deep.split(b"/"):
        os.mkdir(part, dir_fd=fd)
        inner = os.open(part, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    with open(os.open("bottom", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=fd), "w") as file:
        file.write("far down")
    os.close(fd)
    pair = Pair(arcxo, "long", master, tmp_path / "replica")
    pair.run()
    pair.in_sync()
    pair.back_up()
    pair.restore(tmp_path / "restored")
    assert_identical(master, tmp_path / "restored")
    bottom = master / os.fsdecode(deep) / "bottom"
    pair.restore(tmp_path / "one", path=bottom)
    assert (tmp_path / "one/bottom").read_text() == "far down"
    # Beside an existing file of that name: the new name must fit, too.
    (tmp_path / "one" / longest).write_text("in the way")
    pair.restore(tmp_path / "one", "--conflict", "rename", path=master / longest)
    contents = {file.read_text() for file in (tmp_path / "one").iterdir()}
    assert contents == {"far down", "in the way", "longest name"}
    pair.stop()


@pytest.mark.deep
def test_names_that_no_file_system_takes_break_nothing(arcxo: Arcxo, tmp_path: Path) -> None:
    long = "ü" * 300
    _files(tmp_path / "master")
    pair = Pair(arcxo, "too-long", tmp_path / "master", tmp_path / "replica")
    pair.run()
    pair.back_up()
    told = arcxo.text("scenario", "create", "n", "--root", f"{tmp_path}/{long}={tmp_path}/r2", expect=2)
    assert "at most 255 bytes" in told
    told = arcxo.text("scenario", "create", "n2", "--root", f"{tmp_path}/master={tmp_path}/{long}", expect=2)
    assert long in told
    assert "ER00112" in arcxo.text(
        "scenario", "create", long, "--root", f"{tmp_path}/master={tmp_path}/r3", expect=2
    )
    for path, to in ((tmp_path / "master" / long, tmp_path / "out"), (pair.master, tmp_path / long)):
        assert "üüüü" in log_of(arcxo, _failed_restore(pair, to, path))
    assert pair.status()["state"] == "replicating"
    pair.stop()


def _failed_restore(pair: Pair, to: Path, path: Path) -> dict[str, int]:
    pair.restore(to, path=path, expect=1)
    jobs = pair.arcxo.json("job", "list")
    return {"id": max(job["id"] for job in jobs)}


# Twenty seconds of several backups.
@pytest.mark.deep
def test_files_rewritten_and_vanishing_during_backups_are_saved_whole(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    master.mkdir()
    stop = threading.Event()

    def churn() -> None:
        turn = 0
        with (master / "appended").open("ab", buffering=0) as growing:
            while not stop.is_set():
                turn += 1
                growing.write(b"%07d\n" % turn)
                (master / "new").write_bytes(b"%d" % (turn % 10) * 100_000)
                os.replace(master / "new", master / f"whole-{turn % 20}")
                if turn % 3 == 0:
                    shutil.rmtree(master / "tree", ignore_errors=True)
                    (master / "tree/inner").mkdir(parents=True)
                    (master / "tree/inner/leaf").write_bytes(b"leaf")
                stop.wait(0.002)

    (master / "whole-0").write_bytes(b"0" * 100_000)
    pair = Pair(arcxo, "churn", master, tmp_path / "replica")
    pair.run()
    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for number in range(3):
            job = pair.arcxo.json("backup", "--scenario", "churn", "--wait")
            assert job["last_result"] == "finished"
            target = tmp_path / f"restored-{number}"
            pair.restore(target)
            for file in target.glob("whole-*"):
                content = file.read_bytes()
                assert len(content) == 100_000
                assert len(set(content)) == 1, f"{file.name} is torn"
            growing = target / "appended"
            lines = growing.read_bytes().split(b"\n") if growing.exists() else [b""]
            assert [int(line) for line in lines[:-1]] == list(range(1, len(lines)))
    finally:
        stop.set()
        thread.join()
    pair.in_sync()
    pair.stop()


def test_filters_decide_what_reaches_the_replica(arcxo: Arcxo, tmp_path: Path) -> None:
    master = tmp_path / "master"
    (master / "cache/deep").mkdir(parents=True)
    (master / "keep").mkdir()
    for name in ("a.txt", "b.tmp", "cache/c.txt", "cache/deep/d.txt", "keep/e.txt", "keep/f.log"):
        (master / name).write_text(name)
    pair = Pair(
        arcxo, "filtered", master, tmp_path / "replica", "--include", "*.txt", "--include", "*.tmp",
        "--exclude", "*.tmp", "--exclude", "cache",
    )  # fmt: skip
    pair.run()
    (master / "keep/late.txt").write_text("late")
    (master / "keep/late.tmp").write_text("late")
    (master / "cache/late.txt").write_text("late")
    arcxo.wait(pair.name, "in-sync")
    found = sorted(str(path.relative_to(pair.replica)) for path in pair.replica.rglob("*") if path.is_file())
    assert found == ["a.txt", "keep/e.txt", "keep/late.txt"]
    # What is left out on the master is left alone on the replica.
    (master / "keep/e.txt").rename(master / "keep/e.log")
    arcxo.wait(pair.name, "in-sync")
    assert not (pair.replica / "keep/e.txt").exists()
    pair.stop()


def test_several_roots_and_several_copies_on_one_machine(arcxo: Arcxo, tmp_path: Path) -> None:
    _files(tmp_path / "one")
    _files(tmp_path / "two")
    arcxo.text(
        "scenario", "create", "roots", "--root", f"{tmp_path}/one={tmp_path}/r/one",
        "--root", f"{tmp_path}/two={tmp_path}/r/two",
    )  # fmt: skip
    second = Pair(arcxo, "second-copy", tmp_path / "one", tmp_path / "copy")
    arcxo.text("scenario", "run", "roots")
    second.run()
    os.rename(tmp_path / "one/file-1", tmp_path / "two/moved over")
    second.in_sync()
    arcxo.wait("roots", "in-sync")
    for name in ("one", "two"):
        assert_identical(tmp_path / name, tmp_path / "r" / name)
    # One machine under two names is one host.
    told = arcxo.text(
        "scenario", "create", "twice", "--replica", "localhost", "--replica", "127.0.0.1",
        "--root", f"{tmp_path}/one={tmp_path}/r3", expect=2,
    )  # fmt: skip
    assert "ER00114" in told
    arcxo.text("scenario", "stop", "roots")
    second.stop()
