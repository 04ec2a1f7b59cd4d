"""The agents that one run of a job talks to."""

from __future__ import annotations

from app.agent.api import Agent
from app.jobs.hosts import Agents
from app.model.job import Credentials


class JobConnections:
    """Each agent connected once for each log-in, until `close`."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._open: dict[tuple[str, Credentials | None], Agent] = {}

    def to(self, host: str, login: Credentials | None) -> Agent:
        """The agent of a host, with the rights of that log-in."""
        if (host, login) not in self._open:
            self._open[host, login] = self._agents.agent_of(host, login)
        return self._open[host, login]

    def drop(self, host: str) -> None:
        """Connect anew the next time: that agent was started again."""
        for one in [key for key in self._open if key[0] == host]:
            self._open.pop(one).close()

    def close(self) -> None:
        """Close all."""
        for agent in self._open.values():
            agent.close()
        self._open.clear()
