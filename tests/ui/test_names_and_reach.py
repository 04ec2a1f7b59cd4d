"""Everything that can be used in a window has a name that a screen reader says, and Tab comes to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QWidget,
)

from app.ui.registry import entries
from app.ui.wizards.new_scenario import NewScenarioWizard
from app.ui.wizards.restore_data import RestoreDataWizard
from app.ui.xosoft.brake_dialog import BrakeDialog
from app.ui.xosoft.delete_dialog import DeleteScenarioDialog
from app.ui.xosoft.difference_dialog import DifferenceDialog
from app.ui.xosoft.discovery_dialog import DiscoveryDialog
from app.ui.xosoft.edit_dialog import EditScenarioDialog
from app.ui.xosoft.panes import Pane
from app.ui.xosoft.run_dialog import RunDialog
from app.ui.xosoft.server_dialog import UpdateServerDialog
from app.ui.xosoft.suspend_dialog import SuspendDialog
from app.ui.xosoft.template_dialog import TemplateDialog
from app.ui.xosoft.together import StopGroupDialog

_USED = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
)
_MADE_OF_PARTS = (QAbstractSpinBox, QComboBox, QLineEdit, QHeaderView, QTabBar, QAbstractItemView)


def used(root: QWidget) -> list[QWidget]:
    """What is there to be used, without the parts that other widgets are made of."""
    return [
        one
        for one in root.findChildren(QWidget)
        if isinstance(one, _USED)
        and one.isVisible()
        and one.window() is root
        and not isinstance(one, QHeaderView)
        and not _is_part(one)
    ]


def _is_part(widget: QWidget) -> bool:
    above = widget.parentWidget()
    while above is not None:
        if isinstance(above, _MADE_OF_PARTS):
            return True
        above = above.parentWidget()
    return False


def said(widget: QWidget, root: QWidget) -> str:
    """What a screen reader calls it."""
    buddies = [label.text() for label in root.findChildren(QLabel) if label.buddy() is widget]
    own = widget.text() if isinstance(widget, QAbstractButton) else ""
    hint = widget.placeholderText() if isinstance(widget, QLineEdit) else ""
    return (widget.accessibleName() or own or " ".join(buddies) or hint).strip()


def by_tab(root: QWidget) -> set[QWidget]:
    """Where Tab leads."""
    found, one = set(), root.nextInFocusChain()
    while one is not root and one is not None:
        if one.focusPolicy() & Qt.FocusPolicy.TabFocus:
            found.add(one)
            if one.focusProxy() is not None:
                found.add(one.focusProxy())
        one = one.nextInFocusChain()
    return found


def check(root: QWidget) -> None:
    reached = by_tab(root)
    nameless, far = [], []
    for widget in used(root):
        where = f"{type(widget).__name__} {said(widget, root)!r} in {type(widget.parentWidget()).__name__}"
        if not said(widget, root):
            nameless.append(where)
        grouped = isinstance(widget, QAbstractButton) and widget.autoExclusive() and not widget.isChecked()
        if widget.isEnabled() and widget not in reached and not grouped and not _in_a_menu(widget):
            far.append(where)
    assert (nameless, far) == ([], [])


def _in_a_menu(widget: QWidget) -> bool:
    """Buttons on the bars of panes: the View menu has them."""
    above: QWidget | None = widget
    while above is not None and not isinstance(above, Pane):
        above = above.parentWidget()
    return above is not None and widget in (above.float_button, above.hide_button)


@pytest.mark.deep
@pytest.mark.parametrize("name", [entry.name for entry in entries()])
def test_of_each_manager(window: Any, name: str, qtbot: Any, settled: Callable[[], None]) -> None:
    window.open_manager(name)
    settled()
    check(window)
    tabs = getattr(window.current_manager, "tabs", None)
    for position in range(1, tabs.count() if isinstance(tabs, QTabBar) else 0):
        tabs.setCurrentIndex(position)
        settled()
        check(window)


DIALOGS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "run": lambda c, s, w: RunDialog(c, (s,), w),
    "run of a group": lambda c, s, w: RunDialog(c, (s,), w, group="Group"),
    "stop of a group": lambda _c, s, w: StopGroupDialog("Group", (s,), w),
    "suspend": lambda _c, s, w: SuspendDialog((s,), "all", w),
    "template": lambda c, s, w: TemplateDialog(c, s.scenario, w),
    "rename": lambda _c, s, w: EditScenarioDialog(s.scenario, (), w),
    "delete": lambda _c, s, w: DeleteScenarioDialog(s, w),
    "update": lambda c, s, w: UpdateServerDialog(c, s.scenario, w),
    "discovery": lambda c, _s, w: DiscoveryDialog(c, w),
    "difference": lambda c, s, w: DifferenceDialog(c, s.scenario.name, w),
    "brake": lambda c, _s, w: BrakeDialog(c, "Sales Shares", w),
}


@pytest.mark.parametrize("name", DIALOGS)
def test_of_each_dialog(
    context: Any, services: Any, qtbot: Any, settled: Callable[[], None], name: str
) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = DIALOGS[name](context, services.statuses[0], parent)
    dialog.show()
    settled()
    check(dialog)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


@pytest.mark.parametrize("kind", [NewScenarioWizard, RestoreDataWizard])
def test_of_each_page_of_the_wizards(
    context: Any, qtbot: Any, settled: Callable[[], None], kind: type[Any]
) -> None:
    wizard = kind(context) if kind is NewScenarioWizard else kind(context, "Archive 2019")
    qtbot.addWidget(wizard)
    wizard.show()
    settled()
    pages = wizard.pages
    for page in pages:
        wizard.show_page(page) if hasattr(wizard, "show_page") else None
        settled()
        check(wizard)
