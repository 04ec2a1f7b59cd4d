"""The Start tab: the whole job at a glance, with the ways to change each part, its type, and its start."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QRadioButton, QScrollArea, QVBoxLayout, QWidget

from app.ui.backup.start_view import Said, StartView
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button


class StartTab(QWidget):
    """`started` to start the job; `tab_wanted(name)` to change a part; `group_wanted(name)`: another type."""

    started = Signal()
    all_wanted = Signal()
    tab_wanted = Signal(str)
    group_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view: StartView | None = None
        self.what = _Part("hard-drive-upload", "What is backed up", "Choose…", self._asks("Source"))
        self.where = _Part("hard-drive", "Where it goes", "Change…", self._asks("Destination"))
        self.when = _Part("calendar-clock", "When it runs", "Change…", self._asks("Schedule"))
        self.all = button("Choose all scenarios", "link")
        self.all.clicked.connect(self.all_wanted)
        self.what.row.insertWidget(2, self.all, 0, Qt.AlignmentFlag.AlignTop)
        self.normal = QRadioButton("Normal backup")
        self.normal.setToolTip("The sessions stay in the device group that they are written to")
        self.staged = QRadioButton("Staging backup")
        self.normal.clicked.connect(partial(self._on_type, False))
        self.staged.clicked.connect(partial(self._on_type, True))
        self._type_note = Label("", "small", "muted", wrap=True)
        self.staging = button("Staging groups…", "link")
        self.staging.clicked.connect(self._asks("Staging"))
        self.expected = Label("", "medium", wrap=True)
        self._expected_detail = Label("", "small", "text2", wrap=True)
        self.reason = Label("", "body", "text2", wrap=True)
        self.submit = button("Submit job…", "primary", "play")
        self.submit.clicked.connect(self.started)
        self._lay_out()

    def _asks(self, tab: str) -> Callable[[], None]:
        return lambda: self.tab_wanted.emit(tab)

    def _lay_out(self) -> None:
        types = QHBoxLayout()
        types.setSpacing(16)
        for widget in (self.normal, self.staged, self.staging):
            types.addWidget(widget)
        types.addStretch(1)
        kind = QVBoxLayout()
        kind.setSpacing(4)
        kind.addWidget(Label("Backup type", "small", "muted"))
        kind.addLayout(types)
        kind.addWidget(self._type_note)
        self._estimate = QWidget()
        told = QVBoxLayout(self._estimate)
        told.setContentsMargins(0, 0, 0, 0)
        told.setSpacing(1)
        told.addWidget(Label("Estimate", "small", "muted"))
        told.addWidget(self.expected)
        told.addWidget(self._expected_detail)
        foot = QHBoxLayout()
        foot.setSpacing(12)
        foot.addWidget(self.submit, 0, Qt.AlignmentFlag.AlignTop)
        foot.addWidget(self.reason, 1)
        page = QFrame()
        page.setProperty("kind", "pane")
        page.setMaximumWidth(theme().px(860))
        body = QVBoxLayout(page)
        body.setContentsMargins(24, 20, 24, 20)
        body.setSpacing(14)
        body.addWidget(self.what)
        body.addWidget(Line())
        body.addWidget(self.where)
        body.addWidget(Line())
        body.addWidget(self.when)
        body.addWidget(Line())
        body.addLayout(kind)
        body.addWidget(self._estimate)
        body.addWidget(Line())
        body.addLayout(foot)
        body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def show_view(self, view: StartView) -> None:
        """Show the job as it is now; nothing is touched when nothing changed."""
        if view == self.view:
            return
        self.view = view
        for part, said in ((self.what, view.what), (self.where, view.where), (self.when, view.when)):
            part.show_said(said)
        self.all.setVisible(bool(view.choosable))
        self.all.setText(f"Choose all {view.choosable:,} scenarios" if view.choosable > 1 else "Choose it")
        (self.staged if view.staging else self.normal).setChecked(True)
        self.normal.setEnabled(bool(view.final_groups) or not view.staging)
        self.staged.setEnabled(bool(view.staging_groups))
        self.staged.setToolTip(
            "The sessions are copied on to their final group by the policy of the staging group"
            if view.staging_groups
            else "No device group is a staging group yet: make one on the Staging tab"
        )
        self._type_note.setText(
            "Always full: every session can be restored by itself, and costs what has changed."
            + ("" if view.staging_groups else " No device group is a staging group yet.")
        )
        self._estimate.setVisible(bool(view.expected.text))
        self.expected.setText(view.expected.text)
        self._expected_detail.setText(view.expected.detail)
        self.submit.setEnabled(not view.reason)
        self.submit.setToolTip(view.reason or "Give the log-ins, then submit the job")
        self.reason.setText(view.reason or view.ready)
        self.submit.setAccessibleDescription(view.reason)

    def _on_type(self, staged: bool) -> None:
        view = self.view
        if view is None or staged == view.staging:
            return
        names = view.staging_groups if staged else view.final_groups
        if names:
            self.group_wanted.emit(names[0])


class _Part(QWidget):
    """One part of the job: an icon, its caption, what it is, and the button that changes it."""

    def __init__(self, icon: str, caption: str, act: str, asked: Callable[[], None]) -> None:
        super().__init__()
        self._caption = caption
        self.text = Label("", "strong", wrap=True)
        self._detail = Label("", "small", "text2", wrap=True)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label(caption, "small", "muted"))
        words.addWidget(self.text)
        words.addWidget(self._detail)
        self.change = button(act, "small")
        self.change.setAccessibleName(f"{act.removesuffix('…')}: {caption.lower()}")
        self.change.clicked.connect(asked)
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(12)
        self.row.addWidget(IconLabel(icon, "text2", 20), 0, Qt.AlignmentFlag.AlignTop)
        self.row.addLayout(words, 1)
        self.row.addWidget(self.change, 0, Qt.AlignmentFlag.AlignTop)

    def show_said(self, said: Said) -> None:
        """Show it."""
        self.text.setText(said.text)
        self._detail.setText(said.detail)
        self._detail.setVisible(bool(said.detail))
        self.setAccessibleName(f"{self._caption}: {said.text}. {said.detail}".strip())
