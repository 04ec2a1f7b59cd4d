"""Going between the panes of a screen by keyboard, and the keys a screen has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QApplication, QTabBar, QTreeView, QWidget

from app.ui.widgets.basics import FilterField
from app.ui.widgets.sort_menu import open_sort_menu, sorts

GLOBAL_KEYS: tuple[tuple[str, str], ...] = (
    ("Enter", "Open, details"),
    ("Space", "Toggle the marker of the row"),
    ("Esc", "Close, clear the filter, cancel"),
    ("Ctrl+C", "Copy the selected rows as text"),
)


def panes(root: QWidget) -> list[QWidget]:
    """What F6 stops at, in reading order: visible trees, tables and tab bars that can be used."""
    found: list[QWidget] = [*root.findChildren(QAbstractItemView), *root.findChildren(QTabBar)]
    usable = [
        pane
        for pane in found
        if pane.isVisible() and pane.isEnabled() and pane.focusPolicy() & Qt.FocusPolicy.TabFocus
    ]
    corners = {id(pane): pane.mapTo(root, QPoint(0, 0)) for pane in usable}
    return sorted(usable, key=lambda pane: (corners[id(pane)].y(), corners[id(pane)].x()))


def step_pane(root: QWidget, by: int) -> QWidget | None:
    """Give the focus to the next (`by` 1) or previous (-1) pane of `root`; None when it has none."""
    known = panes(root)
    if not known:
        return None
    focus = QApplication.focusWidget()
    here = next((i for i, pane in enumerate(known) if focus is not None and _holds(pane, focus)), None)
    target = known[0 if here is None else (here + by) % len(known)]
    target.setFocus(Qt.FocusReason.ShortcutFocusReason)
    if isinstance(target, QAbstractItemView) and not target.currentIndex().isValid():
        first = target.model().index(0, 0) if target.model() is not None else None
        if first is not None and first.isValid():
            target.setCurrentIndex(first)
    return target


def focus_filter(root: QWidget) -> bool:
    """Give the focus to the filter of the pane in use, else to the first one. False when there is none."""
    fields = [field for field in root.findChildren(FilterField) if field.isVisible() and field.isEnabled()]
    above = QApplication.focusWidget()
    while above is not None and above is not root:
        near = next((field for field in fields if above.isAncestorOf(field)), None)
        if near is not None:
            return _enter(near)
        above = above.parentWidget()
    return bool(fields) and _enter(fields[0])


def sort_pane(root: QWidget) -> bool:
    """Offer the columns of the table in use, else of the first one, to sort by. False when none sorts."""
    known = [pane for pane in panes(root) if isinstance(pane, QTreeView) and sorts(pane)]
    focus = QApplication.focusWidget()
    here = next((pane for pane in known if focus is not None and _holds(pane, focus)), None)
    found = here or next(iter(known), None)
    return found is not None and open_sort_menu(found) is not None


def keys_of(actions: Iterable[QAction]) -> Sequence[tuple[str, str]]:
    """(key, what it does) of the actions that have a key."""
    return [
        (action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), plain(action.text()))
        for action in actions
        if not action.shortcut().isEmpty()
    ]


def plain(text: str) -> str:
    """The text of an action without its mnemonic and dots."""
    return text.replace("&", "").rstrip("…").strip()


def _holds(pane: QWidget, widget: QWidget) -> bool:
    return pane is widget or pane.isAncestorOf(widget)


def _enter(field: FilterField) -> bool:
    field.setFocus(Qt.FocusReason.ShortcutFocusReason)
    field.selectAll()
    return True
