"""What a backup is expected to do, noted in its log when it begins, and beside it what it did in the end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from app.catalog.api import Catalog
from app.jobs.control import JobControl
from app.jobs.summary import NodeSummary, elapsed_text, size_text
from app.model.estimate import BackupEstimate, estimate_of, of_directory, of_scenario
from app.model.job import BackupScript
from app.model.paths import shown

ESTIMATE_CODE = "N5048"
OUTCOME_CODE = "N5049"


def estimate_backup(catalog: Catalog, script: BackupScript) -> BackupEstimate:
    """From the sessions that the catalog knows. Sizes are those of the last backups."""
    sessions = catalog.sessions.list()
    nodes = [of_scenario(number, sessions) for number in script.scenario_ids]
    nodes += [of_directory(one.host, shown(one.path), sessions) for one in script.sources]
    return estimate_of(nodes, script.streams)


class Expectation:
    """The estimate of one run of a job that is no child."""

    def __init__(self, control: JobControl, catalog: Catalog, script: BackupScript) -> None:
        self._control = control
        self._began = time.monotonic()
        self._found = estimate_backup(catalog, script)
        if not self._found.first:
            control.note(ESTIMATE_CODE, backups=self._found.backups, **_params(self._found))

    def note_outcome(self, nodes: Sequence[NodeSummary]) -> None:
        """What the backup looked at, stored and took, beside what was expected; nothing if nothing was."""
        if self._found.first or any(node.missed for node in nodes):
            return
        size, stored = sum(one.size_bytes for one in nodes), sum(one.stored_bytes for one in nodes)
        seconds = time.monotonic() - self._began
        self._control.note(
            OUTCOME_CODE,
            **_params(self._found),
            actual_size=size_text(size),
            actual_new=size_text(stored),
            actual_time=elapsed_text(seconds),
            actual_size_bytes=size,
            actual_new_bytes=stored,
            actual_seconds=round(seconds, 1),
        )


def _params(found: BackupEstimate) -> dict[str, Any]:
    """The words for the sentence, and the figures for who compares them."""
    new = _range(size_text(found.new_least or 0), size_text(found.new_most or 0))
    return {
        "size": "an unknown size" if found.size_bytes is None else size_text(found.size_bytes),
        "new": new,
        "time": _range(elapsed_text(found.seconds_least or 0), elapsed_text(found.seconds_most or 0)),
        "size_bytes": "" if found.size_bytes is None else found.size_bytes,
        "new_least": found.new_least,
        "new_most": found.new_most,
        "seconds_least": round(found.seconds_least or 0, 1),
        "seconds_most": round(found.seconds_most or 0, 1),
    }


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"
