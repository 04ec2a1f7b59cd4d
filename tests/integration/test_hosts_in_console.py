"""The console's Hosts manager over real services and the agent of another home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QSettings

from app import bootstrap
from app.agent.run import spawn_agent, stop_agent
from app.ui.application import make_application
from app.ui.bridge.tasks import Tasks
from app.ui.hosts.host_dialog import HostDialog
from app.ui.hosts.manager import HostsManager
from app.ui.manager import Context
from tests.support.arcxo_command import Arcxo

PASSWORD = "of the branch"


@pytest.fixture
def branch(tmp_path: Path) -> Iterator[tuple[Arcxo, str]]:
    there = Arcxo(tmp_path / "branch", processes=True)
    there.json("agent", "init", "--password-stdin", given=f"{PASSWORD}\n")
    yield there, spawn_agent(str(there.home)).address
    stop_agent(str(there.home))


@pytest.mark.deep
def test_a_host_is_added_checked_lost_and_found_again(
    branch: tuple[Arcxo, str], tmp_path: Path, qtbot: Any
) -> None:
    there, address = branch
    here = Arcxo(tmp_path / "home", processes=True)
    here.text("init", "--password-stdin", given="caroot-secret\n")
    make_application()
    services, tasks = bootstrap.open_services(str(here.home)), Tasks(threads=3)
    errors: list[Exception] = []
    context = Context(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    context.show_error = lambda error, *_more: errors.append(error)
    manager = HostsManager(context)
    qtbot.addWidget(manager)
    manager.show()
    manager.activate()
    try:
        manager.add_action.trigger()
        dialog = manager.findChild(HostDialog)
        for name, text in (("address", address), ("name", "branch"), ("user", "caroot"), ("password", "no")):
            dialog.fields[name].editor.setText(text)
        dialog.go.click()
        qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1, timeout=10_000)
        dialog.compared.click()
        dialog.go.click()
        qtbot.waitUntil(lambda: "was refused" in dialog.password.accessibleDescription(), timeout=10_000)
        dialog.password.setText(PASSWORD)
        dialog.go.click()
        qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1, timeout=10_000)
        dialog.compared.click()
        with qtbot.waitSignal(dialog.added, timeout=10_000):
            dialog.go.click()

        def state() -> str:
            rows = [manager.model.index(row, 0).data() for row in range(manager.model.rowCount())]
            return manager.model.index(rows.index("branch"), 1).data() if "branch" in rows else ""

        qtbot.waitUntil(lambda: state() == "Connected", timeout=10_000)
        listed = {one["host"]["name"]: one for one in here.json("host", "list", "--state")}
        assert listed["branch"]["info"]["version"]
        assert listed["localhost"]["error_code"] == "E1120"
        qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.host.name == "branch")
        manager.check_action.trigger()
        qtbot.waitUntil(lambda: len(manager.details.list.rows) > 5, timeout=20_000)
        assert manager.details.list.errors == 0
        stop_agent(str(there.home))
        qtbot.waitUntil(lambda: state() == "No answer", timeout=10_000)
        assert spawn_agent(str(there.home), address).address == address
        qtbot.waitUntil(lambda: state() == "Connected", timeout=15_000)
        assert errors == []
    finally:
        manager.deactivate()
        tasks.close()
        services.close()
