"""The Alerts manager: who is told of what, the deliveries, and what is protected until when."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QWidget

from app.model.alert import AlertTarget, Delivery, DeliveryState, Freshness, Protection
from app.ui import formats
from app.ui.alerts.rows import DeliveryModel, FreshnessModel, TargetModel
from app.ui.alerts.target_dialog import TargetDialog
from app.ui.dialogs.confirm import confirm
from app.ui.manager import Context, Manager
from app.ui.models.table import RowModel
from app.ui.widgets.basics import Line, column
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.tool_row import ToolRow
from app.ui.widgets.views import CellTable

_POLL_MS = 3000
_PROTECTION_POLL_MS = 15_000
_SHOWN = 500
_BAD = (Freshness.STALE, Freshness.LATE, Freshness.NEVER)
TARGETS, DELIVERIES, PROTECTION = range(3)


class AlertsManager(Manager):
    """Three tabs; what is shown is read while it is looked at."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Alerts")
        self.targets, self.deliveries, self.freshness = TargetModel(), DeliveryModel(), FreshnessModel()
        self.target_table = self._table(self.targets, "Who is told")
        self.delivery_table = self._table(self.deliveries, "Deliveries")
        self.freshness_table = self._table(self.freshness, "Protection")
        self.target_table.current_row_changed.connect(self._offer)
        self.target_table.row_activated.connect(self._on_edit)
        self.delivery_table.row_activated.connect(self._on_delivery)
        self.freshness_table.row_activated.connect(self._on_protection)
        self.empty = EmptyState(
            "bell",
            "Nobody is told",
            "Add a mail address, a command or a service: it is told when a job fails, a run is missed, or "
            "something is no longer protected in time.",
            "Tell somebody",
        )
        self.empty.pressed.connect(self._on_add)
        self.add_action = self.make_action("Add…", "plus", "Ctrl+Shift+N", self._on_add)
        self.edit_action = self.make_action("Change…", "pencil", "", self._on_edit)
        self.test_action = self.make_action("Send a test", "zap", "Ctrl+R", self._on_test)
        self.remove_action = self.make_action("Remove…", "trash-2", "Del", self._on_remove)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Alerts")
        self.tabs.setExpanding(False)
        for title in ("Who is told", "Deliveries", "Protection"):
            self.tabs.addTab(title)
        self.pages = QStackedWidget()
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.refresh)
        self._first = QStackedWidget()
        self._first.addWidget(self.target_table)
        self._first.addWidget(self.empty)
        for page in (self._first, self.delivery_table, self.freshness_table):
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.tabs.currentChanged.connect(self._offer)
        self.body.addWidget(self._tab_row())
        self.body.addWidget(Line())
        self.body.addWidget(column(self.problem, self.pages), 1)
        read = self.poll(self._read, _POLL_MS)
        read.answered.connect(self._on_answered)
        read.failed.connect(self.problem.show_error)
        read.failed.connect(self.problem.show)
        protections = self.poll(context.services.alerts.protections, _PROTECTION_POLL_MS)
        protections.answered.connect(self._on_protections)
        self._offer()

    def _table(self, model: RowModel[Any], name: str) -> CellTable:
        table = CellTable(sortable=True)
        table.set_source(model)
        table.set_columns(tuple(model.columns))
        table.setAccessibleName(name)
        return table

    def _tab_row(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.tabs)
        row.addWidget(ToolRow((self.add_action, self.edit_action, self.test_action, self.remove_action)), 1)
        return bar

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Alerts menu."""
        return "&Alerts", [self.add_action, self.edit_action, self.test_action, None, self.remove_action]

    def activate(self) -> None:
        """The keyboard works in the list at once."""
        super().activate()
        (self.target_table, self.delivery_table, self.freshness_table)[self.tabs.currentIndex()].setFocus()

    def show_request(self, **request: Any) -> None:
        """`page`: "deliveries" or "protection"."""
        pages = {"deliveries": DELIVERIES, "protection": PROTECTION}
        self.tabs.setCurrentIndex(pages.get(str(request.get("page", "")), TARGETS))

    def _read(self) -> tuple[Sequence[AlertTarget], Sequence[Delivery]]:
        alerts = self.context.services.alerts
        return alerts.targets(), alerts.deliveries(limit=_SHOWN)

    def _on_answered(self, answer: tuple[Sequence[AlertTarget], Sequence[Delivery]]) -> None:
        targets, deliveries = answer
        self.problem.hide()
        self.targets.set_items(list(targets))
        self.deliveries.set_items(list(deliveries))
        self._first.setCurrentIndex(0 if targets else 1)
        failed = sum(one.state is DeliveryState.FAILED for one in deliveries)
        said = formats.counted(len(targets), "target")
        self.header.subtitle.setText(
            f"{said}, {formats.counted(failed, 'message')} failed" if failed else said
        )
        self._offer()

    def _on_protections(self, found: Sequence[Protection]) -> None:
        self.freshness.set_items(list(found))
        bad = sum(one.state in _BAD for one in found)
        self.badge_changed.emit(str(bad) if bad else "", True)

    def _selected(self) -> AlertTarget | None:
        found = self.target_table.current_object()
        return found if isinstance(found, AlertTarget) and self.tabs.currentIndex() == TARGETS else None

    def _offer(self, *_changed: object) -> None:
        chosen = self._selected() is not None
        for action in (self.edit_action, self.test_action, self.remove_action):
            action.setEnabled(chosen)
            action.setToolTip(action.text().rstrip("…") if chosen else "Choose somebody first")

    def _on_add(self) -> None:
        self._open(None)

    def _on_edit(self, *_index: QModelIndex) -> None:
        target = self._selected()
        if target is not None:
            self._open(target)

    def _open(self, target: AlertTarget | None) -> None:
        dialog = TargetDialog(self.context, [one.name for one in self.targets.items], target, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_kept)
        dialog.open()

    def _on_kept(self, target: object) -> None:
        if isinstance(target, AlertTarget):
            self.context.toast(f"{target.name} is told", target.address)
        self.refresh()

    def _on_test(self) -> None:
        target = self._selected()
        if target is not None:
            self.context.tasks.run(
                self,
                partial(self.context.services.alerts.test, target.name),
                partial(self._on_tested, target.name),
                self.context.show_error,
                key="test",
            )

    def _on_tested(self, name: str, _result: object) -> None:
        self.context.toast(f"The test reached {name}")

    def _on_remove(self) -> None:
        target = self._selected()
        if target is not None and confirm(
            self,
            f"Tell {target.name} no more?",
            "What waits for them is not sent. What was sent stays in the list.",
            "Tell no more",
        ):
            call = partial(self.context.services.alerts.remove, target.name)
            self.context.tasks.run(self, call, self._on_removed, self.context.show_error)

    def _on_removed(self, _result: object) -> None:
        self.refresh()

    def _on_delivery(self, *_index: QModelIndex) -> None:
        found = self.delivery_table.current_object()
        if isinstance(found, Delivery) and found.job_id:
            self.context.open_manager("job_status", log_of=found.job_id)

    def _on_protection(self, *_index: QModelIndex) -> None:
        found = self.freshness_table.current_object()
        if isinstance(found, Protection) and found.jobs:
            self.context.open_manager("job_status", job=found.jobs[0])
