"""What going back to the chosen moment would change, beside the list of moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.rewind import RewindPlan
from app.ui import formats
from app.ui.bridge.newest import Newest
from app.ui.manager import Context
from app.ui.models.cell import Column
from app.ui.widgets.basics import Label, PaneHeader
from app.ui.widgets.controls import Gauge
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTree
from app.ui.wizards.restore_flow import Request
from app.ui.xosoft.path_rows import PathTreeModel
from app.ui.xosoft.rewind_changes import (
    ChangeTree,
    change_tree,
    folder_words,
    item_cells,
)

_COLUMNS = (Column("Path", 200, stretch=True), Column("Change", 170), Column("Size", 80, right=True))
SETTLED_MS = 250
"""A moment is asked for when it stays chosen for so long: arrow keys pass over many."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A plan and its listed changes by folder, made on a task thread."""

    plan: RewindPlan
    tree: ChangeTree


class RewindGlance(QWidget):
    """What a rewind would change on the replica: counts by kind, bytes, paths. Nothing is changed."""

    def __init__(self, context: Context, scenario: str) -> None:
        super().__init__()
        self._context, self._scenario = context, scenario
        self._request: Request | None = None
        self._roots: tuple[bytes, ...] = ()
        self._newest = Newest(context.tasks, SETTLED_MS, self)
        self._newest.answered.connect(self._on_seen)
        self._newest.failed.connect(self._on_error)
        self.header = PaneHeader("Preview")
        self.asking = Gauge("Counting what changes")
        room = self.asking.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        self.asking.setSizePolicy(room)
        self.counts = Label("", "body", "text2", wrap=True)
        self.counts.setContentsMargins(16, 4, 16, 8)
        self.problem = ProblemCard()
        self.problem.retried.connect(self._ask)
        self.model = PathTreeModel(_COLUMNS, item_cells, folder_words, parent=self)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(_COLUMNS)
        self.tree.setAccessibleName("What going back there changes")
        self.unchosen = EmptyState(
            "history", "No moment chosen", "What going back to it changes is shown here."
        )
        self.nothing = EmptyState(
            "circle-check", "Nothing would change", "All of it is in that state already."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        above: tuple[QWidget, ...] = (self.header, self.asking, self.problem, self.counts)
        for widget in above:
            layout.addWidget(widget)
        rest: tuple[QWidget, ...] = (self.tree, self.unchosen, self.nothing)
        for widget in rest:
            layout.addWidget(widget, 1)
        self.asking.hide()
        self._show(None)

    def show_request(self, request: Request | None, roots: Sequence[bytes]) -> None:
        """Show what `request` changes on its replica; None: no moment is chosen."""
        wanted = replace(request, back=False) if request is not None and request.to else None
        if wanted == self._request:
            return
        self._request, self._roots = wanted, tuple(roots)
        if wanted is None:
            self._newest.forget()
            self._stop_asking("")
            self._show(None)
        else:
            self._ask()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802, D102 - Qt's name
        # Another page: it is asked for again when this one comes back.
        if not event.spontaneous() and self.asking.isVisibleTo(self):
            self._newest.forget()
            self._request = None
        super().hideEvent(event)

    def _ask(self) -> None:
        request, roots = self._request, self._roots
        if request is None:
            return
        scenarios, name = self._context.services.scenarios, self._scenario

        def count() -> _Seen:
            plan = scenarios.plan_rewind(name, request.to, paths=request.paths, replica=request.replica)
            return _Seen(plan, change_tree(plan, roots))

        self.asking.set_share(None, busy=True)
        self.asking.show()
        self.header.note.setText("Asking…")
        self._show(None)
        self._newest.want(count)

    def _on_seen(self, seen: _Seen) -> None:
        self._stop_asking("exact, counted by the engine")
        self._show(seen)

    def _on_error(self, error: Exception) -> None:
        self._stop_asking("")
        self.problem.show_error(error)

    def _stop_asking(self, note: str) -> None:
        self.asking.set_share(0.0)
        self.asking.hide()
        self.header.note.setText(note)

    def _show(self, seen: _Seen | None) -> None:
        """Show what was counted; None: nothing is known."""
        self.problem.hide()
        total = sum(seen.plan.counts.values()) if seen is not None else 0
        said = _words(seen.plan, total) if seen is not None and total else ""
        self.counts.setText(said)
        self.counts.setVisible(bool(said))
        self.model.set_rows([])
        if seen is not None and self.model.show_nodes(seen.tree):
            self.tree.expandToDepth(0)
        self.unchosen.setVisible(self._request is None)
        self.nothing.setVisible(seen is not None and not total)
        self.tree.setVisible(self._request is not None and (seen is None or bool(total)))


def _words(plan: RewindPlan, total: int) -> str:
    counts = folder_words({action.value: count for action, count in plan.counts.items()})
    said = f"{formats.counted(total, 'path')}: {counts} · {formats.size(plan.size_bytes)} written"
    return f"{said}. The first {len(plan.items):,} are listed" if plan.truncated else said
