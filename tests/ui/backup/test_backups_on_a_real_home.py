"""The dialogs of Backup Manager and Job Status over the real engine: what is pressed happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import shiboken6
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication, QDialog

from app.agent.run import spawn_agent, stop_agent
from app.model.job import Job, JobResult, JobStatus
from app.model.job_log import JobLogLevel
from app.model.source import DirectSource
from app.services.api import Services
from app.ui.backup.logins import LoginState
from app.ui.backup.manager import BackupManager
from app.ui.backup.options import ENCRYPTION
from app.ui.backup.staging_dialog import StagingDialog
from app.ui.backup.thresholds import GIGABYTES
from app.ui.bridge.tasks import Tasks
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.hosts.host_dialog import HostDialog
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.job_password import JobPasswordDialog
from app.ui.job_status.purge_log import PurgeLogDialog
from app.ui.manager import Context
from tests.support.arcxo_command import Arcxo

Opened = TypeVar("Opened", bound=QDialog)
LIMIT_MS = 20_000


def gone(dialog: QDialog) -> bool:
    """Whether it was closed; then it is deleted, too."""
    return not shiboken6.isValid(dialog) or not dialog.isVisible()


class Bench:
    """A Backup Manager that is looked at, with a directory to back up."""

    def __init__(self, services: Services, tasks: Tasks, place: Path, qtbot: Any) -> None:
        self.services, self.place, self._qtbot = services, place, qtbot
        self.errors: list[Exception] = []
        self.toasts: list[str] = []
        settings = QSettings(str(place / "console.ini"), QSettings.Format.IniFormat)
        self.context = Context(services, tasks, settings)
        self.context.show_error = lambda error, *_more: self.errors.append(error)
        self.context.toast = lambda title, *_more, **_named: self.toasts.append(title)
        self.context.open_manager = lambda *_names, **_request: None
        self.data = place / "data"
        (self.data / "sub").mkdir(parents=True)
        (self.data / "a").write_bytes(os.urandom(200_000))
        (self.data / "sub" / "b").write_text("b")
        self.manager = BackupManager(self.context)
        qtbot.addWidget(self.manager)
        self.manager.resize(1200, 800)
        self.manager.show()
        self.manager.activate()
        self.wait(lambda: self.manager.destination.group is not None and self.manager.source.folders.hosts)

    def wait(self, condition: Callable[[], Any], timeout_ms: int = LIMIT_MS) -> None:
        """Until it holds, while the console goes on."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout_ms)

    def dialog(self, kind: type[Opened]) -> Opened:
        """The dialog of that kind, once it is open."""

        def found() -> list[Opened]:
            return [
                one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()
            ]

        self.wait(found)
        return found()[0]

    def choose(self, host: str = "localhost") -> None:
        """The directory, as a click on its box does."""
        self.manager.draft.toggle_source(host, bytes(self.data))
        self.manager._show_readiness()

    def start(self) -> SubmitJobDialog:
        """Press Submit on the Start tab; directories of this computer need no log-in."""
        self.manager.show_request(tab="Start")
        self.manager.overview.submit.click()
        return self.dialog(SubmitJobDialog)

    def submitted(self, asked: SubmitJobDialog) -> Job:
        """Press Submit job and wait for its end."""
        before = {job.id for job in self.services.jobs.list(history=True)}
        asked.submit_button.click()
        self.wait(lambda: gone(asked))
        (job,) = [one for one in self.services.jobs.list(history=True) if one.id not in before]
        return self.ended(job) if job.status is not JobStatus.HOLD else job

    def ended(self, job: Job) -> Job:
        """Until it ended."""
        self.wait(lambda: self.services.jobs.show(job.id).status is JobStatus.DONE, 60_000)
        return self.services.jobs.show(job.id)


@pytest.fixture
def bench(
    real: Services, tasks: Tasks, tmp_path: Path, qtbot: Any, settled: Callable[[], None]
) -> Iterator[Bench]:
    made = Bench(real, tasks, tmp_path, qtbot)
    yield made
    made.manager.deactivate()
    settled()
    for job in real.jobs.list():
        if job.status is not JobStatus.DONE:
            real.jobs.delete(job.id)
    assert made.errors == []


def test_options_start_and_detail_of_a_backup_of_a_directory(bench: Bench, qtbot: Any) -> None:
    bench.choose()
    bench.manager.show_options()
    options = bench.dialog(BackupOptionsDialog)
    options.retries.setValue(0)
    options.job_log[JobLogLevel.ALL].setChecked(True)
    options.ok.click()
    asked = bench.start()
    bench.wait(lambda: len(asked.checks.rows) >= 3)
    assert asked.checks.errors == 0
    first = bench.submitted(asked)
    assert (first.last_result, first.files) == (JobResult.FINISHED, 2)
    with (bench.data / "a").open("ab") as stream:
        stream.write(os.urandom(50_000))
    bench.choose()
    bench.manager.refresh()
    bench.wait(lambda: "new on media" in bench.manager.overview.expected.text())
    second = bench.submitted(bench.start())
    detail = JobDetailDialog(bench.context, second)
    qtbot.addWidget(detail)
    detail.show()
    bench.wait(lambda: detail.outcome.rows)
    assert [row.name for row in detail.outcome.rows if row.actual] == ["Looked at", "New on media", "Time"]
    other = JobDetailDialog(bench.context, first)
    qtbot.addWidget(other)
    other.show()
    bench.wait(other.log.rowCount)
    assert not other.outcome.isVisible()
    held = next(
        other.log.index(row, 0)
        for row in range(other.log.rowCount())
        if other.log.row_at(other.log.index(row, 0)).object.code == "N5045"
    )
    other.tabs.setCurrentIndex(1)
    other.log_tree.expand(held)
    bench.wait(lambda: other.log.rowCount(held))
    last = len(other.log.columns) - 1
    lines = [other.log.index(row, last, held).data() for row in range(other.log.rowCount(held))]
    assert f"{bench.data}/sub/b (1 bytes)" in lines


