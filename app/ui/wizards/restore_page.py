"""What the pages of the Restore Data wizard have in common, and the first two: which replica, and how."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout

from app.model.scenario import ReplicaStatus, ScenarioState
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.widgets.basics import Label
from app.ui.widgets.notices import Banner, ProblemCard, explain
from app.ui.widgets.views import CellTable
from app.ui.wizards.page import Page, form
from app.ui.wizards.restore_flow import Method, RestoreDataFlow


class RestorePage(Page):
    """A page of the Restore Data wizard."""

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__()
        self.flow = flow
        self.context = context


class ReplicaModel(RowModel[ReplicaStatus]):
    """The replicas, and how far back each can be taken."""

    columns = (
        Column("Replica", 230),
        Column("Rewind log reaches back to", 220),
        Column("Its size", 100, right=True),
        Column("Files", 100, right=True),
        Column("Remark", 220, stretch=True),
    )

    def key_of(self, item: ReplicaStatus) -> str:
        """The host."""
        return item.host

    def cell(self, item: ReplicaStatus, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(item.host, icon="replica", icon_role="replica", medium=True)
        if column == 1:
            oldest = item.rewind_oldest_at
            return Cell(formats.moment(oldest) if oldest else "—", tooltip=formats.full_time(oldest))
        if column == 2:
            return Cell(formats.size(item.rewind_bytes), right=True, sort=item.rewind_bytes)
        if column == 3:
            return Cell("—" if item.files is None else formats.count(item.files), right=True, sort=item.files)
        if item.restored_at is not None:
            said = f"Holds what was restored to it {formats.moment(item.restored_at)}"
        else:
            said = f"{item.drifted:,} changed by others" if item.drifted else item.reason
        return Cell(said, role="text2", tooltip=said)


class ReplicaPage(RestorePage):
    """Which replica, while the scenario is stopped."""

    sentence = "From which replica"
    line = "Nothing is changed before the last step, and until then you can always go back."

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.problem = ProblemCard()
        self.problem.hide()
        self.stopped = Banner()
        self.stopped.hide()
        self.stopped.pressed.connect(self._on_stop)
        self.model = ReplicaModel()
        self.table = CellTable()
        self.proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setAccessibleName("Replicas")
        self.table.current_row_changed.connect(self._on_chosen)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.stopped, self.problem):
            layout.addWidget(widget)
        layout.addWidget(self.table, 1)

    def show_status(self) -> None:
        """The scenario was looked at again."""
        status = self.flow.status
        if status is None:
            return
        self.problem.hide()
        self.model.set_items(list(status.replicas))
        hosts = [replica.host for replica in status.replicas]
        chosen = self.flow.answers.replica
        if self.table.current_object() is None and chosen in hosts:
            index = self.model.index(hosts.index(chosen), 0)
            self.table.select_row(self.proxy.mapFromSource(index))
        running = status.state not in (ScenarioState.STOPPED, ScenarioState.PROBLEM)
        self.stopped.setVisible(running)
        if running:
            ready = status.state is not ScenarioState.STOPPING
            self.stopped.show_banner(
                "warning",
                f"{self.flow.scenario} is {'running' if ready else 'stopping'}",
                "Files are restored only while nothing is replicated.",
                "Stop the scenario" if ready else "",
            )

    def show_failure(self, error: Exception) -> None:
        """It is not known how the scenario stands."""
        if self.flow.status is None:
            self.problem.show_error(error)

    def _on_stop(self) -> None:
        scenarios, name = self.context.services.scenarios, self.flow.scenario
        self.context.tasks.run(
            self, lambda: scenarios.stop(name), lambda _nothing: self.edited.emit(), self.context.show_error
        )

    def _on_chosen(self, index: QModelIndex) -> None:
        found = self.table.current_object() if index.isValid() else None
        if isinstance(found, ReplicaStatus) and found.host != self.flow.answers.replica:
            self.flow.answers.replica = found.host
            self.edited.emit()

    def result(self) -> str:
        """What is chosen."""
        return f"Restore from {self.flow.answers.replica}" if self.flow.answers.replica else ""


class MethodPage(RestorePage):
    """Back to an earlier moment, or all that the replica has."""

    sentence = "What to bring back"
    line = "An earlier state of the files, or the present state of the replica to a Master that lost it."

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        layout.setSpacing(4)
        self._group = QButtonGroup(self)
        self.choices: dict[Method, QRadioButton] = {}
        self._words: dict[Method, Label] = {}
        for method, title in (
            (Method.REWIND, "Rewind to an earlier moment"),
            (Method.RECOVER, "Recover all data from the replica to the Master"),
        ):
            radio = QRadioButton(title)
            radio.setAccessibleName(title)
            radio.toggled.connect(self._on_toggled)
            words = Label("", "body", "text2", wrap=True)
            words.setContentsMargins(24, 0, 0, 8)
            self._group.addButton(radio)
            self.choices[method], self._words[method] = radio, words
            layout.addWidget(radio)
            layout.addWidget(words)
        layout.addStretch(1)

    def enter(self) -> None:
        """Say what can be done with the chosen replica."""
        flow = self.flow
        host = flow.answers.replica
        why_not = flow.rewind_fault()
        oldest = flow.replica.rewind_oldest_at if flow.replica is not None else None
        reach = f" Its rewind log reaches back to {formats.moment(oldest)}." if oldest else ""
        self._words[Method.REWIND].setText(
            why_not
            or f"The files on {host} become what they were then; the Master too, if you want it.{reach}"
        )
        self._words[Method.RECOVER].setText(
            f"The Master's directories become what {host} has now. Nothing is rewound."
        )
        self.choices[Method.REWIND].setEnabled(not why_not)
        self.choices[flow.answers.method].setChecked(True)

    def _on_toggled(self, checked: bool) -> None:
        if not checked:
            return
        chosen = next(method for method, radio in self.choices.items() if radio.isChecked())
        if chosen is not self.flow.answers.method:
            self.flow.answers.method = chosen
            self.edited.emit()


def failure(error: Exception) -> str:
    """A failure in one line for the result bar."""
    title, text, _ = explain(error)
    return f"{title}. {text}".strip()
