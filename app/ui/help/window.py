"""The help window: contents and search at the left, a page at the right; it blocks nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QByteArray, QSettings, Qt
from PySide6.QtGui import QAction, QCloseEvent, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSplitter, QToolButton, QVBoxLayout, QWidget

from app.help import load
from app.help.library import FIRST
from app.ui import icons
from app.ui.help.contents import Contents
from app.ui.help.page_view import LEAST, MOST, PageView
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line

_STEP = 0.1
_HISTORY = 200


class HelpWindow(QWidget):
    """One per console. Size, split and text size are kept in `settings` (None: are not kept)."""

    def __init__(self, settings: QSettings | None = None) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setWindowTitle("Help")
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setProperty("kind", "help")
        self._settings = settings
        self._library = load()
        self._past: list[str] = []
        self._next: list[str] = []
        self._topic = ""
        self.contents = Contents(self._library)
        self.contents.topic_chosen.connect(self.show_topic)
        self.view = PageView()
        self.view.topic_wanted.connect(self.show_topic)
        self.back = self._tool("Back", "arrow-left", "Alt+Left", self.go_back)
        self.forward = self._tool("Forward", "arrow-right", "Alt+Right", self.go_forward)
        self.smaller = self._tool("Smaller text", "minus", "Ctrl+-", self._on_smaller)
        self.larger = self._tool("Larger text", "plus", "Ctrl++", self._on_larger)
        self.print_ = self._tool("Print this page", "printer", "Ctrl+P", self._on_print)
        for key in ("Ctrl+F", "Ctrl+K", "Ctrl+E"):
            self._key(key, self.enter_search)
        self._key("F6", self._on_next_pane)
        self._key("Ctrl+=", self._on_larger)
        self._key("Ctrl+0", self._on_usual_size)
        self._key("Ctrl+W", self.close)
        self._key("F1", self._on_f1)
        escape = self._key("Esc", self.close)
        escape.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        self.where = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.splitter = QSplitter()
        self._lay_out()
        theme().dress(self)
        self._restore()
        self._offer()
        self.view.setFocus()

    def show_topic(self, topic: str) -> None:
        """Show a page, `page#section` or message code; one that does not exist is the first page."""
        page = self._library.page(topic) or self._library.page(FIRST)
        if page is None:
            return
        if page.topic != self._topic:
            if self._topic:
                self._past = [*self._past, self._topic][-_HISTORY:]
            self._next.clear()
            self._show(page.topic)
        if "#" in topic:
            self.view.scrollToAnchor(topic.partition("#")[2])

    def go_back(self) -> None:
        """The page before."""
        if self._past:
            self._next.append(self._topic)
            self._show(self._past.pop())

    def go_forward(self) -> None:
        """The page that was left by Back."""
        if self._next:
            self._past.append(self._topic)
            self._show(self._next.pop())

    def enter_search(self) -> None:
        """The search field, its words chosen."""
        self.contents.words.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.contents.words.selectAll()

    @property
    def topic(self) -> str:
        """The page in view."""
        return self._topic

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802, D102 - Qt's name
        if self._settings is not None:
            self._settings.setValue("help/geometry", self.saveGeometry())
            self._settings.setValue("help/split", self.splitter.saveState())
            self._settings.setValue("help/scale", self.view.scale)
        super().closeEvent(event)

    def _show(self, topic: str) -> None:
        page = self._library.page(topic)
        if page is None:
            return
        self._topic = topic
        self.view.show_page(page)
        self.contents.follow(page)
        self.where.setText(page.section)
        self.setWindowTitle(f"{page.title} - Arcxo Help")
        self._offer()

    def _offer(self) -> None:
        self.back.setEnabled(bool(self._past))
        self.forward.setEnabled(bool(self._next))
        self.smaller.setEnabled(self.view.scale > LEAST)
        self.larger.setEnabled(self.view.scale < MOST)

    def _lay_out(self) -> None:
        bar = QFrame()
        bar.setProperty("kind", "bar")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 5, 12, 5)
        row.setSpacing(6)
        for action in (self.back, self.forward):
            row.addWidget(self._button(action))
        row.addWidget(self.where, 1)
        for action in (self.smaller, self.larger, self.print_):
            row.addWidget(self._button(action))
        right = QFrame()
        right.setProperty("kind", "pane")
        inner = QVBoxLayout(right)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addWidget(self.view)
        left = QFrame()
        left.setProperty("kind", "pane")
        beside = QVBoxLayout(left)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.contents)
        self.splitter.addWidget(left)
        self.splitter.addWidget(right)
        self.splitter.setHandleWidth(1)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(bar)
        layout.addWidget(Line())
        layout.addWidget(self.splitter, 1)
        self.setMinimumSize(520, 360)
        room = room_of(self)
        width = min(theme().px(980), room.width())
        self.resize(width, min(theme().px(720), room.height()))
        narrow = min(theme().px(280), width * 2 // 5)
        self.splitter.setSizes([narrow, width - narrow])

    def _tool(self, text: str, icon: str, key: str, slot: Callable[[], Any]) -> QAction:
        action = QAction(text, self)
        action.setShortcut(QKeySequence(key))
        action.setToolTip(f"{text} ({key})")
        icons.bind(action, icon)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _key(self, key: str, slot: Callable[[], Any]) -> QAction:
        action = QAction(self)
        action.setShortcut(QKeySequence(key))
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _button(self, action: QAction) -> QWidget:
        made = QToolButton()
        made.setDefaultAction(action)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.setAccessibleName(action.text())
        return made

    def _restore(self) -> None:
        if self._settings is None:
            return
        for key, take in (
            ("help/geometry", self.restoreGeometry),
            ("help/split", self.splitter.restoreState),
        ):
            kept = self._settings.value(key)
            if isinstance(kept, QByteArray):
                take(kept)
        try:
            self.view.set_scale(float(str(self._settings.value("help/scale", 1.0))))
        except ValueError:
            self.view.set_scale(1.0)

    def _on_smaller(self) -> None:
        self.view.set_scale(self.view.scale - _STEP)
        self._offer()

    def _on_larger(self) -> None:
        self.view.set_scale(self.view.scale + _STEP)
        self._offer()

    def _on_usual_size(self) -> None:
        self.view.set_scale(1.0)
        self._offer()

    def _on_next_pane(self) -> None:
        beside = self.contents.stack.currentWidget()
        target = beside if beside is not None and self.view.hasFocus() else self.view
        target.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_f1(self) -> None:
        self.show_topic("help")

    def _on_print(self) -> None:
        # Reading the library takes longer than a click should; few people print.
        from PySide6.QtPrintSupport import QPrintDialog, QPrinter

        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        dialog = QPrintDialog(printer, self)
        if dialog.exec():
            self.view.printable().print_(printer)
        dialog.deleteLater()
