"""Staging: backups go to a group that is quick, and are copied on to their final group by its rules."""

from __future__ import annotations

from dataclasses import dataclass

MOST_MINUTES = 525_600
MOST_DAYS = 3650
MB = 1 << 20
GB = 1 << 30
MOST_MB = 1 << 30


@dataclass(frozen=True, slots=True)
class StagingPolicy:
    """What becomes of the sessions of a staging group.

    Each is copied to `target` so many minutes after it was written; `media_name` "" = by the copy itself.
    A session that was copied is purged after `purge_after_days` (None = not by age), and, the oldest first,
    when a device of the group is used by more than `max_percent`, down to `purge_to_percent`, or, with
    `max_mb`, by more than so many MiB, down to `purge_to_mb` (with `purge_when_full`). The newest session of
    each volume stays: the next backup builds on it. `paused`: nothing is copied for now.
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
    max_mb: int = 0
    purge_to_mb: int = 0

    @property
    def by_size(self) -> bool:
        """Whether the thresholds are sizes, not percentages."""
        return bool(self.max_mb or self.purge_to_mb)

    def too_much(self, total_bytes: int, used_bytes: int) -> int | None:
        """The bytes to purge of a device that is used by so much; None: it is not above the maximum."""
        if self.by_size:
            return used_bytes - self.purge_to_mb * MB if used_bytes > self.max_mb * MB else None
        if used_bytes * 100 <= self.max_percent * total_bytes:
            return None
        return used_bytes - total_bytes * self.purge_to_percent // 100

    @property
    def most(self) -> str:
        """The maximum threshold in words."""
        return size_words(self.max_mb) if self.by_size else f"{self.max_percent} %"

    @property
    def least(self) -> str:
        """The threshold that is purged to, in words."""
        return size_words(self.purge_to_mb) if self.by_size else f"{self.purge_to_percent} %"

    def fault(self) -> str:
        """What is wrong with the numbers, or ""."""
        if self.group == self.target:
            return "the final group is another one than the staging group"
        if not 0 <= self.copy_after_minutes <= MOST_MINUTES:
            return f"copies are made 0 to {MOST_MINUTES:,} minutes after the backup"
        if self.purge_after_days is not None and not 0 <= self.purge_after_days <= MOST_DAYS:
            return f"sessions are purged 0 to {MOST_DAYS:,} days after the backup"
        if self.by_size and not 1 <= self.purge_to_mb < self.max_mb <= MOST_MB:
            return "the thresholds are sizes: purge to at least 1 MB, below the maximum"
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
    """Of its fullest device."""
    copy: tuple[tuple[str, tuple[int, ...]], ...] = ()
    purge: tuple[tuple[str, tuple[int, ...]], ...] = ()
    full: bool = False
    """A device is above the maximum, and what may be purged does not bring it down."""
    used_bytes: int | None = None

    @property
    def used(self) -> str:
        """How full it is, in the words of its thresholds."""
        if self.policy.by_size and self.used_bytes is not None:
            return size_words(self.used_bytes // MB)
        return "unknown" if self.used_percent is None else f"{self.used_percent} %"

    @property
    def above(self) -> bool:
        """Whether it is used by more than the maximum."""
        if self.policy.by_size:
            return (self.used_bytes or 0) > self.policy.max_mb * MB
        return (self.used_percent or 0) > self.policy.max_percent


def size_words(megabytes: int) -> str:
    """A threshold as it was given: whole GB where it is such."""
    whole = megabytes >= 1024 and megabytes % 1024 == 0
    return f"{megabytes // 1024:,} GB" if whole else f"{megabytes:,} MB"