def test_a_staging_policy_is_refused_kept_paused_and_removed(bench: Bench, real: Services) -> None:
    real.storage.add_group("FINAL")
    bench.manager.refresh()
    tab = bench.manager.staging
    bench.place.joinpath("final").mkdir()
    real.storage.add_device(str(bench.place / "final"), "final", "FINAL")
    bench.manager.refresh()
    bench.wait(lambda: len(tab.groups) == 2)
    tab.tree.select_row(tab.model.find("GROUP0"))
    tab.edit_policy()
    asked = bench.dialog(StagingDialog)
    form = asked.thresholds
    form.unit.setCurrentIndex(form.unit.findData(GIGABYTES))
    form.most.setValue(1_000_000)
    form.least.setValue(1)
    asked.action.click()
    bench.wait(asked.problem.isVisible)
    form.unit.setCurrentIndex(0)
    asked.action.click()
    bench.wait(lambda: gone(asked))
    bench.wait(lambda: "GROUP0" in tab.plans)
    assert tab.plans["GROUP0"].policy.max_percent == 80
    tab.pause.click()
    bench.wait(lambda: tab.plans["GROUP0"].policy.paused)
    tab.remove.click()
    bench.wait(lambda: not tab.plans)
    real.storage.remove_device("final")
    real.storage.remove_group("FINAL")


def test_a_job_on_hold_gets_another_password_and_the_log_is_purged(bench: Bench, real: Services) -> None:
    bench.choose()
    bench.manager.show_options(ENCRYPTION)
    options = bench.dialog(BackupOptionsDialog)
    options.encryption.encrypt.setChecked(True)
    options.encryption.password.setText("first")
    options.encryption.repeated.setText("first")
    options.ok.click()
    bench.manager.schedule.hold.setChecked(True)
    job = bench.submitted(bench.start())
    assert job.status is JobStatus.HOLD
    asked = JobPasswordDialog(bench.context, job, bench.manager)
    asked.show()
    asked.password.setText("second")
    asked.repeated.setText("secnd")
    assert asked.fault()
    asked.repeated.setText("second")
    asked.action.click()
    bench.wait(lambda: gone(asked))
    real.jobs.ready(job.id)
    assert bench.ended(job).last_result is JobResult.FINISHED
    session = next(one for one in real.media.sessions() if one.job_id == job.id)
    assert real.restores.check_session_password(session.media_serial, session.number, "second")
    assert not real.restores.check_session_password(session.media_serial, session.number, "first")
    purge = PurgeLogDialog(bench.context, bench.manager)
    purge.show()
    purge.days.setValue(1)
    lines = len(real.log.list())
    purge.action.click()
    bench.wait(lambda: gone(purge))
    assert len(real.log.list()) >= lines > 0


@pytest.mark.deep
def test_a_machine_is_added_backed_up_with_a_typed_log_in_and_deleted(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = Arcxo(tmp_path / "branch", processes=True)
    there.json("agent", "init", "--password-stdin", given="of the branch\n")
    address = spawn_agent(str(there.home)).address
    manager = bench.manager
    try:
        manager.source.add_action.trigger()
        asked = bench.dialog(HostDialog)
        fields = (("address", address), ("name", "branch"), ("user", "caroot"), ("password", "of the branch"))
        for name, text in fields:
            asked.fields[name].editor.setText(text)
        asked.go.click()
        bench.wait(lambda: asked.pages.currentIndex() == 1)
        asked.compared.click()
        asked.go.click()
        bench.wait(
            lambda: manager.source.machine is not None and manager.source.machine.host.name == "branch"
        )
        bench.choose("branch")
        manager.start()
        security = bench.dialog(SecurityDialog)
        (row,) = manager.logins.rows
        assert row.state is LoginState.KEPT
        row.type("caroot", "wrong")
        security.ok.click()
        bench.wait(lambda: row.state is LoginState.REFUSED)
        row.type("caroot", "of the branch")
        security.ok.click()
        job = bench.submitted(bench.dialog(SubmitJobDialog))
        assert job.last_result is JobResult.FINISHED
        assert job.script.sources == (DirectSource("branch", bytes(bench.data)),)
        monkeypatch.setattr("app.ui.backup.machines.confirm", lambda *_words: True)
        manager.source.select_machine("branch")
        bench.wait(manager.source.delete_action.isEnabled)
        manager.source.delete_action.trigger()
        bench.wait(lambda: len(manager.source.folders.hosts) == 1)
        assert any(one.machine == "branch" for one in bench.services.media.sessions())
    finally:
        stop_agent(str(there.home))
