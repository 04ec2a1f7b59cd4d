"""The plan of a restore: exact counts that filter, each item with action and reason, and what it needs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractButton,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QProgressBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.messages import render
from app.model.job import Conflict, Destination, Job
from app.model.paths import shown
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.services.api import RestoreRequest
from app.ui import formats
from app.ui.icons import pixmap
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.restore.requests import LoginRow, changed, merged, overlapping
from app.ui.theme import color, font, theme
from app.ui.widgets.basics import FilterField, IconLabel, Label, Line, button
from app.ui.widgets.notices import ProblemCard, explain
from app.ui.widgets.status import Status
from app.ui.widgets.views import CellTable

ACTIONS = {
    RestoreAction.CREATE: Status("create", "file-plus", "ok"),
    RestoreAction.OVERWRITE: Status("overwrite", "file-pen", "warning"),
    RestoreAction.RENAME: Status("rename", "copy", "info"),
    RestoreAction.SKIP: Status("skip", "skip-forward", "text2"),
    RestoreAction.DELETE: Status("delete", "trash-2", "error"),
}
_NOTES = {
    RestoreAction.CREATE: "not there now",
    RestoreAction.OVERWRITE: "content is replaced",
    RestoreAction.RENAME: "both kept, side by side",
    RestoreAction.SKIP: "stay as they are",
    RestoreAction.DELETE: "removed",
}
_REASONS = {
    RestoreAction.CREATE: "Not there now",
    RestoreAction.OVERWRITE: "Already there, rule: overwrite all",
    RestoreAction.RENAME: "Already there, the restored one gets another name",
    RestoreAction.SKIP: "Stays as it is",
    RestoreAction.DELETE: "Removed",
}
_SAID = {
    "exists": "Already there, rule: skip existing",
    "newer": "As new or newer there, rule: overwrite older",
}
_TWICE = {
    Conflict.OVERWRITE: "The newest one stays.",
    Conflict.RENAME: "All are kept, side by side.",
    Conflict.SKIP: "The oldest one stays.",
    Conflict.OLDER: "The file modified last stays.",
}
BACK = 2


@dataclass(frozen=True, slots=True)
class PlanInput:
    """What is planned. `files` the chosen paths when only files are chosen, else empty."""

    requests: Sequence[RestoreRequest]
    rows: Sequence[LoginRow]
    where: str
    files: frozenset[bytes] = frozenset()
    when: str = "Runs now"


class PlanModel(RowModel[RestoreItem]):
    """The listed items."""

    columns = (
        Column("Item", 280, stretch=True),
        Column("Action", 120),
        Column("Reason", 290),
        Column("Size", 90, right=True),
    )

    def __init__(self, conflict: Conflict, parent: QWidget) -> None:
        super().__init__(parent)
        self._conflict = conflict

    def key_of(self, item: RestoreItem) -> Hashable:
        """Source and target."""
        return item.source, item.target, item.action

    def cell(self, item: RestoreItem, column: int) -> Cell:
        """Paintable content."""
        look = ACTIONS[item.action]
        return (
            Cell(
                shown(item.target),
                icon="file-text" if item.source else "folder",
                middle=True,
                tooltip=f"{shown(item.source)} → {shown(item.target)}" if item.source else shown(item.target),
            ),
            Cell(look.text.capitalize(), icon=look.icon, icon_role=look.role, role=look.role),
            Cell(reason(item, self._conflict), role="text2"),
            Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes),
        )[column]


def reason(item: RestoreItem, conflict: Conflict = Conflict.OVERWRITE) -> str:
    """Why this happens to the item, as a sentence part."""
    said = _SAID.get(item.reason, item.reason)
    if said[:1] == "E" and said[1:].isdigit():
        return render(said, {}).text
    if not said and item.action is RestoreAction.OVERWRITE and conflict is Conflict.OLDER:
        return "Older there, rule: overwrite older"
    return said[:1].upper() + said[1:] if said else _REASONS[item.action]


def amount(plan: RestorePlan, files: frozenset[bytes]) -> tuple[str, str]:
    """What is written, for the button, and what the title adds.

    The counts are of files and folders together. Files are told apart only where everything is listed and
    only files were chosen; folders then are those made for them.
    """
    total = changed(plan)
    if not files or plan.truncated:
        return formats.counted(total, "item"), ""
    written = [item for item in plan.items if item.action is not RestoreAction.SKIP]
    of_files = sum(item.source in files for item in written)
    if len(written) != total or not of_files:
        return formats.counted(total, "item"), ""
    made = total - of_files
    return formats.counted(of_files, "file"), f" and make {formats.counted(made, 'folder')}" if made else ""


class PlanCount(QAbstractButton):
    """One figure that is also a filter: icon, number, word, and a note below."""

    def __init__(self, action: RestoreAction) -> None:
        super().__init__()
        self.action = action
        self.number = 0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_count(0)
        theme().changed.connect(self.updateGeometry)

    def show_count(self, count: int) -> None:
        """Show the figure; zero is muted and filters nothing."""
        word = ACTIONS[self.action].text
        self.number = count
        self.setEnabled(count > 0)
        self.setAccessibleName(f"{count:,} {word}, {_NOTES[self.action]}")
        self.setToolTip(f"List only what this does: {word}" if count else "")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        note = QFontMetrics(font("small")).horizontalAdvance(_NOTES[self.action])
        return QSize(note + 52, theme().px(56))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        look = ACTIONS[self.action]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.isChecked() or self.hasFocus():
            painter.setPen(QPen(color("accent"), 2 if self.hasFocus() else 1))
            painter.setBrush(color("accent_soft") if self.isChecked() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 5, 5)
        elif self.underMouse() and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color("hover"))
            painter.drawRoundedRect(box, 5, 5)
        role = look.role if self.number else "muted"
        half = self.height() // 2
        painter.drawPixmap(8, half - 20, pixmap(look.icon, role, 20, self.devicePixelRatioF()))
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        figure = formats.count(self.number)
        painter.setFont(font("figure"))
        painter.setPen(color("text" if self.number else "muted"))
        painter.drawText(QRect(36, 2, self.width() - 40, half), middle, figure)
        left = 36 + QFontMetrics(font("figure")).horizontalAdvance(figure) + 8
        painter.setFont(font("medium"))
        painter.setPen(color(role))
        painter.drawText(QRect(left, 3, self.width() - left, half), middle, look.text)
        painter.setFont(font("small"))
        painter.setPen(color("muted"))
        note = QFontMetrics(font("small")).elidedText(
            _NOTES[self.action], Qt.TextElideMode.ElideRight, self.width() - 40
        )
        painter.drawText(QRect(36, half, self.width() - 36, half - 2), middle, note)
        painter.end()


class RestorePlanDialog(QDialog):
    """`submitted(jobs)` after the final button; the result `BACK` = the person went back."""

    submitted = Signal(object)

    def __init__(self, context: Context, planned: PlanInput, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._planned = context, planned
        self._plan: RestorePlan | None = None
        self._jobs: list[Job] = []
        self.setWindowTitle("Restore: plan")
        self.resize(min(theme().px(1080), 1400), min(theme().px(720), 880))
        self.title = Label("Counting what this restore will do", "title", wrap=True)
        self._line = Label("", "body", "muted", wrap=True)
        self.counts = {action: PlanCount(action) for action in RestoreAction}
        self.filter = FilterField("Filter by path")
        self.filter.filtered.connect(self._on_filtered)
        self._listed = Label("", "small", "muted")
        conflict = planned.requests[0].script.conflict
        self.model = PlanModel(conflict, self)
        self.table = CellTable()
        self.table.setAccessibleName("What the restore does")
        self._proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Counting")
        self.problem = ProblemCard()
        self.problem.retried.connect(self.count)
        self._checks = QGridLayout()
        self._checks.setHorizontalSpacing(12)
        self._checks.setVerticalSpacing(6)
        self._checks.setColumnStretch(2, 1)
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
            Label("Each chosen path is compared with what is there. Total not known yet.", "body", "muted")
        )
        wait.addStretch(1)
        failed = QWidget()
        card = QVBoxLayout(failed)
        card.setContentsMargins(20, 12, 20, 12)
        card.addWidget(self.problem)
        card.addStretch(1)
        page = QFrame()
        page.setProperty("kind", "pane")
        figures = QHBoxLayout()
        figures.setContentsMargins(12, 0, 12, 8)
        figures.setSpacing(8)
        for count in self.counts.values():
            count.toggled.connect(partial(self._on_count_toggled, count))
            figures.addWidget(count, 1)
        tools = QHBoxLayout()
        tools.setContentsMargins(20, 6, 20, 6)
        tools.setSpacing(12)
        tools.addWidget(self.filter)
        tools.addWidget(self._listed, 1)
        before = QFrame()
        before.setProperty("kind", "sunken")
        checks = QVBoxLayout(before)
        checks.setContentsMargins(20, 10, 20, 10)
        checks.setSpacing(6)
        checks.addWidget(Label("Before it starts", "strong"))
        checks.addLayout(self._checks)
        body = QVBoxLayout(page)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(figures)
        body.addWidget(Line())
        body.addLayout(tools)
        body.addWidget(Line())
        body.addWidget(self.table, 1)
        body.addWidget(Line())
        body.addWidget(before)
        for one in (waiting, page, failed):
            self._stack.addWidget(one)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addWidget(self._line)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
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

    def count(self) -> None:
        """Ask for the plan; nothing is changed by it."""
        self._stack.setCurrentIndex(0)
        requests = self._planned.requests
        self._context.tasks.run(
            self,
            lambda: merged([self._context.services.restores.plan(request) for request in requests]),
            self._on_plan,
            self._on_failed,
            key="plan",
        )

    def _on_plan(self, plan: RestorePlan) -> None:
        self._plan = plan
        total = changed(plan)
        counted, besides = amount(plan, self._planned.files)
        self.title.setText(f"This restore will change {counted}{besides} on {self._planned.where}")
        said = "Counted against what is there now, not estimated."
        if "item" in counted:
            said += " Items are files and folders."
        self._line.setText(said)
        for action, count in self.counts.items():
            count.show_count(plan.counts.get(action, 0))
        self.model.set_items(plan.items)
        self._say_listed()
        self._say_checks(plan)
        self.restore.setText(f"Restore {counted}" if total else "Nothing to restore")
        self.restore.setAccessibleName(self.restore.text())
        self.restore.setEnabled(total > 0)
        self.restore.setToolTip(
            "" if total else "Everything is skipped. Go back and choose another rule for files that are there"
        )
        self._stack.setCurrentIndex(1)
        (self.restore if total else self.back).setFocus()

    def _on_failed(self, error: Exception) -> None:
        self.title.setText("The plan of this restore could not be made")
        self._line.setText("Nothing was changed.")
        self.problem.show_error(error)
        self._stack.setCurrentIndex(2)

    def _say_listed(self) -> None:
        plan = self._plan
        if plan is None:
            return
        total = sum(plan.counts.values())
        shown_rows = self._proxy.rowCount()
        if plan.truncated:
            text = f"The first {len(plan.items):,} of {total:,} are listed; the counts are of all"
        else:
            text = f"{len(plan.items):,} listed"
        if shown_rows != len(plan.items):
            text = f"{shown_rows:,} shown. {text}"
        self._listed.setText(text)

    def _on_count_toggled(self, toggled: PlanCount, on: bool) -> None:
        if on:
            for count in self.counts.values():
                if count is not toggled:
                    count.setChecked(False)
        self._apply_filter()

    def _on_filtered(self, _text: str) -> None:
        self._apply_filter()

    def _apply_filter(self) -> None:
        if self._plan is None:
            return
        wanted = next((action for action, count in self.counts.items() if count.isChecked()), None)
        self.model.set_items([item for item in self._plan.items if wanted in (None, item.action)])
        self._proxy.set_text(self.filter.text())
        self._say_listed()

    def _say_checks(self, plan: RestorePlan) -> None:
        while (item := self._checks.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        for row, (icon, role, subject, finding) in enumerate(checks(plan, self._planned)):
            self._checks.addWidget(IconLabel(icon, role, 16), row, 0)
            self._checks.addWidget(Label(subject, "medium"), row, 1)
            self._checks.addWidget(Label(finding, "body", "text2", wrap=True), row, 2)

    def submit(self) -> None:
        """Submit what is not submitted yet; then `submitted`."""
        self.fault.hide()
        self.restore.setEnabled(False)
        self.back.setEnabled(False)
        left = self._planned.requests[len(self._jobs) :]
        self._context.tasks.run(
            self, partial(self._submit_all, left), self._on_submitted, self._on_submit_failed
        )

    def _submit_all(self, left: Sequence[RestoreRequest]) -> None:
        for request in left:
            self._jobs.append(self._context.services.restores.submit(request))

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


def checks(plan: RestorePlan, planned: PlanInput) -> list[tuple[str, str, str, str]]:
    """Icon, role, subject and finding of what the restore needs before it starts."""
    needed = formats.size(plan.size_bytes)
    found = []
    if plan.free_bytes is None:
        found.append(("info", "muted", "Space", f"{needed} needed; free space there is not known"))
    elif plan.free_bytes < plan.size_bytes:
        found.append(
            (
                "triangle-alert",
                "warning",
                "Space may not suffice",
                f"{needed} needed, {formats.size(plan.free_bytes)} free",
            )
        )
    else:
        found.append(
            ("circle-check", "ok", "Space", f"{needed} needed, {formats.size(plan.free_bytes)} free")
        )
    locked = [row.part.session.number for row in planned.rows if row.part.session.encrypted]
    if locked:
        numbers = ", ".join(map(str, sorted(locked)))
        found.append(("circle-check", "ok", "Session password", f"accepted for session {numbers}"))
    scripts = [request.script for request in planned.requests]
    twice = overlapping(planned.rows)
    if twice:
        numbers = ", ".join(map(str, twice))
        finding = f"Sessions {numbers}, restored from old to new. {_TWICE[scripts[0].conflict]}"
        found.append(("triangle-alert", "warning", "The same paths from several sessions", finding))
    if plan.stops_scenario:
        finding = "It stays stopped afterwards: run it again in the XOsoft Manager."
        if any(script.continue_if_not_stopped for script in scripts):
            finding += (
                " If it cannot be stopped, the restore goes on and the Master may overwrite restored files."
            )
        else:
            finding += " If it cannot be stopped, the job fails and restores nothing."
        found.append(
            ("triangle-alert", "warning", f"{plan.stops_scenario} is stopped before the restore", finding)
        )
    elif all(script.destination is Destination.DIRECTORY for script in scripts):
        found.append(("circle-check", "ok", "No scenario is stopped", "The data goes to another folder."))
    else:
        found.append(("circle-check", "ok", "No scenario is stopped", "None of them is running."))
    return found
