"""How long an answer about a scenario may take: the time-out that is a property of that scenario."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from app.model.errors import ArcxoError
from app.model.scenario import ScenarioStatus

DEFAULT_TIMEOUT_S = 180.0
_ASK_TIMEOUT_S = 8.0
_KNOWN_FOR_S = 30.0
_STATES = frozenset({"GetScenario", "UpdateScenario", "DeleteScenario", "ImportScenario"})
"""What tells of the property, or is no operation of the scenario."""


class Patience:
    """Makes the calls of one agent's client in the time of the scenario they are about. Any thread.

    `call(name, request, timeout_s)` makes one; `read` makes a status of its answer. A client that has a time
    of its own (questions asked again and again) keeps it; so do calls that name theirs.
    """

    def __init__(
        self, call: Callable[..., Any], read: Callable[[Any], ScenarioStatus], asking: Callable[[int], Any]
    ) -> None:
        self._calls = call
        self._read = read
        self._asking = asking
        self._guard = threading.Lock()
        self._known: dict[int, tuple[float, float, str]] = {}

    def call(self, name: str, request: Any, timeout_s: float | None = None) -> Any:
        """The answer to a request. Raises as the client's own call; AE0469 names the scenario."""
        scenario_id = getattr(request, "scenario_id", 0)
        if not scenario_id or name in _STATES:
            return self._calls(name, request, timeout_s)
        limit = self._of(scenario_id)[0] if timeout_s is None else timeout_s
        try:
            return self._calls(name, request, limit)
        except ArcxoError as error:
            known = self._known.get(scenario_id)
            if error.code == "AE0469" and known is not None and known[2]:
                error.params["name"] = known[2]
            raise

    def _of(self, scenario_id: int) -> tuple[float, str]:
        """(seconds, name) of a scenario; the default and "" where its host is silent or knows it not."""
        with self._guard:
            known = self._known.get(scenario_id)
        if known is not None and time.monotonic() - known[0] < _KNOWN_FOR_S:
            return known[1], known[2]
        try:
            status = self._read(self._calls("GetScenario", self._asking(scenario_id), _ASK_TIMEOUT_S))
            found = float(status.scenario.properties.timeout_seconds), status.scenario.name
        except ArcxoError:
            found = DEFAULT_TIMEOUT_S, ""
        with self._guard:
            self._known[scenario_id] = (time.monotonic(), *found)
        return found
