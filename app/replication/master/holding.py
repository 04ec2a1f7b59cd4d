"""Replicas held and let go, and until when: done to a run, noted durably, resumed when the time has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from app.model.errors import ArcxoError
from app.model.scenario import ScenarioStatus
from app.replication.master.library import Intent, Library
from app.replication.master.pauses import Pauses
from app.replication.master.running import Running
from app.replication.master.runs import Runs


class Holding:
    """Of all scenarios of a master's engine. Call `suspend` and `resume` with the scenario's act held."""

    def __init__(self, library: Library, runs: Runs) -> None:
        self._library, self._runs = library, runs
        self._pauses = Pauses(self._resume_due)

    def start(self) -> None:
        """Begin to look at the time."""
        self._pauses.start()

    def close(self) -> None:
        """Resume no more."""
        self._pauses.close()

    def load(self, scenario_id: int, until: Mapping[str, datetime]) -> None:
        """What was noted of a scenario that runs again."""
        self._pauses.put(scenario_id, until)

    def forget(self, scenario_id: int) -> None:
        """The scenario begins anew, or has stopped: nothing is held."""
        self._pauses.put(scenario_id, {})

    def shown(self, status: ScenarioStatus) -> ScenarioStatus:
        """A status with the times of the replicas that are suspended."""
        return self._pauses.shown(status)

    def suspend(self, running: Running, replica: str, until: datetime | None) -> None:
        """Hold a replica ("" = all), until a time or until it is resumed. Raises as `Senders.suspend`."""
        running.suspend(replica)
        hosts = [replica] if replica else [spec.host for spec in running.scenario.replicas]
        self._keep(running, dict.fromkeys(hosts, until))

    def resume(self, running: Running, replica: str) -> None:
        """Go on with a replica ("" = all). Raises NotFoundError ER00242."""
        running.resume(replica)
        self._keep(running, {})

    def _keep(self, running: Running, until: Mapping[str, datetime | None]) -> None:
        """Note who is held, and until when: as it was, but for the hosts in `until`."""
        scenario_id, suspended = running.scenario.id, running.suspended()
        times: dict[str, datetime | None] = {**self._pauses.of(scenario_id), **until}
        kept = {host: at for host, at in times.items() if at is not None and host in suspended}
        self._library.keep_intent(scenario_id, Intent(running=True, suspended=suspended, until=kept))
        self._pauses.put(scenario_id, kept)

    def _resume_due(self, scenario_id: int, host: str) -> bool:
        """The time of a replica has come. False: it is tried again soon."""
        try:
            with self._runs.act(scenario_id):
                at, running = self._pauses.of(scenario_id).get(host), self._runs.get(scenario_id)
                if running is None or at is None or at > datetime.now(UTC):
                    return True  # stopped, resumed, or given another time meanwhile
                running.resume(host)
                if host in running.suspended():
                    return False  # it is only starting
                self._keep(running, {})
        except (ArcxoError, OSError):
            return False
        return True
