"""The Alerts manager against memory services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QApplication

from app.model.alert import TROUBLE, AlertEvent, Delivery, DeliveryState, Freshness, Protection
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.ui.alerts import manager as alerts_manager
from app.ui.alerts.manager import DELIVERIES, PROTECTION, AlertsManager
from app.ui.alerts.target_dialog import TargetDialog
from app.ui.home.manager import HomeManager
from app.ui.home.protection import ProtectionColumn

NOW = datetime.now(UTC)


@pytest.fixture
def manager(context, put_up):
    return put_up(AlertsManager(context), 1200, 800)


def dialog() -> TargetDialog:
    return next(
        one for one in QApplication.topLevelWidgets() if isinstance(one, TargetDialog) and one.isVisible()
    )


def add(manager, settled, name="ops"):
    manager.add_action.trigger()
    made = dialog()
    made.name.setText(name)
    made.mail.setText("ops@example.org")
    made.smtp.setText("mail.example.org")
    made.smtp_password.setText("hidden")
    made.action.click()
    settled()


def test_nobody_is_told_at_first(manager):
    assert manager.empty.isVisible()
    manager.empty.button.click()
    assert dialog().isVisible()
    dialog().reject()


def test_somebody_is_added_with_what_is_trouble(manager, services, settled):
    add(manager, settled)
    (call,) = services.called("alerts.add")
    request = call[1]
    assert (request.name, request.mail, request.smtp_host) == ("ops", "ops@example.org", "mail.example.org")
    assert request.events == TROUBLE
    assert "hidden" not in repr(request)
    assert manager.targets.items[0].name == "ops"
    assert not manager.empty.isVisible()


@pytest.mark.parametrize(
    ("method", "field", "text", "fault"),
    [
        (0, "mail", "nobody", "A mail address is missing"),
        (1, "command", "echo", "A command begins with the absolute path of a program"),
        (1, "command", "/bin/x 'a", "The command has a quotation mark that is not closed"),
        (2, "url", "somewhere", "An address such as slack://… is missing"),
    ],
)
def test_what_is_missing_is_said(manager, method, field, text, fault):
    manager.add_action.trigger()
    made = dialog()
    assert made.fault() == "A name is missing"
    made.name.setText("x")
    made.method.setCurrentIndex(method)
    getattr(made, field).setText(text)
    assert made.fault() == fault
    assert not made.action.isEnabled()
    made.reject()


def test_nothing_to_tell_of_is_a_fault_unless_there_are_codes(manager):
    manager.add_action.trigger()
    made = dialog()
    made.name.setText("x")
    made.method.setCurrentIndex(1)
    made.command.setText("/bin/true 'a b'")
    for box in made.events.values():
        box.setChecked(False)
    assert made.fault() == "Choose at least one thing to tell of"
    made.codes.setText("ae0465")
    assert made.fault() == ""
    assert made.request().codes == ("AE0465",)
    assert made.request().command == ("/bin/true", "a b")
    made.reject()


def test_a_target_is_tested_changed_and_removed(manager, services, settled, context, monkeypatch):
    add(manager, settled)
    manager.target_table.select_row(manager.target_table.model().index(0, 0))
    manager.test_action.trigger()
    settled()
    assert context.extra["toasts"][-1] == ("The test reached ops",)
    services.raises["alerts.test"] = ArcxoError("E5803", target="ops", details="refused")
    manager.test_action.trigger()
    settled()
    assert context.extra["errors"][-1].code == "E5803"
    manager.edit_action.trigger()
    made = dialog()
    assert made.name.isReadOnly()
    made.events[AlertEvent.FINISHED].setChecked(True)
    made.action.click()
    settled()
    assert AlertEvent.FINISHED in services.alert_targets["ops"].events
    monkeypatch.setattr(alerts_manager, "confirm", lambda *_texts: True)
    manager.target_table.select_row(manager.target_table.model().index(0, 0))
    manager.remove_action.trigger()
    settled()
    assert services.alert_targets == {}


def test_deliveries_say_what_was_refused_and_lead_to_the_job(manager, services, settled, context):
    services.deliveries.append(
        Delivery(1, "ops", "k", "N5809", Severity.INFORMATION, job_id=412, at=NOW,
                 state=DeliveryState.FAILED, attempts=5, error="550 no such user")
    )  # fmt: skip
    manager.refresh()
    settled()
    manager.show_request(page="deliveries")
    assert manager.tabs.currentIndex() == DELIVERIES
    table = manager.delivery_table
    assert table.model().index(0, 5).data() == "550 no such user"
    assert manager.header.subtitle.text().endswith("1 message failed")
    table.select_row(table.model().index(0, 0))
    manager._on_delivery()
    assert context.extra["opened"][-1] == ("job_status", {"log_of": 412})


def test_protection_lists_the_worst_and_counts_it(manager, services, settled, qtbot):
    services.protections = [
        Protection(0, "fs:/srv", "fs", Freshness.STALE, NOW - timedelta(days=2), jobs=(7,)),
        Protection(5, "Files", "m", Freshness.FRESH, NOW, NOW, NOW + timedelta(hours=3)),
        Protection(6, "New", "m", Freshness.NEVER),
    ]
    with qtbot.waitSignal(manager.badge_changed) as told:
        manager.refresh()
    assert told.args == ["2", True]
    manager.tabs.setCurrentIndex(PROTECTION)
    model = manager.freshness_table.model()
    rows = [[model.index(row, column).data() for column in (0, 2)] for row in range(model.rowCount())]
    assert ["fs:/srv", "Not protected in time"] in rows
    assert ["New", "Never backed up"] in rows


def test_home_says_that_a_backup_is_overdue(context, services, qtbot, settled):
    status = services.statuses[0]
    late = Protection(
        status.scenario.id, status.scenario.name, "m", Freshness.STALE, NOW, None, NOW - timedelta(hours=9)
    )
    services.protections = [late]
    home = HomeManager(context)
    qtbot.addWidget(home)
    home.show()
    home.activate()

    def seconds() -> list[str]:
        items = home.protection.items
        return [home.protection.cell(one, ProtectionColumn.PROTECTED_UNTIL).second for one in items]

    qtbot.waitUntil(lambda: "Backup is overdue" in seconds(), timeout=4000)
    home.deactivate()
    settled()
