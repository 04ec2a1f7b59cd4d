"""The senders of one run: begun together, found by the name of their host, held and gone on with."""

from __future__ import annotations

import threading

from app.model.errors import NotFoundError
from app.model.events import Severity
from app.model.scenario import ReplicaState, Scenario
from app.replication.link import ReplicaConnector
from app.replication.master.conversation import Surroundings
from app.replication.master.filters import PathFilter
from app.replication.master.recorder import Recorder
from app.replication.master.sender import Sender
from app.replication.master.spool import Spool

_SUSPEND_S = 60.0


class Senders:
    """See the module. Empty until `start`. Methods may be called from any thread.

    `recorded` is set once the shadow is filled; `suspended` are the hosts that are held from the start.
    """

    def __init__(
        self,
        scenario: Scenario,
        connector: ReplicaConnector,
        filters: PathFilter,
        surroundings: Surroundings,
        recorded: threading.Event,
        suspended: list[str],
    ) -> None:
        self._scenario = scenario
        self._connector = connector
        self._filters = filters
        self._surroundings = surroundings
        self._recorded = recorded
        self._suspended = suspended
        self._senders: list[Sender] = []

    def start(self, spool: Spool, recorder: Recorder) -> None:
        """Make the sender of each replica and have it begin."""
        spool.hold_all([spec.host for spec in self._scenario.replicas])
        self._senders = [
            Sender(
                self._scenario,
                spec,
                self._connector,
                spool,
                recorder,
                self._filters,
                self._surroundings,
                suspended=spec.host in self._suspended,
                recorded=self._recorded,
            )
            for spec in self._scenario.replicas
        ]
        for sender in self._senders:
            sender.start()

    def close(self) -> None:
        """End all of them; blocks until their threads have ended. What they know can still be asked for."""
        for sender in self._senders:
            sender.close()

    def drop(self) -> None:
        """There is nothing to send: they wait for a shadow that is not filled. Blocks as `close`."""
        senders, self._senders = self._senders, []
        for sender in senders:
            sender.close()

    def all(self) -> list[Sender]:
        """Of all replicas, in the order of the scenario; empty before there are any."""
        return self._senders

    def if_any(self, host: str) -> Sender | None:
        """Of a replica; None before there is one."""
        return next((sender for sender in self._senders if sender.spec.host == host), None)

    def of(self, replica: str) -> Sender:
        """Of a replica ("" = the only one). Raises NotFoundError ER00242."""
        for sender in self._senders:
            if sender.spec.host == replica or (not replica and len(self._senders) == 1):
                return sender
        raise NotFoundError("ER00242", replica=replica, scenario=self._scenario.name)

    def _chosen(self, replica: str) -> list[Sender]:
        return list(self._senders) if not replica else [self.of(replica)]

    # asked by people

    def suspend(self, replica: str) -> None:
        """Hold a replica ("" = all). Raises BusyError ER00240, ER00241, NotFoundError ER00242."""
        for sender in self._chosen(replica):
            already = sender.suspended
            sender.suspend(_SUSPEND_S)
            if already:
                continue
            self._surroundings.event("SR00150", Severity.SIGNIFICANT, replica=sender.spec.host)

    def resume(self, replica: str) -> None:
        """Go on with a replica ("" = all). Raises NotFoundError ER00242."""
        for sender in self._chosen(replica):
            held = sender.suspended or sender.state is ReplicaState.PROBLEM
            sender.resume()
            if not held:
                continue
            self._surroundings.event("SR00151", Severity.SIGNIFICANT, replica=sender.spec.host)

    def synchronize(self, replica: str) -> None:
        """Have a replica ("" = all) synchronised again. Raises NotFoundError ER00242."""
        for sender in self._chosen(replica):
            # What it does not take, as its disk is full, would keep it from ever being compared.
            sender.request_synchronization(instead=sender.faulty)

    def suspended(self) -> list[str]:
        """The replicas held now; before there are senders, those that will be."""
        if not self._senders:
            return list(self._suspended)
        return [sender.spec.host for sender in self._senders if sender.suspended]

    def committed(self) -> int | None:
        """Up to where all replicas that are not suspended have everything; None while one has not said."""
        found = [sender.committed for sender in self._senders if not sender.suspended]
        known = [sequence for sequence in found if sequence is not None]
        return min(known) if known and len(known) == len(found) else None
