"""Who opens the encrypted sessions of a media."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class SlotKind(StrEnum):
    """What opens a key slot."""

    PASSWORD = "password"  # noqa: S105 - the name of a kind
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class KeySlot:
    """One way to open a data key of a media. `sessions` are the numbers sealed with that key."""

    media_serial: str
    media_name: str
    sequence: int
    key_id: str
    slot: int
    kind: SlotKind
    name: str
    made_at: datetime | None
    sessions: tuple[int, ...]
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What a change of key slots did, over all media of a set that are online."""

    media_name: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    offline: tuple[str, ...] = ()
    """Media of the set that were not there: they still open as before."""
    jobs: tuple[int, ...] = ()
    """Jobs that run again and still have the password that was taken away."""


@dataclass(frozen=True, slots=True)
class RecoveryKit:
    """A recovery key as it is printed. `text` is the whole page; its first line is the key."""

    media_name: str
    set_id: str
    keys: tuple[str, ...]
    offline: tuple[str, ...]
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A session that was opened with a recovery key: its topmost directory was read."""

    media_name: str
    sequence: int
    session: int
    key_id: str
    entries: int


@dataclass(frozen=True, slots=True)
class RecoveryTest:
    """What a recovery key opens of a media's set: one session for each data key, and what it does not."""

    media_name: str
    opened: tuple[OpenedSession, ...]
    not_opened: tuple[str, ...] = ()
    offline: tuple[str, ...] = ()
