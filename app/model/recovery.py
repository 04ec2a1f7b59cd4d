"""What a bare media directory holds, and what a home that is made from it gets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

RECOVERED_GROUP = "RECOVERED"
"""The group of the devices found: no backup writes to them until somebody puts them into another."""


@dataclass(frozen=True, slots=True)
class FoundMedia:
    """One media in the directories given. `problem` is the code of why it cannot be read ("" = it can)."""

    path: str
    name: str
    media_id: str
    serial: str
    sequence: int
    set_id: str
    device: str
    sessions: int
    damaged_sessions: int
    size_bytes: int
    """What its packs take."""
    opened: bool
    """Whether every encrypted session of it opens with what was given."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HeldData:
    """Whose data the media hold: the sessions of one volume of one machine, the newest of them told."""

    machine: str
    entity: str
    scenario_name: str
    replica: str
    server: str
    sessions: int
    first_at: datetime
    last_at: datetime
    media_name: str
    media_serial: str
    number: int
    files: int
    directories: int
    size_bytes: int
    encrypted: bool
    opened: bool
    """Whether the newest session opens with what was given; always so when it is not encrypted."""
    incomplete: bool
    path: bytes
    """A directory of the newest session: where its data were on the machine."""


@dataclass(frozen=True, slots=True)
class Returned:
    """What comes back of a home, in figures; jobs in Hold, so that nothing runs before somebody lets it."""

    jobs: int = 0
    accounts: int = 0
    """Beside caroot."""
    hosts: int = 0
    scenarios: tuple[str, ...] = ()
    definitions: int = 0
    """Scenarios whose Master was the server's own machine; the others' are on their Masters."""
    alerts: int = 0
    pools: int = 0


@dataclass(frozen=True, slots=True)
class HomeFound:
    """The newest record of a home on the media. `known` None: nothing given opens it."""

    home_id: str
    server: str
    made_at: datetime
    known: Returned | None = None


@dataclass(frozen=True, slots=True)
class RecoveryPlan:
    """What a home made of these directories knows. Nothing is changed by making the plan."""

    home: str
    devices: tuple[str, ...]
    """Directories that become devices; nothing is written to them until somebody lets backups use them."""
    media: tuple[FoundMedia, ...]
    held: tuple[HeldData, ...]
    missing: tuple[str, ...] = ()
    """Media of the same sets that were not found: what lies on them alone cannot be restored."""
    found_home: HomeFound | None = None
    """What the lost server knew beside its sessions; it comes back when its password is given."""

    @property
    def locked(self) -> bool:
        """Whether there are encrypted sessions that nothing given opens."""
        return any(not one.opened for one in self.media)

    @property
    def sessions(self) -> int:
        """How many sessions can be merged."""
        return sum(one.sessions for one in self.media)
