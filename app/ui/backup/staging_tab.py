"""The Staging tab: groups that backups go to first, what copies their sessions on, and how full they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.staging import StagingPlan
from app.ui import formats
from app.ui.backup.draft import BackupDraft, DeviceGroup
from app.ui.backup.staging_dialog import StagingDialog
from app.ui.backup.staging_words import next_words, policy_words, purge_words, when_words
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column, number
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import Label, Line, PaneHeader, button, column
from app.ui.widgets.views import CellTree

COLUMNS = (
    Column("Device group", 230, stretch=True),
    Column("Copied to", 120),
    Column("Copied", 140),
    Column("Purge", 210),
    Column("Used", 110),
    Column("Sessions", 80, right=True),
    Column("Not copied yet", 110, right=True),
)


class StagingTab(QWidget):
    """`changed` when a policy was changed, or another group is used for the job."""

    changed = Signal()
    use_wanted = Signal(str)

    def __init__(self, context: Context, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._draft = context, draft
        self._groups: Sequence[DeviceGroup] = ()
        self.plans: dict[str, StagingPlan] = {}
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.flat = True
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Staging groups")
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.header = PaneHeader("Staging")
        self.use = button("Use for this job", "small")
        self.use.clicked.connect(self._on_use)
        self.edit = button("Staging policy…", "small", "settings")
        self.edit.clicked.connect(self.edit_policy)
        self.pause = button("Pause migration", "small", "pause")
        self.pause.clicked.connect(self._on_pause)
        self.remove = button("No staging", "small", "x")
        self.remove.clicked.connect(self._on_remove)
        for tool in (self.use, self.edit, self.pause, self.remove):
            self.header.add(tool)
        self.note = Label("", "body", "text2", wrap=True)
        note = QWidget()
        box = QVBoxLayout(note)
        box.setContentsMargins(16, 10, 16, 10)
        box.addWidget(self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(column(self.header, Line(), note, Line(), self.tree))
        self._show()

    def ask(self) -> Sequence[StagingPlan]:
        """The policies, and what the groups hold; called on a task thread."""
        return self._context.services.staging.plans()

    def set_plans(self, plans: Sequence[StagingPlan]) -> None:
        """Show the newest answer; the selection stays."""
        self.plans = {plan.policy.group: plan for plan in plans}
        self.set_groups(self._groups)

    @property
    def groups(self) -> Sequence[DeviceGroup]:
        """As last told."""
        return self._groups

    def set_groups(self, groups: Sequence[DeviceGroup]) -> None:
        """Show these groups with what is known of them."""
        self._groups = groups
        self.model.set_rows([_row(group, self.plans.get(group.name), self._draft) for group in groups])
        if not self.tree.currentIndex().isValid() and groups:
            self.tree.select_row(self.model.find(self._draft.group))
        self._show()

    @property
    def words(self) -> str:
        """What staging does to this job, for the summary; "" = nothing."""
        plan = self.plans.get(self._draft.group)
        return policy_words(plan.policy) if plan is not None else ""

    def _selected(self) -> DeviceGroup | None:
        found = self.tree.current_object()
        return found if isinstance(found, DeviceGroup) else None

    def _show(self) -> None:
        group = self._selected()
        plan = self.plans.get(group.name) if group is not None else None
        self.edit.setEnabled(group is not None)
        self.use.setEnabled(group is not None and group.name != self._draft.group)
        self.pause.setEnabled(plan is not None)
        self.remove.setEnabled(plan is not None)
        paused = plan is not None and plan.policy.paused
        self.pause.setText("Go on copying" if paused else "Pause migration")
        said = self.words or "It is no staging group: the sessions stay where they are written."
        coming = f"\n{plan.policy.group}: {next_words(plan)}." if plan is not None else ""
        self.note.setText(f"This job goes to {self._draft.group}. {said}{coming}")

    def _on_row_changed(self, _index: QModelIndex) -> None:
        self._show()

    def _on_use(self) -> None:
        group = self._selected()
        if group is not None:
            self.use_wanted.emit(group.name)

    def edit_policy(self) -> None:
        """Make the selected group a staging group, or change its policy."""
        group = self._selected()
        if group is None:
            return
        plan = self.plans.get(group.name)
        names = [one.name for one in self._groups if one.name != group.name]
        dialog = StagingDialog(
            self._context, group.name, names, plan.policy if plan is not None else None, self
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_done)
        dialog.open()

    def _on_pause(self) -> None:
        group = self._selected()
        if group is not None and group.name in self.plans:
            policy = self.plans[group.name].policy
            put = partial(self._context.services.staging.put, replace(policy, paused=not policy.paused))
            self._context.tasks.run(self, put, self._on_done, self._context.show_error)

    def _on_remove(self) -> None:
        group = self._selected()
        if group is not None:
            call = partial(self._context.services.staging.remove, group.name)
            self._context.tasks.run(self, call, self._on_done, self._context.show_error)

    def _on_done(self, _result: object) -> None:
        self.changed.emit()


def _row(group: DeviceGroup, plan: StagingPlan | None, draft: BackupDraft) -> Row:
    chosen = group.name == draft.group
    muted = Cell(formats.NONE, role="muted")
    head = Cell(
        group.name,
        icon="layers",
        icon_role="accent" if plan is not None else "text2",
        bold=plan is not None,
        beside="This job goes there" if chosen else "",
        tag=("Paused", "pause", "warning") if plan is not None and plan.policy.paused else None,
    )
    if plan is None:
        cells = (head, Cell("No staging", role="muted"), *[muted] * 3, number("", None), number("", None))
        return Row(group.name, cells, object=group)
    policy, share = plan.policy, plan.used_percent
    used = muted
    if share is not None:
        over = plan.above
        used = Cell(plan.used, bar=share / 100, bar_role="warning_fill" if over else "accent_fill")
    return Row(
        group.name,
        (
            head,
            Cell(policy.target) if policy.copies else muted,
            Cell(when_words(policy), tooltip=next_words(plan)),
            Cell(purge_words(policy).removeprefix("purged here ").capitalize()),
            used,
            number(formats.count(plan.sessions), plan.sessions),
            number(formats.count(plan.waiting), plan.waiting, "warning" if policy.paused else "text"),
        ),
        object=group,
    )
