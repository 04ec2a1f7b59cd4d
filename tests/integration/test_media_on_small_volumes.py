"""Media sets on real volumes that are really full: spanning, restoring, verifying, purging, erasing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.submission import submit_media
from app.media.api import sessions
from app.model.errors import ArcxoError
from app.model.job import JobKind, JobResult
from tests.support.capabilities import volume_or_report
from tests.support.storage_rig import StorageRig
from tests.support.volumes import mounted_tmpfs

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]

MEGABYTE = 1 << 20


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[StorageRig]:
    made = StorageRig(tmp_path, None)
    yield made
    made.close()


def volumes(rig: StorageRig, stack: contextlib.ExitStack, count: int, megabytes: int = 24) -> list[Path]:
    """So many small volumes, each a device."""
    found = []
    for number in range(count):
        directory = rig.directory / f"v{number}"
        directory.mkdir()
        volume = stack.enter_context(volume_or_report(directory, "ext4", megabytes))
        rig.storage.add_device(str(volume), f"disk{number}")
        found.append(volume)
    return found


def stuff(volume: Path) -> None:
    """Leave not one byte."""
    with contextlib.suppress(OSError), open(volume / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(4096))
    with contextlib.suppress(OSError), open(volume / "filler2", "wb", buffering=0) as filler:
        while True:
            filler.write(b"\0")


def test_a_session_spans_full_volumes_and_what_is_purged_frees_all_of_them(rig: StorageRig) -> None:
    with contextlib.ExitStack() as stack:
        disks = volumes(rig, stack, 3)
        rig.fill(12, size=4 * MEGABYTE)
        job = rig.backup(media_name="M")
        assert job.last_result is JobResult.FINISHED, rig.codes(job)
        assert [sequence for sequence, _ in rig.sets()["M"]] == [1, 2, 3]
        (session,) = rig.sessions()
        assert rig.restored(session) == rig.content()
        for serial in {one.serial for one in rig.catalog.media.media()}:
            check = rig.ended(
                submit_media(rig.catalog, JobKind.MEDIA_VERIFY, {"media": serial, "full": "true"})
            )
            assert check.last_result is JobResult.FINISHED, rig.codes(check)
        # Not one byte is free anywhere: removing and collecting work all the same.
        for disk in disks:
            stuff(disk)
        assert {rig.storage.device(f"disk{number}").code for number in range(3)} == {"E4164"}
        parameters = {"media": session.media_serial, "sessions": str(session.number)}
        purge = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_PURGE, parameters))
        assert purge.last_result is JobResult.FINISHED, rig.codes(purge)
        for disk in disks:
            (media,) = [path for path in disk.iterdir() if (path / "label").exists()]
            assert os.listdir(media / "packs") == []
            for name in ("filler", "filler2"):
                (disk / name).unlink(missing_ok=True)
        rig.fill(12, seed=2, size=4 * MEGABYTE)
        assert rig.backup(media_name="M").last_result is JobResult.FINISHED
        assert len(rig.sets()["M"]) == 3
        assert rig.restored(rig.sessions()[-1]) == rig.content()


def test_a_full_group_waits_and_a_set_is_erased_on_a_full_volume(rig: StorageRig) -> None:
    with contextlib.ExitStack() as stack:
        (disk,) = volumes(rig, stack, 1)
        rig.fill(3, size=4 * MEGABYTE)
        assert rig.backup(media_name="OLD").last_result is JobResult.FINISHED
        stuff(disk)
        rig.fill(2, seed=2, size=4 * MEGABYTE)
        waiting = rig.submit(media_name="NEW", media_wait_minutes=5, span_wait_minutes=5)
        rig.until(lambda: "GROUP0" in rig.catalog.jobs.show(waiting.id).waits_for)
        assert "E4164" in rig.codes(waiting)
        # Space appears: another set is erased.
        assert rig.ended(rig.storage.erase("OLD")).last_result is JobResult.FINISHED
        assert rig.ended(waiting).last_result is JobResult.FINISHED, rig.codes(waiting)
        assert rig.restored(rig.sessions()[0]) == rig.content()


def test_a_read_only_device_gives_its_sessions_and_gets_none(rig: StorageRig, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        (disk,) = volumes(rig, stack, 1)
        rig.fill(2, size=MEGABYTE)
        assert rig.backup(media_name="M").last_result is JobResult.FINISHED
        assert os.system(f"mount -o remount,ro {disk}") == 0
        assert rig.storage.device("disk0").code == "E4163"
        (session,) = rig.sessions()
        assert rig.restored(session) == rig.content()
        job = rig.backup(media_name="M")
        assert (job.last_result, "E4163" in rig.codes(job)) == (JobResult.INCOMPLETE, True)
        erase = rig.ended(rig.storage.erase("M"))
        assert erase.last_result is JobResult.FAILED
        # Nothing is half erased: when it can be written again, the erasing that was agreed to is finished.
        assert os.system(f"mount -o remount,rw {disk}") == 0
        rig.housekeeping().finish_erasing()
        assert (rig.sets(), rig.sessions()) == ({}, [])


def test_a_disk_that_is_not_mounted_is_no_device(rig: StorageRig) -> None:
    point = rig.directory / "usb"
    point.mkdir()
    with mounted_tmpfs(point, "64m"):
        rig.storage.add_device(str(point), "usb")
        rig.fill(2, size=1000)
        assert rig.backup(media_name="M").last_result is JobResult.FINISHED
        (media,) = [path for path in point.iterdir() if (path / "label").exists()]
        assert len(sessions(str(media))) == 1
    assert rig.storage.device("usb").code == "E4165"
    assert rig.backup(media_name="M").last_result is JobResult.INCOMPLETE
    assert os.listdir(point) == []
    with pytest.raises(ArcxoError, match="E4165"):
        rig.storage.set_device_online("usb", online=True)
