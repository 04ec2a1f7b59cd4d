"""What the services share: the catalog and the agents, opened when first asked for, kept while they work."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from app.model.errors import ArcxoError, BusyError

if TYPE_CHECKING:
    from app.agent.api import Agent
    from app.catalog.api import Catalog
    from app.catalog.quick import Registered
    from app.jobs.secrets import SecretStore

_UNREACHABLE = frozenset({"AE1001", "AE1016", "AE1027", "AE1030", "E1120"})
_WORK_TIMEOUT_S = 180.0
_STATUS_TIMEOUT_S = 10.0


def is_unreachable(error: ArcxoError) -> bool:
    """Whether `error` says that no agent answers: none runs, it ended during the call, or is too slow."""
    return error.code in _UNREACHABLE


class Connections:
    """The catalog, the secrets and the agent of one home. Usable from any thread."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._guard = threading.RLock()
        self._catalog: Catalog | None = None
        self._agents: dict[float, Agent] = {}
        self._agent_stamp: tuple[int, int, int] | None = None
        self._retired: list[Agent] = []

    @property
    def catalog(self) -> Catalog:
        """The home's catalog."""
        with self._guard:
            if self._catalog is None:
                from app.catalog import open_catalog

                self._catalog = open_catalog(self.home)
            return self._catalog

    def registered(self) -> Registered:
        """What is registered now; without SQLAlchemy where the catalog is not open yet."""
        from app.catalog.quick import Registered, left_out_of, read_registered

        with self._guard:
            opened = self._catalog is not None
        found = None if opened else read_registered(self.home)
        if found is not None:
            return found
        return Registered(
            tuple(self.catalog.registrations.list()), left_out_of(self.catalog.settings.all().items())
        )

    @property
    def secrets(self) -> SecretStore:
        """Where job credentials are sealed."""
        from app.jobs.secrets import SecretStore

        return SecretStore(self.home)

    def agent_of(self, host: str) -> Agent:
        """The agent of `host`: one channel, connected again when another agent took the home over.

        Raises:
            BusyError: E1120 when this machine's agent does not run.
        """
        from app.jobs.hosts import KnownHosts, is_local

        if is_local(host):
            return self.local_agent()
        return KnownHosts(self.home, self.catalog).agent_of(host, None)

    def local_agent(self) -> Agent:
        """The agent of this home. Raises BusyError E1120 when it does not run."""
        return self._connect(_WORK_TIMEOUT_S)

    def status_agent(self) -> Agent:
        """The agent of this home for questions that are asked again and again: gives up after 10 s.

        Raises:
            BusyError: E1120 when it does not run.
        """
        return self._connect(_STATUS_TIMEOUT_S)

    def _connect(self, timeout_s: float) -> Agent:
        stamp = self._stamp()
        with self._guard:
            if stamp != self._agent_stamp:
                # Calls of other threads may still use the old ones; they are closed with the services.
                self._retired += self._agents.values()
                self._agents = {}
                self._agent_stamp = stamp
            if stamp is None:
                raise BusyError("E1120", home=self.home)
            if timeout_s not in self._agents:
                from app.agent.client import connect_local

                try:
                    self._agents[timeout_s] = connect_local(self.home, timeout_s)
                except ArcxoError as error:
                    if is_unreachable(error):
                        raise BusyError("E1120", home=self.home) from error
                    raise
            return self._agents[timeout_s]

    def _stamp(self) -> tuple[int, int, int] | None:
        """What tells one agent's `agent.json` from another's, or None when there is none."""
        try:
            found = os.stat(os.path.join(self.home, "engine", "agent.json"))
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def close(self) -> None:
        """Close what is open."""
        with self._guard:
            agents = [*self._retired, *self._agents.values()]
            self._retired, self._agents, self._agent_stamp = [], {}, None
            for agent in agents:
                agent.close()
            if self._catalog is not None:
                self._catalog.close()
                self._catalog = None
