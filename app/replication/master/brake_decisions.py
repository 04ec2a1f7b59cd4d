"""What people decide about the changes that the safety brake of a run holds."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.model.brake import BrakeDecision, BrakeResult
from app.model.errors import BusyError, NotFoundError
from app.model.events import Severity
from app.model.paths import shown
from app.model.scenario import Scenario
from app.replication.master.barrier import BOOKMARK_FLUSH_S, Barrier
from app.replication.master.brake import Brake
from app.replication.master.brake_review import chosen_root
from app.replication.master.bring_back import bring_back
from app.replication.master.compare import ComparedRoot
from app.replication.master.exchange import Exchange
from app.replication.master.losses import Loss, Losses
from app.replication.master.recorder import Recorder
from app.replication.master.sender import Sender
from app.replication.master.sweeps import Run

_PROBLEMS_SHOWN = 1_000
_CONNECTING_S = 5.0
_POLL_S = 0.1


class BrakeDecisions:
    """All methods may be called from any thread; also after recording had to end."""

    def __init__(
        self,
        run: Run,
        scenario: Scenario,
        roots: list[ComparedRoot],
        brake: Brake,
        losses: Losses,
        recorder: Recorder,
        barrier: Barrier,
        senders: Callable[[], list[Sender]],
    ) -> None:
        self._run = run
        self._scenario = scenario
        self._roots = roots
        self._brake = brake
        self._losses = losses
        self._recorder = recorder
        self._barrier = barrier
        self._senders = senders

    def accept(self, path: bytes) -> BrakeResult:
        """Let held changes (of `path` and beneath; b"" = all) go to the replicas, once all is decided.

        Raises:
            BusyError: ER00263 nothing is held.
            NotFoundError: ER00264 a path outside the roots, ER00271 nothing is held there.
        """
        self._check_held()
        with self._recorder.between_batches():
            chosen = self._chosen(path)
            self._losses.decide(chosen, BrakeDecision.ACCEPTED)
            left, lifted = self._lift_when_decided()
        self._tell(accepted=len(chosen), restored=0, left=left)
        return BrakeResult(len(chosen), left, lifted)

    def reject(self, path: bytes) -> BrakeResult:
        """Bring what is held (of `path` and beneath; b"" = all) back to the master from a replica.

        Raises:
            BusyError: ER00263 nothing is held, ER00267 no replica is connected.
            NotFoundError: ER00264 a path outside the roots, ER00271 nothing is held there.
            ArcxoError: the connection was lost meanwhile; what came back until then stays.
        """
        self._check_held()
        with self._recorder.between_batches():
            chosen = self._chosen(path)
            others = self._losses.shared_names(*chosen_root(self._scenario, path))
        exchange = self._connected()
        result = bring_back(self._roots, chosen, exchange.fetch, others)
        # What came back is recorded before the decision about it is.
        self._barrier.captured(BOOKMARK_FLUSH_S)
        with self._recorder.between_batches():
            self._losses.decide(result.done, BrakeDecision.RESTORED)
            left, lifted = self._lift_when_decided()
        self._tell(accepted=0, restored=result.restored, left=left)
        return BrakeResult(
            len(result.done), left, lifted, result.restored, result.restored_bytes, result.kept_aside,
            tuple(result.problems[:_PROBLEMS_SHOWN]),
        )  # fmt: skip

    def _chosen(self, path: bytes) -> list[Loss]:
        """What is undecided at `path` and beneath; the recorder's lock is held."""
        where = chosen_root(self._scenario, path)
        if path and not self._losses.holds(*where):
            raise NotFoundError("ER00271", path=shown(path), scenario=self._scenario.name)
        return self._losses.undecided(*where)

    def _connected(self) -> Exchange:
        """The stream of a replica; waits a moment for one: a run that just began has none yet."""
        deadline = time.monotonic() + _CONNECTING_S
        while True:
            for sender in self._senders():
                found = sender.fetcher()
                if found is not None:
                    return found
            if time.monotonic() > deadline:
                raise BusyError("ER00267", scenario=self._scenario.name)
            self._brake.wait_change(self._brake.held, _POLL_S)

    def _tell(self, **counts: int) -> None:
        self._run.event("SR00269", Severity.SIGNIFICANT, scenario=self._scenario.name, **counts)

    def _check_held(self) -> None:
        if self._brake.braked is None:
            raise BusyError("ER00263", scenario=self._scenario.name)

    def _lift_when_decided(self) -> tuple[int, bool]:
        """(what is left undecided, whether the brake was lifted); the recorder's lock is held."""
        self._check_held()
        left = len(self._losses.undecided())
        if left:
            return left, False
        synchronize = self._losses.any_restored()
        if synchronize:
            # What was brought back must never have been away: the held records are not sent at all.
            for sender in self._senders():
                sender.request_synchronization(instead=True)
            # A comparison by size and time may not see these.
            for number, path in self._losses.changed():
                self._recorder.hints.add(number, path, content=True, force=True)
        self._brake.lift([spec.host for spec in self._scenario.replicas], synchronize=synchronize)
        self._run.changed()
        return 0, True
