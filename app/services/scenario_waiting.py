"""The waiting for a state of a scenario, and the words for what it waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.agent.api import Agent
from app.catalog.api import Registration
from app.model.errors import ArcxoError, BusyError, UsageError
from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus
from app.services.connections import Connections, is_unreachable
from app.services.finding import Finding, replicas_of

_POLL_S = 0.1
_UNDER_WAY = frozenset({ReplicaState.CONNECTING, ReplicaState.SYNCHRONIZING, ReplicaState.DISCONNECTED})
"""States of a replica in which its synchronisation goes on, or begins once it is there."""
_LATER = frozenset({ReplicaState.SUSPENDED, ReplicaState.ASSURED_RECOVERY})
"""States in which it waits for people."""
_ON_THE_WAY = frozenset({ScenarioState.STARTING, ScenarioState.SYNCHRONIZING})
_ON_THE_WAY_S = 2.0
"""How long a barrier is waited for at a time before a run replicates: its state may become another one."""

There = Callable[[Agent, Registration, float], ScenarioStatus | None]
"""Looks whether a scenario is where it is waited for, for as long as is left; None = not yet."""


class ScenarioWaiting:
    """See the module. Any thread; blocks on hosts."""

    def __init__(self, connections: Connections, finding: Finding) -> None:
        self._connections = connections
        self._finding = finding

    def until(self, name: str, state: str, timeout_s: float) -> ScenarioStatus:
        """Wait for `replicating`, `in-sync` or `stopped`.

        Raises:
            UsageError: E1129 another state. BusyError: E1121 on time-out, naming what waits.
        """
        if state not in ("replicating", "in-sync", "stopped"):
            raise UsageError("E1129", state=state)
        wanted = ScenarioState.STOPPED if state == "stopped" else ScenarioState.REPLICATING

        def there(agent: Agent, registration: Registration, left: float) -> ScenarioStatus | None:
            status = agent.scenario(registration.id)
            if state != "in-sync":
                return status if status.state is wanted else None
            if _held_back(status) or not _in_sync(agent, registration, status.state, left):
                return None
            # A barrier asks nothing of a replica that is suspended.
            status = agent.scenario(registration.id)
            return None if _held_back(status) else status

        return self._wait(name, state, timeout_s, there)

    def synchronized(self, name: str, replica: str, timeout_s: float) -> list[str]:
        """Wait until one replica ("" = all) is synchronised that was to be; which are only when resumed.

        Raises:
            BusyError: E1196 it will not be, as things are; E1121 on time-out, naming what waits.
        """

        def there(agent: Agent, registration: Registration, _left: float) -> ScenarioStatus | None:
            status, hosts = agent.scenario(registration.id), replicas_of(registration, replica)
            states = {one.state for one in status.replicas if one.host in hosts}
            ended = status.state in (ScenarioState.STOPPED, ScenarioState.STOPPING)
            if states <= _LATER | {ReplicaState.REPLICATING} and not ended:
                return status
            if ended or not states & _UNDER_WAY:
                raise BusyError("E1196", name=registration.name, waits=_waits(status))
            return None

        status = self._wait(name, "synchronized", timeout_s, there)
        chosen = {replica} if replica else {one.host for one in status.replicas}
        return [one.host for one in status.replicas if one.host in chosen and one.state in _LATER]

    def _wait(self, name: str, state: str, timeout_s: float, there: There) -> ScenarioStatus:
        from app.jobs.process import is_running

        deadline = time.monotonic() + timeout_s
        while True:
            try:
                registration, agent = self._finding.agent(name)
                found = there(agent, registration, max(deadline - time.monotonic(), 0.0))
                if found is not None:
                    return found
            except ArcxoError as error:
                # The server starts an agent that died again; another host may just be away.
                if not is_unreachable(error):
                    raise
                if not is_running(self._connections.home) and not self._finding.is_elsewhere(name):
                    raise
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_POLL_S)
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                raise BusyError(
                    "E1121",
                    name=registration.name,
                    state=state,
                    seconds=f"{timeout_s:g}",
                    waits=_waits(agent.scenario(registration.id)),
                )
            time.sleep(min(_POLL_S, max(left, 0.0)))


def _in_sync(agent: Agent, registration: Registration, state: ScenarioState, timeout_s: float) -> bool:
    """Whether everything written before the call is on the replicas within the time; at once if it cannot be.

    A barrier answers in the moment in which a synchronisation is done, where looks at the state come late.
    """
    on_the_way = state in _ON_THE_WAY
    if state is not ScenarioState.REPLICATING and not on_the_way:
        return False
    try:
        agent.barrier(registration.id, min(timeout_s, _ON_THE_WAY_S) if on_the_way else timeout_s)
    except BusyError:
        return False
    except ArcxoError as error:
        # A run that fails on its way says so by its state, and may be put right while it is waited for.
        if not on_the_way or is_unreachable(error):
            raise
        return False
    return True


def _held_back(status: ScenarioStatus) -> bool:
    """Whether a suspended replica lacks anything, or may."""
    return any(
        one.state in _LATER and (one.waiting_operations > 0 or one.lag_seconds is None)
        for one in status.replicas
    )


def _waits(status: ScenarioStatus) -> str:
    """What a scenario waits for, by replica."""
    parts = [
        f"the scenario's state is {status.state.value}" + (f" ({status.reason})" if status.reason else "")
    ]
    for replica in status.replicas:
        text = f"{replica.host} is {replica.state.value}"
        if replica.waiting or replica.reason:
            text += f" ({replica.waiting or replica.reason})"
        if replica.spool_bytes or replica.waiting_operations:
            text += f", {replica.waiting_operations:,} operations and {replica.spool_bytes:,} bytes wait"
        parts.append(text)
    return "; ".join(parts)
