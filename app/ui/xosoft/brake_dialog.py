"""Safety brake: what is held back from the replicas, and the decisions about it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from app.messages import render
from app.model.brake import BrakeItem, BrakeResult, BrakeReview
from app.ui import formats
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, IconLabel, Label, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import explain
from app.ui.widgets.views import CellTree
from app.ui.xosoft import brake_text
from app.ui.xosoft.brake_tree import COLUMNS, held_model, held_tree
from app.ui.xosoft.path_rows import topmost_nodes
from app.ui.xosoft.path_tree import PathNode

ITEMS_MOST = 10_000
_LOOK_EVERY_MS = 3_000


@dataclass(frozen=True, slots=True)
class _Held:
    """A review with its items by folder: all, and those nobody decided about."""

    review: BrakeReview
    trees: tuple[list[PathNode[BrakeItem]], list[PathNode[BrakeItem]]]


@dataclass(frozen=True, slots=True)
class _Decision:
    """One to be confirmed: what is decided, of which paths (none = everything), and how that is told."""

    action: str
    paths: tuple[bytes, ...]
    what: str
    review: BrakeReview


class BrakeDialog(QDialog):
    """`decided` after each decision, `released(text)` when nothing is held any more."""

    decided = Signal()
    released = Signal(str)

    def __init__(self, context: Context, scenario: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Safety brake: {scenario}")
        self.resize(theme().px(984), theme().px(640))
        self._context, self._scenario = context, scenario
        self._review: BrakeReview | None = None
        self._trees: tuple[list[PathNode[BrakeItem]], list[PathNode[BrakeItem]]] = ([], [])
        self._busy = ""
        self._waiting: _Decision | None = None
        self._action = ""
        self._lay_out()
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_EVERY_MS)
        self._timer.timeout.connect(self._on_timer)
        self._timer.start()
        self._load()

    def _lay_out(self) -> None:
        self.title = Label("Looking at what is held…", "subject", wrap=True)
        self.counts = Label("", "body", "text2", wrap=True)
        self.more = Label("", "small", "muted", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        for label in (self.title, self.counts, self.more):
            texts.addWidget(label)
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 20, 4)
        head.setSpacing(10)
        head.addWidget(IconLabel("hand", "error", 24), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        self.model = held_model(self)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("What the safety brake holds")
        self.tree.selectionModel().selectionChanged.connect(self._show_buttons)
        self.list_header = PaneHeader("Held changes")
        self.chosen = Segmented(("All", "Undecided"))
        self.chosen.chosen.connect(self._on_chosen)
        self.filter = FilterField("Filter by path")
        self.filter.filtered.connect(self._on_filtered)
        self.list_header.add(self.filter)
        self.list_header.add(self.chosen)
        self.outcome = Label("", "small_medium", "text2", wrap=True)
        self.accept_some = button("Accept selected…")
        self.reject_some = button("Bring selected back…")
        self.accept_all = button("Accept all…")
        self.reject_all = button("Bring all back…", "primary")
        close = button("Close")
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 4, 20, 0)
        foot.setSpacing(8)
        for widget, action, some in (
            (self.reject_some, "reject", True),
            (self.accept_some, "accept", True),
            (self.reject_all, "reject", False),
            (self.accept_all, "accept", False),
        ):
            widget.setProperty("action", action)
            widget.setProperty("some", some)
            widget.clicked.connect(self._on_button)
            if widget is self.reject_all:
                foot.addStretch(1)
            foot.addWidget(widget)
        buttons = QDialogButtonBox()
        buttons.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot.addSpacing(8)
        foot.addWidget(buttons)
        said = QHBoxLayout()
        said.setContentsMargins(20, 0, 20, 0)
        said.addWidget(self.outcome)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 16, 0, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(column(self.list_header, self.tree), 1)
        layout.addLayout(said)
        layout.addLayout(foot)
        self._show_buttons()

    # what is held

    def _load(self) -> None:
        scenarios, name = self._context.services.scenarios, self._scenario

        def ask() -> _Held:
            roots = [root.master_path for root in scenarios.show(name).scenario.roots]
            review = scenarios.brake_review(name, limit=ITEMS_MOST)
            undecided = brake_text.undecided_of(review.items)
            return _Held(review, (held_tree(review.items, roots), held_tree(undecided, roots)))

        self._context.tasks.run(
            self,
            ask,
            self._on_held,
            self._on_error,
            key="review",
        )

    def _on_timer(self) -> None:
        """The counts alone; the list is read again when they changed."""
        if self._busy or self._review is None:
            return
        scenarios, name = self._context.services.scenarios, self._scenario
        self._context.tasks.run(
            self,
            lambda: scenarios.brake_review(name, limit=0),
            self._on_counts,
            self._on_quiet_error,
            key="counts",
        )

    def _on_counts(self, review: BrakeReview) -> None:
        known = self._review
        if known is not None and (review.braked, review.counts) != (known.braked, known.counts):
            self._load()

    def _on_quiet_error(self, _error: Exception) -> None:
        """The agent is away for a moment: what was seen stays."""

    def _on_held(self, held: _Held) -> None:
        self._trees = held.trees
        self._on_review(held.review)

    def _on_review(self, review: BrakeReview) -> None:
        self._review = review
        if not review.braked:
            self.title.setText(f"The safety brake of {self._scenario} holds nothing")
            self.counts.setText("The replicas go on.")
            self.more.setText("")
            self._trees = ([], [])
        else:
            self.title.setText(review.reason)
            self.counts.setText(
                "A directory is gone, or another one. Nothing of it was recorded; decide about it as a whole."
                if review.root_lost
                else brake_text.counts_text(review)
            )
            since = f"Since {formats.moment(review.since)}. " if review.since else ""
            limit = f"The limit is {review.limit_files:,} files within a minute" if review.limit_files else ""
            usual = f"; usual are {review.usual_per_minute:,.1f}. " if limit else ""
            self.more.setText(f"{since}{limit}{usual}The replicas keep what they have until you decide.")
        self._show_items()
        self._show_buttons()

    def _show_items(self) -> None:
        review = self._review
        items = len(review.items) if review is not None else 0
        if self.model.show_nodes(self._trees[self.chosen.position], self.filter.text()):
            self.tree.expandToDepth(0)
        note = formats.counted(items, "entry", "entries")
        if review is not None and review.truncated:
            note = f"the first {items:,}; decisions are of all beneath a folder"
        self.list_header.note.setText(note)

    def _on_chosen(self, _position: int) -> None:
        self._show_items()

    def _on_filtered(self, _text: str) -> None:
        self._show_items()

    # deciding

    def selected_paths(self) -> tuple[bytes, ...]:
        """The selected paths, without those beneath another one."""
        chosen = self.tree.selectionModel().selectedRows()
        return topmost_nodes([self.model.node_at(index) for index in chosen])

    def _show_buttons(self) -> None:
        review = self._review
        ready = review is not None and review.braked and not self._busy
        if review is not None and review.root_lost:
            why_not = "A directory that is gone is decided about as a whole"
        elif not self.tree.selectionModel().selectedRows():
            why_not = "Select files or folders first"
        else:
            why_not = ""
        for widget in (self.accept_some, self.reject_some):
            widget.setEnabled(ready and not why_not)
            widget.setToolTip(self._busy or why_not)
        for widget in (self.accept_all, self.reject_all):
            widget.setEnabled(ready)
            widget.setToolTip(self._busy)

    def _on_button(self) -> None:
        widget = self.sender()
        action = str(widget.property("action"))
        paths = self.selected_paths() if widget.property("some") else ()
        self._set_busy("Counting what this decides…")
        scenarios, name = self._context.services.scenarios, self._scenario

        def prepare() -> _Decision:
            if not paths:
                review = scenarios.brake_review(name, limit=0)
                return _Decision(action, (), _of_all(review), review)
            reviews = [scenarios.brake_review(name, path=path, limit=ITEMS_MOST) for path in paths]
            items = [item for review in reviews for item in brake_text.undecided_of(review.items)]
            more = any(review.truncated for review in reviews)
            return _Decision(action, paths, brake_text.summary(items, more=more), reviews[0])

        self._context.tasks.run(self, prepare, self._on_prepared, self._on_error)

    def _on_prepared(self, decision: _Decision) -> None:
        self._set_busy("")
        self.outcome.setText("")
        if not decision.review.braked:
            self._on_review(decision.review)
            return
        self._waiting = decision
        verb = "Accept" if decision.action == "accept" else "Bring back"
        dialog = ConfirmDialog(
            self,
            brake_text.question(decision.action, self._scenario, decision.what, decision.paths),
            brake_text.consequence(decision.action, decision.review),
            verb,
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._on_confirmed)
        dialog.open()

    def _on_confirmed(self) -> None:
        decision, self._waiting = self._waiting, None
        if decision is None:
            return
        self._action = decision.action
        busy = "Accepting…" if decision.action == "accept" else "Bringing back from a replica…"
        self._set_busy(busy)
        scenarios, name = self._context.services.scenarios, self._scenario
        decide = scenarios.brake_accept if decision.action == "accept" else scenarios.brake_reject

        def work() -> BrakeResult:
            results = []
            for path in decision.paths or (b"",):
                results.append(decide(name, path=path))
                if results[-1].lifted:
                    break
            return brake_text.joined(results)

        self._context.tasks.run(self, work, self._on_decided, self._on_error)

    def _on_decided(self, result: BrakeResult) -> None:
        self._set_busy("")
        text = brake_text.result_text(self._action, result)
        self.decided.emit()
        if result.lifted and not result.problems:
            self.released.emit(text)
            self.accept()
            return
        problems = [render(problem.code, problem.params).text for problem in result.problems[:3]]
        self.outcome.set_role("error" if problems else "text2")
        self.outcome.setText(". ".join([text, *problems]))
        self._load()

    def _on_error(self, error: Exception) -> None:
        self._set_busy("")
        title, text, _ = explain(error)
        self.outcome.set_role("error")
        self.outcome.setText(f"{title}. {text}".strip())
        if self._review is None:
            self.title.setText("What the safety brake holds cannot be read")

    def _set_busy(self, text: str) -> None:
        self._busy = text
        if text:
            self.outcome.set_role("text2")
            self.outcome.setText(text)
        self._show_buttons()


def _of_all(review: BrakeReview) -> str:
    if review.root_lost:
        return "The directory as a whole"
    left = review.counts.get("undecided", 0)
    whole = brake_text.counts_text(review)
    decided = review.counts.get("accepted", 0) + review.counts.get("restored", 0)
    return f"{left:,} undecided changes" if decided else whole
