"""The Restore Data flow without a window: steps, answers, validation; Back keeps everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from app.model.paths import is_beneath, shown
from app.model.properties import properties_on
from app.model.rewind import PointKind, ReplicatedBack, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import ReplicaStatus, ScenarioState, ScenarioStatus
from app.ui.wizards.flow import clean_path
from app.ui.xosoft.rewind_text import point_name


class Step(Enum):
    """The steps; the value is what the wizard calls it."""

    REPLICA = "Replica"
    METHOD = "Method"
    POINT = "Rewind point"
    SCOPE = "What and where to"
    PREVIEW = "What changes"
    RESULT = "Result"


class Method(Enum):
    """What is brought back."""

    REWIND = "Rewind"
    RECOVER = "Recover all data"


@dataclass(slots=True)
class Answers:
    """All that was chosen so far; never erased by a later answer."""

    replica: str = ""
    method: Method = Method.REWIND
    point: RewindPoint | None = None
    before: bool = False
    only_some: bool = False
    paths: list[bytes] = field(default_factory=list)
    back: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of the engine. `to` is a rewind point's id; "" = the replica as it is now."""

    replica: str
    to: str
    paths: tuple[bytes, ...]
    back: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a request would change, counted for it. A part that is None is not touched."""

    request: Request
    replica: RewindPlan | None
    master: ReplicatedBack | None

    @property
    def totals(self) -> tuple[int, int]:
        """How many paths on the replica, and on the master."""
        return (
            sum(self.replica.counts.values()) if self.replica is not None else 0,
            sum(self.master.counts.values()) if self.master is not None else 0,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done on the replica, then on the master; `taken_back`: both are as before again."""

    request: Request
    rewound: RewindResult | None = None
    recovered: ReplicatedBack | None = None
    taken_back: bool = False

    @property
    def undo_point(self) -> RewindPoint | None:
        """Where a rewind leads that takes this one back."""
        return self.rewound.undo_point if self.rewound is not None else None


