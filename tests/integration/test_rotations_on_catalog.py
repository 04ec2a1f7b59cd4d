"""Rotation schemes over the real catalog and real media, day after day."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.jobs import rotating
from app.jobs.submission import submit_backup
from app.model.job import BackupScript, JobResult, Schedule
from app.model.rotation import Rotation, RotationScheme
from tests.integration.test_jobs_on_catalog import Site

FRIDAY = datetime(2030, 1, 4, 2, tzinfo=UTC)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    assert made.queue.cancel_all(10)
    made.catalog.close()


def test_each_day_has_its_media_and_what_was_written_that_day_is_kept(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    scheme = RotationScheme.GFS
    schedule = Schedule(FRIDAY, scheme.rule, "UTC", rotation=Rotation(scheme, "TP"))
    job = submit_backup(site.catalog, site.store, BackupScript((7,), ("Files",)), schedule)
    assert [pool.name for pool in site.catalog.media.pools()] == ["TP_DLY", "TP_MLY", "TP_WLY"]
    runs = (FRIDAY, FRIDAY + timedelta(hours=5), FRIDAY + timedelta(days=3))
    for count, now in enumerate(runs, 1):
        monkeypatch.setattr(rotating, "utc_now", lambda now=now: now)
        site.catalog.jobs.run_now(job.id)
        deadline = time.monotonic() + 30
        while len(site.catalog.sessions.list()) < count or site.queue.active:
            assert time.monotonic() < deadline, site.lines(job)
            site.queue.poll()
            time.sleep(0.02)
        assert site.catalog.jobs.show(job.id).last_result is JobResult.FINISHED, site.lines(job)
    sessions = site.catalog.sessions
    held = {one.name: (one.pool, len(sessions.list(one.serial))) for one in site.catalog.media.media()}
    assert held["F-TP-FRI-01/04/30"] == ("TP_WLY", 2)
    assert held["F-TP-MON-01/07/30"] == ("TP_DLY", 1)
