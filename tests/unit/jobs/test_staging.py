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
from app.model.staging import MB, CopyWhen, StagingPolicy
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


def at_clock(days: int, hour: int, minute: int = 0) -> datetime:
    """A time of day so many days from today, UTC."""
    today = datetime.now(UTC).replace(hour=hour, minute=minute, second=0, microsecond=0)
    return today + timedelta(days=days)


def test_copies_are_made_at_their_time_of_day_of_what_was_there_by_then(site: MediaSite):
    written = datetime.now(UTC)
    # The site's sessions are of now: the time of day is the one an hour on.
    clock = (written + timedelta(hours=1)).replace(second=0, microsecond=0)
    policy = replace(POLICY, copy_when=CopyWhen.AT, copy_at=f"{clock:%H:%M}", copy_after_minutes=60_000)
    put_policy(site.catalog, policy)
    assert policies(site.catalog) == [policy]
    found = plan(site.catalog, policy, later())
    assert (found.waiting, found.copy, found.next_copy) == (3, (), clock)
    assert step(site, clock - timedelta(seconds=1)) == []
    # The server was away at that time: it is made up for.
    assert [code for code, _ in step(site, clock + timedelta(hours=3))] == ["N5762"]
    (final,) = online_media(site.catalog, "FINAL")
    assert len(media.sessions(final.path)) == 3
    done = plan(site.catalog, policy, clock + timedelta(days=9))
    assert (done.waiting, done.copy, done.next_copy) == (0, (), None)


def test_copies_wait_for_their_day_of_the_week(site: MediaSite):
    there = at_clock(2, 4)
    day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[there.weekday()]
    policy = replace(POLICY, copy_when=CopyWhen.AT, copy_at="04:00", copy_days=day, time_zone="UTC")
    put_policy(site.catalog, policy)
    assert plan(site.catalog, policy, later()).next_copy == there
    assert step(site, there - timedelta(seconds=1)) == []
    assert [code for code, _ in step(site, there)] == ["N5762"]


def test_before_purge_only_what_is_to_go_is_copied_and_goes_then(site: MediaSite):
    policy = replace(POLICY, copy_when=CopyWhen.BEFORE_PURGE, purge_after_days=2)
    put_policy(site.catalog, policy)
    assert step(site, later(days=1)) == []
    assert [(code, params["count"]) for code, params in step(site, later(days=3))] == [("N5762", 2)]
    assert numbers(site) == [1, 2, 3]
    assert [(code, params["count"]) for code, params in step(site, later(days=3))] == [("N5763", 2)]
    assert numbers(site) == [3]
    (final,) = online_media(site.catalog, "FINAL")
    assert len(media.sessions(final.path)) == 2
    assert not media.verify(final.path, full=True).damage


def test_before_purge_a_full_device_copies_the_oldest_and_purges_them(
    site: MediaSite, monkeypatch: pytest.MonkeyPatch
):
    put_policy(site.catalog, replace(POLICY, copy_when=CopyWhen.BEFORE_PURGE))
    fill(monkeypatch, 79)
    assert step(site, later(days=1)) == []
    fill(monkeypatch, 90)
    assert [(code, params["count"]) for code, params in step(site, later(days=1))] == [("N5762", 2)]
    assert [(code, params["count"]) for code, params in step(site, later(days=1))] == [("N5763", 2)]
    assert numbers(site) == [3]
    assert [code for code, _ in step(site, later(days=1))] == ["W5764"]


def test_what_is_not_copied_is_purged_by_age_and_the_newest_stays(
    site: MediaSite, monkeypatch: pytest.MonkeyPatch
):
    policy = StagingPolicy("GROUP0", "", copy_when=CopyWhen.NEVER, purge_after_days=2)
    put_policy(site.catalog, policy)
    fill(monkeypatch, 90)
    assert step(site, later(days=1)) == []
    monkeypatch.setattr(staging, "datetime", _Later)
    assert [(code, params["count"]) for code, params in step(site, later(days=3))] == [("N5766", 2)]
    assert numbers(site) == [3]
    assert online_media(site.catalog, "FINAL") == []
    assert step(site, later(days=30)) == []


class _Later(datetime):
    """The clock of the server: three days on."""

    @classmethod
    def now(cls, tz: Any = None) -> _Later:
        return cls.fromtimestamp((datetime.now(tz) + timedelta(days=3)).timestamp(), tz)


def test_a_purge_without_copies_is_left_when_the_policy_changed_meanwhile(site: MediaSite):
    put_policy(site.catalog, replace(POLICY, copy_when=CopyWhen.NEVER, purge_after_days=0))
    carry_out(site.catalog, later(days=1), lambda *_a, **_k: None)
    put_policy(site.catalog, replace(POLICY, copy_when=CopyWhen.NEVER, purge_after_days=90))
    (job,) = site.catalog.jobs.list(include_done=False)
    ended = site.ended(job)
    assert ended.last_result is JobResult.FINISHED
    assert "W5767" in site.codes(ended)
    assert numbers(site) == [1, 2, 3]


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


IMPOSSIBLE = [
    StagingPolicy("GROUP0", "GROUP0"),
    StagingPolicy("GROUP0", "nowhere"),
    StagingPolicy("FINAL", "GROUP0"),
    replace(POLICY, max_percent=60, purge_to_percent=60),
    replace(POLICY, max_mb=10, purge_to_mb=10),
    replace(POLICY, max_mb=10),
    replace(POLICY, max_mb=-1, purge_to_mb=-2),
    replace(POLICY, copy_after_minutes=-1),
    replace(POLICY, purge_after_days=-3),
    replace(POLICY, copy_when=CopyWhen.AT),
    replace(POLICY, copy_when=CopyWhen.AT, copy_at="24:00"),
    replace(POLICY, copy_when=CopyWhen.AT, copy_at="4:00"),
    replace(POLICY, copy_when=CopyWhen.AT, copy_at="04:00", copy_days="MO,XX"),
    replace(POLICY, copy_when=CopyWhen.AT, copy_at="04:00", time_zone="Moon/Base"),
    replace(POLICY, copy_when=CopyWhen.BEFORE_PURGE, purge_when_full=False),
    replace(POLICY, copy_when=CopyWhen.NEVER),
    StagingPolicy("GROUP0", ""),
]


def test_a_policy_that_cannot_work_is_refused(site: MediaSite):
    for policy in IMPOSSIBLE:
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
