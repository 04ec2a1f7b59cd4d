"""Which day's media a run uses that begins late, or because somebody asked for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.jobs.retrying import after_crash
from app.jobs.rotating import media_day, run_day
from app.model.job import BackupScript, Job, JobKind, JobStatus, Schedule
from app.model.rotation import Rotation, RotationScheme

MONDAY = datetime(2026, 1, 5, 23, tzinfo=UTC)
FRIDAY = MONDAY + timedelta(days=4)
GFS = Schedule(MONDAY, RotationScheme.GFS.rule, "UTC", rotation=Rotation(RotationScheme.GFS, "TP"))


def due(at: datetime, *, retries: int = 0, started_at: datetime | None = None) -> Job:
    return Job(
        id=1,
        kind=JobKind.BACKUP,
        name="Nightly",
        status=JobStatus.ACTIVE,
        last_result=None,
        owner="caroot",
        server="",
        created_at=MONDAY - timedelta(days=1),
        execution_at=at,
        schedule=GFS,
        script=BackupScript((7,), ("Files",), retries=retries),
        started_at=started_at,
    )


@pytest.mark.parametrize(
    ("at", "begins", "media"),
    [
        (FRIDAY, FRIDAY + timedelta(seconds=3), "F-TP-FRI-01/09/26"),
        # It waited beyond midnight, or was caught up on a day without a run.
        (FRIDAY, FRIDAY + timedelta(hours=2), "F-TP-FRI-01/09/26"),
        (MONDAY, FRIDAY + timedelta(days=1), "F-TP-FRI-01/09/26"),
        # Somebody asked for it: the media of that day, or of the next day that has any.
        (FRIDAY - timedelta(hours=9), FRIDAY - timedelta(hours=9), "F-TP-FRI-01/09/26"),
        (FRIDAY + timedelta(hours=9), FRIDAY + timedelta(hours=10), "F-TP-MON-01/12/26"),
    ],
)
def test_a_run_uses_the_media_of_the_day_it_was_to_be_on(at: datetime, begins: datetime, media: str) -> None:
    job = due(at)
    found = media_day(job, run_day(job, begins))
    assert found is not None
    assert (found.media_name, found.pool) == (media, "TP_WLY" if "FRI" in media else "TP_DLY")


def test_what_a_crash_cut_off_after_midnight_is_made_up_for_on_the_media_of_its_day() -> None:
    again = after_crash(due(FRIDAY, retries=1, started_at=FRIDAY + timedelta(hours=2)), b"")
    assert again is not None
    assert isinstance(again.script, BackupScript)
    assert (again.script.media_name, again.script.pool) == ("F-TP-FRI-01/09/26", "TP_WLY")
