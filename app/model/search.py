"""What can be asked of all sessions at once, and the machines they came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Query:
    """A search over all sessions. Empty fields do not limit; times are UTC.

    `backed_up_from` and `_to`: only what a session that ended between them holds, and it is that session's.
    """

    pattern: str
    machine: str = ""
    directory: bytes = b""
    subdirectories: bool = True
    size_min: int | None = None
    size_max: int | None = None
    modified_from: datetime | None = None
    modified_to: datetime | None = None
    backed_up_from: datetime | None = None
    backed_up_to: datetime | None = None
    deleted_from: datetime | None = None
    deleted_to: datetime | None = None
    limit: int = 200
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """A master that was backed up, with its volumes (entities) and scenarios."""

    name: str
    entities: tuple[str, ...]
    scenarios: tuple[str, ...]
