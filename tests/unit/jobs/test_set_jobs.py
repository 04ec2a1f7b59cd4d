"""Erasing, renaming, retiring and purging whole sets; devices and groups."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.jobs.home import automatic_media_name
from app.jobs.media_sets import erase_set, set_of
from app.jobs.submission import submit_media
from app.media.api import read_label, relabel
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.job import JobKind, JobResult
from tests.support.faults import Cut, CutAt
from tests.support.storage_rig import StorageRig

SMALL = 600_000


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageRig]:
    made = StorageRig(tmp_path, monkeypatch)
    yield made
    made.close()


def spanned(rig: StorageRig) -> list[str]:
    for name in ("one", "two"):
        rig.add_device(name, SMALL)
    rig.fill(20)
    assert rig.backup(media_name="M").last_result is JobResult.FINISHED
    assert len(rig.sets()["M"]) == 2
    return [f"{rig.directory}/devices/one/M", f"{rig.directory}/devices/two/M.2"]


def test_a_media_without_a_name_never_takes_the_place_of_one_made_in_the_same_minute(
    rig: StorageRig,
) -> None:
    rig.add_device("one", 50 * SMALL)
    rig.fill(2)
    now = datetime.now(UTC)
    for minutes in (0, 1):
        name = automatic_media_name(now + timedelta(minutes=minutes))
        assert rig.backup(media_name=name).last_result is JobResult.FINISHED
    names = set(rig.sets())
    job = rig.ended(rig.storage.format("one", ""))
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert names < set(rig.sets())
    assert len(rig.sessions()) == 2
    (new,) = set(rig.sets()) - names
    assert new.endswith(" (2)")


def test_erasing_takes_every_media_of_the_set_or_none(rig: StorageRig) -> None:
    spanned(rig)
    plan = rig.storage.plan_erase("M")
    assert (len(plan.media), len(plan.sessions), plan.refused) == (2, 1, "")
    away = rig.directory / "devices" / "one"
    os.rename(away, f"{away}.away")
    with pytest.raises(ArcxoError, match="E5203"):
        rig.storage.erase("M")
    assert "sequence 1" in rig.storage.plan_erase("M").missing[0]
    os.rename(f"{away}.away", away)
    job = rig.ended(rig.storage.erase("M"))
    assert job.last_result is JobResult.FINISHED
    assert "W5162" in rig.codes(job)
    assert (rig.sets(), rig.sessions()) == ({}, [])
    assert [os.listdir(rig.directory / "devices" / name) for name in ("one", "two")] == [
        [".arcxo-device"]
    ] * 2


def test_erasing_that_is_cut_anywhere_is_finished_or_never_began(
    rig: StorageRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = spanned(rig)
    kept = rig.directory / "kept"
    shutil.copytree(rig.directory / "devices", kept)
    shutil.copytree(rig.home, rig.directory / "home.kept")

    def erase(at: int) -> bool:
        one = set_of(rig.catalog, "M")
        calls = ("rename", "unlink", "rmdir", "fsync")
        with CutAt(at, calls=calls) as cut, contextlib.suppress(Cut):
            erase_set(rig.catalog, one, lambda *_args, **_params: None, datetime.now(UTC))
        return cut.happened

    at = 1
    while erase(at):
        began = any(key.startswith("erasing.") for key in rig.catalog.settings.all())
        rig.housekeeping().finish_erasing()
        left = [path for path in paths if os.path.exists(path)]
        assert began, at
        assert left == [], at
        assert rig.sets() == {}, at
        assert rig.sessions() == [], at
        assert not [key for key in rig.catalog.settings.all() if key.startswith("erasing.")], at
        # Put it back for the next cut.
        shutil.rmtree(rig.directory / "devices")
        shutil.copytree(kept, rig.directory / "devices")
        for serial in list(rig.sets()):
            rig.catalog.media.remove_media(serial)
        for device in rig.catalog.media.devices():
            rig.storage._register_media(device)
        at += 9 if at > 8 else 1
    assert at > 8


def test_a_set_whose_erasing_was_begun_is_not_used(rig: StorageRig) -> None:
    spanned(rig)
    info = rig.catalog.media.show_media("M")
    paths = {one.serial: "/nowhere/at/all/M" for one in rig.catalog.media.media()}
    rig.catalog.settings.put(f"erasing.{info.set_id}", json.dumps(paths))
    rig.fill(1, seed=3)
    rig.add_device("three", SMALL)
    rig.backup(media_name="M")
    assert rig.sessions()[-1].media_serial not in paths
    rig.housekeeping().finish_erasing()
    assert {one.serial for one in rig.catalog.media.media()} == {rig.sessions()[-1].media_serial}


def test_renaming_names_every_media_and_is_finished_when_cut(rig: StorageRig) -> None:
    paths = spanned(rig)
    assert rig.ended(rig.storage.rename("M", "N")).last_result is JobResult.FINISHED
    assert list(rig.sets()) == ["N"]
    assert rig.sessions()[0].media_name == "N"
    # Only the first label was replaced when the server died.
    label = read_label(paths[0])
    at = datetime.now(UTC)
    relabel(paths[0], label.serial, name="LATER", expires_at=at + timedelta(days=1), at=at)
    rig.housekeeping().finish_erasing()
    assert list(rig.sets()) == ["LATER"]
    assert [read_label(path).name for path in paths] == ["LATER", "LATER"]
    assert read_label(paths[1]).expires_at == at + timedelta(days=1)
    with pytest.raises(UsageError, match="E4101"):
        rig.storage.rename("LATER", "bad\nname")
    # The old name may be given again, beside the directory that still has it.
    assert rig.ended(rig.storage.format("one", "M")).last_result is JobResult.FINISHED
    assert set(rig.sets()) == {"LATER", "M"}


def test_retired_media_are_not_written_to_and_gone_ones_can_be_forgotten(rig: StorageRig) -> None:
    rig.add_device("one", 4 * SMALL)
    rig.fill(2)
    rig.backup(media_name="M")
    assert rig.ended(rig.storage.retire("M")).last_result is JobResult.FINISHED
    rig.backup()
    first, second = rig.sessions()
    assert first.media_serial != second.media_serial
    assert rig.restored(first) == rig.content()
    with pytest.raises(UsageError, match="E5216"):
        rig.storage.retire("M", forget=True)
    shutil.rmtree(f"{rig.directory}/devices/one/M")
    job = rig.ended(rig.storage.retire("M", forget=True))
    assert (job.last_result, "W5162" in rig.codes(job)) == (JobResult.FINISHED, True)
    assert [one.media_serial for one in rig.sessions()] == [second.media_serial]


def test_a_set_that_lost_a_media_for_good_is_given_up_and_the_rest_of_it_erased(rig: StorageRig) -> None:
    spanned(rig)
    with pytest.raises(UsageError, match="E5216"):
        rig.storage.retire("M", forget=True)
    assert "E5216" in rig.storage.plan_erase("M", forget=True).refused
    one = rig.directory / "devices" / "one"
    os.rename(one, f"{one}.away")
    with pytest.raises(ArcxoError, match="E5203"):
        rig.storage.erase("M")
    plan = rig.storage.plan_erase("M", forget=True)
    assert (len(plan.media), len(plan.missing), len(plan.sessions), plan.refused) == (2, 1, 1, "")
    job = rig.ended(rig.storage.retire("M", forget=True))
    assert (job.last_result, "W5162" in rig.codes(job)) == (JobResult.FINISHED, True)
    assert (rig.sets(), rig.sessions()) == ({}, [])
    assert os.listdir(rig.directory / "devices" / "two") == [".arcxo-device"]
    # It turns up again: what it has is of no use alone, and it can be given up as well.
    os.rename(f"{one}.away", one)
    rig.storage.remove_device("one")
    rig.storage.add_device(str(one), "one")
    assert rig.sets() == {"M": [(1, "one")]}
    assert rig.ended(rig.storage.erase("M")).last_result is JobResult.FINISHED
    assert rig.sets() == {}


def test_purging_a_session_frees_what_it_used_on_all_media_of_its_set(rig: StorageRig) -> None:
    paths = spanned(rig)
    (session,) = rig.sessions()
    parameters = {"media": session.media_serial, "sessions": str(session.number)}
    job = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_PURGE, parameters))
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert [os.listdir(f"{path}/packs") for path in paths] == [[], []]
    # There is room again on the first one.
    rig.fill(9, seed=9)
    assert rig.backup(media_name="M").last_result is JobResult.FINISHED
    assert len(rig.sets()["M"]) == 2


# -- devices and groups --------------------------------------------------------------------------------------


def test_a_removed_device_takes_nothing_with_it(rig: StorageRig) -> None:
    path = rig.add_device("one", 4 * SMALL)
    rig.fill(2)
    rig.backup(media_name="M")
    (session,) = rig.sessions()
    assert rig.storage.device("one").sessions == 1
    rig.storage.remove_device("one")
    assert rig.sessions() == [session]
    rig.storage.add_device(str(path), "again")
    assert rig.restored(session) == rig.content()
    assert rig.catalog.media.show_media("M").device == "again"


def test_places_that_cannot_be_a_device_are_refused(rig: StorageRig) -> None:
    one = rig.add_device("one", SMALL)
    for path in (str(one), f"{one}/sub", str(one.parent), f"{rig.home}/x", "/data/master7/sub"):
        with pytest.raises(UsageError, match="E5221"):
            rig.storage.add_device(path, "bad")
    with pytest.raises(UsageError, match="E5220"):
        rig.storage.add_device(str(rig.directory / "else"), "one")
    with pytest.raises(UsageError, match="E5219"):
        rig.storage.add_device(str(rig.directory / "else"), "a\nb")
    with pytest.raises(ArcxoError, match="E4161"):
        rig.storage.add_device(str(rig.directory / "no" / "such"), "deep")
    (rig.directory / "file").write_text("")
    with pytest.raises(ArcxoError, match="E4162"):
        rig.storage.add_device(str(rig.directory / "file"), "file")
    (rig.directory / "odd").mkdir()
    (rig.directory / "odd" / ".arcxo-device").write_text("garbage")
    with pytest.raises(ArcxoError, match="E4166"):
        rig.storage.add_device(str(rig.directory / "odd"), "odd")


def test_a_group_that_jobs_name_stays(rig: StorageRig) -> None:
    rig.add_device("one", SMALL, "TAPES")
    rig.storage.assign_group("GROUP0", ["one"])
    rig.limit(rig.add_device("two", SMALL, "TAPES"), 1000)
    job = rig.submit(device_group="TAPES", media_wait_minutes=5)
    rig.until(lambda: "N5143" in rig.codes(job))
    rig.storage.assign_group("GROUP0", ["two"])
    with pytest.raises(BusyError, match="E5223"):
        rig.storage.remove_group("TAPES")
    rig.catalog.jobs.request_stop(job.id)
    rig.ended(job)
    rig.storage.remove_group("TAPES")
    with pytest.raises(BusyError, match="E5223"):
        rig.storage.remove_group("GROUP0")


def test_checking_and_merging_by_name_mean_all_media_of_the_set(rig: StorageRig) -> None:
    paths = spanned(rig)
    rig.fill(21)
    rig.backup(media_name="M")
    whole = {"media": rig.catalog.media.show_media("M").serial, "set": "true"}
    check = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_VERIFY, whole | {"full": "true"}))
    assert (check.last_result, rig.codes(check).count("N5165")) == (JobResult.FINISHED, 2)
    pack = min(Path(paths[0], "packs").iterdir())
    content = bytearray(pack.read_bytes())
    content[5_000] ^= 1
    pack.write_bytes(content)
    check = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_VERIFY, whole | {"full": "true"}))
    assert check.last_result is JobResult.FAILED
    assert all(one.damaged for one in rig.sessions())
    content[5_000] ^= 1
    pack.write_bytes(content)
    known = rig.sessions()
    for one in known:
        rig.catalog.sessions.remove(one.media_serial, one.number)
    merge = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_MERGE, whole))
    assert merge.last_result is JobResult.FINISHED, rig.codes(merge)
    assert [one.number for one in rig.sessions()] == [one.number for one in known]
    assert rig.restored(rig.sessions()[-1]) == rig.content()
