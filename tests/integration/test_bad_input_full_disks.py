"""Small volumes that get full: the replica goes on by itself, the media keeps what was committed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home, until
from tests.support.bad_input import Pair, log_of
from tests.support.capabilities import volume_or_report
from tests.support.trees import assert_identical

pytestmark = [pytest.mark.slow, pytest.mark.needs_root, pytest.mark.xdist_group("bad-disks")]


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A volume of 48 MB; used by a home that is stopped before it is unmounted."""
    with volume_or_report(tmp_path, "ext4", 48) as made:
        yield made


@pytest.fixture
def master(tmp_path: Path) -> Path:
    made = tmp_path / "master"
    made.mkdir()
    (made / "first").write_bytes(os.urandom(1_000_000))
    return made


def _fill(volume: Path, leave: int) -> Path:
    """Occupy the volume but for `leave` bytes."""
    ballast = volume / "ballast"
    free = os.statvfs(volume).f_bavail * os.statvfs(volume).f_frsize
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(4096, free - leave))
    return ballast


def test_replica_goes_on_by_itself_when_its_full_disk_has_room_again(
    tmp_path: Path, volume: Path, master: Path
) -> None:
    with running_home(tmp_path) as arcxo:
        pair = Pair(arcxo, "full", master, volume / "replica")
        pair.run()
        ballast = _fill(volume, 4_000_000)
        for number in range(12):
            (master / f"more-{number}").write_bytes(os.urandom(1_000_000))
        told = until(lambda: _reason(pair), "the reason to be shown")
        assert "full" in told.lower() or "space" in told.lower(), told
        assert str(volume) in told, told
        # What was there stays, and changes go on being kept.
        assert (pair.replica / "first").read_bytes() == (master / "first").read_bytes()
        (master / "first").write_bytes(b"changed meanwhile")
        ballast.unlink()
        pair.in_sync()
        assert _reason(pair) == ""
        events = arcxo.text("scenario", "events", "full")
        assert "full" in events.lower() or "space" in events.lower(), events


def _reason(pair: Pair) -> str:
    replica = pair.status()["replicas"][0]
    return str(replica["reason"])


def test_initial_synchronisation_on_a_full_disk_finishes_when_there_is_room(
    tmp_path: Path, volume: Path, master: Path
) -> None:
    for number in range(8):
        (master / f"more-{number}").write_bytes(os.urandom(1_000_000))
    ballast = _fill(volume, 3_000_000)
    with running_home(tmp_path) as arcxo:
        pair = Pair(arcxo, "full", master, volume / "replica")
        arcxo.text("scenario", "run", "full")
        told = until(lambda: _reason(pair), "the reason to be shown")
        assert str(volume) in told, told
        ballast.unlink()
        pair.in_sync()


def test_full_media_ends_the_job_and_keeps_what_was_committed(
    tmp_path: Path, volume: Path, master: Path
) -> None:
    arcxo = Arcxo(tmp_path / "home")
    arcxo.text("init", "--password-stdin", given="caroot-secret\n")
    # The default device is moved to the small volume before anything is written to it.
    media = arcxo.home / "media"
    shutil.move(media, volume / "media")
    media.symlink_to(volume / "media")
    arcxo.start()
    try:
        pair = Pair(arcxo, "full", master, tmp_path / "replica")
        pair.run()
        assert pair.back_up()["last_result"] == "finished"
        committed = arcxo.json("session", "list")
        ballast = _fill(volume, 4_000_000)
        for number in range(6):
            (master / f"more-{number}").write_bytes(os.urandom(2_000_000))
        arcxo.wait("full", "in-sync")
        submitted = arcxo.json("backup", "--scenario", "full")
        waiting = until(
            lambda: arcxo.json("job", "show", str(submitted["id"]))["waits_for"],
            "the job to wait for a media",
        )
        assert "GROUP0" in waiting
        log = log_of(arcxo, submitted)
        assert "full" in log.lower()
        arcxo.text("job", "stop", str(submitted["id"]))
        ended = arcxo.json("job", "wait", str(submitted["id"]), expect=7)
        assert ended["last_result"] == "canceled"
        assert [one["number"] for one in arcxo.json("session", "list")] == [
            one["number"] for one in committed
        ]
        pair.restore(tmp_path / "restored")
        assert (tmp_path / "restored/first").read_bytes() == (master / "first").read_bytes()
        # With room again, the next backup works on the same media.
        ballast.unlink()
        assert pair.back_up()["last_result"] == "finished"
        pair.restore(tmp_path / "again")
        assert_identical(master, tmp_path / "again")
        log = log_of(arcxo, arcxo.json("media", "verify", pair.newest()["media_serial"], "--full", "--wait"))
        assert "damaged" not in log.replace("0 session(s) damaged", "")
    finally:
        arcxo.stop()
