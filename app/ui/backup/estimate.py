"""What a backup will read, store and take, from what its last backups did. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.model.media import SessionInfo
from app.model.paths import shown
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.draft import BackupDraft

_RUNS = 5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Words for the summary; `detail` says what they are made of."""

    text: str
    detail: str


@dataclass(frozen=True, slots=True)
class _Node:
    """One node: its size now, and new bytes and seconds of each of its last backups, oldest first."""

    size: int | None
    runs: tuple[tuple[int, float], ...]


def estimate(
    draft: BackupDraft, chosen: Sequence[ScenarioStatus], sessions: Sequence[SessionInfo]
) -> Estimate | None:
    """None when nothing is chosen. A range comes from the last five backups of each node."""
    nodes = [_scenario(status, sessions) for status in chosen]
    nodes += [_directory(source.host, shown(source.path), sessions) for source in draft.sources]
    if not nodes:
        return None
    sizes = [node.size for node in nodes if node.size is not None]
    read = f"{formats.size(sum(sizes))} to look at" if len(sizes) == len(nodes) else "Size not known yet"
    new = [node for node in nodes if not node.runs]
    if new:
        first = "It was" if len(nodes) == 1 else f"{len(new):,} of {len(nodes):,} were"
        return Estimate(read, f"{first} not backed up yet: all of it is stored, the time is not known")
    least = sum(min(stored for stored, _ in node.runs) for node in nodes)
    most = sum(max(stored for stored, _ in node.runs) for node in nodes)
    # Child jobs run beside each other, as many as there are streams.
    together = 1 if len(nodes) == 1 else min(draft.options.streams, len(nodes))
    quick = sum(min(seconds for _, seconds in node.runs) for node in nodes) / together
    slow = sum(max(seconds for _, seconds in node.runs) for node in nodes)
    count = min(len(node.runs) for node in nodes)
    return Estimate(
        f"{read}, {_range(formats.size(least), formats.size(most))} new on media",
        f"{_range(formats.duration(quick), formats.duration(slow))}, by the last "
        f"{formats.counted(count, 'backup')}",
    )


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _scenario(status: ScenarioStatus, sessions: Sequence[SessionInfo]) -> _Node:
    known = [root.size_bytes for root in status.roots if root.size_bytes is not None]
    size = sum(known) if known and len(known) == len(status.scenario.roots) else None
    return _node([one for one in sessions if one.scenario_id == status.scenario.id], size)


def _directory(host: str, path: str, sessions: Sequence[SessionInfo]) -> _Node:
    own = [one for one in sessions if not one.scenario_id and one.machine == host and one.entity == path]
    return _node(own, None)


def _node(sessions: Sequence[SessionInfo], size: int | None) -> _Node:
    """The sessions of one run of a job belong together; copies are no backups."""
    runs: dict[object, list[SessionInfo]] = {}
    for one in sessions:
        if not one.origin_serial:
            runs.setdefault((one.job_id, one.started_at) if one.job_id is None else one.job_id, []).append(
                one
            )
    last = sorted(runs.values(), key=lambda run: max(one.finished_at for one in run))[-_RUNS:]
    if size is None and last:
        size = sum(one.size_bytes for one in last[-1])
    return _Node(
        size,
        tuple(
            (
                sum(one.stored_bytes for one in run),
                (max(one.finished_at for one in run) - min(one.started_at for one in run)).total_seconds(),
            )
            for run in last
        ),
    )
