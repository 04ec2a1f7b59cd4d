"""What the policy of a staging group says, in words. Qt-free."""

from __future__ import annotations

from app.model.staging import CopyWhen, StagingPlan, StagingPolicy
from app.ui import formats
from app.ui.backup.rules import DAY_NAMES


def policy_words(policy: StagingPolicy) -> str:
    """A policy in a sentence."""
    if not policy.copies:
        return f"Its sessions are not copied; {purge_words(policy)}, without a copy."
    paused = " (paused now)" if policy.paused else ""
    return f"Its sessions are copied to {policy.target} {_copied(policy)}{paused}; {purge_words(policy)}."


def when_words(policy: StagingPolicy) -> str:
    """When it copies, as short as a column."""
    match policy.copy_when:
        case CopyWhen.AT:
            return f"{policy.copy_at}, {_days(policy)}" if policy.copy_days else f"{policy.copy_at} daily"
        case CopyWhen.BEFORE_PURGE:
            return "Before purge"
        case CopyWhen.NEVER:
            return "Not copied"
    minutes = policy.copy_after_minutes
    return f"After {formats.duration(minutes * 60)}" if minutes else "At once"


def next_words(plan: StagingPlan) -> str:
    """When the next of what waits is copied, or why it is not."""
    if plan.policy.paused:
        return "Nothing is copied: migration is paused"
    if not plan.policy.copies:
        return "Its policy copies nothing"
    if not plan.waiting:
        return "All sessions are copied"
    if plan.copy:
        return "Due now: a job copies them as soon as the server has looked"
    if plan.next_copy is None:
        return "Copied when they are to be purged"
    return f"The next is copied {formats.moment(plan.next_copy)}"


def purge_words(policy: StagingPolicy) -> str:
    """When it purges."""
    parts = []
    if policy.purge_after_days is not None:
        parts.append(f"after {formats.counted(policy.purge_after_days, 'day')}")
    if policy.purges_full:
        most = policy.most if policy.by_size else str(policy.max_percent)
        parts.append(f"from {most} down to {policy.least} used")
    return f"purged here {' and '.join(parts)}" if parts else "never purged here"


def _copied(policy: StagingPolicy) -> str:
    match policy.copy_when:
        case CopyWhen.AT:
            zone = f" ({policy.time_zone})" if policy.time_zone else " (UTC)"
            days = f"on {_days(policy)}" if policy.copy_days else "every day"
            return f"{days} at {policy.copy_at}{zone}"
        case CopyWhen.BEFORE_PURGE:
            return "only before they are purged"
    if not policy.copy_after_minutes:
        return "as soon as they are written"
    return f"{formats.duration(policy.copy_after_minutes * 60)} after they are written"


def _days(policy: StagingPolicy) -> str:
    names = dict(zip(("MO", "TU", "WE", "TH", "FR", "SA", "SU"), DAY_NAMES, strict=True))
    return ", ".join(names[day] for day in policy.days)
