"""The page of the Restore Data wizard that shows exactly what changes: counts, a tree, each file."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PySide6.QtWidgets import QVBoxLayout

from app.model.rewind import ReplicatedBack, RewindPlan
from app.ui.manager import Context
from app.ui.widgets.basics import FilterField, Label, PaneHeader, button, column
from app.ui.widgets.controls import Gauge, Segmented
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTree
from app.ui.wizards.restore_flow import Method, Preview, Request, RestoreDataFlow
from app.ui.wizards.restore_page import RestorePage
from app.ui.xosoft.path_rows import PathTreeModel, topmost_nodes
from app.ui.xosoft.rewind_changes import (
    COLUMNS,
    ChangeTree,
    change_tree,
    changes_text,
    folder_words,
    item_cells,
    listed_text,
)


@dataclass(frozen=True, slots=True)
class _Counted:
    """A preview with its items by folder, made beside the GUI thread."""

    preview: Preview
    trees: tuple[ChangeTree, ChangeTree]


class PreviewPage(RestorePage):
    """Counted anew whenever the request is another one."""

    sentence = "What changes"
    line = "Counted by the engine. Nothing is changed until you press the button below."

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._trees: tuple[ChangeTree, ChangeTree] = ([], [])
        self.counting = Gauge("Counting what changes")
        self.counts = Label("", "body", "text2", wrap=True)
        self.counts.setContentsMargins(16, 8, 16, 0)
        self.model = PathTreeModel(COLUMNS, item_cells, folder_words, parent=self)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("What changes")
        self.tree.selectionModel().selectionChanged.connect(self._show_buttons)
        self.header = PaneHeader("Files and directories")
        self.side = Segmented(("On the replica", "On the Master"))
        self.side.chosen.connect(self._on_side_chosen)
        self.filter = FilterField("Filter by path")
        self.filter.filtered.connect(self._on_filtered)
        self.only = button("Only the selected", "small")
        self.only.clicked.connect(self._on_only)
        self.whole = button("Everything", "small")
        self.whole.clicked.connect(self._on_everything)
        for widget in (self.filter, self.side, self.only, self.whole):
            self.header.add(widget)
        self.nothing = EmptyState(
            "circle-check", "Nothing would change", "All of it is in that state already."
        )
        self.nothing.hide()
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.count)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        room = self.counting.sizePolicy()
        room.setRetainSizeWhenHidden(True)
        self.counting.setSizePolicy(room)
        layout.addWidget(self.counting)
        layout.addWidget(self.problem)
        layout.addWidget(self.counts)
        layout.addWidget(column(self.header, self.tree, self.nothing), 1)

    # counting

    def enter(self) -> None:
        """Count, unless it is known already."""
        if self.flow.preview is None or self.flow.preview.request != self.flow.request():
            self.count()
        else:
            self._show()

    def count(self) -> None:
        """Have it counted."""
        flow, scenarios, request = self.flow, self.context.services.scenarios, self.flow.request()
        name, roots = flow.scenario, flow.roots
        flow.preview = None
        self.problem.hide()
        self.counting.set_share(None, busy=True)
        self.counting.show()
        self.counts.setText("Counting what changes…")

        def ask() -> _Counted:
            plan: RewindPlan | None = None
            if request.to:
                plan = scenarios.plan_rewind(
                    name,
                    request.to,
                    paths=request.paths,
                    replica=request.replica,
                    replicate_back=request.back,
                )
                master = plan.master
                plan = replace(plan, master=None)
            else:
                master = scenarios.plan_recovery(name, paths=request.paths, replica=request.replica)
            trees = (change_tree(plan, roots), change_tree(master, roots))
            return _Counted(Preview(request, plan, master), trees)

        self.context.tasks.run(self, ask, self._on_counted, self._on_error, key="plan")
        self.edited.emit()

    def _on_counted(self, counted: _Counted) -> None:
        self._counted()
        if counted.preview.request != self.flow.request():
            return
        self.flow.preview, self._trees = counted.preview, counted.trees
        self._show()
        self.edited.emit()

    def _counted(self) -> None:
        self.counting.set_share(0.0)
        self.counting.hide()

    def _on_error(self, error: Exception) -> None:
        self._counted()
        self.counts.setText("What changes could not be counted.")
        self._trees = ([], [])
        self._show_rows()
        self.problem.show_error(error)
        self.edited.emit()

    # showing

    def _part(self) -> RewindPlan | ReplicatedBack | None:
        preview = self.flow.preview
        if preview is None:
            return None
        return preview.master if self._on_master() else preview.replica

    def _on_master(self) -> bool:
        return self.flow.answers.method is Method.RECOVER or (
            self.flow.answers.back and self.side.position == 1
        )

    def _show(self) -> None:
        preview = self.flow.preview
        if preview is None:
            return
        self.side.setVisible(preview.replica is not None and preview.master is not None)
        parts = ((preview.request.replica, preview.replica), ("the Master", preview.master))
        lines = [changes_text(part, where) for where, part in parts if part is not None]
        self.counts.setText("\n".join(lines))
        self._show_rows()

    def _show_rows(self) -> None:
        part = self._part()
        tree = self._trees[1 if self._on_master() else 0]
        if self.model.show_nodes(tree, self.filter.text()):
            self.tree.expandToDepth(0)
        total = sum(part.counts.values()) if part is not None else 0
        self.header.note.setText(listed_text(part))
        self.nothing.setVisible(part is not None and not total)
        self.tree.setVisible(not self.nothing.isVisibleTo(self))
        self._show_buttons()

    def _show_buttons(self) -> None:
        self.only.setEnabled(bool(self.tree.selectionModel().selectedRows()))
        self.only.setToolTip("" if self.only.isEnabled() else "Select files or folders first")
        self.whole.setVisible(self.flow.answers.only_some)

    def _on_side_chosen(self, _position: int) -> None:
        self._show_rows()

    def _on_filtered(self, _text: str) -> None:
        self._show_rows()

    # choosing some of it

    def _on_only(self) -> None:
        chosen = self.tree.selectionModel().selectedRows()
        paths = topmost_nodes([self.model.node_at(index) for index in chosen])
        if paths:
            self.flow.answers.only_some, self.flow.answers.paths = True, list(paths)
            self.count()

    def _on_everything(self) -> None:
        self.flow.answers.only_some = False
        self.count()

    def result(self) -> str:
        """How many paths change."""
        request: Request = self.flow.request()
        if self.flow.fault():
            return self.flow.fault() if self.flow.preview is not None else ""
        if request.back:
            return "What is replaced on the Master is kept there for a while; the scenario stays stopped"
        return "A rewind can itself be taken back; the scenario stays stopped"
