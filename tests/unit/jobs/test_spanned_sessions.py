"""What a session that goes over several media says of itself, and what is said while one of them is away."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.jobs.copies import readable_session
from app.jobs.submission import submit_media, submit_restore
from app.media.api import format_media
from app.messages.catalogue import render
from app.model.job import Destination, JobKind, JobResult, RestoreScript, RestoreSelection, Structure
from tests.support.storage_rig import StorageRig

SMALL = 600_000
FILES, SIZE = 20, 40_000


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StorageRig]:
    made = StorageRig(tmp_path, monkeypatch)
    for name in ("one", "two"):
        made.add_device(name, SMALL)
    made.fill(FILES, size=SIZE)
    yield made
    made.close()


def _stored(rig: StorageRig) -> int:
    return sum(path.stat().st_size for path in (rig.directory / "devices").glob("*/*/packs/*"))


def test_the_figures_of_a_session_cover_all_media_it_is_on(rig: StorageRig) -> None:
    job = rig.backup(media_name="M")
    assert job.last_result is JobResult.FINISHED
    assert len(rig.sets()["M"]) == 2
    (session,) = rig.sessions()
    assert (session.files, session.size_bytes) == (FILES, FILES * SIZE)
    assert session.new_bytes == FILES * SIZE
    assert session.stored_bytes == _stored(rig)
    assert (job.files, job.stored_bytes) == (session.files, session.stored_bytes)
    used = {one.sequence: one.used_bytes or 0 for one in rig.catalog.media.media()}
    assert min(used.values()) > 0
    assert sum(used.values()) >= _stored(rig)
    # What another session wrote meanwhile is that one's.
    rig.limit(rig.directory / "devices" / "two", 4 * SMALL)
    assert rig.backup(media_name="M").last_result is JobResult.FINISHED
    again = rig.sessions()[-1]
    assert (again.number, again.new_bytes) == (2, 0)
    assert _stored(rig) == session.stored_bytes + again.stored_bytes


def test_a_check_without_one_media_of_the_set_says_so_and_calls_nothing_damaged(rig: StorageRig) -> None:
    rig.backup(media_name="M")
    one = rig.directory / "devices" / "one"
    os.rename(one, f"{one}.away")
    last = next(each for each in rig.catalog.media.media() if each.sequence == 2)
    job = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_VERIFY, {"media": last.serial, "full": "true"}))
    assert job.last_result is JobResult.INCOMPLETE
    codes = rig.codes(job)
    assert ("E5178" in codes, "E4147" in codes) == (True, False)
    (line,) = [each for each in rig.catalog.log.list(job_id=job.id) if each.code == "E5178"]
    assert line.params["sessions"] == "1"
    assert "sequence 1, device one" in line.params["missing"]
    (session,) = rig.sessions()
    assert (session.damaged, session.verified_at) == (False, None)
    scan = rig.ended(
        submit_media(rig.catalog, JobKind.MEDIA_SCAN, {"media": last.serial, "contents": "true"})
    )
    assert (scan.last_result, "W5179" in rig.codes(scan)) == (JobResult.INCOMPLETE, True)
    (line,) = [each for each in rig.catalog.log.list(job_id=scan.id) if each.code == "N5608"]
    assert render(line.code, line.params).text.endswith("written by server -; -")
    named = {"media": "M", "set": "true"}
    by_name = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_VERIFY, named))
    assert (by_name.last_result, "E5178" in rig.codes(by_name)) == (JobResult.INCOMPLETE, True)
    os.rename(f"{one}.away", one)
    job = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_VERIFY, {"media": last.serial, "full": "true"}))
    assert job.last_result is JobResult.FINISHED
    assert rig.sessions()[0].verified_at is not None


def test_a_restore_without_one_media_of_the_set_names_it_first(rig: StorageRig) -> None:
    rig.backup(media_name="M")
    one = rig.directory / "devices" / "one"
    os.rename(one, f"{one}.away")
    (session,) = rig.sessions()
    script = RestoreScript(
        (RestoreSelection(session.media_serial, session.number),),
        destination=Destination.DIRECTORY,
        directory=os.fsencode(rig.directory / "out"),
        structure=Structure.NONE,
    )
    job = rig.ended(submit_restore(rig.catalog, rig.store, script))
    assert job.last_result in (JobResult.INCOMPLETE, JobResult.FAILED)
    lines = [each for each in rig.catalog.log.list(job_id=job.id) if each.code == "W5179"]
    assert len(lines) == 1
    assert "sequence 1, device one" in lines[0].params["missing"]
    os.rename(f"{one}.away", one)
    assert rig.restored(session) == rig.content()


def test_a_copy_that_is_all_there_is_read_instead_of_a_session_of_which_a_part_is_away(
    rig: StorageRig,
) -> None:
    rig.backup(media_name="M")
    (session,) = rig.sessions()
    place = rig.add_device("three", 4 * SMALL, "SAFE")
    path = format_media(str(place), "COPY").path
    job = rig.ended(
        submit_media(rig.catalog, JobKind.MEDIA_COPY, {"media": session.media_serial, "to": path})
    )
    assert job.last_result is JobResult.FINISHED, rig.codes(job)
    assert readable_session(rig.catalog, session)[0] == session
    one = rig.directory / "devices" / "one"
    os.rename(one, f"{one}.away")
    found, media = readable_session(rig.catalog, session)
    assert (found.origin_serial, media.path) == (session.media_serial, path)
    assert rig.restored(session) == rig.content()
    os.rename(place, f"{place}.away")
    assert readable_session(rig.catalog, session)[0] == session


def test_a_media_that_was_moved_to_another_directory_is_found_there_at_once(rig: StorageRig) -> None:
    rig.backup(media_name="M")
    (session,) = rig.sessions()
    devices = rig.directory / "devices"
    os.rename(devices / "one", devices / "moved")
    rig.storage.remove_device("one")
    rig.storage.add_device(str(devices / "moved"), "moved")
    assert rig.restored(session) == rig.content()
    # So it is when another home told the media apart meanwhile.
    for hint in (devices / "two").glob("*/members/*"):
        hint.unlink()
    assert rig.restored(session) == rig.content()


def test_a_merge_without_one_media_of_the_set_takes_nothing_for_damaged(rig: StorageRig) -> None:
    rig.fill(10, size=SIZE)
    sub = rig.replicas[7] / "sub"
    sub.mkdir()
    (sub / "within").write_bytes(b"on the first media, with its directory")
    rig.backup(media_name="M")
    for number in range(10):
        (rig.replicas[7] / f"more{number}").write_bytes(os.urandom(SIZE))
    rig.backup(media_name="M")
    assert [one.number for one in rig.sessions()] == [1, 2]
    last = next(each for each in rig.catalog.media.media() if each.sequence == 2)
    for each in rig.catalog.media.media():
        rig.catalog.media.remove_media(each.serial)
    assert rig.sessions() == []
    devices = rig.directory / "devices"
    os.rename(devices / "one", devices / "away")
    merge = rig.ended(submit_media(rig.catalog, JobKind.MEDIA_MERGE, {"media": str(devices / "two" / "M.2")}))
    (session,) = rig.sessions()
    assert (session.media_serial, session.damaged) == (last.serial, False)
    assert ("W5603" in rig.codes(merge), "E4125" in rig.codes(merge)) == (False, False)
    assert (session.detail, "W5629" in rig.codes(merge)) == (False, True)
    os.rename(devices / "away", devices / "one")
    rig.ended(submit_media(rig.catalog, JobKind.MEDIA_MERGE, {"media": last.serial}))
    (session,) = rig.sessions()
    assert (session.detail, session.damaged) == (True, False)
    assert rig.restored(session).keys() == {*os.listdir(rig.replicas[7]), "within"} - {"sub"}
