"""Who owns what is restored: users and groups by number or by name, and what becomes of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

OWNERS_MAX = 10_000
"""So many users, and so many groups, are recorded of a host at most."""


class OwnerRule(StrEnum):
    """Whose the restored files are."""

    NUMBER = "number"
    """The users and groups of the same numbers."""
    NAME = "name"
    """Those of the same names; where there is none of a name, of the same number."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or group of a host."""

    number: int
    name: str


@dataclass(frozen=True, slots=True)
class HostOwners:
    """The users and groups that a host knows, by number."""

    users: tuple[Owner, ...] = ()
    groups: tuple[Owner, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups)


@dataclass(frozen=True, slots=True)
class OwnerChange:
    """What belongs to `source` is given to `becomes`: names, or numbers as text. Goes before any rule."""

    source: str
    becomes: str
    group: bool = False


@dataclass(frozen=True, slots=True)
class OwnerCount:
    """A user or group of a session, and whom its entries get at the destination.

    Names are "" where none is known: of the session's because nothing was recorded, of the destination's
    because there is none of that number.
    """

    number: int
    name: str
    becomes: int
    becomes_name: str
    entries: int
    group: bool = False

    @property
    def is_missing(self) -> bool:
        """Whether nobody at the destination has the number that is written."""
        return not self.becomes_name

    @property
    def is_another(self) -> bool:
        """Whether somebody of another name gets them, though nobody asked for that."""
        return bool(self.name and self.becomes_name and self.name != self.becomes_name)


def joined(plans: Iterable[Sequence[OwnerCount]]) -> tuple[OwnerCount, ...]:
    """The owners of several plans, each told once: users first, those with the most entries first."""
    found: dict[OwnerCount, int] = {}
    for counts in plans:
        for one in counts:
            key = replace(one, entries=0)
            found[key] = found.get(key, 0) + one.entries
    told = [replace(key, entries=entries) for key, entries in found.items()]
    return tuple(sorted(told, key=lambda one: (one.group, -one.entries, one.number)))
