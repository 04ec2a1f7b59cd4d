"""The counters of the roots, kept with what they count: they go on after a crash where the shadow stands."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

from app.model.scenario import RootStatistics, Scenario
from app.replication.master.compare import ComparedRoot
from app.replication.master.shadow import Shadow
from app.sqlite_files import connect_private

_FACT = "counters"
_COUNTED = ("folders_created", "files_changed", "removed", "renamed", "changed_bytes")


def note(shadow: Shadow, roots: Sequence[ComparedRoot]) -> None:
    """Note the counters with the shadow's transaction."""
    counters = [
        {name: getattr(root.counters, name) for name in _COUNTED}
        | {
            "path": root.path.hex(),
            "files": root.counters.files,
            "size_bytes": root.counters.size_bytes,
            "last_change_at": root.counters.last_change_at.isoformat()
            if root.counters.last_change_at
            else "",
        }
        for root in roots
    ]
    shadow.set_fact(_FACT, json.dumps(counters))


def recall(shadow: Shadow, roots: Sequence[ComparedRoot]) -> None:
    """Go on counting where the last run ended."""
    known = {one["path"]: one for one in _parsed(shadow.fact(_FACT))}
    for root in roots:
        one = known.get(root.path.hex())
        if one is None:
            continue
        for name in _COUNTED:
            setattr(root.counters, name, int(one[name]))
        at = one["last_change_at"]
        root.counters.last_change_at = datetime.fromisoformat(at) if at else None


class LastStatistics:
    """Of the last run of each scenario; read once, as nothing changes them until the next. Any thread."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[datetime | None, int, tuple[RootStatistics, ...]]] = {}

    def of(
        self, scenario: Scenario, directory: str, stopped_at: datetime | None
    ) -> tuple[RootStatistics, ...]:
        """Of a scenario with its shadow in `directory`, whose last run ended then."""
        known = self._known.get(scenario.id)
        if known is None or known[:2] != (stopped_at, scenario.version):
            path = os.path.join(directory, "shadow.sqlite3")
            found = last_known(path, [root.master_path for root in scenario.roots])
            known = self._known[scenario.id] = (stopped_at, scenario.version, found)
        return known[2]


def last_known(shadow_path: str, paths: Sequence[bytes]) -> tuple[RootStatistics, ...]:
    """The statistics of the last run, for a scenario that does not run."""
    text = ""
    try:
        with closing(connect_private(shadow_path, timeout_s=1, read_only=True)) as database:
            row = database.execute("SELECT value FROM fact WHERE name = ?", (_FACT,)).fetchone()
            text = str(row[0]) if row else ""
    except sqlite3.Error:
        text = ""
    known = {one["path"]: one for one in _parsed(text)}
    found = []
    for path in paths:
        one = known.get(path.hex())
        if one is None:
            found.append(RootStatistics(path))
            continue
        at = one["last_change_at"]
        found.append(
            RootStatistics(
                path,
                int(one["size_bytes"]),
                int(one["files"]),
                last_change_at=datetime.fromisoformat(at) if at else None,
                **{name: int(one[name]) for name in _COUNTED},
            )
        )
    return tuple(found)


def _parsed(text: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = json.loads(text) if text else []
    except ValueError:
        return []
    return found
