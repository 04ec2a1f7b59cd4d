"""What a backup will look at, store and take, from what the last backups of its nodes did. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.model.media import SessionInfo

RUNS = 5


@dataclass(frozen=True, slots=True)
class NodeHistory:
    """One node: its size now, and stored bytes and seconds of each of its last backups, oldest first."""

    size_bytes: int | None
    runs: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class BackupEstimate:
    """Sizes in bytes, times in seconds. None = not known; the least and the most of the last `backups`."""

    nodes: int
    first: int
    """So many of the nodes were never backed up: then nothing is known of what is new, nor of the time."""
    size_bytes: int | None = None
    new_least: int | None = None
    new_most: int | None = None
    seconds_least: float | None = None
    seconds_most: float | None = None
    backups: int = 0


def estimate_of(nodes: Sequence[NodeHistory], streams: int) -> BackupEstimate:
    """The sum of the nodes, as many of which are backed up at a time as there are streams."""
    sizes = [node.size_bytes for node in nodes if node.size_bytes is not None]
    size = sum(sizes) if len(sizes) == len(nodes) else None
    first = sum(not node.runs for node in nodes)
    if first or not nodes:
        return BackupEstimate(len(nodes), first, size)
    together = 1 if len(nodes) == 1 else max(1, min(streams, len(nodes)))
    return BackupEstimate(
        len(nodes),
        0,
        size,
        sum(min(stored for stored, _ in node.runs) for node in nodes),
        sum(max(stored for stored, _ in node.runs) for node in nodes),
        sum(min(seconds for _, seconds in node.runs) for node in nodes) / together,
        sum(max(seconds for _, seconds in node.runs) for node in nodes),
        min(len(node.runs) for node in nodes),
    )


def of_scenario(
    scenario_id: int, sessions: Sequence[SessionInfo], size_bytes: int | None = None
) -> NodeHistory:
    """A scenario's history among all sessions; its size where that is known better than by them."""
    return _history([one for one in sessions if one.scenario_id == scenario_id], size_bytes)


def of_directory(host: str, path: str, sessions: Sequence[SessionInfo]) -> NodeHistory:
    """The history of a directory that is backed up by itself."""
    own = [one for one in sessions if not one.scenario_id and one.machine == host and one.entity == path]
    return _history(own, None)


def _history(sessions: Sequence[SessionInfo], size: int | None) -> NodeHistory:
    """The sessions of one run of a job belong together; copies are no backups."""
    runs: dict[object, list[SessionInfo]] = {}
    for one in sessions:
        if not one.origin_serial:
            key = (one.job_id, one.started_at) if one.job_id is None else one.job_id
            runs.setdefault(key, []).append(one)
    last = sorted(runs.values(), key=lambda run: max(one.finished_at for one in run))[-RUNS:]
    if size is None and last:
        size = sum(one.size_bytes for one in last[-1])
    return NodeHistory(
        size,
        tuple(
            (
                sum(one.stored_bytes for one in run),
                (max(one.finished_at for one in run) - min(one.started_at for one in run)).total_seconds(),
            )
            for run in last
        ),
    )
