"""Hosts, what their agents say of themselves, directories on them, and checks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.entry import EntryKind


@dataclass(frozen=True, slots=True)
class Host:
    """A known host. `localhost` is this machine. `address` is HOST:PORT; fingerprint pins its certificate."""

    name: str
    address: str
    user: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class HostInfo:
    """What an agent tells after log-in."""

    host_name: str
    version: str
    system: str
    home_id: str
    started_at: datetime
    time: datetime
    fingerprint: str
    roles_running: tuple[str, ...] = ()
    protocol_oldest: int = 0
    protocol: int = 0
    knows: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HostState:
    """A known host as it is now: what its agent says, or why it says nothing, and who needs the host.

    `error_code` with `error_params` is the reason when `info` is None; `scenarios` are those registered here
    that have the host.
    """

    host: Host
    info: HostInfo | None = None
    error_code: str = ""
    error_params: dict[str, str] = field(default_factory=dict)
    scenarios: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DirectoryEntry:
    """One line of a directory browsed on a host."""

    name: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    readable: bool = True


class CheckOutcome(StrEnum):
    """Errors block, warnings are explained."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of a verification. `fix` names an action the console offers ("create_directory", …)."""

    subject: str
    outcome: CheckOutcome
    code: str
    params: dict[str, str] = field(default_factory=dict)
    fix: str = ""
