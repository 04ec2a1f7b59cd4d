"""Undo a restore: exactly what is removed, brought back and left, before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QCheckBox, QWidget

from app.model.job import Job
from app.model.paths import shown
from app.model.restore import UndoAction, UndoItem, UndoPlan
from app.ui import formats
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.views import CellTable

_LIMIT = 5000
_LOOKS = {
    UndoAction.BRING_BACK: ("Bring back", "undo-2", "ok"),
    UndoAction.REMOVE: ("Remove", "trash-2", "warning"),
    UndoAction.KEEP: ("Leave", "hand", "text2"),
}


class UndoModel(RowModel[UndoItem]):
    """What the undo does, path by path."""

    columns = (
        Column("Item", 330, stretch=True),
        Column("Action", 110),
        Column("Size", 84, right=True),
        Column("Reason", 240),
    )

    def key_of(self, item: UndoItem) -> Hashable:
        """Target and action."""
        return item.target, item.action

    def cell(self, item: UndoItem, column: int) -> Cell:
        """Paintable content."""
        word, icon, role = _LOOKS[item.action]
        text = shown(item.target)
        return (
            Cell(text, icon="file-text", middle=True, tooltip=text),
            Cell(word, icon=icon, icon_role=role, role=role),
            Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes),
            Cell(reason_text(item), role="text2"),
        )[column]


def reason_text(item: UndoItem) -> str:
    """Why this happens to the item."""
    if item.reason:
        return item.reason[:1].upper() + item.reason[1:]
    if item.action is UndoAction.KEEP:
        return "Changed since the restore"
    return "The restore made it" if item.action is UndoAction.REMOVE else "The restore replaced or removed it"


class UndoDialog(ActDialog):
    """`submitted(job)` when the undo is queued."""

    def __init__(self, context: Context, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(
            context,
            f"Undo the restore of job {job.id}?",
            f"{job.name}, {formats.moment(job.finished_at)}. What it replaced or removed comes back, what it "
            "made is removed. What people changed since is left as it is.",
            "Undo the restore",
            parent,
            width=820,
        )
        self.job = job
        self.plan: UndoPlan | None = None
        self.head = Label("Counting what it would do…", "strong", wrap=True)
        self.force = QCheckBox("Take back what people changed since, too: those changes are lost")
        self.force.hide()
        self.force.toggled.connect(self._ask)
        self.model = UndoModel(self)
        self.table = CellTable(row_height=24)
        self.table.setAccessibleName("What the undo does")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setMinimumHeight(theme().px(240))
        self.listed = Label("", "small", "muted")
        for widget in (self.head, self.force, self.table, self.listed):
            self.form.addWidget(widget)
        self._ask()

    def _ask(self, *_toggled: object) -> None:
        self.plan = None
        self.refresh()
        force = self.force.isChecked()
        self.context.tasks.run(
            self,
            partial(self.context.services.restores.plan_undo, self.job.id, force=force, limit=_LIMIT),
            self._on_plan,
            self._on_plan_failed,
            key="plan",
        )

    def _on_plan(self, plan: UndoPlan) -> None:
        self.plan = plan
        self.problem.hide()
        parts = [f"{plan.brought_back:,} brought back ({formats.size(plan.size_bytes)})"]
        parts.append(f"{plan.removed:,} removed")
        if plan.changed:
            parts.append(f"{plan.changed:,} changed since and left")
        self.head.setText(", ".join(parts) + ".")
        self.force.setVisible(bool(plan.changed) or self.force.isChecked())
        order = {UndoAction.KEEP: 0, UndoAction.REMOVE: 1, UndoAction.BRING_BACK: 2}
        self.model.set_items(sorted(plan.items, key=lambda item: order[item.action]))
        total = plan.brought_back + plan.removed + plan.changed
        cut = f"The first {len(plan.items):,} of {total:,} are listed; the counts are of all"
        self.listed.setText(cut if plan.truncated else f"{len(plan.items):,} listed")
        todo = plan.brought_back + plan.removed
        self.action.setText(f"Undo {formats.counted(todo, 'item')}" if todo else "Undo the restore")
        kind = "danger" if self.force.isChecked() else "primary"
        self.action.setProperty("kind", kind)
        self.action.style().unpolish(self.action)
        self.action.style().polish(self.action)
        self.refresh()

    def _on_plan_failed(self, error: Exception) -> None:
        self.head.setText("It cannot be undone now.")
        self._on_refused(error)

    def fault(self) -> str:
        """The person sees first what happens."""
        if self.plan is None:
            return "What it would do is not counted yet"
        if not self.plan.brought_back + self.plan.removed:
            return "There is nothing left to undo"
        return ""

    def call(self) -> Callable[[], Any]:
        """Submit the undo."""
        undo = self.context.services.restores.undo
        return partial(undo, self.job.id, force=self.force.isChecked())
