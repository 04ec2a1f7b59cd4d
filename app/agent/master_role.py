"""The master's role: its engine, wired for this host."""

from __future__ import annotations

import os

from app.agent.connector import AgentConnector
from app.agent.home import AgentHome
from app.agent.names import Names
from app.replication.events import EventStore
from app.replication.master.engine import MasterEngine


class MasterRole:
    """The master's engine, started: scenarios that ran when it ended run again."""

    def __init__(self, home: AgentHome) -> None:
        self._events = EventStore(os.path.join(home.engine, "events.sqlite3"), "localhost")
        self.engine = MasterEngine(
            home.engine,
            "localhost",
            AgentConnector(home),
            self._events,
            reserved=(os.fsencode(home.path),),
            names=Names(home).known,
        )
        self.engine.start()

    def close(self) -> None:
        """End in order. What ran is remembered as running."""
        self.engine.close()
        self._events.close()
