"""Whose the restored files become, in words. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence

from app.model.job import Destination
from app.model.owners import OwnerChange, OwnerCount
from app.model.restore import RestorePlan
from app.services.api import RestoreRequest
from app.ui import formats

Check = tuple[str, str, str, str]
"""Icon, role, subject and finding."""


def may_change(requests: Sequence[RestoreRequest]) -> bool:
    """Whether anything goes to a place that has no right to its own owners: all but a replica."""
    return any(one.script.destination is not Destination.ORIGINAL_REPLICA for one in requests)


def name_of(one: OwnerCount) -> str:
    """What the owner was called where the data comes from."""
    return one.name or f"number {one.number}"


def key_of(one: OwnerCount) -> str:
    """The owner as a table of changes names it."""
    return one.name or str(one.number)


def becomes(one: OwnerCount) -> str:
    """Whom the destination knows by the number that is written."""
    return one.becomes_name or f"number {one.becomes}, which nobody has"


def change_of(one: OwnerCount, changes: Sequence[OwnerChange]) -> OwnerChange | None:
    """What was asked for this owner, by name or by number."""
    names = {one.name, str(one.number)} - {""}
    return next((it for it in changes if it.group == one.group and it.source in names), None)


def with_change(changes: Sequence[OwnerChange], one: OwnerCount, text: str) -> tuple[OwnerChange, ...]:
    """The changes with another answer for one owner; "" takes it back."""
    known = change_of(one, changes)
    left = [it for it in changes if it is not known]
    return (*left, OwnerChange(key_of(one), text, one.group)) if text else tuple(left)


def owners_check(plan: RestorePlan, requests: Sequence[RestoreRequest]) -> Check | None:
    """What there is to say of the owners before it starts; None where a replica keeps its Master's."""
    if not plan.owners or not may_change(requests):
        return None
    changes = {change for one in requests for change in one.script.owner_changes}
    missing = [one for one in plan.owners if one.is_missing]
    other = [one for one in plan.owners if one.is_another and change_of(one, tuple(changes)) is None]
    where = plan.host
    if not missing and not other:
        return "circle-check", "ok", "Owners", f"{_counted(plan.owners)}: all of them are known on {where}."
    parts = []
    if missing:
        parts.append(
            f"Nobody on {where} has the numbers of {_counted(missing)}"
            f" with {formats.counted(_most(missing), 'entry', 'entries')}."
        )
    if other:
        first = other[0]
        more = f", and {_counted(other[1:])} likewise" if len(other) > 1 else ""
        parts.append(f"What belongs to {name_of(first)} becomes {first.becomes_name}'s{more}.")
    return "triangle-alert", "warning", "Owners differ there", " ".join(parts)


def owners_said(changes: Sequence[OwnerChange]) -> str:
    """How many owners were chosen by hand."""
    return f"{formats.counted(len(changes), 'owner')} chosen by hand" if changes else ""


def _most(counts: Sequence[OwnerCount]) -> int:
    """Each entry has a user and a group: the larger of the two sums is not counted twice."""
    users = sum(one.entries for one in counts if not one.group)
    groups = sum(one.entries for one in counts if one.group)
    return max(users, groups)


def _counted(counts: Sequence[OwnerCount]) -> str:
    users = sum(not one.group for one in counts)
    groups = len(counts) - users
    parts = [formats.counted(number, word) for number, word in ((users, "user"), (groups, "group")) if number]
    return " and ".join(parts)
