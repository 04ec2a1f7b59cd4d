"""Staging: backups go to a group that is quick, and are copied on to their final group by its rules."""

from __future__ import annotations

from dataclasses import dataclass

MOST_MINUTES = 525_600
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class StagingPolicy:
    """What becomes of the sessions of a staging group.

    Each is copied to `target` so many minutes after it was written; `media_name` "" = by the copy itself.
    A session that was copied is purged after `purge_after_days` (None = not by age), and, the oldest first,
    when a device of the group is used by more than `max_percent`, down to `purge_to_percent` (with
    `purge_when_full`). The newest session of each volume stays: the next backup builds on it. `paused`:
    nothing is copied for now.
    """

    group: str
    target: str
    copy_after_minutes: int = 0
    purge_after_days: int | None = None
    purge_when_full: bool = True
    max_percent: int = 80
    purge_to_percent: int = 60
    media_name: str = ""
    paused: bool = False

    def fault(self) -> str:
        """What is wrong with the numbers, or ""."""
        if self.group == self.target:
            return "the final group is another one than the staging group"
        if not 0 <= self.copy_after_minutes <= MOST_MINUTES:
            return f"copies are made 0 to {MOST_MINUTES:,} minutes after the backup"
        if self.purge_after_days is not None and not 0 <= self.purge_after_days <= MOST_DAYS:
            return f"sessions are purged 0 to {MOST_DAYS:,} days after the backup"
        if not 1 <= self.purge_to_percent < self.max_percent <= 99:
            return "the thresholds are percentages: purge to at least 1, below the maximum, that at most 99"
        return ""


@dataclass(frozen=True, slots=True)
class StagingPlan:
    """What the policy says now. `copy` and `purge`: session numbers by the serial of their media."""

    policy: StagingPolicy
    sessions: int
    migrated: int
    waiting: int
    used_percent: int | None
    copy: tuple[tuple[str, tuple[int, ...]], ...] = ()
    purge: tuple[tuple[str, tuple[int, ...]], ...] = ()
    full: bool = False
    """A device is above the maximum, and what may be purged does not bring it down."""
