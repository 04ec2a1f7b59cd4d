"""The window: managers open, the server's state is told, colours change live, nothing stays behind."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from app.model.errors import ArcxoError
from app.ui.backup.manager import BackupManager
from app.ui.home.protection import protections, shown_status
from app.ui.theme import ThemeMode, theme
from app.ui.xosoft import manager as xosoft_manager
from tests.support.memory_services import now, sample_statuses


def test_the_server_is_started_and_its_state_shown(window, qtbot, services):
    services.server_running = False
    window.start_server()
    assert "Starting the server" in window.status.connection.text()
    qtbot.waitUntil(lambda: window.status.connection.text() == "Connected to BKP-SRV-01")
    assert services.called("server.start")


def test_a_server_that_does_not_start_is_told_with_its_reason(window, qtbot, services):
    services.raises["server.start"] = ArcxoError("E5103")
    window.start_server()
    qtbot.waitUntil(lambda: "could not be started" in window.status.connection.text())


def test_home_shows_the_worst_first(window, qtbot):
    qtbot.waitUntil(lambda: window.current_manager.protection.rowCount() == 6)
    names = [item.status.scenario.name for item in window.current_manager.protection.items]
    assert names[:2] == ["Print Queues", "Sales Shares"]
    assert names[-1] == "Branch File Shares"


def test_only_the_manager_in_front_polls(window, qtbot, services):
    window.open_manager("xosoft")
    home = window._managers["home"]
    assert not any(poller.running for poller in home._pollers)
    assert all(poller.running for poller in window.current_manager._pollers)
    window.hide()
    assert not any(poller.running for poller in window.current_manager._pollers)


def test_scenarios_are_followed_behind_other_managers_but_not_behind_a_hidden_window(
    window, qtbot, services, monkeypatch
):
    monkeypatch.setattr(xosoft_manager, "BEHIND_MS", 20)
    window.open_manager("xosoft")
    manager = window.current_manager
    window.open_manager("media")
    qtbot.waitUntil(lambda: bool(manager._history._samples))
    number = next(iter(manager._history._samples))
    noted = len(manager._history.samples(number))
    qtbot.waitUntil(lambda: len(manager._history.samples(number)) > noted + 2)
    window.hide()
    assert not any(poller.running for poller in manager._pollers)
    window.show()
    assert [poller.interval_ms for poller in manager._pollers if poller.running] == [20]
    window.open_manager("xosoft")
    assert 20 not in [poller.interval_ms for poller in manager._pollers]


def test_colours_change_without_a_restart(window, qapp):
    light = qapp.palette().window().color().name()
    theme().apply(ThemeMode.DARK)
    assert qapp.palette().window().color().name() != light
    assert "#15181D" in window.styleSheet()
    theme().apply(ThemeMode.LIGHT)
    assert qapp.palette().window().color().name() == light


def test_twice_the_text_size_still_fits_the_window(window, qapp):
    theme().apply(ThemeMode.LIGHT, 2.0)
    window.open_manager("xosoft")
    qapp.processEvents()
    theme().apply(ThemeMode.LIGHT, 1.0)
    assert QApplication.activeModalWidget() is None


def test_in_sync_needs_a_fresh_proof():
    status = sample_statuses()[0]
    assert shown_status(status, now())[0].text == "In sync"
    stale = status.replicas[0].in_sync_at
    from datetime import timedelta

    assert shown_status(status, stale + timedelta(minutes=5))[0].text == "Replicating"


def test_protection_takes_the_newest_session_and_the_next_run(services):
    found = {
        item.status.scenario.name: item
        for item in protections(services.statuses, services.sessions, services.jobs_)
    }
    assert found["Branch File Shares"].session.number == 61
    assert found["Branch File Shares"].next_run is not None
    assert found["Archive 2019"].session is None
    assert found["Archive 2019"].protected_until is None


def test_a_manager_is_made_in_rounds_and_the_one_before_stays_until_then(window, qtbot):
    window.open_soon("restore")
    assert window._current == "home"
    qtbot.waitUntil(lambda: window._current == "restore")
    made = window.current_manager
    window.open_soon("home")
    window.open_soon("restore")
    assert window.current_manager is made


def test_the_last_choice_is_shown_and_none_is_made_twice(window, qtbot):
    window.open_soon("backup")
    window.open_soon("backup")
    window.open_soon("media")
    qtbot.waitUntil(lambda: {"backup", "media"} <= set(window._managers))
    qtbot.waitUntil(lambda: window._current == "media")
    assert len(window.findChildren(BackupManager)) == 1


def test_what_is_asked_of_a_manager_reaches_it_once_it_is_made(window, qtbot):
    window.open_soon("xosoft", scenario="Archive 2019")
    qtbot.waitUntil(lambda: window._current == "xosoft")
    manager = window.current_manager
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == "Archive 2019")
