"""Which programs the scenarios of other hosts' masters may run here around their synchronisations.

A definition comes from its master. What it names would run on this host with the agent's rights, so this host
says itself what may run: the owner of its home lists the programs, and nobody adds one over the network.
Scenarios whose master is this host need no entry: they were made here by an administrator.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from app.agent.home import AgentHome, replace_durably
from app.model.errors import ArcxoError, UsageError
from app.model.properties import properties_on
from app.model.scenario import Scenario
from app.model.scripts import parse_command

_FILE = "allowed-scripts.json"


class AllowedScripts:
    """The list of `engine/allowed-scripts.json`. Any thread, any process; a change is durable on return."""

    def __init__(self, home: AgentHome) -> None:
        self._path = os.path.join(home.engine, _FILE)

    def list(self) -> Sequence[str]:
        """Whole paths of programs, by name. Raises ArcxoError AE1034 for a damaged file."""
        try:
            return sorted(str(path) for path in json.loads(Path(self._path).read_bytes())["programs"])
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError) as error:
            raise ArcxoError("AE1034", path=self._path, reason=error) from error

    def allow(self, program: str) -> None:
        """Let scenarios run `program`, a whole path, with any arguments. Raises UsageError AE1019."""
        if not program.startswith("/") or os.path.normpath(program) != program:
            raise UsageError("AE1019", path=program)
        self._write({*self.list(), program})

    def disallow(self, program: str) -> None:
        """Take a program off the list; one that is not on it is fine."""
        self._write({*self.list()} - {program})

    def check(self, scenario: Scenario, replica: str) -> None:
        """Raise ArcxoError AE1036 when the scenario would run here what is not allowed."""
        properties = properties_on(scenario, replica)
        allowed = set(self.list())
        for command in (properties.replica_script_before_sync, properties.replica_script_after_sync):
            if command and (program := parse_command(command)[0]) not in allowed:
                raise ArcxoError("AE1036", scenario=scenario.name, replica=replica, program=program)

    def _write(self, programs: set[str]) -> None:
        content = json.dumps({"version": 1, "programs": sorted(programs)}, indent=1)
        replace_durably(self._path, content.encode("utf-8", "surrogateescape"))
