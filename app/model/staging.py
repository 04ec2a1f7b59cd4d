"""Staging: backups go to a group that is quick, and are copied on to their final group by its rules."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.model.recurrence import DAYS

MOST_MINUTES = 525_600
MOST_DAYS = 3650
MB = 1 << 20
GB = 1 << 30
MOST_MB = 1 << 30


_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


class CopyWhen(StrEnum):
    """When the sessions of a staging group are copied to their final group."""

    AFTER = "after"
    """So many minutes after they were written."""
    AT = "at"
    """At a time of day, every day or on some days of the week."""
    BEFORE_PURGE = "before_purge"
    """Only when their age, or how full their device is, says that they are to be purged."""
    NEVER = "never"
    """Not at all: they are purged by age, without a copy."""


@dataclass(frozen=True, slots=True)
class StagingPolicy:
    """What becomes of the sessions of a staging group.

    Each is copied to `target` when `copy_when` says: `copy_after_minutes` after it was written, or at
    `copy_at` (HH:MM of `time_zone`, "" = UTC) on `copy_days` ("MO,FR"; "" = every day). `media_name` "" = by
    the copy itself.
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
    copy_when: CopyWhen = CopyWhen.AFTER
    copy_at: str = ""
    copy_days: str = ""
    time_zone: str = ""

    @property
    def copies(self) -> bool:
        """Whether anything is ever copied."""
        return self.copy_when is not CopyWhen.NEVER

    @property
    def purges_full(self) -> bool:
        """Whether a device that is too full is purged: what has no copy stays."""
        return self.purge_when_full and self.copies

    @property
    def days(self) -> tuple[str, ...]:
        """The days of the week with copies, MO to SU."""
        return tuple(self.copy_days.split(",")) if self.copy_days else DAYS

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
        if self.copies and not self.target:
            return "a group to copy to is missing"
        if (self.copy_at or self.copy_when is CopyWhen.AT) and not _CLOCK.fullmatch(self.copy_at):
            return "the time of the copies is written HH:MM, from 00:00 to 23:59"
        if self.copy_days and not set(self.copy_days.split(",")) <= set(DAYS):
            return "the days of the copies are MO to SU, divided by commas"
        by_age = self.purge_after_days is not None
        if self.copy_when is CopyWhen.BEFORE_PURGE and not (by_age or self.purge_when_full):
            return "what is copied before it is purged is purged by age, or when a device is too full"
        if self.copy_when is CopyWhen.NEVER and not by_age:
            return "what is not copied is purged by age: say after how many days"
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
    next_copy: datetime | None = None
    """When the next of the sessions that wait is copied; None: none waits, or no time is set for it."""

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
