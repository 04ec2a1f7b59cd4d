"""Staging: sessions are copied on by the policy, and purged only when their copies are there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.jobs import staging
from app.jobs.device_space import Space
from app.jobs.media_choice import online_media
from app.jobs.staging import carry_out, plan, policies, put_policy, remove_policy
from app.media import api as media
from app.model.errors import UsageError
from app.model.job import JobKind, JobResult, JobStatus
from app.model.staging import MB, StagingPolicy
from tests.support.media_samples import restore_to
from tests.support.media_site import MediaSite
from tests.support.trees import assert_identical

POLICY = StagingPolicy("GROUP0", "FINAL")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    made.device("final", "FINAL")
    made.history(5, 3)
    made.merge()
    put_policy(made.catalog, POLICY)
    yield made
    made.close()


def later(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


def step(site: MediaSite, now: datetime) -> list[tuple[str, dict[str, Any]]]:
    """One look of the server, and what its jobs do."""
    told: list[tuple[str, dict[str, Any]]] = []
    carry_out(site.catalog, now, lambda code, **params: told.append((code, params)))
    for job in site.catalog.jobs.list(include_done=False):
        site.ended(job)
    return told


def numbers(site: MediaSite) -> list[int]:
    return sorted(one.number for one in site.catalog.sessions.list(site.serial))


def test_what_was_written_is_copied_once_and_can_be_restored_from_there(site: MediaSite, tmp_path: Path):
    told = step(site, later(minutes=1))
    assert [code for code, _ in told] == ["N5762"]
    (final,) = online_media(site.catalog, "FINAL")
    copies = media.sessions(final.path)
    assert len(copies) == 3
    restore_to(site.path, tmp_path / "a", 3)
    restore_to(final.path, tmp_path / "b", copies[-1].number)
    assert_identical(tmp_path / "a", tmp_path / "b")
    assert step(site, later(minutes=2)) == []
    found = plan(site.catalog, POLICY, later(minutes=2))
    assert (found.sessions, found.migrated, found.waiting, found.copy) == (3, 3, 0, ())


def test_copies_are_made_when_their_time_has_come(site: MediaSite):
    put_policy(site.catalog, replace(POLICY, copy_after_minutes=60))
    assert step(site, later(minutes=59)) == []
    assert [code for code, _ in step(site, later(minutes=61))] == ["N5762"]


def test_nothing_is_copied_while_migration_is_paused(site: MediaSite):
    put_policy(site.catalog, replace(POLICY, paused=True))
    assert step(site, later(days=1)) == []


def test_purging_by_age_takes_what_was_copied_and_leaves_the_newest(site: MediaSite):
    put_policy(site.catalog, replace(POLICY, purge_after_days=2))
    step(site, later(minutes=1))
    assert numbers(site) == [1, 2, 3]
    told = step(site, later(days=3))
    assert [(code, params["count"]) for code, params in told] == [("N5763", 2)]
    assert numbers(site) == [3]
    (final,) = online_media(site.catalog, "FINAL")
    assert not media.verify(final.path, full=True).damage


def test_nothing_is_purged_that_was_not_copied(site: MediaSite):
    put_policy(site.catalog, replace(POLICY, purge_after_days=0, paused=True))
    assert step(site, later(days=30)) == []
    assert numbers(site) == [1, 2, 3]


def test_a_purge_whose_copies_went_away_meanwhile_takes_nothing(site: MediaSite):
    step(site, later(minutes=1))
    (final,) = online_media(site.catalog, "FINAL")
    script = {"media": site.serial, "sessions": "1,2", "staging": "GROUP0"}
    shutil.rmtree(final.path)
    job = site.run(JobKind.MEDIA_PURGE, script)
    assert job.last_result is JobResult.FINISHED
    assert "W5765" in site.codes(job)
    assert numbers(site) == [1, 2, 3]


def test_above_the_maximum_the_oldest_copied_go(site: MediaSite, monkeypatch: pytest.MonkeyPatch):
    fill(monkeypatch, 90)
    put_policy(site.catalog, replace(POLICY, paused=True))
    assert [code for code, _ in step(site, later(minutes=1))] == ["W5764"]
    put_policy(site.catalog, POLICY)
    step(site, later(minutes=1))
    told = step(site, later(minutes=2))
    assert [code for code, _ in told] == ["N5763"]
    assert numbers(site) == [3]
    put_policy(site.catalog, replace(POLICY, purge_when_full=False))
    assert step(site, later(minutes=3)) == []


def fill(monkeypatch: pytest.MonkeyPatch, percent: int) -> None:
    """The staging group's device is so full; it holds 100 MB."""
    full, empty = Space(100 * MB, percent * MB), Space(100 * MB, MB)
    monkeypatch.setattr(staging, "space_of", lambda path: full if path.endswith("media") else empty)


