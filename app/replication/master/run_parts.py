"""What one run of a scenario is put together of."""

from __future__ import annotations

from dataclasses import dataclass

from app.model.errors import Problem
from app.model.scenario import RootStatistics
from app.replication.master.barrier import Barrier
from app.replication.master.brake import Brake, Held
from app.replication.master.brake_decisions import BrakeDecisions
from app.replication.master.recorder import Recorder
from app.replication.master.roots import ComparedRoot
from app.replication.master.senders import Senders
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.master.sweeps import Sweeps


@dataclass
class RunParts:
    """The parts, each None until the run is so far; none is taken away again. May be read from any thread."""

    roots: list[ComparedRoot]
    senders: Senders
    shadow: Shadow | None = None
    spool: Spool | None = None
    brake: Brake | None = None
    recorder: Recorder | None = None
    sweeps: Sweeps | None = None
    barrier: Barrier | None = None
    decisions: BrakeDecisions | None = None

    @property
    def braked(self) -> Held | None:
        """What the safety brake holds until people decide."""
        return self.brake.braked if self.brake is not None else None

    @property
    def recorded_operations(self) -> int:
        """How many changes were recorded since the start."""
        return self.recorder.operations if self.recorder is not None else 0

    def problems(self) -> list[Problem]:
        """Paths that could not be recorded or applied."""
        problems = self.recorder.problems() if self.recorder is not None else []
        for sender in self.senders.all():
            problems += sender.problems()
        return problems

    def statistics(self) -> tuple[RootStatistics, ...]:
        """What is recorded of each root."""
        return tuple(root.statistics() for root in self.roots)
