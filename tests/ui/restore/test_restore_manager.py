"""The manager against memory services: views, markers, versions, dialogs, plan, submission, faults."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QAbstractItemModelTester
from PySide6.QtWidgets import QPushButton

from app.model.errors import BusyError
from app.model.job import Conflict, Credentials, Destination, RestoreSelection, Schedule
from app.model.restore import RestoreAction, RestoreItem, RestorePlan, Unlisted
from app.ui.dialogs.restore_login import RestoreLoginDialog
from app.ui.dialogs.restore_plan import BACK, RestorePlanDialog
from app.ui.dialogs.restore_sessions import RestoreSessionsDialog
from app.ui.models.cell import ItemRole, Mark
from app.ui.restore.basket import Part, SessionSource, TreeSource
from app.ui.restore.destination_pane import DestinationPane
from app.ui.restore.manager import DESTINATION, RestoreManager
from app.ui.restore.plan_items import PlanInput, amount, checks, reason
from app.ui.restore.requests import LoginRow, Options, Target, requests
from app.ui.restore.source_tab import BY_QUERY, BY_TREE
from app.ui.widgets.views import CellTree

SERIAL = "A1B2C3"
LOCAL = frozenset({"BKP-SRV-01"})
CHECK = Qt.ItemDataRole.CheckStateRole


@pytest.fixture
def manager(context, qtbot, settled):
    made = RestoreManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 800)
    made.show()
    made.activate()
    settled()
    yield made
    made.deactivate()


@pytest.fixture
def login_row(services):
    return LoginRow(Part(services.media.session("", 60)), Target(), local_names=LOCAL)


def open_folder(pane, settled, *keys):
    """Expand the way down to a folder and choose it."""
    for depth in range(1, len(keys) + 1):
        index = pane.model.find(*keys[:depth])
        assert index.isValid(), keys[:depth]
        if depth < len(keys):
            pane.tree.setExpanded(index, True)
            settled()
    pane.tree.select_row(pane.model.find(*keys))
    settled()


def toggle(pane, path):
    row = next(i for i, item in enumerate(pane.entries.items) if item.path == path)
    pane.entries.setData(pane.entries.index(row, 0), None, CHECK)


def dialog_of(manager, kind):
    return next(one for one in manager.findChildren(kind) if one.isVisible())


def test_media_list_their_sessions_newest_first(manager):
    model = manager.source.by_session.model
    media = model.index(0, 0)
    assert media.data() == "FSD-2026-A"
    assert [model.index(row, 0, media).data().partition(",")[0] for row in range(4)] == [
        "Session 61",
        "Session 60",
        "Session 59",
        "Session 57",
    ]


def test_a_chosen_media_shows_what_it_holds_and_leads_into_a_session(manager, settled, qtbot):
    pane = manager.source.by_session
    pane.tree.select_row(pane.model.find(SERIAL))
    assert pane.glance.isVisible()
    assert not pane.choose_first.isVisible()
    assert pane.head.note.text() == "4 sessions"
    assert f"serial {SERIAL}" in pane.glance.facts.text()
    assert [one.number for one in pane.glance.model.items] == [61, 60, 59, 57]
    pane.filter.setText("no such thing")
    qtbot.waitUntil(lambda: pane.head.note.text() == "0 of 4 sessions")
    pane.filter.setText("")
    qtbot.waitUntil(lambda: pane.head.note.text() == "4 sessions")
    pane.glance.table.row_activated.emit(pane.glance.table.model().index(1, 0))
    settled()
    assert pane.tree.currentIndex() == pane.model.find(SERIAL, SessionSource(SERIAL, 60))
    assert not pane.glance.isVisible()
    assert "erified" in pane.facts.text()
    assert "Session 60 on FSD-2026-A" in pane.facts.text()


def test_folders_are_read_when_they_are_opened_and_their_contents_are_shown(manager, services, settled):
    assert not services.called("restores.browse_session")
    pane = manager.source.by_session
    open_folder(pane, settled, SERIAL, SessionSource(SERIAL, 61), b"/srv", b"/srv/sales")
    assert [item.path for item in pane.entries.items][:2] == [b"/srv/sales/2026", b"/srv/sales/pipeline.xlsx"]
    assert all(name.startswith("console-task") for name in services.threads)


def test_a_marker_fills_the_ones_above_it_and_space_takes_it_out_again(manager, settled):
    pane = manager.source.by_session
    open_folder(pane, settled, SERIAL, SessionSource(SERIAL, 61), b"/srv", b"/srv/sales")
    toggle(pane, b"/srv/sales/pipeline.xlsx")
    for keys in ((SERIAL,), (SERIAL, SessionSource(SERIAL, 61), b"/srv")):
        assert pane.model.find(*keys).data(ItemRole.CELL).marker.mark is Mark.PARTIAL
    assert manager.source.strip.title.text() == "Restore basket: 1 file, 4.00 MB"
    toggle(pane, b"/srv/sales/pipeline.xlsx")
    settled()
    assert len(manager.source.chooser.basket) == 0


def test_taking_one_file_out_of_a_session_keeps_what_is_beside_it(manager, settled):
    pane = manager.source.by_session
    source = SessionSource(SERIAL, 61)
    manager.source.chooser.toggle(source, b"/")
    open_folder(pane, settled, SERIAL, source, b"/srv", b"/srv/sales")
    toggle(pane, b"/srv/sales/pipeline.xlsx")
    settled()
    chosen = dict(manager.source.chooser.basket.selection.chosen())[source]
    assert set(chosen) == {
        b"/srv/shares",
        b"/srv/sales/2026",
        b"/srv/sales/forecast.docx",
        b"/srv/sales/caf\xe9.txt",
    }


def test_another_version_replaces_the_chosen_one(manager, settled):
    manager.source.view.setCurrentIndex(BY_TREE)
    pane = manager.source.by_tree
    source = TreeSource("BKP-SRV-01")
    open_folder(pane, settled, source, b"/srv", b"/srv/sales")
    toggle(pane, b"/srv/sales/pipeline.xlsx")
    manager.source.show_versions()
    pane.table.select_row(pane.table.model().index(1, 0))
    settled()
    versions = manager.source.versions
    assert len(versions.model.items) == 2
    versions.table.select_row(versions.table.model().index(1, 0))
    versions.add.click()
    settled()
    assert list(manager.source.chooser.basket.selection.chosen()) == [
        (SessionSource(SERIAL, 57), (b"/srv/sales/pipeline.xlsx",))
    ]


def test_as_of_reads_the_tree_again(manager, settled):
    manager.source.view.setCurrentIndex(BY_TREE)
    settled()
    manager.source.as_of_box.setChecked(True)
    settled()
    source = manager.source.by_tree.model.index(0, 0).data(ItemRole.OBJECT).source
    assert source.as_of is not None


def test_a_query_finds_and_chooses(manager, services, settled):
    manager.source.view.setCurrentIndex(BY_QUERY)
    pane = manager.source.by_query
    pane.pattern.setText("*pipe*")
    pane.ask.click()
    settled()
    assert services.called("restores.query")[-1][1].pattern == "*pipe*"
    pane.model.setData(pane.model.index(0, 0), None, CHECK)
    assert list(manager.source.chooser.basket.selection.chosen()) == [
        (SessionSource(SERIAL, 61), (b"/srv/sales/pipeline.xlsx",))
    ]


def test_a_faulty_query_field_is_told_at_the_field_and_nothing_is_asked(manager, services):
    pane = manager.source.by_query
    pane.form.size_min.setText("much")
    pane.ask.click()
    assert pane.form.size_min.property("state") == "error"
    assert not services.called("restores.query")


def test_start_without_a_choice_says_so(manager):
    manager.start.click()
    assert manager.banner.isVisible()


def test_another_place_needs_a_folder(manager):
    manager.source.chooser.toggle(SessionSource(SERIAL, 61), b"/")
    manager.destination.original.setChecked(False)
    manager.start.click()
    assert manager.tabs.currentIndex() == DESTINATION
    assert manager.destination.folders.path.property("state") == "error"


def test_from_start_to_the_job_nothing_is_submitted_before_the_last_button(
    manager, services, context, settled
):
    manager.source.chooser.toggle(SessionSource(SERIAL, 61), b"/")
    manager.destination.conflicts[Conflict.SKIP].setChecked(True)
    manager.start.click()
    settled()
    dialog_of(manager, RestoreSessionsDialog).accept()
    settled()
    plan = dialog_of(manager, RestorePlanDialog)
    assert plan.title.text() == "This restore will change 1,275 items on localhost"
    assert plan.restore.text() == "Restore 1,275 items"
    assert not services.called("restores.submit")
    plan.restore.click()
    settled()
    submitted = services.called("restores.submit")
    assert len(submitted) == 1
    planned = services.called("restores.plan")[0][1]
    assert submitted[0][1] == replace(planned, confirmed=True)
    assert submitted[0][1].script.selections == (RestoreSelection(SERIAL, 61),)
    assert submitted[0][1].script.conflict is Conflict.SKIP
    assert context.extra["toasts"][0][0].startswith("Job ")
    assert len(manager.source.chooser.basket) == 0


def test_a_folder_of_this_computer_is_the_target(manager, services, settled):
    manager.source.chooser.toggle(SessionSource(SERIAL, 61), b"/")
    manager.tabs.setCurrentIndex(DESTINATION)
    manager.destination.original.setChecked(False)
    settled()
    folders = manager.destination.folders
    open_tree = folders.model.find(b"/", b"/backup")
    folders.tree.select_row(open_tree)
    folders.make_folder(folders.directory, "out")
    settled()
    assert services.called("hosts.make_directory") == [("hosts.make_directory", "localhost", b"/backup/out")]
    assert manager.destination.target() == Target(False, "localhost", b"/backup/out")


def test_back_from_the_plan_keeps_what_was_typed(manager, services, settled):
    manager.source.chooser.toggle(SessionSource(SERIAL, 61), b"/")
    manager.start.click()
    settled()
    dialog = dialog_of(manager, RestoreSessionsDialog)
    dialog._rows[0].master = Credentials("m", "1")
    dialog.accept()
    settled()
    dialog_of(manager, RestorePlanDialog).done(BACK)
    again = dialog_of(manager, RestoreSessionsDialog)
    assert again._rows[0].master == Credentials("m", "1")


def test_a_wrong_session_password_is_told_at_once_and_does_not_close(context, login_row, qtbot, settled):
    host = RestoreSessionsDialog(context, [login_row], None)
    qtbot.addWidget(host)
    dialog = RestoreLoginDialog(context, login_row, host)
    dialog.open()
    dialog.session_password.setText("wrong")
    qtbot.waitUntil(lambda: dialog.session_password.property("state") == "error", timeout=5000)
    dialog.accept()
    assert dialog.isVisible()
    dialog.session_password.setText("right")
    dialog.accept()
    settled()
    assert not dialog.isVisible()
    assert login_row.password_accepted
    assert login_row.missing == ""


def test_master_asks_for_the_masters_log_in_only(context, login_row, qtbot):
    login_row.local_names = frozenset()
    host = RestoreSessionsDialog(context, [login_row], None)
    qtbot.addWidget(host)
    dialog = RestoreLoginDialog(context, login_row, host)
    dialog.open()
    assert not dialog.replica.isHidden()
    dialog.to_master.setChecked(True)
    assert dialog.replica.isHidden()
    dialog.accept()
    assert dialog.isVisible()
    assert dialog.master.user.property("state") == "error"


def test_one_row_can_be_applied_to_all(context, services, qtbot, settled):
    rows = [
        LoginRow(Part(services.media.session("", number)), Target(), local_names=LOCAL) for number in (59, 61)
    ]
    host = RestoreSessionsDialog(context, rows, None)
    qtbot.addWidget(host)
    dialog = host.edit_current()
    dialog.to_master.setChecked(True)
    dialog.master.user.setText("admin")
    dialog.master.password.setText("secret")
    dialog.apply_all.setChecked(True)
    dialog.accept()
    settled()
    assert [row.destination for row in rows] == [Destination.ORIGINAL_MASTER] * 2
    assert rows[1].master == Credentials("admin", "secret")


def test_cancelling_a_row_changes_nothing(context, login_row, qtbot):
    host = RestoreSessionsDialog(context, [login_row], None)
    qtbot.addWidget(host)
    dialog = RestoreLoginDialog(context, login_row, host)
    dialog.open()
    dialog.to_master.setChecked(True)
    dialog.reject()
    assert login_row.destination is Destination.ORIGINAL_REPLICA


def planned(services) -> PlanInput:
    row = LoginRow(Part(services.media.session("", 61)), Target(), local_names=LOCAL)
    return PlanInput(requests([row], Options(), Schedule(), hold=False), [row], "localhost")


def test_a_plan_that_cannot_be_made_is_told_in_place(context, services, qtbot, settled):
    services.raises["restores.plan"] = BusyError("E1120", home="/home/me/arcxo")
    dialog = RestorePlanDialog(context, planned(services), None)
    qtbot.addWidget(dialog)
    dialog.show()
    settled()
    assert dialog.problem.isVisible()
    assert not dialog.restore.isEnabled()
    del services.raises["restores.plan"]
    dialog.problem.retried.emit()
    settled()
    assert dialog.restore.isEnabled()


def test_a_refused_submission_stays_on_the_plan(context, services, qtbot, settled):
    dialog = RestorePlanDialog(context, planned(services), None)
    qtbot.addWidget(dialog)
    dialog.show()
    settled()
    services.raises["restores.submit"] = BusyError("E1120", home="/home/me/arcxo")
    dialog.restore.click()
    settled()
    assert dialog.isVisible()
    assert dialog.fault.isVisible()
    assert dialog.restore.isEnabled()


def test_a_count_filters_the_list(context, services, qtbot, settled):
    dialog = RestorePlanDialog(context, planned(services), None)
    qtbot.addWidget(dialog)
    dialog.show()
    settled()
    dialog.counts[RestoreAction.OVERWRITE].click()
    folder = dialog.model.index(0, 0)
    assert folder.data() == "/srv/sales"
    qtbot.waitUntil(lambda: dialog.model.rowCount(folder) == 1)
    assert dialog.model.index(0, 0, folder).data() == "b.xlsx"
    dialog.counts[RestoreAction.OVERWRITE].click()
    qtbot.waitUntil(lambda: dialog.model.rowCount(dialog.model.index(0, 0)) > 1)
    dialog.filter.setText("nothing like it")
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 0)


def test_a_plan_is_exported_whole(context, services, qtbot, settled, tmp_path):
    dialog = RestorePlanDialog(context, planned(services), None)
    qtbot.addWidget(dialog)
    settled()
    dialog.export_to(str(tmp_path / "plan.csv"))
    settled()
    lines = (tmp_path / "plan.csv").read_text().splitlines()
    assert lines[0] == "action,target,source,bytes,reason"
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["create", "/srv/sales/a.xlsx"],
        ["overwrite", "/srv/sales/b.xlsx"],
    ]
    assert context.extra["toasts"][-1][1].startswith("2 items")
    dialog.export_to(str(tmp_path / "none" / "plan.csv"))
    settled()
    assert context.extra["errors"][-1].code == "E1301"
    assert dialog.export.isEnabled()


def test_a_folder_that_cannot_be_read_is_told_in_place(manager, services, settled):
    services.raises["restores.browse_session"] = BusyError("E1120", home="/home/me/arcxo")
    pane = manager.source.by_session
    pane.tree.select_row(pane.model.find(SERIAL, SessionSource(SERIAL, 61)))
    settled()
    assert pane.problem.isVisible()


def test_an_empty_home_says_how_sessions_get_there(context, services, qtbot, settled):
    services.sessions = []
    services.restores.machines = list
    made = RestoreManager(context)
    qtbot.addWidget(made)
    made.show()
    made.activate()
    settled()
    assert made.source.by_session.empty.isVisible()
    made.source.by_session.empty.button.click()
    assert context.extra["opened"] == [("backup", {})]
    made.deactivate()


def test_the_models_keep_qts_rules(manager, settled):
    source = manager.source
    fatal = QAbstractItemModelTester.FailureReportingMode.Fatal
    testers = [
        QAbstractItemModelTester(model, fatal)
        for model in (
            source.by_session.model,
            source.by_session.entries,
            source.by_query.model,
            source.versions.model,
        )
    ]
    open_folder(source.by_session, settled, SERIAL, SessionSource(SERIAL, 61), b"/srv", b"/srv/sales")
    toggle(source.by_session, b"/srv/sales/pipeline.xlsx")
    source.chooser.clear()
    settled()
    assert testers


def test_files_are_told_from_the_folders_made_for_them():
    items = (
        RestoreItem(b"", b"/out", RestoreAction.CREATE, 0),
        RestoreItem(b"/srv/a", b"/out/a", RestoreAction.CREATE, 5),
        RestoreItem(b"/srv/b", b"/out/b", RestoreAction.OVERWRITE, 5),
        RestoreItem(b"/srv/c", b"/out/c", RestoreAction.SKIP, 5, "exists"),
    )
    counts = {RestoreAction.CREATE: 2, RestoreAction.OVERWRITE: 1, RestoreAction.SKIP: 1}
    plan = RestorePlan(counts, 10, items, "localhost", None)
    assert amount(plan, frozenset({b"/srv/a", b"/srv/b", b"/srv/c"})) == ("2 files", " and make 1 folder")
    assert amount(plan, frozenset()) == ("3 items", "")
    assert amount(replace(plan, truncated=True), frozenset({b"/srv/a"})) == ("3 items", "")
    assert reason(items[3]) == "Already there, rule: skip existing"
    assert reason(items[2], Conflict.OLDER) == "Older there, rule: overwrite older"


def test_the_plan_says_which_scenario_stops_and_what_goes_on(services):
    row = LoginRow(Part(services.media.session("", 60)), Target(), local_names=LOCAL)
    plan = RestorePlan({RestoreAction.CREATE: 1}, 10, (), "localhost", 5, "Sales Shares")
    made = requests([row], Options(continue_if_not_stopped=True), Schedule(), hold=False)
    said = checks(plan, PlanInput(made, [row], "localhost"))
    assert [subject for _, _, subject, _ in said] == [
        "Space may not suffice",
        "Session password",
        "Sales Shares is stopped before the restore",
    ]
    assert "the restore goes on" in said[2][3]


def test_the_plan_says_that_a_folder_is_kept_by_a_scenario(services):
    plan = RestorePlan({RestoreAction.CREATE: 1}, 10, (), "localhost", 50, into_replica="Sales Shares")
    said = {subject: (role, finding) for _, role, subject, finding in checks(plan, planned(services))}
    role, finding = said["The folder is in the Replica of Sales Shares"]
    assert role == "warning"
    assert "goes when it runs" in finding
    assert "No scenario is stopped" not in said


def test_the_plan_says_that_more_may_be_needed_than_could_be_counted(services):
    plan = RestorePlan({RestoreAction.CREATE: 1}, 10, (), "localhost", 50)
    away = replace(plan, unlisted=(Unlisted(b"/srv/away", "media M"),))
    for one, said in (
        (plan, "10 bytes needed, 50 bytes free"),
        (away, "At least 10 bytes needed, 50 bytes free"),
    ):
        findings = {subject: finding for _, _, subject, finding in checks(one, planned(services))}
        assert findings["Space"] == said


def test_a_plan_that_could_list_nothing_does_not_call_it_skipped(
    services, context, settled, qtbot, monkeypatch
):
    none = RestorePlan({}, 0, (), "localhost", 50, unlisted=(Unlisted(b"/srv/away", "media M"),))
    monkeypatch.setattr(services.restores, "plan", lambda *_, **__: none)
    dialog = RestorePlanDialog(context, planned(services), None)
    qtbot.addWidget(dialog)
    dialog.open()
    settled()
    assert dialog.title.text() == "What this restore would change cannot be listed now"
    assert not dialog.restore.isEnabled()
    assert "skipped" not in dialog.restore.toolTip()
    dialog.close()


def test_keys_open_a_folder_and_toggle_a_marker(manager, qtbot, settled):
    pane = manager.source.by_session
    open_folder(pane, settled, SERIAL, SessionSource(SERIAL, 61), b"/srv")
    pane.table.select_row(pane.table.model().index(0, 0))
    qtbot.keyClick(pane.table, Qt.Key.Key_Return)
    settled()
    assert pane.head.title.text() == "/srv/sales"
    pane.table.select_row(pane.table.model().index(1, 0))
    qtbot.keyClick(pane.table, Qt.Key.Key_Space)
    assert len(manager.source.chooser.basket) == 1
    qtbot.keyClick(pane.tree, Qt.Key.Key_Space)
    assert dict(manager.source.chooser.basket.selection.chosen()) == {
        SessionSource(SERIAL, 61): (b"/srv/sales",)
    }


def test_the_search_of_the_window_asks_by_query(manager, services, settled):
    manager.show_request(pattern="*pipe*")
    settled()
    assert manager.source.view.currentIndex() == BY_QUERY
    assert [call[1].pattern for call in services.called("restores.query")] == ["*pipe*"]


def test_what_can_be_done_has_a_name_for_screen_readers(manager):
    source = manager.source
    widgets = [*source.findChildren(CellTree), source.view, source.as_of]
    # An empty state without a way out keeps its button hidden and without words.
    widgets += [push for push in source.findChildren(QPushButton) if push.text()]
    widgets += [field.editor for field in source.by_query.fields.values()]
    assert [widget for widget in widgets if not widget.accessibleName()] == []


def test_exact_only_overwrites_and_the_plan_tells_of_the_way_back(context, services, qtbot, settled):
    pane = DestinationPane(context)
    qtbot.addWidget(pane)
    pane.conflicts[Conflict.SKIP].setChecked(True)
    pane.exact.setChecked(True)
    assert pane.options().conflict is Conflict.OVERWRITE
    assert pane.options().exact
    assert not pane.conflicts[Conflict.SKIP].isEnabled()
    pane.exact.setChecked(False)
    assert pane.conflicts[Conflict.SKIP].isEnabled()
    plan = services.restores.plan(planned(services).requests[0])
    told = {subject for _, _, subject, _ in checks(plan, planned(services))}
    assert "Can be undone" in told
    gone = {subject for _, _, subject, _ in checks(replace(plan, undo_days=0), planned(services))}
    away = replace(plan, out_of_reach=("A part of session 2 of media M cannot be reached now",))
    assert ("A part is out of reach", *away.out_of_reach) in [
        (subject, finding) for _, _, subject, finding in checks(away, planned(services))
    ]
    assert "This cannot be undone" in gone
    little = replace(plan, undo_max_bytes=1)
    assert "Too much to keep aside" in {subject for _, _, subject, _ in checks(little, planned(services))}