def test_sizes_are_carried_out_like_percentages(site: MediaSite, monkeypatch: pytest.MonkeyPatch):
    fill(monkeypatch, 50)
    policy = replace(POLICY, max_mb=60, purge_to_mb=40)
    put_policy(site.catalog, policy)
    assert policies(site.catalog) == [policy]
    step(site, later(minutes=1))
    assert step(site, later(minutes=2)) == []
    fill(monkeypatch, 61)
    found = plan(site.catalog, policy, later(minutes=3))
    assert (found.used, found.above, policy.too_much(100 * MB, 61 * MB)) == ("61 MB", True, 21 * MB)
    assert [code for code, _ in step(site, later(minutes=3))] == ["N5763"]
    assert numbers(site) == [3]
    ((code, params),) = step(site, later(minutes=4))
    assert (code, params["used"], params["most"]) == ("W5764", "61 MB", "60 MB")


def test_a_maximum_that_no_device_can_reach_is_refused(site: MediaSite, monkeypatch: pytest.MonkeyPatch):
    fill(monkeypatch, 50)
    with pytest.raises(UsageError, match="E5760") as caught:
        put_policy(site.catalog, replace(POLICY, max_mb=4 * 1024, purge_to_mb=1))
    assert "4 GB" in caught.value.params["details"]
    put_policy(site.catalog, replace(POLICY, max_mb=4 * 1024, purge_to_mb=1, purge_when_full=False))


def test_a_migration_that_fails_is_not_tried_at_every_look(site: MediaSite):
    shutil.rmtree(site.place / "final")
    carry_out(site.catalog, later(minutes=1), lambda *_a, **_k: None)
    (job,) = [one for one in site.catalog.jobs.list(include_done=False) if one.status is JobStatus.READY]
    assert site.ended(job).last_result in (JobResult.FAILED, JobResult.RUN_FAILED)
    assert step(site, later(minutes=2)) == []
    (site.place / "final").mkdir()
    assert [code for code, _ in step(site, later(minutes=20))] == ["N5762"]


@pytest.mark.parametrize(
    "policy",
    [
        StagingPolicy("GROUP0", "GROUP0"),
        StagingPolicy("GROUP0", "nowhere"),
        StagingPolicy("FINAL", "GROUP0"),
        replace(POLICY, max_percent=60, purge_to_percent=60),
        replace(POLICY, max_mb=10, purge_to_mb=10),
        replace(POLICY, max_mb=10),
        replace(POLICY, max_mb=-1, purge_to_mb=-2),
        replace(POLICY, copy_after_minutes=-1),
        replace(POLICY, purge_after_days=-3),
    ],
)
def test_a_policy_that_cannot_work_is_refused(site: MediaSite, policy: StagingPolicy):
    with pytest.raises(UsageError):
        put_policy(site.catalog, policy)
    assert policies(site.catalog) == [POLICY]


def test_a_group_that_is_no_staging_group_any_more_keeps_what_is_in_it(site: MediaSite):
    remove_policy(site.catalog, "GROUP0")
    assert policies(site.catalog) == []
    assert step(site, later(days=9)) == []
    assert numbers(site) == [1, 2, 3]
    with pytest.raises(UsageError, match="E5761"):
        remove_policy(site.catalog, "GROUP0")
