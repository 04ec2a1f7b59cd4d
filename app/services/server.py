"""The home's server process and its agent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from app.model.errors import UsageError
from app.model.server import ServerInfo
from app.model.settings import SETTINGS
from app.services.api import ServerState
from app.services.connections import Connections


class LocalServer:
    """`ServerService` on the home's lock files."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def state(self) -> ServerState:
        """Which processes run."""
        from app import __version__
        from app.jobs.hosts import server_name
        from app.jobs.process import running
        from app.model.job import JobStatus

        record = running(self._connections.home)
        agent_pid, agent_address = self._agent()
        active = [
            job
            for job in self._connections.catalog.jobs.list(include_done=False)
            if job.status is JobStatus.ACTIVE
        ]
        return ServerState(
            running=record is not None,
            name=record.name if record else server_name(self._connections.home),
            pid=record.pid if record else None,
            started_at=record.started if record else None,
            agent_running=agent_pid is not None,
            agent_pid=agent_pid,
            agent_address=agent_address,
            version=record.version if record else __version__,
            active_jobs=len(active),
        )

    def start(self, timeout_s: float = 30) -> ServerState:
        """Start a detached server if none runs; returns when it is ready. Raises BusyError."""
        from app.jobs.process import start

        start(self._connections.home, timeout_s)
        return self.state()

    def stop(self, timeout_s: float = 60) -> None:
        """Stop server and agent. Raises BusyError."""
        from app.jobs.process import stop

        stop(self._connections.home, timeout_s)

    def settings(self) -> Mapping[str, str]:
        """All that administrators may change, with their values."""
        kept = self._connections.catalog.settings
        return {one.name: kept.get(one.name, str(one.default)) for one in SETTINGS.values()}

    def set_settings(self, values: Mapping[str, str]) -> None:
        """All of them or none. Raises UsageError E5750."""
        checked = {}
        for name, value in values.items():
            try:
                checked[name] = SETTINGS[name].checked(value)
            except KeyError:
                details = f"there is none of that name, only {', '.join(SETTINGS)}"
                raise UsageError("E5750", setting=name, details=details) from None
            except ValueError as error:
                raise UsageError("E5750", setting=name, details=str(error)) from error
        for name, value in checked.items():
            self._connections.catalog.settings.put(name, value)

    def servers(self) -> Sequence[ServerInfo]:
        """The servers that share this home's catalog, by name."""
        from app.services.servers import servers

        return servers(self._connections)

    def remove_server(self, name: str) -> None:
        """Take one that does not run out of the installation. NotFoundError E5791, BusyError E5792, E1155."""
        from app.services.servers import remove_server

        remove_server(self._connections, name)

    def invite(self, path: str) -> str:
        """Write an invitation for a further server; the code that opens it. UsageError E5782, E5789."""
        from app.jobs.shared_home import invite

        return invite(self._connections.home, path)

    def changes(self) -> tuple[int, int]:
        """(catalog revision, live revision)."""
        return self._connections.catalog.changes()

    def _agent(self) -> tuple[int | None, str]:
        from app.agent.home import AgentHome

        if not os.path.isdir(os.path.join(self._connections.home, "engine")):
            return None, ""
        info = AgentHome(self._connections.home).running()
        return (info.pid, info.address) if info else (None, "")
