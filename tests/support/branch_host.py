"""A second host with an agent of its own, known to a home as `branch`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from app.agent.home import AgentHome
from app.agent.run import spawn_agent, stop_agent
from tests.support.arcxo_command import Arcxo


class Branch:
    """Another host, and its processes: `freeze` makes it as silent as a cut cable does, `kill` ends them."""

    def __init__(self, home: Arcxo, place: Path) -> None:
        self.arcxo = Arcxo(place)
        told = self.arcxo.json("agent", "init", "--password-stdin", given="of the branch\n")
        self._address = spawn_agent(str(place)).address
        login = ("--user", "caroot", "--password-stdin", "--fingerprint", str(told["fingerprint"]))
        self._given = (self._address, *login)
        self.join(home)

    def join(self, home: Arcxo) -> None:
        """Another home gets to know it."""
        home.text("host", "add", "branch", *self._given, given="of the branch\n")

    def _signal(self, number: signal.Signals) -> None:
        for pid in self.arcxo.processes():
            os.kill(pid, number)

    def freeze(self) -> None:
        """Nothing of it answers any more."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """All its processes end at once."""
        for pid in self.arcxo.processes():
            self.arcxo.kill(pid)

    def start(self) -> None:
        """Its agent runs again."""
        spawn_agent(AgentHome(str(self.arcxo.home)).path, self._address)

    def stop(self) -> None:
        """The end of it."""
        self.thaw()
        stop_agent(str(self.arcxo.home))
