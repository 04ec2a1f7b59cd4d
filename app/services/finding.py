"""The finding of a scenario: its registration here, the agent of its master, those of its replicas."""

from __future__ import annotations

from collections.abc import Sequence

from app.agent.api import Agent
from app.catalog.api import Registration
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError
from app.services.connections import Connections, is_unreachable
from app.services.registrations import find_registration, reconcile


class Finding:
    """See the module. Any thread; blocks on the catalog and on hosts."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def find(self, name: str, *, quick: bool = True) -> tuple[Registration, Agent | None]:
        """The registration of a scenario and its master's agent (None when that does not answer).

        `quick`: the agent is for questions alone, and gives up soon.
        """
        registration = self._connections.registered().find(name)
        if registration is None:
            try:
                agent = self._connections.local_agent()
            except BusyError:
                raise NotFoundError("E1127", name=name) from None
            reconcile(self._connections.catalog, agent.scenarios())
            registration = find_registration(self._connections.catalog, name)
            if registration is None:
                raise NotFoundError("E1127", name=name)
        try:
            reach = self._connections.status_agent_of if quick else self._connections.agent_of
            return registration, reach(registration.master)
        except ArcxoError as error:
            self._connections.found_silent(registration.master, error)
            if isinstance(error, CredentialsError) and error.code == "AE1026":
                raise CredentialsError(
                    "AE0459", name=registration.name, id=registration.id, host=registration.master
                ) from error
            if not is_unreachable(error):
                raise
            return registration, None

    def agent(self, name: str) -> tuple[Registration, Agent]:
        """The same for what has to be done there. Raises as `unreached` when it does not answer."""
        registration, agent = self.find(name, quick=False)
        if agent is None:
            raise self.unreached(registration)
        return registration, agent

    def unreached(self, registration: Registration) -> ArcxoError:
        """Why the host of a scenario's master cannot be asked now."""
        try:
            self._connections.status_agent_of(registration.master)
        except ArcxoError as error:
            return error
        return BusyError("E1120", home=self._connections.home)

    def is_elsewhere(self, name: str) -> bool:
        """Whether its master is another host."""
        registration = self._connections.registered().find(name)
        return registration is not None and not self._connections.is_here(registration.master)

    def replica_of(self, registration: Registration, agent: Agent, replica: str) -> tuple[str, Agent]:
        """(name, agent) of a replica's host; "" means the first one."""
        specs = agent.scenario(registration.id).scenario.replicas
        name = replica or specs[0].host
        if name not in [spec.host for spec in specs]:
            raise NotFoundError("ER00242", replica=name, scenario=registration.name)
        # "localhost" is the master's own host, wherever that is.
        return name, agent if name == "localhost" else self._connections.agent_of(name)


def replicas_of(registration: Registration, replica: str) -> Sequence[str]:
    """One of its replicas, or all for "". Raises NotFoundError E1132."""
    if not replica:
        return registration.replicas
    if replica not in registration.replicas:
        raise NotFoundError("E1132", replica=replica, name=registration.name)
    return (replica,)
