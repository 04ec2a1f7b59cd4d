"""Runs a scenario in the XOsoft Manager as a person does: Run, then Run in its dialog."""

from __future__ import annotations

from typing import Any

from app.ui.xosoft.actions import Act
from app.ui.xosoft.run_dialog import RunDialog


def open_run(manager: Any, qtbot: Any) -> RunDialog:
    """The dialog of the scenario in view, checked."""
    manager.actions_[Act.RUN].trigger()
    dialog: RunDialog = next(one for one in manager.findChildren(RunDialog) if one.isVisible())
    qtbot.waitUntil(lambda: not dialog.checking)
    return dialog


def run(manager: Any, qtbot: Any) -> None:
    """Run it, without a password."""
    open_run(manager, qtbot).run_button.click()
