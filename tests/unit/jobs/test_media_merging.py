"""Merging: what is on a media comes into the catalog, whatever is missing, damaged, locked or there twice."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.catalog.merge_api import Source
from app.jobs.media_choice import online_media
from app.jobs.recovering import recover_sessions
from app.jobs.session_reading import SessionReading, lineage_key
from app.media import api as media
from app.model.errors import CanceledError
from app.model.job import JobKind, JobResult
from tests.support.media_samples import flip, new_key
from tests.support.media_site import MediaSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    yield made
    made.close()


def assert_merged(site: MediaSite, numbers: list[int]) -> None:
    for number in numbers:
        assert site.in_catalog(number) == site.on_media(number)


@pytest.mark.parametrize("seed", range(3))
def test_every_session_of_a_media_is_in_the_catalog_afterwards(site: MediaSite, seed: int) -> None:
    numbers = site.history(seed, 6)
    job = site.merge()
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert_merged(site, numbers)
    assert job.files == sum(one.files + one.directories for one in site.catalog.sessions.list())
    again = site.merge()
    assert (again.last_result, again.files) == (JobResult.FINISHED, 0)


def test_sessions_older_than_the_newest_are_put_in_their_place(site: MediaSite) -> None:
    numbers = site.history(5, 5)
    one = online_media(site.catalog)[0]
    recover_sessions(
        site.catalog, [one], lambda _: None, lambda *_, **__: None, leave=lambda header: header.number != 5
    )
    job = site.merge()
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert "N5605" in site.codes(job)
    assert site.catalog.merging.disordered() == []
    assert_merged(site, numbers)


def test_a_reading_that_was_stopped_goes_on_where_it_was(
    site: MediaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.jobs.session_reading._AT_ONCE", 10)
    site.write({f"d{number // 10}/f{number}": "text" for number in range(100)})
    site.back_up()
    one = online_media(site.catalog)[0]
    header = media.read_session(site.path, 1)

    def reading() -> SessionReading:
        return SessionReading(site.catalog, one.path, one.label, lambda _: None)

    steps = iter(range(6))

    def checkpoint() -> None:
        if next(steps, None) is None:
            raise CanceledError("E4149")

    stopped = reading()
    with pytest.raises(CanceledError):
        stopped.read(header, None, checkpoint)
    assert stopped.entries == 60
    with site.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE stagings SET touched_at = 0")
    assert site.catalog.merging.begin(lineage_key(header), Source(site.serial, 1)).resumed
    with site.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE stagings SET touched_at = 0")
    rest = reading()
    rest.read(header, None, lambda: None)
    assert rest.entries == header.files + header.directories - 60
    assert_merged(site, [1])


def test_sessions_whose_password_nobody_gave_are_known_without_names(site: MediaSite) -> None:
    plain = site.history(1, 1)
    locked = site.history(2, 2, key=new_key(site.path, "one"))
    other = site.history(3, 1, key=new_key(site.path, "two"))
    job = site.merge()
    assert job.last_result is JobResult.INCOMPLETE
    assert site.codes(job).count("W5602") == 3
    assert_merged(site, plain)
    assert {one.number for one in site.catalog.sessions.list() if not one.detail} == {*locked, *other}

    wrong = site.merge("", "neither")
    assert wrong.last_result is JobResult.RUN_FAILED
    assert "E4131" in site.codes(wrong)
    half = site.merge("", "one")
    assert half.last_result is JobResult.INCOMPLETE
    both = site.merge("", "one", "two")
    assert both.last_result is JobResult.FINISHED, site.lines(both)
    for number, password in [(number, "one") for number in locked] + [(number, "two") for number in other]:
        key = media.unlock(site.path, password, media.read_session(site.path, number).key_id)
        assert site.in_catalog(number) == site.on_media(number, data_key=key.data_key)


def test_a_damaged_session_is_named_and_the_rest_merged(site: MediaSite) -> None:
    site.write({"a": "1"})
    site.back_up()
    before = set(os.listdir(f"{site.path}/packs"))
    site.write({"b": "2"})
    site.back_up()
    (nodes,) = [
        name
        for name in set(os.listdir(f"{site.path}/packs")) - before
        if os.path.getsize(f"{site.path}/packs/{name}") > 400
    ] or [""]
    site.write({"c": "3"})
    site.back_up()
    site.write({"d": "4"})
    site.back_up()
    for name in set(os.listdir(f"{site.path}/packs")) - before:
        if name == nodes:
            flip(f"{site.path}/packs/{name}", 70)
    flip(f"{site.path}/sessions/000004", 30)
    job = site.merge()
    assert job.last_result is JobResult.INCOMPLETE
    assert {"E4122", "W5603"} <= set(site.codes(job)), site.lines(job)
    assert_merged(site, [1, 3])
    second = site.catalog.sessions.show(site.serial, 2)
    assert (second.detail, second.damaged) == (False, True)
    assert [one.number for one in site.catalog.sessions.list()] == [3, 2, 1]


def test_a_copy_of_the_media_is_told_and_one_that_went_its_own_way_is_left_alone(site: MediaSite) -> None:
    site.history(1, 1)
    elsewhere = site.device("elsewhere") / "copy"
    shutil.copytree(site.path, elsewhere)
    numbers = site.history(2, 1)
    site.write({"another": "one"})
    site.back_up(path=str(elsewhere))
    job = site.merge(site.path)
    assert job.last_result is JobResult.FINISHED
    assert "W5600" in site.codes(job)
    assert_merged(site, [1, *numbers])
    other = site.merge(str(elsewhere))
    assert other.last_result is JobResult.INCOMPLETE
    assert "W5601" in site.codes(other)
    assert_merged(site, [1, *numbers])


def test_a_media_of_another_installation_in_no_device_is_merged(site: MediaSite, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    foreign = MediaSite(tmp_path / "other")
    numbers = foreign.history(4, 2)
    foreign.close()
    job = site.merge(foreign.path)
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    for number in numbers:
        assert site.in_catalog(number, foreign.serial) == foreign.on_media(number)
    # Its jobs are not ours, though their numbers may be the same.
    assert all(one.job_id is None for one in site.catalog.sessions.list())


def test_a_media_that_is_none_fails_the_job(site: MediaSite, tmp_path: Path) -> None:
    job = site.merge(str(tmp_path / "nothing"))
    assert job.last_result is JobResult.RUN_FAILED
    assert "E4105" in site.codes(job)


def test_a_merge_waits_for_a_backup_of_the_lineage_and_can_be_stopped(site: MediaSite) -> None:
    site.history(1, 1)
    header = media.read_session(site.path, 1)
    key = lineage_key(header)
    staging = site.catalog.sessions.begin(key.machine, key.entity, key.set_id, key.roots)
    job = site.submit(JobKind.MEDIA_MERGE, {"media": site.serial})
    deadline = time.monotonic() + 10
    while not site.catalog.jobs.show(job.id).waits_for:
        assert time.monotonic() < deadline
        site.queue.poll()
    site.catalog.jobs.request_stop(job.id)
    began = time.monotonic()
    assert site.ended(job).last_result is JobResult.CANCELED
    assert time.monotonic() - began < 5
    staging.discard()
    assert site.merge().last_result is JobResult.FINISHED


def test_sessions_that_lie_on_several_media_of_a_set_are_merged_and_copied(site: MediaSite) -> None:
    site.write({"large": os.urandom(300_000), "d/a": "1"})
    site.back_up()
    label = media.read_label(site.path)
    beside = str(site.device("beside"))
    second = media.format_media(beside, "first", set_id=label.set_id, sequence=2)
    assert second.label is not None
    media.introduce(second.path, [site.path])
    (site.source / "d/b").write_text("2")
    number = site.back_up(path=second.path)
    job = site.merge(second.label.serial)
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    names = site.in_catalog(number, second.label.serial)
    assert len(names) == 3

    vault = media.format_media(str(site.device("vault", "VAULT")), "vaulted")
    copied = site.run(JobKind.MEDIA_COPY, {"media": second.label.serial, "to": vault.path})
    assert copied.last_result is JobResult.FINISHED, site.lines(copied)
    assert vault.label is not None
    assert site.in_catalog(1, vault.label.serial) == names
    assert not media.verify(vault.path, full=True).damage


_KILLED = """
import sys
from app.catalog import open_catalog
from app.jobs import session_reading
from app.jobs.media_choice import online_media
from app.media import api as media
session_reading._AT_ONCE = 50
catalog = open_catalog(sys.argv[1])
one = online_media(catalog)[0]
def told():
    print(reading.entries, flush=True)
reading = session_reading.SessionReading(catalog, one.path, one.label, lambda _: None)
reading.read(media.read_session(one.path, 1), None, told)
"""


def test_a_reading_that_was_killed_goes_on_and_is_whole(
    site: MediaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write({f"d{number // 20}/f{number}": "text" for number in range(4000)})
    site.back_up()
    process = subprocess.Popen([sys.executable, "-c", _KILLED, site.home], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= 500:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert site.catalog.sessions.list() == []
    with site.catalog._database.write() as connection:
        found = connection.exec_driver_sql("SELECT position FROM stagings").scalar_one()
        connection.exec_driver_sql("UPDATE stagings SET touched_at = 0")
    assert found
    job = site.merge()
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert_merged(site, [1])
    assert datetime.now(UTC) >= site.catalog.sessions.list()[0].finished_at
