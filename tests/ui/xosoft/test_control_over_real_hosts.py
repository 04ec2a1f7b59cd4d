"""Scenarios of other hands: held by a backup job that runs, or known to another home alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QLabel

from app.model.commands import JobCommands
from app.model.job import BackupScript, Job, JobResult, JobStatus
from app.model.scenario import ScenarioState
from app.services.api import BackupRequest, Services
from app.services.local import LocalServices
from app.ui.bridge.tasks import Tasks
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.xosoft.actions import Act
from app.ui.xosoft.discovery_dialog import DiscoveryDialog
from tests.support.arcxo_command import Arcxo, running_home
from tests.support.branch_host import Branch
from tests.support.xosoft_console import XOsoftConsole

pytestmark = pytest.mark.deep


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Arcxo]:
    with running_home(tmp_path / "site") as made:
        yield made


@pytest.fixture
def real(home: Arcxo) -> Iterator[Services]:
    made = LocalServices(str(home.home))
    yield made
    made.close()


@pytest.fixture
def console(
    real: Services, tasks: Tasks, tmp_path: Path, qtbot: Any, settled: Callable[[], None]
) -> Iterator[XOsoftConsole]:
    made = XOsoftConsole(real, tasks, tmp_path, qtbot)
    yield made
    made.close()
    settled()
    assert made.errors == []


def held_by_a_job(console: XOsoftConsole, real: Services, name: str) -> Job:
    """A scenario that replicates and a backup job of it that runs, until its command is over."""
    made = console.running(name)
    commands = JobCommands(before=("/bin/sleep", "60"))
    job = real.backups.submit(BackupRequest(BackupScript((made.id,), (name,), commands=commands)))
    console.wait(lambda: real.jobs.show(job.id).status is JobStatus.ACTIVE)
    return job


def asked(console: XOsoftConsole) -> ConfirmDialog:
    console.press(Act.STOP)
    return console.dialog(ConfirmDialog)


def test_a_scenario_of_a_running_backup_job_is_left_to_it_or_taken_from_it(
    console: XOsoftConsole, real: Services
) -> None:
    job = held_by_a_job(console, real, "Papers")
    question = asked(console)
    assert "Papers is locked from another host" in [label.text() for label in question.findChildren(QLabel)]
    question.reject()
    console.wait(console.manager.actions_[Act.STOP].isEnabled)
    assert real.jobs.show(job.id).status is JobStatus.ACTIVE
    assert console.state("Papers") == "Replicating"
    console.wait(lambda: not [one for one in console.manager.findChildren(ConfirmDialog) if one.isVisible()])
    asked(console).accept()
    console.wait(lambda: console.state("Papers") == "Stopped", 60_000)
    ended = real.jobs.show(job.id)
    assert ended.status is JobStatus.DONE
    assert ended.last_result in (JobResult.CANCELED, JobResult.FAILED)


def test_a_scenario_that_another_home_made_on_a_known_host_is_found_and_registered(
    console: XOsoftConsole, real: Services, home: Arcxo, tmp_path: Path
) -> None:
    branch = Branch(home, tmp_path / "branch")
    try:
        with running_home(tmp_path / "elsewhere") as elsewhere:
            branch.join(elsewhere)
            (tmp_path / "theirs").mkdir()
            (tmp_path / "theirs/f").write_text("f")
            elsewhere.text(
                *("scenario", "create", "Theirs", "--master", "branch"),
                *("--replica", "branch", "--root", f"{tmp_path}/theirs={tmp_path}/their-copy"),
            )
            console.manager.commands.discover.trigger()
            dialog = console.dialog(DiscoveryDialog)
            console.wait(lambda: dialog.header.note.text() == "1 scenario found")
            assert not dialog.silent.isVisible()
            dialog.register.click()
            console.wait(lambda: dialog.header.note.text() == "None was found")
            dialog.reject()
            console.wait(lambda: console.state("Theirs") == "Stopped")
            assert real.scenarios.show("Theirs").scenario.master == "branch"
            real.scenarios.run("Theirs")
            console.replicating("Theirs")
            assert (tmp_path / "their-copy/f").read_text() == "f"
            real.scenarios.stop("Theirs")
            console.wait(lambda: console.is_in("Theirs", ScenarioState.STOPPED))
    finally:
        branch.stop()
