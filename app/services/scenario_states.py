"""How scenarios stand: as their masters' agents tell, and why it is not known where they do not answer."""

from __future__ import annotations

from collections.abc import Sequence

from app.catalog.api import Registration
from app.model.errors import ArcxoError, NotFoundError
from app.model.scenario import ScenarioState, ScenarioStatus
from app.services.connections import Connections, is_unreachable
from app.services.elsewhere import Elsewhere
from app.services.finding import Finding
from app.services.placing import Placing
from app.services.registrations import needs_reconciling, reconcile, unknown_status

_REFUSED = frozenset({"AE1018", "AE1026", "E5132"})
"""The log-in is refused, may not do it, or none is kept."""


class ScenarioStates:
    """See the module. Any thread; blocks on the catalog and on hosts."""

    def __init__(self, connections: Connections, finding: Finding, placing: Placing) -> None:
        self._connections = connections
        self._elsewhere = Elsewhere(connections)
        self._finding = finding
        self._placing = placing

    def all(self) -> Sequence[ScenarioStatus]:
        """All scenarios, in one call per master's host.

        Where one does not answer, their state is unknown; where it refuses the log-in, not authorized.
        """
        statuses: Sequence[ScenarioStatus] = ()
        reason = ""
        try:
            statuses = self._connections.status_agent().scenarios()
        except ArcxoError as error:
            if not is_unreachable(error):
                raise
            reason = _sentence(error)
        registered = self._connections.registered()
        if needs_reconciling(registered, statuses):
            reconcile(self._connections.catalog, statuses)
            registered = self._connections.registered()
        found = {
            status.scenario.id: status for status in statuses if status.scenario.id not in registered.left_out
        }
        left = [one for one in registered.registrations if one.id not in found]
        far, silent = self._elsewhere.statuses(left)
        found |= far
        for registration in left:
            if registration.id not in found:
                why = silent.get(registration.master)
                cause = _sentence(why) if why is not None else reason
                found[registration.id] = unknown_status(
                    registration, cause or self._missing(registration), _state_for(why)
                )
        return sorted(found.values(), key=lambda status: (status.scenario.name, status.scenario.id))

    def show(self, name: str) -> ScenarioStatus:
        """One scenario. Raises NotFoundError E1127."""
        registration, agent = self._finding.find(name)
        if agent is None:
            return unknown_status(registration, _sentence(self._finding.unreached(registration)))
        try:
            return self._placing.with_own_figures(agent.scenario(registration.id))
        except ArcxoError as error:
            if is_unreachable(error) or error.code == "AE0469":
                return unknown_status(registration, _sentence(error))
            if isinstance(error, NotFoundError):
                return unknown_status(registration, self._absent(registration))
            if error.code == "E3370":
                return unknown_status(registration, _sentence(_named(error, registration)))
            raise

    def _missing(self, registration: Registration) -> str:
        """Why a registered scenario is not among those its host tells of: it is gone, or unreadable."""
        return self.show(str(registration.id)).reason or self._absent(registration)

    def _absent(self, registration: Registration) -> str:
        return _sentence(ArcxoError("W1131", name=registration.name, host=registration.master))


def _state_for(error: ArcxoError | None) -> ScenarioState:
    """What is said of a scenario whose master's host was asked in vain."""
    refused = error is not None and error.code in _REFUSED
    return ScenarioState.NOT_AUTHORIZED if refused else ScenarioState.UNKNOWN


def _named(error: ArcxoError, registration: Registration) -> ArcxoError:
    """An E3370 that names the scenario and its replicas, not the file."""
    named = {**error.params, "scenario": registration.name, "replica": ", ".join(registration.replicas)}
    return ArcxoError(error.code, exit_code=None, **named)


def _sentence(error: ArcxoError) -> str:
    from app.messages import render

    message = render(error.code, error.params)
    return f"{message.text.rstrip('.')}. {message.action}".strip()
