"""Freezing a directory that programs write to: only what freezes its whole volume in one moment will do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from app.model.errors import ArcxoError
from app.snapshot.api import Snapshot
from app.snapshot.btrfs import BtrfsProvider

_SIDE_STORE = b".arcxo-"


class VolumeFreezer:
    """Snapshots for one home. `areas` are looked for where the volume of a directory takes them."""

    def __init__(self, home_area: bytes, home_id: str) -> None:
        self._home_area = home_area
        self._beside = _SIDE_STORE + os.fsencode(home_id)

    def plan(self, directory: bytes, snapshot_id: str, *, inner: bool) -> Snapshot | None:
        """Where a snapshot would be made, that works there; None when the volume can make none.

        With `inner` other subvolumes may lie beneath; they will show as empty directories. Blocks for a few
        calls, without it for a walk through all directories.
        """
        provider = BtrfsProvider(inner=inner)
        if not provider.is_possible(directory):
            # Nothing is tried then: what is made and removed beside or in the directory changes its time.
            return None
        for area in self._areas(directory):
            with _time_kept(directory, area):
                made = not os.path.isdir(area)
                try:
                    os.makedirs(area, 0o700, exist_ok=True)
                except OSError:
                    continue
                try:
                    works = provider.supports(directory, area)
                except OSError:
                    works = False
                if works:
                    container = area + b"/" + snapshot_id.encode("ascii")
                    return Snapshot(snapshot_id, provider.name, directory, container, container)
                if made:
                    _discard(area)
        return None

    def make(self, planned: Snapshot) -> Snapshot:
        """Make what was planned. Raises ArcxoError E4191; nothing of it is left behind then."""
        area = os.path.dirname(planned.container)
        return BtrfsProvider(inner=True).create(planned.root, area, planned.id, None)

    def release(self, snapshot: Snapshot) -> None:
        """Remove a snapshot, and the area when it was the last there. Raises ArcxoError E4192."""
        try:
            BtrfsProvider().release(snapshot)
        except OSError as error:
            raise ArcxoError("E4192", path=os.fsdecode(snapshot.container), cause=error.strerror) from error
        area = os.path.dirname(snapshot.container)
        if area != self._home_area:
            with _time_kept(snapshot.root, area):
                _discard(area)

    def _areas(self, directory: bytes) -> Iterator[bytes]:
        yield self._home_area
        device = os.stat(directory).st_dev
        above = directory
        while above != b"/":
            above = os.path.dirname(above)
            if os.stat(above).st_dev != device:
                break
            yield above.rstrip(b"/") + b"/" + self._beside + b"/sources"
        yield directory.rstrip(b"/") + b"/" + self._beside + b"/sources"


@contextlib.contextmanager
def _time_kept(directory: bytes, area: bytes) -> Iterator[None]:
    """An area that is made or removed in the directory itself leaves it the time it had."""
    inside = os.path.dirname(os.path.dirname(area)) == directory.rstrip(b"/")
    before = os.stat(directory) if inside else None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if before is not None and os.stat(directory).st_mtime_ns != before.st_mtime_ns:
                os.utime(directory, ns=(before.st_atime_ns, before.st_mtime_ns))


def _discard(area: bytes) -> None:
    """Leave no empty directories."""
    for directory in (area, os.path.dirname(area)):
        with contextlib.suppress(OSError):
            os.rmdir(directory)
