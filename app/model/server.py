"""Servers that share one catalog."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

SILENT_S = 20.0
"""A server that gave no sign of life for so long is not counted on."""


@dataclass(frozen=True, slots=True)
class CatalogChoice:
    """The database that a home's catalog is in, and the name under which its server is known there.

    `url` has no password. `server` "" = the machine's name.
    """

    url: str
    password: str = field(default="", repr=False)
    server: str = ""


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """A server of an installation. `pid` 0: it was stopped, or was not started yet.

    `unseen` are the media devices, with their directories, that it does not see.
    """

    name: str
    own: bool
    pid: int
    version: str
    started_at: datetime
    heartbeat_at: datetime
    silent_s: float
    devices: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """`running`, `silent` (killed or cut off) or `stopped`."""
        if not self.pid:
            return "stopped"
        return "running" if self.silent_s <= SILENT_S else "silent"
