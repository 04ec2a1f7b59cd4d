"""The last page of the Restore Data wizard: what is being done, what was done, and taking it back."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout

from app.messages import render
from app.model.paths import shown
from app.model.rewind import ReplicatedBack, RewindAction, RewindResult
from app.ui import formats
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.controls import Gauge, Phases
from app.ui.widgets.notices import ProblemCard
from app.ui.wizards.page import form
from app.ui.wizards.restore_flow import Outcome, Request, RestoreDataFlow, Step
from app.ui.wizards.restore_page import RestorePage
from app.ui.xosoft.rewind_text import counts_text, kept_text

_TICK_MS = 500
_PROBLEMS_SHOWN = 5


class ResultPage(RestorePage):
    """`done` when a rewind, a recovery or its taking back ended well."""

    done = Signal()
    sentence = "Result"
    line = ""

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._again: Callable[[], None] = lambda: None
        self._began = 0.0
        self._phase = 0
        self._rewound: RewindResult | None = None
        self._undoing = False
        self.phases = Phases()
        self.gauge = Gauge("Progress")
        self.now = Label("", "body", "text2", wrap=True)
        self.problem = ProblemCard()
        self.problem.retried.connect(self._on_retried)
        self.problem.hide()
        self.mark = IconLabel("circle-check", "ok", 24)
        self.head = Label("", "subject", wrap=True)
        self.facts = Label("", "body", "text2", wrap=True)
        self.facts.setTextInteractionFlags(self.facts.textInteractionFlags().TextSelectableByMouse)
        self.next_step = Label("", "body", "text2", wrap=True)
        self.undo = button("Take it back", "", "rotate-ccw")
        self.undo.clicked.connect(self._on_undo)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)
        layout = form(self)
        self.phases.setMinimumHeight(theme().px(44))
        for widget in (self.phases, self.gauge, self.now, self.problem, self.mark, self.head, self.facts):
            layout.addWidget(widget)
        layout.addWidget(self.next_step)
        undo = QHBoxLayout()
        undo.addWidget(self.undo)
        undo.addStretch(1)
        layout.addLayout(undo)
        layout.addStretch(1)

    @property
    def working(self) -> bool:
        """Whether something is being done."""
        return self._timer.isActive()

    # doing

    def begin(self) -> None:
        """Carry out what the flow asks for."""
        self._undoing = False
        request = self.flow.request()
        if request.to:
            self._rewind(request)
        else:
            self._recover(request)

    def _rewind(self, request: Request) -> None:
        flow, scenarios = self.flow, self.context.services.scenarios
        self._work(
            0,
            lambda: scenarios.rewind(flow.scenario, request.to, paths=request.paths, replica=request.replica),
            lambda result: self._on_rewound(request, result),
            lambda: self._rewind(request),
        )

    def _on_rewound(self, request: Request, result: RewindResult) -> None:
        self._rewound = result
        if request.back:
            self._recover(request)
        else:
            self._end(Outcome(request, result))

    def _recover(self, request: Request) -> None:
        flow, scenarios = self.flow, self.context.services.scenarios
        self._work(
            1,
            lambda: scenarios.recover(flow.scenario, paths=request.paths, replica=request.replica),
            lambda back: self._end(Outcome(request, self._rewound, back)),
            lambda: self._recover(request),
        )

    def _on_undo(self) -> None:
        outcome = self.flow.outcome
        if outcome is None or outcome.undo_point is None:
            return
        self._undoing = True
        self._rewind(replace(outcome.request, to=outcome.undo_point.id))

    def _work(
        self, phase: int, call: Callable[[], object], then: Callable[..., None], again: Callable[[], None]
    ) -> None:
        """One part of the work; `again` when it failed and is to be tried once more."""
        self._again, self._phase = again, phase
        self._began = time.monotonic()
        self._timer.start()
        self._show_working()

        def on_done(value: object) -> None:
            self._timer.stop()
            then(value)

        self.context.tasks.run(self, call, on_done, self._on_error)

    def _on_retried(self) -> None:
        self._again()

    def _on_error(self, error: Exception) -> None:
        self._timer.stop()
        self._show_working(failed=True)
        self.problem.show_error(error)
        self.edited.emit()

    def _end(self, outcome: Outcome) -> None:
        self._rewound = None
        self.flow.finish(replace(outcome, taken_back=self._undoing))
        self._show_result()
        self.done.emit()
        self.edited.emit()

    # showing

    def enter(self) -> None:
        """Show what is known."""
        if self.flow.outcome is not None:
            self._show_result()

    def _show_working(self, *, failed: bool = False) -> None:
        request = self.flow.request()
        self.problem.hide()
        for widget in (self.mark, self.head, self.facts, self.next_step, self.undo):
            widget.hide()
        for shown_ in (self.phases, self.gauge, self.now):
            shown_.show()
        names = [f"Rewind {request.replica}"] if request.to else []
        if request.back:
            names.append("Replicate back to the Master")
        now = self._phase if request.to else 0
        self.phases.set_phases(
            [
                (name, "done" if n < now else "now" if n == now else "later", "")
                for n, name in enumerate(names)
            ]
        )
        self.gauge.set_share(None, busy=not failed)
        self._on_tick()
        if failed:
            self.now.setText("It did not come to its end. Trying again goes on from where it stopped.")
        self.edited.emit()

    def _on_tick(self) -> None:
        passed = formats.elapsed(time.monotonic() - self._began)
        doing = "Taking it back" if self._undoing else "Working"
        self.now.setText(f"{doing} for {passed}. It goes on without this window.")

    def _show_result(self) -> None:
        outcome = self.flow.outcome
        assert outcome is not None
        for part in (self.phases, self.gauge, self.now, self.problem):
            part.hide()
        problems = outcome.recovered.problems if outcome.recovered is not None else ()
        self.mark.set_icon("triangle-alert" if problems else "circle-check", "warning" if problems else "ok")
        self.head.setText(_head(outcome, self.flow))
        self.facts.setText("\n".join(_facts(outcome)))
        self.next_step.setText(_next_step(outcome, self.flow))
        self.undo.setVisible(outcome.undo_point is not None and not outcome.taken_back)
        self.undo.setToolTip(
            "Rewinds the replica to what it was, and makes the Master equal to it again"
            if outcome.request.back
            else "Rewinds the replica to what it was"
        )
        for widget in (self.mark, self.head, self.facts, self.next_step):
            widget.show()

    def result(self) -> str:
        """Nothing but what the page says."""
        return "" if self.flow.outcome is None else "The scenario is stopped"


def _head(outcome: Outcome, flow: RestoreDataFlow) -> str:
    host = outcome.request.replica
    if outcome.taken_back:
        return f"Taken back: {host} is what it was before"
    if outcome.rewound is not None:
        return f"{host} was rewound to {flow.answer(Step.POINT)}"
    return f"The Master has what {host} has"


def _facts(outcome: Outcome) -> list[str]:
    facts = []
    if outcome.rewound is not None:
        facts.append(_changed(outcome.rewound.counts, f"on {outcome.request.replica}"))
    back = outcome.recovered
    if back is not None:
        facts.append(_changed(back.counts, "on the Master"))
        facts += _about_master(back)
    return facts


def _changed(counts: dict[RewindAction, int], where: str) -> str:
    total = sum(counts.values())
    return f"{formats.counted(total, 'path')} changed {where}" + (f": {counts_text(counts)}" if total else "")


def _about_master(back: ReplicatedBack) -> list[str]:
    lines = [kept_text(back)] if back.kept_in else []
    lines += [
        f"{shown(problem.path)}: {render(problem.code, problem.params).text}"
        for problem in back.problems[:_PROBLEMS_SHOWN]
    ]
    if len(back.problems) > _PROBLEMS_SHOWN:
        lines.append(f"{len(back.problems) - _PROBLEMS_SHOWN:,} more stayed as they were")
    return lines


def _next_step(outcome: Outcome, flow: RestoreDataFlow) -> str:
    if outcome.request.back or outcome.taken_back:
        return f"Run {flow.scenario} when it is to replicate again."
    return (
        f"The Master was not changed: the next run of {flow.scenario} makes the replica equal to it again. "
        "To keep the rewound files, copy them away or replicate them back first."
    )
