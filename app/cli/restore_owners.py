"""Whose the restored files become: the options, and what a plan tells of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from app.cli.table import printable
from app.model.errors import UsageError
from app.model.owners import OwnerChange, OwnerCount, OwnerRule
from app.model.restore import RestorePlan

_LISTED = 20


def owner_options() -> list[Callable[..., Any]]:
    """The options of a restore."""
    return [
        click.option(
            "--owners",
            type=click.Choice([rule.value for rule in OwnerRule]),
            default=OwnerRule.NUMBER.value,
            show_default=True,
            help="Users and groups of the same number, or of the same name where there is one.",
        ),
        click.option(
            "--give-user",
            "give_users",
            multiple=True,
            metavar="OLD=NEW",
            help="Give what belongs to user OLD to NEW; names or numbers. May be repeated.",
        ),
        click.option(
            "--give-group", "give_groups", multiple=True, metavar="OLD=NEW", help="The same of groups."
        ),
    ]


def owner_changes(users: Sequence[str], groups: Sequence[str]) -> tuple[OwnerChange, ...]:
    """What the options say. Raises UsageError E5191."""
    return tuple(
        [_change(text, group=False) for text in users] + [_change(text, group=True) for text in groups]
    )


def _change(text: str, *, group: bool) -> OwnerChange:
    source, equals, becomes = text.partition("=")
    if not (source and equals and becomes):
        raise UsageError("E5191", text=text)
    return OwnerChange(source, becomes, group)


def owner_lines(plan: RestorePlan) -> list[str]:
    """The owners that are not there by that name, with their counts."""
    told = [_line(one) for one in plan.owners if one.is_missing or one.is_another]
    more = [f"  … and {len(told) - _LISTED:,} more"] if len(told) > _LISTED else []
    return ["Owners that differ there:", *told[:_LISTED], *more] if told else []


def _line(one: OwnerCount) -> str:
    kind = "group" if one.group else "user"
    who = f"{one.name} ({one.number})" if one.name else str(one.number)
    entries = "entry" if one.entries == 1 else "entries"
    there = f"{one.becomes_name} there" if one.becomes_name else f"nobody there has number {one.becomes}"
    return printable(f"  {kind} {who}, {one.entries:,} {entries}: {there}")
