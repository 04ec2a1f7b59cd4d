"""Job scripts of a home: saved from its queue, and opened with the scenarios it has now."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.catalog import open_catalog
from app.catalog.api import NewJob, Registration
from app.model.errors import UsageError
from app.model.job import BackupScript, JobKind, Schedule
from app.model.job_script import SavedBackup, to_file
from app.services.backups import LocalBackups


class Desk:
    def __init__(self, place: Path) -> None:
        self.catalog = open_catalog(str(place))
        connections: Any = SimpleNamespace(catalog=self.catalog, home=str(place))
        self.backups = LocalBackups(connections)

    def register(self, number: int, name: str) -> None:
        self.catalog.registrations.put(Registration(number, name, "m", ("r",), (b"/a",)))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.catalog.close()


def test_a_job_is_saved_without_its_secrets_and_opened_again(desk: Desk):
    desk.register(7, "Files")
    script = BackupScript((7,), ("Files",), encrypt=True, retries=2)
    job = desk.catalog.jobs.submit(
        NewJob(JobKind.BACKUP, "Nightly", script, "caroot", schedule=Schedule(repeat="FREQ=DAILY"),
               credentials=b"sealed secret")
    )  # fmt: skip
    content = desk.backups.script_of(job.id)
    assert b"sealed" not in content
    assert desk.backups.open_script(content) == SavedBackup(script, Schedule(repeat="FREQ=DAILY"), "Nightly")


def test_only_backups_are_saved(desk: Desk):
    job = desk.catalog.jobs.submit(NewJob(JobKind.MEDIA_FORMAT, "Format", {"device": "A"}, "caroot"))
    with pytest.raises(UsageError, match="E5754"):
        desk.backups.script_of(job.id)


def test_scenarios_have_the_numbers_and_names_of_this_server(desk: Desk):
    desk.register(7, "Renamed")
    desk.register(20, "Moved")
    script = BackupScript((7, 8, 9), ("Files", "Moved", "Gone"))
    opened = desk.backups.open_script(to_file(SavedBackup(script))).script
    assert opened.scenario_ids == (7, 20, 9)
    assert opened.scenario_names == ("Renamed", "Moved", "Gone")
