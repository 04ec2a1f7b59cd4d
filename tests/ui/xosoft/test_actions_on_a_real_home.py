"""Each action and dialog of the XOsoft Manager over the real engine: what is pressed happens to files."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from app.model.scenario import ReplicaState, ScenarioProperties, ScenarioState, SyncMethod
from app.services.api import Services
from app.services.local import LocalServices
from app.ui.bridge.tasks import Tasks
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.wizards.flow import Page
from app.ui.wizards.new_scenario import NewScenarioWizard
from app.ui.wizards.restore_data import RestoreDataWizard
from app.ui.wizards.restore_flow import Step
from app.ui.xosoft.actions import Act
from app.ui.xosoft.brake_dialog import BrakeDialog
from app.ui.xosoft.delete_dialog import DeleteScenarioDialog
from app.ui.xosoft.difference_dialog import DifferenceDialog
from app.ui.xosoft.discovery_dialog import DiscoveryDialog
from app.ui.xosoft.edit_dialog import EditScenarioDialog
from app.ui.xosoft.run_dialog import RunDialog
from app.ui.xosoft.server_dialog import UpdateServerDialog
from app.ui.xosoft.suspend_dialog import SuspendDialog
from app.ui.xosoft.template_dialog import TemplateDialog
from app.ui.xosoft.together import StopGroupDialog
from tests.support.xosoft_console import XOsoftConsole

PASSWORD = "caroot-secret"


@pytest.fixture
def console(
    real: Services, tasks: Tasks, tmp_path: Path, qtbot: Any, settled: Callable[[], None]
) -> Iterator[XOsoftConsole]:
    made = XOsoftConsole(real, tasks, tmp_path, qtbot)
    yield made
    made.close()
    settled()
    for status in real.scenarios.list():  # the next test finds the home as this one did
        if status.state is not ScenarioState.STOPPED:
            real.scenarios.stop(str(status.scenario.id))
        real.scenarios.delete(str(status.scenario.id))
    assert made.errors == []


def test_a_scenario_is_run_after_a_refused_password_suspended_and_stopped(console: XOsoftConsole) -> None:
    console.scenario("Papers")
    console.press(Act.RUN)
    dialog = console.dialog(RunDialog)
    console.wait(lambda: not dialog.checking)
    dialog.login.password.setText("wrong")
    dialog.run_button.click()
    console.wait(lambda: "refused" in dialog.login.password.accessibleDescription())
    assert console.state("Papers") == "Stopped"
    dialog.login.password.setText(PASSWORD)
    dialog.method.choose(1)
    dialog.run_button.click()
    console.replicating("Papers")
    assert (console.replica("Papers") / "f2").read_text() == "Papers 2\n"
    console.press(Act.SUSPEND)
    console.wait(lambda: console.state("Papers") == "Suspended")
    console.press(Act.RESUME)
    console.replicating("Papers")
    console.press(Act.STOP)
    console.wait(lambda: console.state("Papers") == "Stopped")
    (console.master("Papers") / "late").write_text("late")
    assert not (console.replica("Papers") / "late").exists()


@pytest.mark.deep
def test_a_scenario_is_run_at_once_with_another_method(console: XOsoftConsole, real: Services) -> None:
    console.scenario("Blocks")
    console.manager.commands.run_menu.actions()[1].trigger()
    console.replicating("Blocks")
    assert real.scenarios.show("Blocks").scenario.properties.sync is SyncMethod.BLOCK
    console.press(Act.STOP)
    console.wait(lambda: console.state("Blocks") == "Stopped")
    assert real.scenarios.show("Blocks").scenario.properties.sync is SyncMethod.FILE, (
        "it was for that run alone"
    )


@pytest.mark.deep
def test_a_replica_is_suspended_until_a_time_and_resumed(console: XOsoftConsole) -> None:
    console.running("Papers")
    console.press(Act.SUSPEND)
    console.wait(lambda: console.state("Papers") == "Suspended")
    (console.master("Papers") / "later").write_text("later")
    console.press(Act.RESUME)
    console.replicating("Papers")
    console.wait((console.replica("Papers") / "later").exists)
    console.wait(console.manager.commands.suspend_until.isEnabled)
    console.manager.commands.suspend_until.trigger()
    dialog = console.dialog(SuspendDialog)
    wanted = dialog.time.dateTime().addDays(1)
    dialog.time.setDateTime(wanted)
    dialog.suspend.click()
    console.wait(lambda: console.is_in("Papers", ScenarioState.REPLICATING, ReplicaState.SUSPENDED))
    found = console.status("Papers")
    assert found is not None
    until = found.replicas[0].suspended_until
    assert until is not None
    assert int(until.timestamp()) == wanted.toSecsSinceEpoch()


@pytest.mark.deep
def test_what_another_client_does_is_shown_soon(console: XOsoftConsole, home: Path) -> None:
    console.running("Papers")
    other = LocalServices(str(home))
    for act, shown in ((other.scenarios.suspend, "Suspended"), (other.scenarios.resume, "Replicating")):
        doing = threading.Thread(target=act, args=("Papers",))
        doing.start()
        # With the act itself; `test_liveness` measures what comes after it.
        assert (
            console.seconds_until(lambda shown=shown: console.state("Papers") == shown, time.monotonic()) < 5
        )
        doing.join()
    other.close()


@pytest.mark.deep
def test_a_synchronisation_and_a_difference_report_see_what_is_there(
    console: XOsoftConsole, real: Services
) -> None:
    console.running("Papers", files=4)
    console.press(Act.SYNCHRONIZE)
    console.wait(lambda: any(one.code == "IR00120" for one in real.scenarios.events("Papers")))
    console.replicating("Papers")
    console.press(Act.DIFFERENCE)
    dialog = console.dialog(DifferenceDialog)
    console.wait(dialog.again.isEnabled)
    assert dialog.title.text() == "localhost is equal to the master"
    assert dialog.counts.text().startswith("5 entries compared"), "the root and its files"
    dialog.content.click()
    dialog.again.click()
    console.wait(lambda: dialog.again.isEnabled() and "equal" in dialog.title.text())
    dialog.reject()


def test_a_bookmark_is_set_and_the_replica_taken_back_to_it(console: XOsoftConsole, real: Services) -> None:
    console.running("Papers")
    console.press(Act.BOOKMARK)
    console.wait(lambda: "Bookmark set on Papers" in console.toasts)
    (console.master("Papers") / "f0").write_text("spoilt")
    real.scenarios.wait("Papers", "in-sync", 20)
    assert (console.replica("Papers") / "f0").read_text() == "spoilt"
    console.press(Act.STOP)
    console.wait(lambda: console.state("Papers") == "Stopped")
    console.press(Act.RESTORE_DATA)
    wizard = console.dialog(RestoreDataWizard)
    console.wait(lambda: wizard.flow.status is not None)
    wizard.next.click()
    wizard.next.click()
    assert wizard.flow.step is Step.POINT
    console.wait(lambda: wizard.point.points.rowCount() > 1)
    row = next(row for row, one in enumerate(wizard.point.points.items) if one.kind.value == "bookmark")
    wizard.point.point_table.select_row(wizard.point.point_table.model().index(row, 0))
    console.wait(wizard.point.glance.counts.isVisible)
    assert wizard.point.glance.counts.text().startswith("1 path: 1 overwrite · 9 bytes")
    wizard.next.click()
    wizard.next.click()
    console.wait(wizard.next.isEnabled)
    wizard.next.click()
    console.wait(lambda: wizard.flow.outcome is not None and wizard.flow.outcome.rewound is not None)
    assert (console.replica("Papers") / "f0").read_text() == "Papers 0\n"
    wizard.done(0)


def test_a_scenario_is_saved_renamed_moved_exported_deleted_and_imported(
    console: XOsoftConsole, real: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = console.scenario("Papers")
    console.manager.tabs.setCurrentIndex(2)
    properties = console.manager.properties
    console.wait(lambda: properties.form.ready and properties.form._editors["rewind_minutes"].isEnabled())
    properties.form._editors["rewind_minutes"].setValue(77)
    properties.save.click()
    console.wait(lambda: real.scenarios.show("Papers").scenario.properties.rewind_minutes == 77)
    console.wait(lambda: not properties.save.isEnabled())
    console.press(Act.EDIT)
    edit = console.dialog(EditScenarioDialog)
    edit.name.setText("Letters")
    edit.group.setCurrentText("Post")
    edit.save.click()
    console.wait(lambda: console.state("Letters") == "Stopped")
    file = tmp_path / "letters.xml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a: (str(file), ""))
    console.press(Act.EXPORT)
    console.wait(lambda: "Letters exported" in console.toasts)
    console.press(Act.DELETE)
    delete = console.dialog(DeleteScenarioDialog)
    delete.typed.setText("Letter")
    assert not delete.delete_button.isEnabled()
    delete.typed.setText("Letters")
    delete.delete_button.click()
    console.wait(lambda: console.status("Letters") is None)
    assert (console.master("Papers") / "f0").exists()
    console.manager.commands.import_.trigger()
    console.wait(lambda: console.state("Letters") == "Stopped")
    again = real.scenarios.show("Letters").scenario
    assert (again.group, again.properties.rewind_minutes, again.roots) == ("Post", 77, made.roots)


def test_a_template_and_a_duplicate_are_saved(console: XOsoftConsole, real: Services) -> None:
    first = console.scenario("Papers", group="Post", properties=ScenarioProperties(rewind_minutes=77))
    console.press(Act.TEMPLATE)
    template = console.dialog(TemplateDialog)
    template.name.setText("Like papers")
    template.save.click()
    console.wait(lambda: "Template saved" in console.toasts)
    assert [one.name for one in real.scenarios.templates()] == ["Like papers"]
    console.press(Act.DUPLICATE)
    wizard = console.dialog(NewScenarioWizard)
    while wizard.flow.page is not Page.VERIFICATION:
        console.wait(lambda: not wizard.flow.fault(Page.ENGINES) or wizard.flow.page < Page.ENGINES)
        wizard.next.click()
    checks: Any = wizard.pages[Page.VERIFICATION]
    console.wait(lambda: len(checks.rows) > 1)
    for row in [row for row in checks.rows if row.check.fix == "create_directory"]:
        row.fix.click()
    console.wait(lambda: wizard.flow.verified)
    wizard.next.click()
    wizard.finish.click()
    console.wait(lambda: console.state("Papers copy") == "Stopped")
    made = real.scenarios.show("Papers copy").scenario
    assert (made.group, made.roots, made.properties) == ("Post", first.roots, first.properties)
    assert made.replicas[0].paths == (bytes(console.replica("Papers")) + b"-copy",)


@pytest.mark.deep
def test_held_removals_are_reviewed_and_brought_back(console: XOsoftConsole) -> None:
    console.scenario("Papers", files=0)
    folders = [console.master("Papers") / f"d{number:02}" for number in range(13)]
    for folder in folders:
        folder.mkdir()
        for number in range(100):
            (folder / f"f{number}").write_bytes(b"x")
    console.services.scenarios.run("Papers")
    console.replicating("Papers")
    for folder in folders[:11]:
        shutil.rmtree(folder)
    console.wait(lambda: console.state("Papers") == "Braked")
    assert "Papers" in console.manager.banner.accessibleName()
    console.manager.banner.pressed.emit()
    review = console.dialog(BrakeDialog)
    console.wait(lambda: "1,100 files removed, 11 folders" in review.counts.text(), 60_000)
    console.wait(lambda: review.model.rowCount(review.model.find(bytes(console.master("Papers")))) == 11)
    assert (console.replica("Papers") / "d03/f7").exists()
    review.reject_all.click()
    question = console.dialog(ConfirmDialog)
    assert not folders[3].exists()
    question.accept()
    console.wait(lambda: "The safety brake is released" in console.toasts, 60_000)
    console.replicating("Papers")
    assert len(list(folders[3].iterdir())) == 100


def test_a_new_scenario_is_made_and_runs(console: XOsoftConsole, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "source/one").write_text("one")
    console.manager.commands.new.trigger()
    wizard = console.dialog(NewScenarioWizard)
    pages: Any = wizard.pages
    wizard.next.click()
    wizard.next.click()
    qtbot.keyClicks(pages[Page.HOSTS].name, "New ones")
    wizard.next.click()
    console.wait(lambda: not wizard.flow.fault(Page.ENGINES))
    wizard.next.click()
    qtbot.keyClicks(pages[Page.ROOTS].typed, str(tmp_path / "source"))
    qtbot.keyClick(pages[Page.ROOTS].typed, Qt.Key.Key_Return)
    wizard.next.click()
    field = pages[Page.REPLICA].fields[0, bytes(tmp_path / "source")]
    field.clear()
    qtbot.keyClicks(field, str(tmp_path / "copy"))
    wizard.next.click()
    wizard.next.click()
    assert wizard.flow.page is Page.VERIFICATION
    checks = pages[Page.VERIFICATION]
    console.wait(lambda: len(checks.rows) > 1)
    for row in [row for row in checks.rows if row.check.fix == "create_directory"]:
        row.fix.click()
    console.wait(lambda: wizard.flow.verified)
    wizard.next.click()
    assert wizard.next.text() == "Run now"
    wizard.next.click()
    console.replicating("New ones")
    assert (tmp_path / "copy/one").read_text() == "one"


@pytest.mark.deep
def test_a_group_runs_and_stops_after_a_question(console: XOsoftConsole) -> None:
    console.scenario("First", group="Both")
    console.running("Second", group="Both")
    console.select_group("Both")
    console.press(Act.RUN)
    dialog = console.dialog(RunDialog)
    console.wait(lambda: not dialog.checking)
    assert dialog.run_button.text() == "Run 1 scenario"
    dialog.run_button.click()
    console.replicating("First")
    console.press(Act.STOP)
    stop = console.dialog(StopGroupDialog)
    assert stop.stop_button.text() == "Stop 2 scenarios"
    stop.stop_button.click()
    console.wait(lambda: console.state("First") == console.state("Second") == "Stopped")


@pytest.mark.deep
def test_the_backup_server_is_told_and_finds_what_it_does_not_list(
    console: XOsoftConsole, real: Services
) -> None:
    console.scenario("Papers")
    console.press(Act.REGISTER)
    dialog = console.dialog(UpdateServerDialog)
    dialog.login.password.setText("wrong")
    dialog.update_button.click()
    console.wait(lambda: "refused" in dialog.login.password.accessibleDescription())
    dialog.login.password.setText(PASSWORD)
    dialog.update_button.click()
    console.wait(lambda: "ARCserve Backup Server updated" in console.toasts)
    console.manager.commands.discover.trigger()
    found = console.dialog(DiscoveryDialog)
    console.wait(lambda: found.header.note.text() == "None was found")
    found.reject()
