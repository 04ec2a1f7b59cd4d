"""Which volumes of a master its roots are on: one session is written per volume."""

from __future__ import annotations

import os
from collections.abc import Sequence


def entities_of(master_paths: Sequence[bytes]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """(volume, indexes of its roots) per volume, in the order of the roots. Looks at this host's mounts.

    A volume is named by its mount point. A path that is gone counts to the volume it would be on.
    """
    grouped: dict[bytes, list[int]] = {}
    for index, path in enumerate(master_paths):
        grouped.setdefault(mount_point_of(path), []).append(index)
    return tuple((point.decode("utf-8", "replace"), tuple(indexes)) for point, indexes in grouped.items())


def mount_point_of(path: bytes) -> bytes:
    """The nearest mount point at or above an absolute path."""
    current = os.path.realpath(path)
    while not os.path.ismount(current):
        parent = os.path.dirname(current)
        if parent == current:
            break
        current = parent
    return current
