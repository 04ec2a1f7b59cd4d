"""The estimate of a backup in words. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.model.estimate import BackupEstimate, estimate_of, of_directory, of_scenario
from app.model.media import SessionInfo
from app.model.paths import shown
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.draft import BackupDraft


@dataclass(frozen=True, slots=True)
class Estimate:
    """Words for the summary; `detail` says what they are made of."""

    text: str
    detail: str


def estimate(
    draft: BackupDraft, chosen: Sequence[ScenarioStatus], sessions: Sequence[SessionInfo]
) -> Estimate | None:
    """None when nothing is chosen. A range comes from the last five backups of each node."""
    nodes = [of_scenario(one.scenario.id, sessions, _size_now(one)) for one in chosen]
    nodes += [of_directory(one.host, shown(one.path), sessions) for one in draft.sources]
    return words(estimate_of(nodes, draft.options.streams)) if nodes else None


def words(found: BackupEstimate) -> Estimate:
    """An estimate as people read it."""
    size = found.size_bytes
    read = f"{formats.size(size)} to look at" if size is not None else "Size not known yet"
    if found.first:
        first = "It was" if found.nodes == 1 else f"{found.first:,} of {found.nodes:,} were"
        return Estimate(read, f"{first} not backed up yet: all of it is stored, the time is not known")
    return Estimate(
        f"{read}, {new_range(found)} new on media",
        f"{time_range(found)}, by the last {formats.counted(found.backups, 'backup')}",
    )


def new_range(found: BackupEstimate) -> str:
    """From the least to the most that was stored."""
    return _range(formats.size(found.new_least or 0), formats.size(found.new_most or 0))


def time_range(found: BackupEstimate) -> str:
    """From the shortest to the longest time."""
    return _range(formats.duration(found.seconds_least or 0), formats.duration(found.seconds_most or 0))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _size_now(status: ScenarioStatus) -> int | None:
    known = [root.size_bytes for root in status.roots if root.size_bytes is not None]
    return sum(known) if known and len(known) == len(status.scenario.roots) else None
