"""The agents that one run of a job talks to."""

from __future__ import annotations

from app.agent.api import Agent
from app.jobs.hosts import Agents
from app.model.job import Credentials


class JobConnections:
    """Each agent connected once, until `close`."""

    def __init__(self, agents: Agents) -> None:
        self._agents = agents
        self._open: dict[str, Agent] = {}

    def to(self, host: str, login: Credentials | None) -> Agent:
        """The agent of a host."""
        if host not in self._open:
            self._open[host] = self._agents.agent_of(host, login)
        return self._open[host]

    def drop(self, host: str) -> None:
        """Connect anew the next time: that agent was started again."""
        agent = self._open.pop(host, None)
        if agent is not None:
            agent.close()

    def close(self) -> None:
        """Close all."""
        for agent in self._open.values():
            agent.close()
        self._open.clear()
