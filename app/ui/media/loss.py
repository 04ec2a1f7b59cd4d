"""What is lost by erasing, formatting or purging: counts, sizes, the newest, the copies, and the list."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.media import PurgePlan, SessionInfo, SetPlan
from app.ui import formats
from app.ui.media.session_table import SessionModel
from app.ui.media.state import copied_elsewhere
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.views import CellTable

_SHOWN_COLUMNS = (0, 1, 2, 4, 6)


class LossPane(QWidget):
    """Lines in words, then the sessions that go."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.head = Label("", "strong", wrap=True)
        self.lines = Label("", "body", "text2", wrap=True)
        self.model = SessionModel(self)
        self.table = CellTable(row_height=24)
        self.table.setAccessibleName("Sessions that go")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        for column in range(len(self.model.columns)):
            self.table.setColumnHidden(column, column not in _SHOWN_COLUMNS)
        self.table.setMinimumHeight(theme().px(150))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self.head)
        layout.addWidget(self.lines)
        layout.addWidget(self.table, 1)

    def show_loss(self, head: str, lines: Sequence[str], sessions: Sequence[SessionInfo]) -> None:
        """Show it; without sessions there is no list."""
        self.head.setText(head)
        self.head.setVisible(bool(head))
        self.lines.setText("\n".join(lines))
        self.lines.setVisible(bool(lines))
        self.model.set_items(sorted(sessions, key=lambda one: -one.number))
        self.table.setVisible(bool(sessions))


def set_loss(plan: SetPlan, known: Sequence[SessionInfo]) -> tuple[str, list[str]]:
    """Head and lines of what goes with a whole media set."""
    if not plan.media:
        return "Nothing is lost.", []
    count = formats.counted(len(plan.sessions), "session")
    head = f"{len(plan.media):,} media with {count}, {formats.size(plan.used_bytes)}, are lost for good."
    lines = _about(plan.sessions, known)
    devices = sorted({one.device for one in plan.media})
    lines.append(f"Touched: {', '.join(devices)}. Other media, and what is replicated, stay as they are.")
    if plan.missing:
        lines.append(f"Not reached now: {', '.join(plan.missing)}.")
    return head, lines


def _about(sessions: Sequence[SessionInfo], known: Sequence[SessionInfo]) -> list[str]:
    if not sessions:
        return []
    newest = max(sessions, key=lambda one: one.finished_at)
    what = newest.scenario_name or newest.machine
    lines = [f"The newest is session {newest.number} of {what}, {formats.moment(newest.finished_at)}."]
    copies = copied_elsewhere(sessions, known)
    if copies == len(sessions):
        lines.append("Each of them has a copy on another media.")
    elif copies:
        lines.append(
            f"{copies:,} of them have a copy on another media; {len(sessions) - copies:,} have none."
        )
    else:
        lines.append("None of them has a copy on another media.")
    last = _last_of_scenarios(sessions, known)
    if last:
        lines.append(f"After that there is no session at all of: {', '.join(last)}.")
    return lines


def _last_of_scenarios(lost: Sequence[SessionInfo], known: Sequence[SessionInfo]) -> list[str]:
    """The scenarios (or machines) whose every session would go."""
    going = {(one.media_serial, one.number) for one in lost}
    left = {one.scenario_name or one.machine for one in known if (one.media_serial, one.number) not in going}
    return sorted({one.scenario_name or one.machine for one in lost} - left)


def purge_loss(
    plan: PurgePlan, sessions: Sequence[SessionInfo], known: Sequence[SessionInfo]
) -> tuple[str, list[str]]:
    """Head and lines of what a purge frees and removes, as the command line says them."""
    head = f"This frees {formats.size(plan.frees_bytes)} ({plan.frees_bytes:,} bytes)."
    lines = []
    if plan.sessions:
        gone = formats.counted(len(plan.sessions), "session")
        lines.append(f"Removed for good: {gone}; {plan.remaining:,} remain on {plan.media_name}.")
        lines += _about(sessions, known)
    else:
        lines.append(f"No session is removed; {plan.remaining:,} remain on {plan.media_name}.")
    if plan.garbage_bytes:
        lines.append(f"{formats.size(plan.garbage_bytes)} of it belong to no session already now.")
    if plan.repacks_bytes:
        packs = formats.counted(plan.repacks_packs, "pack")
        lines.append(
            f"{formats.size(plan.repacks_bytes)} of it come from {packs} written anew with only what is in "
            "use."
        )
    if plan.waits_bytes:
        writers = formats.counted(plan.writers, "backup")
        lines.append(
            f"{formats.size(plan.waits_bytes)} of it are freed when {writers} that run now are done."
        )
    if plan.partly_dead_bytes:
        lines.append(
            f"{formats.size(plan.partly_dead_bytes)} stay: the remaining sessions use other parts of those "
            "packs."
        )
    return head, lines
