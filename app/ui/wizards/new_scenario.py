"""The New Scenario wizard: steps at the left, a page, the result bar and the buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.model.scenario import Scenario
from app.ui.dialogs.keep_draft import DISCARD, KEEP, KeepDraftDialog
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.controls import Steps
from app.ui.widgets.notices import explain
from app.ui.wizards.draft import discard_draft, keep_draft, read_draft
from app.ui.wizards.duplicate import answers_like
from app.ui.wizards.engines_page import EnginesPage
from app.ui.wizards.flow import TITLES, NewScenarioFlow, Page
from app.ui.wizards.hosts_page import HostsPage
from app.ui.wizards.page import WizardPage
from app.ui.wizards.properties_page import PropertiesPage
from app.ui.wizards.replica_page import ReplicaPage
from app.ui.wizards.roots_page import RootsPage
from app.ui.wizards.run_page import RunPage
from app.ui.wizards.type_page import TypePage
from app.ui.wizards.verification_page import VerificationPage
from app.ui.wizards.welcome_page import WelcomePage


class NewScenarioWizard(QDialog):
    """`created(scenario, running)` when the scenario was made."""

    created = Signal(object, bool)

    def __init__(
        self, context: Context, parent: QWidget | None = None, *, like: Scenario | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("New Scenario")
        self.resize(theme().px(1000), theme().px(680))
        self._context = context
        self.flow = NewScenarioFlow()
        draft = read_draft(context.settings) if like is None else answers_like(like)
        if draft is not None:
            self.flow.answers = draft
        kinds = (
            WelcomePage,
            TypePage,
            HostsPage,
            EnginesPage,
            RootsPage,
            ReplicaPage,
            PropertiesPage,
            VerificationPage,
            RunPage,
        )
        self.pages: dict[Page, WizardPage] = {
            Page(position): kind(self.flow, context) for position, kind in enumerate(kinds)
        }
        self._made: Scenario | None = None
        self._lay_out()
        self._show_page()

    def _lay_out(self) -> None:
        self.steps = Steps()
        self.steps.step_clicked.connect(self._on_step_clicked)
        self.title = Label("", "title")
        self.line = Label("", "body", "text2", wrap=True)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addWidget(self.line)
        self.stack = QStackedWidget()
        for page in self.pages.values():
            page.edited.connect(self._on_edited)
            self.stack.addWidget(page)
        self.outcome = Label("", "small_medium", "text2", elide=Qt.TextElideMode.ElideRight)
        result_bar = QFrame()
        result_bar.setProperty("kind", "sunken")
        result_row = QHBoxLayout(result_bar)
        result_row.setContentsMargins(20, 8, 20, 8)
        result_row.addWidget(self.outcome, 1)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(head)
        right.addWidget(Line())
        right.addWidget(self.stack, 1)
        right.addWidget(Line())
        right.addWidget(result_bar)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.steps)
        middle.addLayout(right, 1)
        self.back = button("Back")
        self.back.clicked.connect(self._on_back_clicked)
        self.finish = button("Finish without running")
        self.finish.clicked.connect(self._on_finish_clicked)
        self.next = button("Next", "primary")
        self.next.setDefault(True)
        self.next.clicked.connect(self._on_next_clicked)
        cancel = button("Cancel")
        cancel.clicked.connect(self.reject)
        foot = QFrame()
        foot.setProperty("kind", "bar")
        row = QHBoxLayout(foot)
        row.setContentsMargins(20, 12, 20, 12)
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(self.finish)
        row.addWidget(self.back)
        row.addWidget(self.next)
        row.addSpacing(8)
        row.addWidget(cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(middle, 1)
        layout.addWidget(Line())
        layout.addWidget(foot)

    def reject(self) -> None:
        """Cancel, Esc: with something typed offer to keep it."""
        if self._made is not None or not self.flow.touched:
            super().reject()
            return
        dialog = KeepDraftDialog(self, self.flow.answers.name.strip() or "the new scenario")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(self._on_draft_decided)
        dialog.open()

    def _on_draft_decided(self, answer: int) -> None:
        if answer == KEEP:
            keep_draft(self._context.settings, self.flow.answers)
            self._context.toast("Draft kept", self.flow.answers.name.strip())
        elif answer == DISCARD:
            discard_draft(self._context.settings)
        else:
            return
        super().reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.pages[Page.ROOTS].isVisible():
            return  # Enter in the path field adds the path
        super().keyPressEvent(event)

    def show_page(self, page: Page) -> None:
        """Show a page without going through the ones before it (for pictures of it)."""
        self.flow.page = page
        self.flow.reached = max(self.flow.reached, page)
        self._show_page()

    def _show_page(self) -> None:
        page = self.pages[self.flow.page]
        self.stack.setCurrentWidget(page)
        self.title.setText(page.sentence)
        self.line.setText(page.line)
        page.enter()
        self._show_state()

    def _show_state(self, fault: str = "") -> None:
        flow = self.flow
        answers = [flow.answer(Page(position)) for position in range(len(TITLES))]
        self.steps.set_steps(TITLES, answers, flow.page, flow.reached)
        name = flow.answers.name.strip()
        self.setWindowTitle(f"New Scenario: {name}" if name else "New Scenario")
        last = flow.page is Page.RUN
        self.back.setEnabled(flow.page > Page.WELCOME and self._made is None)
        self.finish.setVisible(last)
        self.next.setText("Run now" if last else "Next")
        checks = self.pages[Page.VERIFICATION]
        checking = isinstance(checks, VerificationPage) and checks.checking
        self.next.setEnabled(not (flow.page is Page.VERIFICATION and checking))
        self.outcome.set_role("error" if fault else "text2")
        self.outcome.setText(fault or self.pages[flow.page].result())

    def _on_edited(self) -> None:
        self._show_state()

    def _on_step_clicked(self, position: int) -> None:
        if self._made is None:
            target = Page(position)
            reached = self.flow.go(target)
            self._show_page()
            if not reached:
                self._show_state(self.flow.fault())

    def _on_back_clicked(self) -> None:
        self.flow.back()
        self._show_page()

    def _on_next_clicked(self) -> None:
        if self.flow.page is Page.RUN:
            self._create(run=True)
            return
        fault = self.flow.next()
        if fault:
            self.pages[self.flow.page].tell_fault()
            self._show_state(fault)
        else:
            self._show_page()

    def _on_finish_clicked(self) -> None:
        self._create(run=False)

    def _create(self, *, run: bool) -> None:
        for widget in (self.next, self.finish, self.back):
            widget.setEnabled(False)
        self.outcome.set_role("text2")
        self.outcome.setText("Creating the scenario…")
        made, scenarios = self.flow.scenario(), self._context.services.scenarios
        earlier = self._made

        def create() -> Scenario:
            return earlier if earlier is not None else scenarios.create(made)

        finished = self._on_created_to_run if run else self._on_created
        self._context.tasks.run(self, create, finished, self._on_failed)

    def _on_created(self, scenario: Scenario) -> None:
        discard_draft(self._context.settings)
        self.created.emit(scenario, False)
        self.accept()

    def _on_created_to_run(self, scenario: Scenario) -> None:
        self._made = scenario
        discard_draft(self._context.settings)
        self.outcome.setText("Starting the scenario…")
        scenarios = self._context.services.scenarios
        self._context.tasks.run(self, lambda: scenarios.run(scenario.name), self._on_run, self._on_failed)

    def _on_run(self, _nothing: object) -> None:
        self.created.emit(self._made, True)
        self.accept()

    def _on_failed(self, error: Exception) -> None:
        title, text, _ = explain(error)
        made = f"Scenario {self._made.name} is made but does not run. " if self._made is not None else ""
        self._show_state(f"{made}{title}. {text}")
        self.next.setEnabled(True)
        self.finish.setEnabled(True)
