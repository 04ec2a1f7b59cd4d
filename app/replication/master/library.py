"""The scenario definitions this master owns: one XML file each, replaced whole; and which of them run."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime

from app.model.errors import ArcxoError
from app.model.scenario import Scenario
from app.replication.definition import from_xml, to_xml
from app.replication.master.durable import sync_directory, write_file
from app.replication.master.spool_place import remove_spool

_ID_LEAST = 1_000_000_000


@dataclass(slots=True)
class Intent:
    """What the owner of a scenario last asked for; kept over restarts."""

    running: bool = False
    suspended: list[str] = field(default_factory=list)
    until: dict[str, datetime] = field(default_factory=dict)
    """Of the suspended, those that are resumed at a time."""


class Library:
    """Files beneath the engine's directory. Blocks on the disk; callers serialise."""

    def __init__(self, directory: str) -> None:
        self._definitions = os.path.join(directory, "scenarios")
        self._state = os.path.join(directory, "master")
        for path in (self._definitions, self._state):
            os.makedirs(path, mode=0o700, exist_ok=True)

    def load(self) -> tuple[list[Scenario], list[ArcxoError]]:
        """All readable definitions, and an E3370 for each that is not."""
        found, errors = [], []
        for name in sorted(os.listdir(self._definitions)):
            if not name.endswith(".xml"):
                continue
            try:
                with open(os.path.join(self._definitions, name), "rb") as file:
                    found.append(from_xml(file.read(), name))
            except ArcxoError as error:
                errors.append(error)
            except OSError as error:
                errors.append(
                    ArcxoError("E3370", scenario=name, replica="—", cause=error.strerror or str(error))
                )
        return found, errors

    def save(self, scenario: Scenario) -> None:
        """Write a definition, durably and whole."""
        write_file(os.path.join(self._definitions, f"{scenario.id}.xml"), to_xml(scenario))

    def delete(self, scenario_id: int) -> None:
        """Remove a definition and everything kept for it."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self._definitions, f"{scenario_id}.xml"))
        sync_directory(self._definitions)
        remove_spool(self.directory(scenario_id))
        remove_tree(self.directory(scenario_id))

    def directory(self, scenario_id: int) -> str:
        """Where the shadow and the spool of a scenario are."""
        return os.path.join(self._state, str(scenario_id))

    def intent(self, scenario_id: int) -> Intent:
        """What was last asked for; a file that cannot be read asks for nothing."""
        try:
            with open(os.path.join(self.directory(scenario_id), "run.json"), "rb") as file:
                kept = json.load(file)
            until = {
                str(host): datetime.fromtimestamp(float(at), UTC)
                for host, at in dict(kept.get("until", {})).items()
            }
            return Intent(bool(kept["running"]), [str(host) for host in kept["suspended"]], until)
        except (OSError, ValueError, KeyError, TypeError, OverflowError):
            return Intent()

    def keep_intent(self, scenario_id: int, intent: Intent) -> None:
        """Note what was asked for, durably."""
        os.makedirs(self.directory(scenario_id), mode=0o700, exist_ok=True)
        until = {host: at.timestamp() for host, at in intent.until.items()}
        kept = {"running": intent.running, "suspended": intent.suspended, "until": until}
        content = json.dumps(kept).encode()
        write_file(os.path.join(self.directory(scenario_id), "run.json"), content)

    def new_id(self, taken: set[int]) -> int:
        """A number of ten digits that no scenario has."""
        while True:
            number = _ID_LEAST + secrets.randbelow(9 * _ID_LEAST)
            if number not in taken:
                return number


def remove_tree(path: str) -> None:
    """Remove a directory of ours with all in it; nothing there is fine."""
    for directory, names, files in os.walk(path, topdown=False):
        for name in files:
            os.unlink(os.path.join(directory, name))
        for name in names:
            os.rmdir(os.path.join(directory, name))
    with contextlib.suppress(FileNotFoundError):
        os.rmdir(path)