class RestoreDataFlow:
    """Where the wizard is, and what is still wrong."""

    def __init__(self, scenario: str) -> None:
        self.scenario = scenario
        self.answers = Answers()
        self.status: ScenarioStatus | None = None
        self.preview: Preview | None = None
        self.outcome: Outcome | None = None
        self.step = Step.REPLICA
        self._reached = {Step.REPLICA}

    # what is known

    def take_status(self, status: ScenarioStatus) -> None:
        """How the scenario stands now. The first replica is chosen until another one is."""
        self.status = status
        hosts = [replica.host for replica in status.replicas]
        if self.answers.replica not in hosts:
            self.answers.replica = hosts[0] if hosts else ""
            if self.rewind_fault():
                self.answers.method = Method.RECOVER

    @property
    def roots(self) -> tuple[bytes, ...]:
        """The master's directories."""
        status = self.status
        return tuple(root.master_path for root in status.scenario.roots) if status is not None else ()

    @property
    def replica(self) -> ReplicaStatus | None:
        """The chosen replica."""
        found = self.status.replicas if self.status is not None else ()
        return next((one for one in found if one.host == self.answers.replica), None)

    def rewind_fault(self) -> str:
        """Why the chosen replica cannot be rewound; "" when it can."""
        if self.status is None or self.replica is None:
            return ""
        if not properties_on(self.status.scenario, self.replica.host).rewind_enabled:
            return f"Data rewind is off for {self.replica.host}"
        return ""

    # steps

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the chosen method, in order."""
        return tuple(step for step in Step if step is not Step.POINT or self.answers.method is Method.REWIND)

    @property
    def position(self) -> int:
        """Which of the steps is in view."""
        return self.steps.index(self.step)

    @property
    def reached(self) -> int:
        """The last step that was seen."""
        return max(n for n, step in enumerate(self.steps) if step in self._reached)

    @property
    def touched(self) -> bool:
        """Whether something was chosen that Cancel would lose."""
        answers = self.answers
        return self.outcome is None and bool(answers.point or answers.paths or answers.back)

    def fault(self, step: Step | None = None) -> str:
        """What is wrong on a step (default: the present one); "" when nothing is."""
        step = step or self.step
        answers = self.answers
        if step is Step.REPLICA:
            return self._replica_fault()
        if step is Step.METHOD:
            return self.rewind_fault() if answers.method is Method.REWIND else ""
        if step is Step.POINT:
            return self._point_fault()
        if step is Step.SCOPE:
            return "Add a file or directory, or restore everything" if self._nothing_chosen() else ""
        if step is Step.PREVIEW:
            return self._preview_fault()
        return ""

    def _replica_fault(self) -> str:
        if self.status is None:
            return "It is not known yet how the scenario stands"
        if self.status.state not in (ScenarioState.STOPPED, ScenarioState.PROBLEM):
            return f"Stop {self.scenario} first: files are restored only while nothing is replicated"
        return "" if self.replica is not None else "Choose the replica to restore from"

    def _point_fault(self) -> str:
        point = self.answers.point
        if point is None:
            return "Choose the moment to go back to"
        if point.replica not in ("", self.answers.replica):
            return f"The chosen moment is one of {point.replica}. Choose one of {self.answers.replica}"
        return ""

    def _nothing_chosen(self) -> bool:
        return self.answers.only_some and not self.answers.paths

    def _preview_fault(self) -> str:
        preview = self.preview
        if preview is None or preview.request != self.request():
            return "What changes is not counted yet"
        return "" if sum(preview.totals) else "Nothing would change: everything is in that state already"

    def request(self) -> Request:
        """What will be asked of the engine."""
        answers = self.answers
        to = ""
        if answers.method is Method.REWIND and answers.point is not None:
            before = answers.before and answers.point.kind is PointKind.OPERATION
            to = f"before:{answers.point.id}" if before else answers.point.id
        paths = tuple(answers.paths) if answers.only_some else ()
        return Request(answers.replica, to, paths, answers.back or answers.method is Method.RECOVER)

    def next(self) -> str:
        """Go on; returns the fault that keeps it here, or "". The last step is reached by `finish` alone."""
        fault = self.fault()
        if not fault and self.step not in (Step.PREVIEW, Step.RESULT):
            self._show(self.steps[self.position + 1])
        return fault

    def back(self) -> None:
        """Go back one step; not from the result."""
        if self.position and self.step is not Step.RESULT:
            self.step = self.steps[self.position - 1]

    def go(self, position: int) -> bool:
        """Jump to a step that was seen; stops at the first faulty one in between."""
        steps = self.steps
        if self.step is Step.RESULT or position > self.reached or steps[position] is Step.RESULT:
            return False
        for between in range(self.position, position):
            if self.fault(steps[between]):
                self.step = steps[between]
                return False
        self.step = steps[position]
        return True

    def finish(self, outcome: Outcome) -> None:
        """It was done."""
        self.outcome = outcome
        self._show(Step.RESULT)

    def _show(self, step: Step) -> None:
        self.step = step
        self._reached.add(step)

    # answers

    def choose_point(self, point: RewindPoint | None, *, before: bool = False) -> None:
        """The moment to go back to."""
        self.answers.point = point
        self.answers.before = before and point is not None and point.kind is PointKind.OPERATION

    def add_path(self, typed: str) -> str:
        """Restore only this, and what was added before. Returns why not, or ""."""
        path = clean_path(typed)
        if path is None:
            return "Type a full path of the Master"
        if not any(is_beneath(path, root) for root in self.roots):
            return f"{shown(path)} is in no root directory of {self.scenario}"
        paths = self.answers.paths
        above = next((one for one in paths if is_beneath(path, one)), None)
        if above is not None:
            return "" if above == path else f"{shown(above)} is added already, with all beneath it"
        self.answers.paths = sorted([one for one in paths if not is_beneath(one, path)] + [path])
        return ""

    def remove_path(self, path: bytes) -> None:
        """Do not restore this after all."""
        self.answers.paths = [one for one in self.answers.paths if one != path]

    # words

    def answer(self, step: Step) -> str:
        """The chosen answer under a step."""
        answers = self.answers
        if step is Step.REPLICA:
            return answers.replica
        if step is Step.METHOD:
            return answers.method.value if Step.METHOD in self._reached else ""
        if step is Step.POINT and answers.point is not None:
            before = "before " if self.request().to.startswith("before:") else ""
            return before + point_name(answers.point)
        if step is Step.SCOPE and Step.SCOPE in self._reached:
            return self._scope_answer()
        return ""

    def _scope_answer(self) -> str:
        answers = self.answers
        count = len(answers.paths)
        what = f"{count} {'path' if count == 1 else 'paths'}" if answers.only_some else "Everything"
        return f"{what} → {'Master' if self.request().back else answers.replica}"

    def act(self) -> str:
        """What the last button says."""
        answers = self.answers
        if answers.method is Method.RECOVER:
            _, master = self.preview.totals if self.preview is not None else (0, 0)
            return f"Change {master:,} {'path' if master == 1 else 'paths'} on the Master"
        if answers.point is None:
            return "Rewind"
        then = " and replicate back" if answers.back else ""
        return f"Rewind to {self.answer(Step.POINT)}{then}"
