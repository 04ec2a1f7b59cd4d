"""The New Scenario wizard."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from app.model.scenario import Scenario
from app.ui.dialogs.keep_draft import DISCARD, KEEP, KeepDraftDialog
from app.ui.manager import Context
from app.ui.widgets.notices import explain
from app.ui.wizards.draft import discard_draft, keep_draft, read_draft
from app.ui.wizards.duplicate import answers_like
from app.ui.wizards.engines_page import EnginesPage
from app.ui.wizards.flow import TITLES, NewScenarioFlow, Page
from app.ui.wizards.frame import WizardFrame
from app.ui.wizards.hosts_page import HostsPage
from app.ui.wizards.page import WizardPage
from app.ui.wizards.properties_page import PropertiesPage
from app.ui.wizards.replica_page import ReplicaPage
from app.ui.wizards.roots_page import RootsPage
from app.ui.wizards.run_page import RunPage
from app.ui.wizards.type_page import TypePage
from app.ui.wizards.verification_page import VerificationPage
from app.ui.wizards.welcome_page import WelcomePage


class NewScenarioWizard(WizardFrame):
    """`created(scenario, running)` when the scenario was made."""

    created = Signal(object, bool)

    def __init__(
        self, context: Context, parent: QWidget | None = None, *, like: Scenario | None = None
    ) -> None:
        super().__init__("New Scenario", parent)
        self.finish = self.add_button("Finish without running")
        self.finish.clicked.connect(self._on_finish_clicked)
        self.next_clicked.connect(self._on_next_clicked)
        self.back.clicked.connect(self._on_back_clicked)
        self.steps.step_clicked.connect(self._on_step_clicked)
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
        for page in self.pages.values():
            page.edited.connect(self._on_edited)
            self.stack.addWidget(page)
        self._show_page()

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
        self.show_in_view(self.pages[self.flow.page])
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
        self.say(fault or self.pages[flow.page].result(), error=bool(fault))

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
        self.say("Creating the scenario…")
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
        self.say("Starting the scenario…")
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
