"""Replicate restored files back: the master becomes as the replica is, after a look at what changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QWidget

from app.model.errors import NotFoundError
from app.model.job import Job, RestoreScript
from app.model.rewind import RewindAction, RewindItem, RewindPlan, RewindResult
from app.services.api import Services
from app.ui import formats
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.views import CellTable
from app.ui.xosoft.rewind_models import ItemModel

_ORDER = {action: number for number, action in enumerate(reversed(RewindAction))}


def plan_back(services: Services, scenario: str, replica: str, paths: Sequence[bytes]) -> RewindPlan:
    """What copying the replica on this host as it is now to the master would change there.

    Blocks on both hosts.

    Raises:
        NotFoundError: E1305 the replica has no rewind point, so its state has no name to go to.
    """
    points = services.scenarios.rewind_points(scenario, replica=replica, limit=1)
    if not points:
        raise NotFoundError("E1305", name=scenario)
    newest = max(points, key=lambda point: point.change)
    return services.scenarios.plan_rewind(
        scenario, newest.id, paths=paths, replica=replica, replicate_back=True
    )


class ReplicateBackDialog(ActDialog):
    """`submitted(RewindResult)` when the master has the files."""

    def __init__(
        self, context: Context, job: Job, scenario: str, replica: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            f"Replicate back to the Master: {scenario}",
            "The Master's directories get what was restored to the Replica. What is replaced or removed "
            "there is kept for some days. The scenario must be stopped; run it afterwards.",
            "Replicate back",
            parent,
            width=820,
            danger=True,
        )
        script = job.script
        self._scenario = scenario
        self._replica = replica
        self._paths: tuple[bytes, ...] = ()
        if isinstance(script, RestoreScript) and all(one.paths for one in script.selections):
            self._paths = tuple(path for one in script.selections for path in one.paths)
        self.plan: RewindPlan | None = None
        self.head = Label("Comparing the Master with the Replica…", "strong", wrap=True)
        self.model = ItemModel(self)
        self.table = CellTable(row_height=24)
        self.table.setAccessibleName("What changes on the Master")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setMinimumHeight(theme().px(240))
        self.form.addWidget(self.head)
        self.form.addWidget(self.table)
        self.refresh()
        context.tasks.run(
            self,
            partial(plan_back, context.services, scenario, replica, self._paths),
            self._on_plan,
            self._on_plan_failed,
            key="plan",
        )

    def _items(self) -> Sequence[RewindItem]:
        return self.plan.master.items if self.plan is not None and self.plan.master is not None else ()

    def _total(self) -> int:
        if self.plan is None or self.plan.master is None:
            return 0
        return sum(self.plan.master.counts.values())

    def _on_plan(self, plan: RewindPlan) -> None:
        self.plan = plan
        master = plan.master
        total = self._total()
        if master is None or not total:
            self.head.setText("The Master has it all already: nothing changes there.")
        else:
            words = [f"{count:,} {action.value}" for action, count in master.counts.items() if count]
            self.head.setText(f"On the Master: {', '.join(words)} ({formats.size(master.size_bytes)}).")
        self.model.set_items(sorted(self._items(), key=lambda item: (_ORDER[item.action], item.path)))
        self.action.setText(
            f"Change {formats.counted(total, 'item')} on the Master" if total else "Replicate back"
        )
        self.refresh()

    def _on_plan_failed(self, error: Exception) -> None:
        self.head.setText("It cannot be replicated back now.")
        self._on_refused(error)

    def fault(self) -> str:
        """The person sees first what changes on the Master."""
        if self.plan is None:
            return "What changes on the Master is not counted yet"
        return "" if self._total() else "Nothing changes on the Master"

    def call(self) -> Callable[[], Any]:
        """Carry it out; returns when it is done."""
        assert self.plan is not None
        rewind = self.context.services.scenarios.rewind
        return partial(
            rewind,
            self._scenario,
            self.plan.point.id,
            paths=self._paths,
            replica=self._replica,
            replicate_back=True,
        )


def result_words(result: RewindResult) -> str:
    """What was changed on the master, with what could not be."""
    if result.master is None:
        return "Nothing changed on the Master"
    changed = sum(result.master.counts.values())
    text = f"{formats.counted(changed, 'item')} changed on the Master"
    if result.master.problems:
        text += f", {len(result.master.problems):,} stayed as they were"
    return text
