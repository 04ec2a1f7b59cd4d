"""One act on all scenarios of a group: to which of them it is done, which are left out and why."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button, standard_button
from app.ui.widgets.status import status_cell
from app.ui.widgets.views import CellTable
from app.ui.xosoft.actions import Act, why_not
from app.ui.xosoft.scenario_rows import shown_state

_DOES = {Act.RUN: "Runs", Act.STOP: "Stops"}


@dataclass(frozen=True, slots=True)
class Member:
    """A scenario of the group; `left_out` is why nothing is done to it, "" = it is done."""

    status: ScenarioStatus
    left_out: str = ""


def sort_out(act: Act, members: Sequence[ScenarioStatus]) -> list[Member]:
    """Those to whom it is done first, each kind by name."""
    found = [Member(status, why_not(act, status)) for status in members]
    return sorted(found, key=lambda one: (bool(one.left_out), one.status.scenario.name.casefold()))


def counts_text(members: Sequence[Member]) -> str:
    """How many it is done to, and how many are left out."""
    left = sum(bool(one.left_out) for one in members)
    done = f"{len(members) - left:,} of {formats.counted(len(members), 'scenario')}"
    return f"{done}, {left:,} left out" if left else done


class MemberModel(RowModel[Member]):
    """The scenarios of a group, and what becomes of each."""

    columns = (Column("Scenario", 190), Column("Status", 130), Column("What happens", 240, stretch=True))

    def __init__(self, act: Act = Act.RUN) -> None:
        super().__init__()
        self._does = _DOES[act]

    def key_of(self, item: Member) -> Hashable:
        """The scenario's number."""
        return item.status.scenario.id

    def cell(self, item: Member, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(item.status.scenario.name, medium=not item.left_out)
        if column == 1:
            return status_cell(shown_state(item.status), tooltip=item.status.reason)
        if item.left_out:
            return Cell(f"Left out: {item.left_out[0].lower()}{item.left_out[1:]}", role="muted")
        hosts = ", ".join(replica.host for replica in item.status.scenario.replicas)
        return Cell(f"{self._does}: {item.status.scenario.master} to {hosts}", role="text2")


class MemberTable(CellTable):
    """`MemberModel`, to be looked at."""

    def __init__(self, act: Act, members: Sequence[Member]) -> None:
        super().__init__(row_height=24)
        self.members = MemberModel(act)
        self.members.setParent(self)
        self.set_source(self.members)
        self.set_columns(self.members.columns)
        self.members.set_items(members)
        self.setAccessibleName("Scenarios of the group")
        self.setMinimumHeight(theme().px(80))


class StopGroupDialog(QDialog):
    """Asks before the scenarios of a group are stopped; accepted when they are to be."""

    def __init__(self, group: str, members: Sequence[ScenarioStatus], parent: QWidget) -> None:
        super().__init__(parent)
        self.members = sort_out(Act.STOP, members)
        self.setWindowTitle(f"Stop {group}")
        self.resize(theme().px(640), theme().px(420))
        count = sum(not one.left_out for one in self.members)
        self.table = MemberTable(Act.STOP, self.members)
        buttons = QDialogButtonBox()
        self.stop_button = button(f"Stop {formats.counted(count, 'scenario')}", "danger")
        self.stop_button.setAutoDefault(False)
        self.stop_button.setEnabled(bool(count))
        buttons.addButton(self.stop_button, QDialogButtonBox.ButtonRole.AcceptRole)
        cancel = standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        cancel.setDefault(True)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        top = QVBoxLayout()
        top.setContentsMargins(20, 20, 20, 12)
        top.setSpacing(10)
        top.addWidget(Label(f"Stop the scenarios of {group}", "subject", wrap=True))
        text = (
            f"{counts_text(self.members)}. The replicas keep what they have. What changes on the Masters "
            "from then on is found by comparing when a scenario runs again."
        )
        top.addWidget(Label(text, "body", "text2", wrap=True))
        foot = QVBoxLayout()
        foot.setContentsMargins(20, 12, 20, 16)
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addWidget(Line())
        layout.addWidget(self.table, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        cancel.setFocus()
