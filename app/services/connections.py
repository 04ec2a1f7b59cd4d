"""What the services share: the catalog and the agents, opened when first asked for, kept while they work."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from app.model.errors import ArcxoError, BusyError
from app.services.host_names import HostNames

if TYPE_CHECKING:
    from app.agent.api import Agent
    from app.catalog.api import Catalog
    from app.catalog.location import Location
    from app.catalog.quick import Registered
    from app.jobs.secrets import SecretStore
    from app.model.host import Host

_UNREACHABLE = frozenset({"AE1001", "AE1016", "AE1027", "AE1030", "E1120"})
_REFUSED = "AE1026"
_WORK_TIMEOUT_S = 180.0
_STATUS_TIMEOUT_S = 8.0
_SILENT_S = 5.0
_REFUSED_S = 60.0
"""A log-in that was refused is not tried again for so long: a host lets nobody in after a few failures."""


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
        self._far: dict[tuple[Host, float], Agent] = {}
        self._dialing: dict[str, threading.Lock] = {}
        self._silent: dict[str, tuple[float, ArcxoError]] = {}
        self._agent_stamp: tuple[int, int, int] | None = None
        self._retired: list[Agent] = []
        self._names = HostNames(home, lambda: self.catalog, self._stamp)
        self._location: Location | None = None
        self._located = False

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
            NotFoundError: E6012 no such host is known.
            ArcxoError: AE1001 and others when it cannot be reached or lets nobody in.
        """
        if self.is_here(host):
            return self.local_agent()
        return self._far_agent(host, _WORK_TIMEOUT_S)

    def status_agent_of(self, host: str) -> Agent:
        """The same for questions that are asked again and again.

        A host that did not answer is not asked again for a few seconds, one that refused the log-in not for a
        minute or until another one is kept: its error is raised at once.
        """
        if self.is_here(host):
            return self.status_agent()
        with self._guard:
            until, error = self._silent.get(host, (0.0, None))
        if error is not None and time.monotonic() < until:
            raise error
        try:
            return self._far_agent(host, _STATUS_TIMEOUT_S)
        except ArcxoError as failure:
            self.found_silent(host, failure)
            raise

    def found_silent(self, host: str, error: ArcxoError) -> None:
        """A question to `host` was not answered, or its log-in was refused.

        An error that was only remembered is not remembered for longer.
        """
        for_s = _SILENT_S if is_unreachable(error) else _REFUSED_S if error.code == _REFUSED else 0.0
        if for_s:
            with self._guard:
                if self._silent.get(host, (0.0, None))[1] is not error:
                    self._silent[host] = (time.monotonic() + for_s, error)

    def is_here(self, host: str) -> bool:
        """Whether a host's name means this machine: `localhost`, or the name that other hosts call it."""
        from app.jobs.hosts import is_local

        return is_local(host) or host == self.named("localhost") or self._names.is_own(host)

    def check_known(self, host: str) -> None:
        """Raise NotFoundError E6012 for a host that nobody has added."""
        if not self.is_here(host):
            self._names.show(host)

    def named(self, host: str) -> str:
        """A host by the name it has for all servers that share the catalog.

        `localhost` would be another machine to each of them.
        """
        from app.jobs.hosts import is_local

        if not is_local(host):
            return host
        if not self._located:
            from app.catalog.location import read_location

            self._location, self._located = read_location(self.home), True
        return host if self._location is None else self._location.server

    def _far_agent(self, host: str, timeout_s: float) -> Agent:
        from app.jobs.hosts import KnownHosts

        known = self._names.show(host)
        with self._guard:
            dialing = self._dialing.setdefault(host, threading.Lock())
        # One connects at a time; the others find the connection that it made.
        with dialing:
            with self._guard:
                agent = self._far.get((known, timeout_s))
            if agent is None:
                agent = KnownHosts(self.home, self.catalog).agent_of(host, None, timeout_s)
                with self._guard:
                    self._far[known, timeout_s] = agent
        return agent

    def forget_host(self, host: str) -> None:
        """What is known of the way to `host` has changed."""
        self._names.forget()
        with self._guard:
            self._silent.pop(host, None)
            gone = [key for key in self._far if key[0].name == host]
            self._retired += [self._far.pop(key) for key in gone]

    def local_agent(self) -> Agent:
        """The agent of this home. Raises BusyError E1120 when it does not run."""
        return self._connect(_WORK_TIMEOUT_S)

    def status_agent(self) -> Agent:
        """The agent of this home for questions that are asked again and again: gives up after 8 s.

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
            agents = [*self._retired, *self._agents.values(), *self._far.values()]
            self._retired, self._agents, self._far, self._agent_stamp = [], {}, {}, None
            for agent in agents:
                agent.close()
            if self._catalog is not None:
                self._catalog.close()
                self._catalog = None
