"""How full the volume of a device is."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes of a volume, without what is kept for root; 0 of 0 when it cannot be asked."""

    total: int = 0
    used: int = 0

    @property
    def share(self) -> float:
        """How much of it is used, 0 to 1."""
        return self.used / self.total if self.total > 0 else 0.0


def space_of(path: str) -> Space:
    """Of the volume that a device's directory lies on."""
    try:
        state = os.statvfs(path)
    except OSError:
        return Space()
    total = (state.f_blocks - (state.f_bfree - state.f_bavail)) * state.f_frsize
    return Space(total, total - state.f_bavail * state.f_frsize)
