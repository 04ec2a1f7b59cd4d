"""The Restore Data wizard: replica, method, moment, what and where to, what changes, result."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QWidget

from app.model.scenario import ScenarioStatus
from app.ui.bridge.polling import Poller
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.manager import Context
from app.ui.wizards.frame import WizardFrame
from app.ui.wizards.restore_flow import RestoreDataFlow, Step
from app.ui.wizards.restore_page import MethodPage, ReplicaPage, RestorePage
from app.ui.wizards.restore_point_page import PointPage
from app.ui.wizards.restore_preview_page import PreviewPage
from app.ui.wizards.restore_result_page import ResultPage
from app.ui.wizards.restore_scope_page import ScopePage

_LOOK_EVERY_MS = 1_000


class RestoreDataWizard(WizardFrame):
    """`restored` after each change it made. With `moment` (a time, a point's id or "") it begins there."""

    restored = Signal()

    def __init__(
        self,
        context: Context,
        scenario: str,
        parent: QWidget | None = None,
        *,
        moment: tuple[datetime, str] | None = None,
    ) -> None:
        super().__init__(f"Restore data: {scenario}", parent, width=1240, height=780)
        self._context = context
        self._moment = moment
        self.flow = RestoreDataFlow(scenario)
        self.replica = ReplicaPage(self.flow, context)
        self.method = MethodPage(self.flow, context)
        self.point = PointPage(self.flow, context)
        self.scope = ScopePage(self.flow, context)
        self.preview = PreviewPage(self.flow, context)
        self.ending = ResultPage(self.flow, context)
        self.pages: dict[Step, RestorePage] = {
            Step.REPLICA: self.replica,
            Step.METHOD: self.method,
            Step.POINT: self.point,
            Step.SCOPE: self.scope,
            Step.PREVIEW: self.preview,
            Step.RESULT: self.ending,
        }
        for page in self.pages.values():
            page.edited.connect(self._show_state)
            self.stack.addWidget(page)
        self.ending.done.connect(self.restored)
        self.steps.step_clicked.connect(self._on_step_clicked)
        self.back.clicked.connect(self._on_back_clicked)
        self.next_clicked.connect(self._on_next_clicked)
        scenarios = context.services.scenarios
        self._poller = Poller(context.tasks, lambda: scenarios.show(scenario), _LOOK_EVERY_MS, self)
        self._poller.answered.connect(self._on_status)
        self._poller.failed.connect(self.replica.show_failure)
        self.replica.problem.retried.connect(self._poller.refresh)
        self.finished.connect(self._poller.stop)
        self._poller.start()
        self._show_page()

    def _on_status(self, status: ScenarioStatus) -> None:
        """How the scenario stands matters until something is begun."""
        self.flow.take_status(status)
        self.replica.show_status()
        if self.flow.step is Step.REPLICA:
            if self._moment is not None and not self.flow.fault() and not self.flow.rewind_fault():
                moment, self._moment = self._moment, None
                self._to_moment(moment)
            else:
                self._show_state()

    def _to_moment(self, moment: tuple[datetime, str]) -> None:
        """Begin with the page of the moment, and this one chosen."""
        self.flow.next()
        self.flow.next()
        self._show_page()
        self.point.go_to(*moment)

    def reject(self) -> None:
        """Cancel, Esc: with something chosen it asks."""
        if not self.flow.touched or self.ending.working:
            super().reject()
            return
        text = "Nothing was changed. What you chose here is forgotten."
        dialog = ConfirmDialog(self, "Leave without restoring?", text, "Leave")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._leave)
        dialog.open()

    def _leave(self) -> None:
        self.done(QDialog.DialogCode.Rejected)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        typing = self.scope.typed.hasFocus() or (
            self.point.timeline is not None and self.point.timeline.typed.hasFocus()
        )
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and typing:
            return  # Enter adds the path, or goes to the time
        super().keyPressEvent(event)

    def _show_page(self) -> None:
        self.show_in_view(self.pages[self.flow.step])
        self._show_state()

    def _show_state(self, fault: str = "") -> None:
        flow = self.flow
        titles = [step.value for step in flow.steps]
        self.steps.set_steps(titles, [flow.answer(step) for step in flow.steps], flow.position, flow.reached)
        working, ended = self.ending.working, flow.outcome is not None
        last = self.stack.currentWidget() is self.ending
        self.back.setVisible(not last or not (working or ended))
        self.back.setEnabled(flow.position > 0 or last)
        self.next.setVisible(not last or ended)
        preview = flow.step is Step.PREVIEW
        self.next.setText("Close" if last else flow.act() if preview else "Next")
        self.next.setEnabled(last or not preview or not flow.fault())
        self.next.setProperty("kind", "danger" if preview and not last else "primary")
        self.next.style().unpolish(self.next)
        self.next.style().polish(self.next)
        # Destructive ones are not what Enter presses.
        self.next.setDefault(not preview or last)
        self.next.setAutoDefault(not preview or last)
        if last:
            self.title.setText("Restoring" if working else "Result" if ended else "It was not finished")
        self.cancel.setVisible(not ended)
        self.cancel.setText("Close" if working else "Cancel")
        self.say(fault or self.pages[flow.step].result(), error=bool(fault))

    def _on_step_clicked(self, position: int) -> None:
        if not self.ending.working and self.flow.outcome is None:
            reached = self.flow.go(position)
            self._show_page()
            if not reached:
                self._show_state(self.flow.fault())

    def _on_back_clicked(self) -> None:
        if self.stack.currentWidget() is not self.ending:
            self.flow.back()
        self._show_page()

    def _on_next_clicked(self) -> None:
        if self.flow.outcome is not None:
            self.accept()
            return
        if self.flow.step is Step.PREVIEW:
            if not self.flow.fault():
                self._poller.stop()
                self.show_in_view(self.ending)
                self.ending.begin()
            return
        fault = self.flow.next()
        if fault:
            self.pages[self.flow.step].tell_fault()
            self._show_state(fault)
        else:
            self._show_page()
