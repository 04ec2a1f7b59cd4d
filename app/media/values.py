"""What the media store tells of: labels, sessions, keys, damage and reports, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.model.entry import Metadata
from app.model.media import Consistency
from app.model.media_keys import SlotKind

FORMAT_VERSION = 2
"""What new media are made as. Version 1 is read and written too, but its packs are not repacked."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a media says of itself. `media_id` is 4 hex digits, `serial` unique, `set_id` common to a set."""

    name: str
    media_id: str
    serial: str
    sequence: int
    set_id: str
    created_at: datetime
    format_version: int = FORMAT_VERSION
    expires_at: datetime | None = None
    """Until then it is not overwritten; None: at any time."""
    revised_at: datetime | None = None
    """When name or expiry were changed last. The label of a set that was revised last holds for all of it."""


@dataclass(frozen=True, slots=True)
class MediaFound:
    """One media of a device: its directory and label, or why it cannot be read (`problem` = code)."""

    path: str
    label: Label | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """A data key, open. `slot` is the key slot that opened it."""

    key_id: str
    slot: int
    data_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SlotInfo:
    """A key slot as it lies on a media. `made_at` None: from before slots had names and dates, or damaged."""

    key_id: str
    slot: int
    kind: SlotKind
    name: str
    made_at: datetime | None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class SessionHeader:
    """The immutable facts of a committed session. `root_id` names the directory node of `/`."""

    number: int
    media_serial: str
    set_id: str
    entity: str
    machine: str
    replica: str
    server: str
    job_id: int
    scenario_id: int
    scenario_name: str
    started_at: datetime
    taken_at: datetime
    finished_at: datetime
    files: int
    directories: int
    size_bytes: int
    new_bytes: int
    stored_bytes: int
    consistency: Consistency
    snapshot_provider: str
    incarnation: str
    change: int
    base_session: int
    encrypted: bool
    key_id: str
    incomplete: bool
    problems: int
    root_id: bytes
    refs_hash: bytes
    roots: tuple[bytes, ...] = ()
    loose_bytes: int = -1
    """How much content the refs name at most that only earlier sessions used; -1 = not known."""
    origin_serial: str = ""
    """Of a copy: the media, and the number there, of the session it was copied from, first of all."""
    origin_number: int = 0
    owners_id: str = ""
    """The chunk (hexadecimal) that keeps the names of users and groups; "" = none were kept."""
    filters: str = ""
    """Include and exclude patterns of the backup (see `app.model.backup_filters`); "" = none."""
    left_out: str = ""
    """What they left out, by rule, when everything was looked at last."""


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One entry of a session. `path` is absolute, the master's; `content_id` tells distinct contents."""

    path: bytes
    metadata: Metadata
    content_id: str


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing a check found. `sessions` it reaches; `files` of those sessions when names can be read."""

    code: str
    object_name: str
    sessions: tuple[int, ...] = ()
    files: tuple[bytes, ...] = ()
    params: dict[str, str] = field(default_factory=dict)
    reached: tuple[tuple[int, tuple[bytes, ...]], ...] = ()
    """The files of each session that cannot be restored for it, where names can be read."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Packs of a session that no media at hand has.

    `missing` are media of the set that cannot be reached: serials, or `sequence N` where that is all known.
    """

    missing: tuple[str, ...]
    packs: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class VerifyProgress:
    """A step of a check."""

    object_name: str
    done_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check covered and found; sound when `damage` is empty."""

    full: bool
    sessions: int
    packs: int
    bytes_read: int
    damage: tuple[Damage, ...]
    names_hidden: bool = False
    """Some damaged sessions are encrypted and no key was given, so files could not be named."""
    missing: tuple[str, ...] = ()
    """Media of the set that cannot be reached and sessions here need: no damage, but nothing is proved."""
    unproved: tuple[int, ...] = ()
    """The sessions that need them."""


@dataclass(frozen=True, slots=True)
class CollectProgress:
    """A step of a collection: what was deleted last, and how much is freed so far."""

    object_name: str
    packs: int
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a collection freed, and what it left for a later one because `writers` may still share it."""

    freed_bytes: int
    freed_packs: int
    waiting_packs: int = 0
    waiting_bytes: int = 0
    writers: int = 0
    repacked_packs: int = 0
    """Packs that gave way to new ones with only what is in use; `freed_bytes` has what that freed in all."""
    lacks_room: bool = False
    """There was not room enough to write all of those."""


@dataclass(frozen=True, slots=True)
class HealReport:
    """Objects that are again as they were written, and packs that are in quarantine instead."""

    healed: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()
