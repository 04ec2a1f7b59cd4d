"""The plan of a restore: exact counts that filter, each item with action and reason, and what it needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.job import Job
from app.model.restore import RestoreAction, RestorePlan
from app.services.api import RestoreRequest
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.dialogs.restore_owners import RestoreOwnersDialog
from app.ui.manager import Context
from app.ui.restore.owner_words import may_change, owners_check
from app.ui.restore.plan_checks import PlanChecks
from app.ui.restore.plan_export import export_plan
from app.ui.restore.plan_items import PlanInput, amount, busy_check, checks
from app.ui.restore.plan_list import PlanList
from app.ui.restore.plan_tree import PlanItems
from app.ui.restore.requests import changed, merged
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.boxes import FormArea
from app.ui.widgets.notices import ProblemCard, explain

BACK = 2
_RECOUNT_MS = 300
_TITLE_BAR = 40

_NOTHING = (
    "Nothing to restore",
    "Everything is skipped. Go back and choose another rule for files that are there",
)
_NOTHING_LISTED = (
    "Nothing can be listed",
    "Bring what is out of reach within reach, and make the plan again",
)
"""What the button says when nothing would be written, and why."""


class RestorePlanDialog(QDialog):
    """`submitted(jobs)` after the final button; the result `BACK` = the person went back.

    `owners_chosen(rule, changes)`: whose the files become was changed here, and is counted again.
    """

    submitted = Signal(object)
    owners_chosen = Signal(object, object)

    def __init__(self, context: Context, planned: PlanInput, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._planned = context, planned
        self._plan: RestorePlan | None = None
        self._jobs: list[Job] = []
        self.setWindowTitle("Restore: plan")
        room = room_of(self.parentWidget() or self)
        self.resize(
            min(theme().px(1080), 1400, room.width()), min(theme().px(720), 880, room.height() - _TITLE_BAR)
        )
        self.title = Label("Counting what this restore will do", "title", wrap=True)
        self._line = Label("", "body", "muted", wrap=True)
        self.list = PlanList(planned.requests[0].script.conflict)
        self.list.left_out_changed.connect(self._on_left_out)
        self.counts, self.filter, self.export = self.list.counts, self.list.filter, self.list.export
        self.model, self.table = self.list.model, self.list.table
        self.export.clicked.connect(self._on_export)
        self._recount = Delay(_RECOUNT_MS, self)
        self._recount.passed.connect(self._on_recount)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Counting")
        self.problem = ProblemCard()
        self.problem.retried.connect(self.count)
        self.checks = PlanChecks()
        self._below = FormArea(self.checks)
        self.owners = self.checks.owners
        self.owners.clicked.connect(self._on_owners)
        self.name = QLineEdit(planned.name)
        self.name.setMaxLength(200)
        self.name.setPlaceholderText("Name of the job, optional")
        self.name.setAccessibleName("Name of the job, optional")
        self.name.setMinimumWidth(theme().px(90))
        self.name.setMaximumWidth(theme().px(220))
        self.fault = Label("", "body", "error", wrap=True)
        self.fault.hide()
        self.back = button("Back")
        self.back.clicked.connect(partial(self.done, BACK))
        self.restore = button("Restore", "primary")
        self.restore.setEnabled(False)
        self.restore.setDefault(True)
        self.restore.clicked.connect(self.submit)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self._stack = QStackedWidget()
        self._lay_out()
        self.count()

    def _lay_out(self) -> None:
        waiting = QWidget()
        wait = QVBoxLayout(waiting)
        wait.setContentsMargins(20, 12, 20, 12)
        wait.addWidget(self._bar)
        wait.addWidget(
            Label(
                "Each chosen path is compared with what is there. Total not known yet.",
                "body",
                "muted",
                wrap=True,
            )
        )
        wait.addStretch(1)
        failed = QWidget()
        card = QVBoxLayout(failed)
        card.setContentsMargins(20, 12, 20, 12)
        card.addWidget(self.problem)
        card.addStretch(1)
        self.list.add_below(self._below)
        for one in (waiting, self.list, failed):
            self._stack.addWidget(one)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addWidget(self._line)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addWidget(self.name)
        foot.addWidget(Label(self._planned.when, "small", "muted"))
        foot.addWidget(self.fault, 1)
        foot.addStretch(1)
        for widget in (self.back, self.restore):
            foot.addWidget(widget)
        foot.addSpacing(8)
        foot.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        order = (self.owners, self.name, self.back, self.restore, self.cancel)
        for before, after in pairwise((*self.list.tab_order, *order)):
            QWidget.setTabOrder(before, after)

    def count(self) -> None:
        """Ask for the plan; nothing is changed by it."""
        self._stack.setCurrentIndex(0)
        self._context.tasks.run(self, self._make_plan, self._on_plan, self._on_failed, key="plan")

    def _make_plan(self) -> tuple[RestorePlan, PlanItems]:
        items = PlanItems()
        restores = self._context.services.restores
        plans = [restores.plan(request, limit=0, on_item=items.add) for request in self._planned.requests]
        return merged(plans), items

    def _on_plan(self, planned: tuple[RestorePlan, PlanItems]) -> None:
        plan, items = planned
        self.list.set_items(items)
        self._apply_plan(plan)
        self.list.make_rows()
        self._stack.setCurrentIndex(1)
        (self.restore if changed(plan) else self.back).setFocus()

    def _on_left_out(self) -> None:
        self.restore.setEnabled(False)
        self.restore.setToolTip("It is counted again without what was taken out")
        self._recount.put(None)

    def _requests(self) -> list[RestoreRequest]:
        """What is restored, without what was taken out."""
        paths = self.list.left_out.paths
        return [replace(one, script=replace(one.script, left_out=paths)) for one in self._planned.requests]

    def _on_recount(self, _value: object) -> None:
        restores, asked = self._context.services.restores, self._requests()

        def count() -> RestorePlan:
            return merged([restores.plan(one, limit=0) for one in asked])

        self._context.tasks.run(
            self, count, partial(self._on_counted, self.list.left_out.paths), self._on_failed, key="plan"
        )

    def _on_counted(self, paths: tuple[bytes, ...], plan: RestorePlan) -> None:
        if self._plan is not None and paths == self.list.left_out.paths:
            self._apply_plan(plan)

    def _apply_plan(self, plan: RestorePlan) -> None:
        """Counts, words and button of a plan; the list stays, with its boxes."""
        # Whether only files were chosen is told by a list that is whole.
        held = self.list.held()
        plan = replace(plan, items=held, truncated=len(held) < sum(plan.counts.values()))
        self._plan = plan
        total = changed(plan)
        counted, besides = amount(plan, self._planned.files)
        least = "at least " if plan.unlisted else ""
        self.title.setText(f"This restore will change {least}{counted}{besides} on {self._planned.where}")
        said = "Counted against what is there now, not estimated. Take out what is to stay as it is."
        if "item" in counted:
            said += " Items are files and folders."
        if plan.unlisted and not total:
            self.title.setText("What this restore would change cannot be listed now")
            said = "Where it lies cannot be read: the checks below say what is out of reach."
        self._line.setText(said)
        self.list.show_plan(plan)
        self._say_checks(plan)
        removed = plan.counts.get(RestoreAction.DELETE, 0)
        act = f"Restore {counted}, removing {removed:,}" if removed else f"Restore {counted}"
        none, why = _NOTHING_LISTED if plan.unlisted else _NOTHING
        self.restore.setText(act if total else none)
        self.restore.setProperty("kind", "danger" if removed else "primary")
        self.restore.style().unpolish(self.restore)
        self.restore.style().polish(self.restore)
        self.restore.setAccessibleName(self.restore.text())
        self.restore.setEnabled(total > 0)
        self.restore.setToolTip("" if total else why)

    def _on_failed(self, error: Exception) -> None:
        self.title.setText("The plan of this restore could not be made")
        self._line.setText("Nothing was changed.")
        self.problem.show_error(error)
        self._stack.setCurrentIndex(2)

    def _on_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export plan", "restore-plan.csv", "CSV (*.csv)")
        if name:
            self.export_to(name)

    def export_to(self, name: str) -> None:
        """Write every item of the plan to a CSV file."""
        self.export.setEnabled(False)
        call = partial(export_plan, self._context.services, self._requests(), name)
        self._context.tasks.run(self, call, partial(self._on_exported, name), self._on_export_failed)

    def _on_exported(self, name: str, count: int) -> None:
        self.export.setEnabled(True)
        self._context.toast("Plan exported", f"{formats.counted(count, 'item')} to {name}")

    def _on_export_failed(self, error: Exception) -> None:
        self.export.setEnabled(True)
        self._context.show_error(error, self)

    def _say_checks(self, plan: RestorePlan) -> None:
        found = [*checks(plan, self._planned), *busy_check(self.list.items.reasons)]
        self.checks.show_checks(found, owners_check(plan, self._planned.requests))
        self._fit()

    def _on_owners(self) -> None:
        if self._plan is None:
            return
        script = next(one.script for one in self._planned.requests if may_change([one]))
        dialog = RestoreOwnersDialog(
            self._planned.where, self._plan.owners, script.owners, script.owner_changes, self
        )
        dialog.accepted.connect(partial(self._on_owners_agreed, dialog))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_owners_agreed(self, dialog: RestoreOwnersDialog) -> None:
        rule, changes = dialog.rule, dialog.changes
        asked = [
            replace(one, script=replace(one.script, owners=rule, owner_changes=changes))
            if may_change([one])
            else one
            for one in self._planned.requests
        ]
        self._planned = replace(self._planned, requests=asked)
        self.owners_chosen.emit(rule, changes)
        self.restore.setEnabled(False)
        self.restore.setToolTip("It is counted again with these owners")
        self._on_recount(None)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """What is said before it starts is seen whole, but for large letters on a small screen."""
        self._below.take_height(self.height() * 2 // 5)

    def submit(self) -> None:
        """Submit what is not submitted yet; then `submitted`."""
        self.fault.hide()
        self.restore.setEnabled(False)
        self.back.setEnabled(False)
        left = self._requests()[len(self._jobs) :]
        self._context.tasks.run(
            self, partial(self._submit_all, left), self._on_submitted, self._on_submit_failed
        )

    def _submit_all(self, left: Sequence[RestoreRequest]) -> None:
        name = self.name.text().strip()
        for request in left:
            # Whoever has seen the plan and pressed the button has agreed to it.
            self._jobs.append(
                self._context.services.restores.submit(replace(request, confirmed=True, name=name))
            )

    def _on_submitted(self, _result: object) -> None:
        self.submitted.emit(list(self._jobs))
        self.accept()

    def _on_submit_failed(self, error: Exception) -> None:
        title, text, _ = explain(error)
        done = f" Submitted before: {', '.join(f'job {job.id}' for job in self._jobs)}." if self._jobs else ""
        self.fault.setText(f"{title} {text}{done}".strip())
        self.fault.show()
        self.restore.setEnabled(True)
        self.back.setEnabled(not self._jobs)
