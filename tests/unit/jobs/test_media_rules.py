"""Which media backups use: spanning, waiting, append and overwrite, expiry, pools; and erasing whole sets."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.media.intents import Intent
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError
from app.model.job import BackupScript, JobResult, MediaMethod
from app.model.media import Pool, PoolSet
from tests.support.storage_rig import StorageRig

SMALL = 600_000
SAME, ANY = MediaMethod.OVERWRITE_SAME, MediaMethod.OVERWRITE_ANY


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageRig]:
    made = StorageRig(tmp_path, monkeypatch)
    yield made
    made.close()


def test_a_session_goes_on_with_the_next_media_of_the_group(rig: StorageRig) -> None:
    for name in ("one", "two", "three"):
        rig.add_device(name, SMALL)
    rig.fill(30)
    job = rig.backup(media_name="WEEKLY")
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert "W5142" in rig.codes(job)
    assert [sequence for sequence, _ in rig.sets()["WEEKLY"]] == [1, 2, 3]
    (session,) = rig.sessions()
    assert rig.restored(session) == rig.content()
    # The next session builds on it, wherever it lies.
    (rig.replicas[7] / "f000").write_bytes(b"changed")
    assert rig.backup(media_name="WEEKLY").last_result is JobResult.FINISHED
    assert rig.agent.orders[-1].base_session == session.number
    newest = rig.sessions()[-1]
    assert newest.number == session.number + 1
    assert newest.stored_bytes < 60_000
    assert rig.restored(newest) == rig.content()


def test_a_base_on_an_earlier_media_is_built_on(rig: StorageRig) -> None:
    rig.add_device("one", SMALL)
    rig.fill(10)
    rig.backup(media_name="M")
    rig.add_device("two", SMALL)
    rig.fill(16)
    assert rig.backup(media_name="M").last_result is JobResult.FINISHED
    first, second = rig.sessions()
    assert first.media_serial != second.media_serial
    last = rig.agent.orders[-1]
    assert (last.base_session, last.base_media != "") == (first.number, True)
    assert rig.restored(first).keys() == {f"f{number:03}" for number in range(10)}
    assert rig.restored(second) == rig.content()


def test_a_job_waits_for_media_and_goes_on_when_a_device_is_added(rig: StorageRig) -> None:
    rig.add_device("one", SMALL)
    rig.fill(20)
    job = rig.submit(media_name="M", span_wait_minutes=5)
    rig.until(lambda: "N5143" in rig.codes(job))
    rig.until(lambda: "GROUP0" in rig.catalog.jobs.show(job.id).waits_for)
    rig.add_device("two", 2 * SMALL)
    assert rig.ended(job).last_result is JobResult.FINISHED, rig.codes(job)
    assert rig.sets()["M"] == [(1, "one"), (2, "two")]
    assert rig.restored(rig.sessions()[0]) == rig.content()


def test_a_job_goes_on_when_space_appears_on_the_full_device(rig: StorageRig) -> None:
    disk = rig.add_device("one", SMALL)
    rig.fill(20)
    job = rig.submit(media_name="M", span_wait_minutes=5)
    rig.until(lambda: "N5143" in rig.codes(job))
    rig.limit(disk, 3 * SMALL)
    assert rig.ended(job).last_result is JobResult.FINISHED, rig.codes(job)
    assert rig.restored(rig.sessions()[0]) == rig.content()


@pytest.mark.parametrize("devices", [0, 1])
def test_without_media_the_job_becomes_incomplete_after_the_time(rig: StorageRig, devices: int) -> None:
    for number in range(devices):
        rig.add_device(f"small{number}", SMALL)
    rig.limit(rig.add_device("full", SMALL), 1000)
    rig.fill(30)
    job = rig.backup()
    assert job.last_result is JobResult.INCOMPLETE
    codes = rig.codes(job)
    assert codes.index("N5143") < codes.index("E5141")
    # What was written is shared by the next attempt.
    rig.add_device("large", 5 * SMALL)
    assert rig.backup().last_result is JobResult.FINISHED
    assert rig.restored(rig.sessions()[0]) == rig.content()


def test_a_device_that_is_not_mounted_is_left_alone_and_named(rig: StorageRig) -> None:
    gone = rig.add_device("usb", SMALL)
    rig.add_device("disk", 3 * SMALL)
    os.unlink(gone / ".arcxo-device")  # the empty mount point of a disk that is not there
    rig.fill(3)
    job = rig.backup()
    assert job.last_result is JobResult.FINISHED
    assert "E4165" in rig.codes(job)
    assert os.listdir(gone) == []
    shutil.rmtree(gone)
    assert rig.storage.device("usb").code == "E4161"
    rig.storage.set_device_online("disk", online=False)
    assert rig.backup().last_result is JobResult.INCOMPLETE
    with pytest.raises(ArcxoError, match="E4161"):
        rig.storage.set_device_online("usb", online=True)


def test_overwriting_the_same_name_takes_the_whole_set_and_lists_what_is_lost(rig: StorageRig) -> None:
    for name in ("one", "two", "three"):
        rig.add_device(name, SMALL)
    rig.fill(20)
    rig.backup(media_name="M")
    before = {one.serial for one in rig.catalog.media.media()}
    rig.fill(3, seed=2)
    job = rig.backup(media_name="M", method=SAME)
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert rig.codes(job).count("W5162") == 1
    assert "N5205" in rig.codes(job)
    assert not before & {one.serial for one in rig.catalog.media.media()}
    (session,) = rig.sessions()
    assert rig.restored(session) == rig.content()
    # Appending to it keeps it.
    assert rig.backup(media_name="M").last_result is JobResult.FINISHED
    assert len(rig.sessions()) == 2


def test_children_of_one_job_share_what_it_overwrites(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.add_scenario(8, "Mail")
    rig.fill(2)
    rig.fill(2, scenario=8, seed=5)
    for run in range(2):
        job = rig.backup(7, 8, media_name="M", method=SAME)
        assert job.last_result is JobResult.FINISHED, rig.codes(job)
        assert {one.scenario_name for one in rig.sessions()} == {"Files", "Mail"}, run
        assert len(rig.sessions()) == 2
        assert len(rig.sets()["M"]) == 1


def test_any_media_is_overwritten_only_when_no_blank_one_has_room(rig: StorageRig) -> None:
    rig.add_device("one", SMALL)
    rig.fill(9)
    rig.backup(media_name="OLD")
    rig.fill(9, seed=2)
    assert rig.backup(media_name="NEW", method=SAME).last_result is JobResult.INCOMPLETE
    assert "OLD" in rig.sets()
    job = rig.backup(media_name="NEW", method=ANY, span_method=ANY)
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert set(rig.sets()) == {"NEW"}
    assert rig.restored(rig.sessions()[0]) == rig.content()


def test_media_are_protected_until_they_expire(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.fill(3)
    rig.backup(media_name="M", protect_days=5)
    (info,) = rig.catalog.media.media()
    assert info.expires_at is not None
    assert timedelta(days=4) < info.expires_at - datetime.now(UTC) < timedelta(days=5)
    job = rig.backup(media_name="M", method=SAME)
    assert (job.last_result, "E5201" in rig.codes(job)) == (JobResult.FAILED, True)
    assert rig.storage.plan_erase("M").refused
    with pytest.raises(ArcxoError, match="E5201"):
        rig.storage.erase("M")
    with pytest.raises(ArcxoError, match="E5201"):
        rig.storage.format("one", "M")
    assert len(rig.sessions()) == 1
    rig.ended(rig.storage.expire("M", datetime.now(UTC) - timedelta(days=1)))
    job = rig.backup(media_name="M")
    assert (job.last_result, "N5206" in rig.codes(job)) == (JobResult.FINISHED, True)
    rig.ended(rig.storage.expire("M", None))
    assert rig.ended(rig.storage.erase("M")).last_result is JobResult.FINISHED
    assert (rig.sessions(), rig.sets()) == ([], {})


def test_what_is_being_written_is_not_overwritten(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.fill(2)
    rig.backup(media_name="M")
    path = f"{rig.directory}/devices/one/M"
    intent = Intent(DirectoryMediaStore(path), 99, 1)
    job = rig.backup(media_name="M", method=SAME)
    assert job.last_result is JobResult.INCOMPLETE
    assert len(rig.sessions()) == 1
    erase = rig.storage.erase("M")
    rig.until(lambda: "uses M" in rig.catalog.jobs.show(erase.id).waits_for)
    intent.withdraw()
    assert rig.ended(erase).last_result is JobResult.FINISHED
    assert rig.sessions() == []


def test_what_a_job_has_chosen_is_not_overwritten_before_it_writes(rig: StorageRig) -> None:
    rig.add_device("one", 8 * SMALL)
    rig.add_scenario(8, "Mail")
    rig.fill(2)
    rig.fill(2, scenario=8, seed=5)
    rig.backup(media_name="M")
    rig.agent.archiving.clear()
    rig.agent.gate = threading.Event()
    first = rig.submit(7, media_name="M")
    rig.until(rig.agent.archiving.is_set)
    second = rig.submit(8, media_name="M", method=SAME, media_wait_minutes=5)
    rig.until(lambda: "N5143" in rig.codes(second))
    assert len(rig.sessions()) == 1
    rig.agent.gate.set()
    assert rig.ended(first).last_result is JobResult.FINISHED
    assert rig.ended(second).last_result is JobResult.FINISHED, rig.codes(second)
    assert [one.scenario_name for one in rig.sessions()] == ["Mail"]


def test_warnings_tell_what_a_backup_would_overwrite(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.fill(2)
    rig.backup(media_name="M")

    def told(**options: Any) -> list[str]:
        script = BackupScript((7,), ("Files",), **({"media_name": "M"} | options))
        return [one.code for one in rig.storage.destination_warnings(script)]

    assert told() == []
    assert told(method=SAME) == ["W5213"]
    assert told(media_name="", method=ANY) == ["W5214"]
    rig.ended(rig.storage.retire("M"))
    assert told(method=SAME) == ["W5210"]
    rig.ended(rig.storage.retire("M", undo=True))
    rig.storage.add_pool(Pool("P", 1, 1))
    rig.storage.assign_pool("P", "M")
    assert told() == ["W5211"]
    assert told(pool="P", method=SAME) == ["E5202"]
    rig.storage.assign_pool("P", "M", PoolSet.SCRATCH)
    assert told(pool="P", method=SAME) == ["W5213"]


def test_warnings_tell_of_scratch_media_that_an_appending_backup_uses_again(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.storage.add_pool(Pool("P", 1, 1))
    rig.fill(2)
    for name in ("OLD", "NEW"):
        rig.backup(pool="P", media_name=name)

    def told(**options: Any) -> list[tuple[str, str]]:
        script = BackupScript((7,), ("Files",), **({"pool": "P"} | options))
        return [(one.code, one.params["media"]) for one in rig.storage.destination_warnings(script)]

    rig.storage.assign_pool("P", "OLD", PoolSet.SCRATCH)
    assert told() == []  # it goes on behind what is on NEW
    assert told(media_name="THIRD") == [("W5229", "OLD")]
    rig.storage.assign_pool("P", "NEW", PoolSet.SCRATCH)
    # Of the name that is asked for first, then whichever was used longest ago.
    assert told() == told(media_name="THIRD") == [("W5229", "OLD")]
    rig.backup(pool="P", media_name="THIRD")
    assert set(rig.sets()) == {"NEW", "THIRD"}


def test_warnings_tell_which_media_follows_a_full_one_when_any_may(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.fill(2)
    for name in ("A", "B"):
        rig.backup(media_name=name)

    def told(**options: Any) -> list[tuple[str, str]]:
        script = BackupScript((7,), ("Files",), media_name="A", **options)
        return [(one.code, one.params["media"]) for one in rig.storage.destination_warnings(script)]

    assert told() == []
    assert told(span_method=ANY) == [("W5228", "B")]


# -- pools ---------------------------------------------------------------------------------------------------


def test_media_of_a_pool_become_scratch_by_its_rule_and_are_used_again(rig: StorageRig) -> None:
    rig.add_device("one", 20 * SMALL)
    rig.storage.add_pool(Pool("P", 6, 1))
    rig.fill(2)
    for _ in range(3):
        assert rig.backup(pool="P", method=SAME).last_result is JobResult.FINISHED
    pool = rig.storage.pool("P")
    assert (len(pool.save), len(pool.scratch)) == (3, 0)
    assert [move.reason for move in rig.storage.plan_pools("P")] == ["N5232"] * 3
    names = [move.name for move in rig.storage.plan_pools("P")]
    for days, name in enumerate(names):
        used = datetime.now(UTC) - timedelta(days=20 - days)
        rig.catalog.media.put_set(rig.catalog.media.show_media(name).set_id, last_written_at=used)
    moves = rig.storage.plan_pools()
    assert [(move.name, move.now) for move in moves] == [
        (names[0], True),
        (names[1], True),
        (names[2], False),
    ]
    assert moves[2].reason == "N5233"
    rig.housekeeping().move_in_pools()
    assert [code for code, _ in rig.reported] == ["N5227", "N5227"]
    assert {one.name for one in rig.storage.pool("P").scratch} == set(names[:2])
    # Sessions on scratch media are there until they are overwritten: the one used longest ago first.
    assert len(rig.sessions()) == 3
    rig.fill(3, seed=4)
    job = rig.backup(pool="P", method=SAME)
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert {one.media_name for one in rig.sessions()} == set(names)
    assert {one.name for one in rig.storage.pool("P").scratch} == {names[1]}
    assert rig.restored(rig.sessions()[-1]) == rig.content()


def test_backups_without_a_pool_leave_media_of_pools_alone(rig: StorageRig) -> None:
    rig.add_device("one", 20 * SMALL)
    rig.storage.add_pool(Pool("P", 6, 1))
    rig.fill(2)
    rig.backup(pool="P")
    rig.backup()
    rig.backup(pool="P")
    rig.backup(method=ANY)
    saved = rig.storage.pool("P").save
    assert len({one.set_id for one in saved}) == 1
    assert sum(one.sessions for one in saved) == 2
    with pytest.raises(ArcxoError, match="E5202"):
        rig.storage.erase(saved[0].name)


def test_a_spanned_set_takes_scratch_media_when_no_blank_one_has_room(rig: StorageRig) -> None:
    rig.add_device("one", SMALL)
    rig.add_device("two", SMALL)
    rig.storage.add_pool(Pool("P", 0, 0))
    rig.fill(9)
    rig.backup(pool="P", media_name="A")
    rig.fill(9, seed=2)
    rig.backup(pool="P", media_name="B")
    rig.storage.assign_pool("P", "A", PoolSet.SCRATCH)
    rig.fill(20, seed=2)
    job = rig.backup(pool="P", media_name="B")
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert {name: len(places) for name, places in rig.sets().items()} == {"B": 2}
    assert rig.restored(rig.sessions()[-1]) == rig.content()
