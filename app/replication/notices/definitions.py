"""The properties of the scenarios that a host has a definition of, as master or as replica."""

from __future__ import annotations

import os

from app.model.errors import ArcxoError
from app.model.scenario import Scenario
from app.replication.definition import DEFINITION_MAX_BYTES, from_xml

_Stamp = tuple[int, int, int]


class Definitions:
    """Reads definition files again when they have changed. For one thread."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self._known: dict[str, tuple[_Stamp, Scenario | None]] = {}

    def find(self, scenario_id: int) -> Scenario | None:
        """The scenario, from the master's definition or else a replica's copy; None when there is none."""
        for path in (
            os.path.join(self._directory, "scenarios", f"{scenario_id}.xml"),
            os.path.join(self._directory, "replica", str(scenario_id), "definition.xml"),
        ):
            scenario = self._read(path)
            if scenario is not None:
                return scenario
        return None

    def _read(self, path: str) -> Scenario | None:
        try:
            found = os.stat(path)
            stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                known = self._known[path] = (stamp, _parse(path))
        except OSError:
            self._known.pop(path, None)
            return None
        return known[1]


def _parse(path: str) -> Scenario | None:
    with open(path, "rb") as file:
        data = file.read(DEFINITION_MAX_BYTES + 1)
    try:
        return from_xml(data)
    except ArcxoError:
        # Told by the engine whose definition it is.
        return None
