"""Agents that a server asks again and again: connected and logged in once, let be for a while when silent.

A log-in costs its host a password hash, and a wrong one counts there as an attempt to guess.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from app.model.errors import ArcxoError

if TYPE_CHECKING:
    from app.agent.api import Agent

LET_BE_S = 30.0


class KeptAgents:
    """Any thread. `connect` makes a connection; what it or a call raises ends it, and holds for a while."""

    def __init__(self, connect: Callable[[str], Agent], clock: Callable[[], float] = time.monotonic) -> None:
        self._connect = connect
        self._clock = clock
        self._guard = threading.Lock()
        self._open: dict[str, Agent] = {}
        self._silent: dict[str, tuple[float, ArcxoError]] = {}

    def lend(self, host: str) -> Agent:
        """The agent of a host; closing it does nothing. Raises what connecting raises, or raised lately."""
        with self._guard:
            agent = self._open.get(host)
            until, error = self._silent.get(host, (0.0, None))
        if agent is None:
            if error is not None and self._clock() < until:
                raise error
            try:
                agent = self._connect(host)
            except ArcxoError as failure:
                self.failed(host, failure)
                raise
            with self._guard:
                self._open[host] = agent
        return cast("Agent", _Lent(agent, lambda failure: self.failed(host, failure)))

    def failed(self, host: str, error: ArcxoError) -> None:
        """Connect anew, after a while; the log-in may have been changed by then."""
        with self._guard:
            agent = self._open.pop(host, None)
            self._silent[host] = (self._clock() + LET_BE_S, error)
        if agent is not None:
            agent.close()

    def close(self) -> None:
        """Close all."""
        with self._guard:
            agents, self._open = list(self._open.values()), {}
        for agent in agents:
            agent.close()


class _Lent:
    """An agent whose errors are told, and which is not closed by who has it."""

    def __init__(self, agent: Agent, failed: Callable[[ArcxoError], None]) -> None:
        self._agent = agent
        self._failed = failed

    def close(self) -> None:
        """It is another's."""

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._agent, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return method(*args, **kwargs)
            except ArcxoError as error:
                self._failed(error)
                raise

        return call
