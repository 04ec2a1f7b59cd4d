"""Scan, compare and prune as jobs."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.catalog.api import Registration
from app.jobs.housekeeping import Housekeeping
from app.media import api as media
from app.model.job import Job, JobKind, JobResult
from app.model.scenario import (
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from tests.support.media_samples import MASTER, flip, new_key
from tests.support.media_site import LocalAgents, MediaSite


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    yield made
    made.close()


def logged(site: MediaSite, job: Job, code: str) -> list[dict[str, str]]:
    return [dict(one.params) for one in reversed(site.catalog.log.list(job_id=job.id)) if one.code == code]


# -- scan ----------------------------------------------------------------------------------------------


def test_a_scan_lists_every_session_and_leaves_the_catalog_as_it_was(site: MediaSite) -> None:
    numbers = site.history(1, 3)
    before = site.catalog.changes()[0]
    known = site.catalog.media.media()
    job = site.run(JobKind.MEDIA_SCAN, {"media": site.serial, "contents": "true"})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert [one.session for one in reversed(site.catalog.log.list(job_id=job.id)) if one.code == "N5608"] == (
        numbers
    )
    assert site.catalog.sessions.list() == []
    assert site.catalog.media.media() == known
    assert before <= site.catalog.changes()[0]
    assert job.read_bytes > 0


def test_one_session_of_a_directory_that_no_catalog_knows_is_scanned(site: MediaSite, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    foreign = MediaSite(tmp_path / "elsewhere")
    foreign.history(2, 2)
    foreign.close()
    job = site.run(JobKind.MEDIA_SCAN, {"media": foreign.path, "session": "2"})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert len(logged(site, job, "N5608")) == 1
    gone = site.run(JobKind.MEDIA_SCAN, {"media": foreign.path, "session": "7"})
    assert (gone.last_result, "E4121" in site.codes(gone)) == (JobResult.RUN_FAILED, True)


def test_a_scan_names_the_files_that_cannot_be_read(site: MediaSite) -> None:
    site.write({"good": "text"})
    site.back_up()
    before = set(os.listdir(f"{site.path}/packs"))
    site.write({"bad": os.urandom(200_000), "good": "text"})
    site.back_up()
    (damaged,) = [
        name
        for name in set(os.listdir(f"{site.path}/packs")) - before
        if os.path.getsize(f"{site.path}/packs/{name}") > 200_000
    ]
    flip(f"{site.path}/packs/{damaged}", 1000)
    quick = site.run(JobKind.MEDIA_SCAN, {"media": site.serial})
    assert quick.last_result is JobResult.FINISHED
    job = site.run(JobKind.MEDIA_SCAN, {"media": site.serial, "contents": "true"})
    assert job.last_result is JobResult.FAILED
    assert [one["path"] for one in logged(site, job, "E5611")] == [f"{MASTER.decode()}/bad"]


def test_a_scan_without_the_password_is_incomplete(site: MediaSite) -> None:
    site.history(1, 1, key=new_key(site.path, "word"))
    job = site.run(JobKind.MEDIA_SCAN, {"media": site.serial})
    assert (job.last_result, "W5610" in site.codes(job)) == (JobResult.INCOMPLETE, True)
    assert site.run(JobKind.MEDIA_SCAN, {"media": site.serial}, "word").last_result is JobResult.FINISHED
    wrong = site.run(JobKind.MEDIA_SCAN, {"media": site.serial}, "wrong")
    assert (wrong.last_result, "E4131" in site.codes(wrong)) == (JobResult.RUN_FAILED, True)


# -- compare -------------------------------------------------------------------------------------------


def compare(site: MediaSite, where: str, number: int = 1, **more: str) -> Job:
    script = {"media": site.serial, "session": str(number), "with": where, **more}
    return site.run(JobKind.MEDIA_COMPARE, script)


def differences(site: MediaSite, job: Job) -> dict[str, str]:
    prefix = MASTER.decode()
    return {one["path"].removeprefix(prefix).lstrip("/"): one["kinds"] for one in logged(site, job, "W4250")}


def make_tree(site: MediaSite) -> None:
    site.write({name: f"content of {name}" for name in ("a", "b", "c", "d/e", "d/f", "g")})
    os.symlink("a", site.source / "link")
    with open(site.source / "holes", "wb") as file:
        file.truncate(3_000_000)
        file.seek(1_000_000)
        file.write(b"island")


def test_what_is_as_it_was_backed_up_does_not_differ(site: MediaSite) -> None:
    make_tree(site)
    site.back_up()
    job = compare(site, str(site.source))
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert differences(site, job) == {}
    header = media.read_session(site.path, 1)
    (told,) = logged(site, job, "N5625")
    assert (told["files"], told["differences"]) == (str(header.files), "0")


def test_each_difference_is_named_with_its_kind(site: MediaSite) -> None:
    make_tree(site)
    site.back_up()
    source = site.source
    kept = os.stat(source / "a")
    (source / "a").write_text("content of A")
    os.utime(source / "a", ns=(kept.st_atime_ns, kept.st_mtime_ns))
    (source / "b").write_text("longer than it was")
    (source / "c").unlink()
    (source / "d/e").unlink()
    (source / "d/e").mkdir()
    os.chmod(source / "d/f", 0o600)
    os.utime(source / "g", ns=(0, 1))
    (source / "link").unlink()
    os.symlink("b", source / "link")
    (source / "new").write_text("was not there")
    (source / ".arcxo-side").mkdir()
    with open(source / "holes", "r+b") as file:
        file.seek(2_500_000)
        file.write(b"x")
    job = compare(site, str(source))
    assert job.last_result is JobResult.INCOMPLETE
    found = differences(site, job)
    assert found.pop("holes").startswith("content")
    assert found == {
        "a": "content",
        "b": "size, modification time",
        "c": "missing",
        "d/e": "kind",
        "d/f": "permissions",
        "g": "modification time",
        "link": "link target",
        "new": "extra",
    }
    contents = differences(site, compare(site, str(source), metadata="false"))
    assert set(contents) == {"a", "b", "c", "d/e", "holes", "link", "new"}
    part = compare(site, str(source), paths=f"{MASTER.decode()}/d")
    assert set(differences(site, part)) == {"d/e", "d/f"}


def test_a_session_is_compared_with_its_replica(tmp_path: Path) -> None:
    agents = LocalAgents()
    site = MediaSite(tmp_path, agents)
    try:
        site.write({"a": "1"})
        site.back_up()
        gone = compare(site, "replica")
        assert (gone.last_result, "E3371" in site.codes(gone)) == (JobResult.RUN_FAILED, True)
        site.catalog.registrations.put(Registration(7, "files", "master", ("replica",), (MASTER,)))
        scenario = Scenario(
            id=7,
            name="files",
            server_type=ServerType.FILE_SERVER,
            product=ProductType.DR,
            master="master",
            roots=(Root(MASTER),),
            replicas=(ReplicaSpec("replica", (os.fsencode(site.source),)),),
        )
        agents.scenario_there = ScenarioStatus(scenario, ScenarioState.STOPPED)
        job = compare(site, "replica")
        assert job.last_result is JobResult.FINISHED, site.lines(job)
        (site.source / "a").write_text("2")
        assert "a" in differences(site, compare(site, "replica"))
    finally:
        site.close()


def test_a_comparison_with_nothing_tells_so(site: MediaSite, tmp_path: Path) -> None:
    make_tree(site)
    site.back_up()
    job = compare(site, str(tmp_path / "nowhere"))
    assert job.last_result is JobResult.INCOMPLETE
    assert differences(site, job) == {"": "missing"}
    wrong = compare(site, "sideways")
    assert (wrong.last_result, "E5623" in site.codes(wrong)) == (JobResult.RUN_FAILED, True)
    absent = compare(site, str(site.source), paths="/no/such")
    assert (absent.last_result, "E4221" in site.codes(absent)) == (JobResult.FAILED, True)


# -- prune ---------------------------------------------------------------------------------------------


def test_pruned_sessions_stay_without_their_names_until_they_are_merged(site: MediaSite) -> None:
    site.history(4, 4)
    site.merge()
    kept = {number: site.in_catalog(number) for number in (1, 2, 3, 4)}
    job = site.run(JobKind.MEDIA_PRUNE, {"media": site.serial, "sessions": "2"})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert not site.catalog.sessions.show(site.serial, 2).detail
    assert site.in_catalog(2) == {}
    later = (datetime.now(UTC) + timedelta(minutes=1)).isoformat()
    site.run(JobKind.MEDIA_PRUNE, {"media": site.serial, "before": later, "keep": "1"})
    assert [one.number for one in site.catalog.sessions.list() if one.detail] == [4]
    assert site.in_catalog(4) == kept[4]
    newest = site.run(JobKind.MEDIA_PRUNE, {"media": site.serial, "sessions": "4"})
    assert (newest.last_result, "E6025" in site.codes(newest)) == (JobResult.INCOMPLETE, True)
    gone = site.run(JobKind.MEDIA_PRUNE, {"media": site.serial, "sessions": "9"})
    assert gone.last_result is JobResult.FAILED
    merged = site.merge()
    assert merged.last_result is JobResult.FINISHED, site.lines(merged)
    for number, names in kept.items():
        assert site.in_catalog(number) == names
    assert site.catalog.merging.disordered() == []


def test_housekeeping_prunes_by_age_only_when_it_is_told_to(site: MediaSite) -> None:
    site.history(4, 3)
    site.merge()
    told: list[str] = []
    keeping = Housekeeping(site.catalog, site.store, lambda code, **_: told.append(code))
    keeping.prune()
    assert told == []
    with site.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE sessions SET finished_at = finished_at - 864000000000 * 5")
    site.catalog.settings.put("detail_days", "30")
    keeping.prune()
    assert told == []  # merged just now: wanted, it seems
    with site.catalog._database.write() as connection:
        connection.exec_driver_sql("UPDATE sessions SET detail_at = 0")
    keeping.prune()
    assert told == ["N5612", "N5612"]
    assert [one.number for one in site.catalog.sessions.list() if one.detail] == [3]


def test_the_utilities_stop_soon_when_asked(site: MediaSite) -> None:
    site.write({f"f{number}": os.urandom(300_000) for number in range(60)})
    site.back_up()
    job = site.submit(JobKind.MEDIA_SCAN, {"media": site.serial, "contents": "true"})
    site.queue.poll()
    site.catalog.jobs.request_stop(job.id)
    began = time.monotonic()
    ended = site.ended(job)
    assert ended.last_result in (JobResult.CANCELED, JobResult.FINISHED)
    assert time.monotonic() - began < 5
