"""What a host keeps for a replica beside its directories: what goes for good when that is removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.model.errors import Problem


@dataclass(frozen=True, slots=True)
class KeptReplica:
    """What one host keeps of one scenario. `replica` is what the scenario calls the host;
    from the services, what this home calls it.

    `rewind_bytes`: the rewind log with what it holds aside. `kept_edits`: edits of others that were put back,
    and `kept_bytes` of them. `backup_points`: frozen states kept for the next backups. `in_use`: a master is
    connected now.
    """

    scenario_id: int
    scenario: str
    replica: str
    paths: tuple[bytes, ...] = ()
    rewind_bytes: int = 0
    rewind_oldest_at: datetime | None = None
    kept_edits: int = 0
    kept_bytes: int = 0
    backup_points: int = 0
    in_use: bool = False


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """What remains on a host after a deletion: it was to be kept, or the host did not answer (`cause`)."""

    host: str
    scenario_id: int
    cause: str = ""


@dataclass(frozen=True, slots=True)
class LeftoverSearch:
    """What hosts keep of deleted scenarios. `silent` are hosts that did not answer, and why.

    The parameters of a silent host's problem name it as `host`.
    """

    found: tuple[KeptReplica, ...]
    silent: tuple[Problem, ...] = ()
