"""What the services share: the catalog and the agents, opened when first asked for, kept while they work."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from app.model.errors import ArcxoError, BusyError

if TYPE_CHECKING:
    from app.agent.api import Agent
    from app.catalog.api import Catalog
    from app.jobs.secrets import SecretStore

_UNREACHABLE = frozenset({"AE1001", "E1120"})


def is_unreachable(error: ArcxoError) -> bool:
    """Whether `error` says that no agent answers: none runs, or it ended during the call."""
    return error.code in _UNREACHABLE


class Connections:
    """The catalog, the secrets and the agent of one home. Usable from any thread."""

    def __init__(self, home: str) -> None:
        self.home = home
        self._guard = threading.RLock()
        self._catalog: Catalog | None = None
        self._agent: Agent | None = None
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
        stamp = self._stamp()
        with self._guard:
            if self._agent is not None and stamp == self._agent_stamp:
                return self._agent
            if self._agent is not None:
                # A call of another thread may still use it; it is closed with the services.
                self._retired.append(self._agent)
                self._agent = None
            if stamp is None:
                raise BusyError("E1120", home=self.home)
            from app.agent.client import connect_local

            try:
                self._agent = connect_local(self.home)
            except ArcxoError as error:
                if is_unreachable(error):
                    raise BusyError("E1120", home=self.home) from error
                raise
            self._agent_stamp = stamp
            return self._agent

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
            agents = [*self._retired, *([self._agent] if self._agent is not None else [])]
            self._retired, self._agent, self._agent_stamp = [], None, None
            for agent in agents:
                agent.close()
            if self._catalog is not None:
                self._catalog.close()
                self._catalog = None
