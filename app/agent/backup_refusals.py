"""What stands against a backup of a replica, told as the specification's messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from app.model.errors import ArcxoError, BusyError
from app.model.properties import properties_on
from app.model.scenario import Scenario

_ENGINE_CODES = ("ER", "WR", "E10", "E41")
_ENGINE_FAILED = frozenset({"AE1016", "AE1030", "AE1099"})


def check_allowed(scenario: Scenario, replica: str) -> None:
    """Raise ArcxoError AE0471 where the replica may be held still in no way."""
    properties = properties_on(scenario, replica)
    if not properties.suspend_enabled and not properties.assured_recovery:
        raise ArcxoError("AE0471", name=scenario.name, id=scenario.id)


def as_backup_error(error: ArcxoError, scenario: Scenario, replica: str) -> ArcxoError:
    """What a failure to hold the replica still is called: AE0457, AE0472, or what it is called already."""
    params = {"name": scenario.name, "id": scenario.id, "host": replica, "reason": str(error)}
    if error.code in _ENGINE_FAILED:
        return ArcxoError("AE0472", exit_code=None, **params)
    if error.code.startswith(_ENGINE_CODES):
        return ArcxoError("AE0457", exit_code=None, **params)
    return error


class ScenariosInUse:
    """Which job reads the frozen state of which scenario. Any thread."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._scenarios: dict[str, int] = {}
        self._jobs: dict[int, int] = {}

    def frozen(self, point_id: str, scenario_id: int) -> None:
        """A point was made of a scenario."""
        with self._guard:
            self._scenarios[point_id] = scenario_id

    def ended(self, point_id: str) -> None:
        """The point is used no more."""
        with self._guard:
            self._scenarios.pop(point_id, None)

    @contextmanager
    def reading(self, point_id: str, job_id: int) -> Iterator[None]:
        """A job reads the point while inside."""
        with self._guard:
            scenario_id = self._scenarios.get(point_id, 0)
            self._jobs[scenario_id] = job_id
        try:
            yield
        finally:
            with self._guard:
                if self._jobs.get(scenario_id) == job_id:
                    del self._jobs[scenario_id]

    def check(self, scenario: Scenario, job_id: int) -> None:
        """Raise BusyError AE0470 while another job reads what was frozen of the scenario."""
        with self._guard:
            other = self._jobs.get(scenario.id, job_id)
        if other != job_id:
            raise BusyError("AE0470", name=scenario.name, id=scenario.id)
