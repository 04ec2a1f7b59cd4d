"""Which provider serves a root: the best that its volume really supports."""

from __future__ import annotations

from app.model.errors import ArcxoError
from app.model.paths import shown
from app.snapshot.api import Snapshot, SnapshotProvider
from app.snapshot.btrfs import BtrfsProvider
from app.snapshot.hardlink import HardLinkProvider
from app.snapshot.reflink import ReflinkProvider

PROVIDERS: tuple[SnapshotProvider, ...] = (BtrfsProvider(), ReflinkProvider(), HardLinkProvider())
"""Best first."""


def choose(root: bytes, area: bytes) -> SnapshotProvider:
    """The best provider for a snapshot of `root` kept in the directory `area` (made by the caller).

    Blocks for a few file-system calls. Raises ArcxoError E4193 when none can.
    """
    for provider in PROVIDERS:
        if provider.supports(root, area):
            return provider
    raise ArcxoError("E4193", root=shown(root), area=shown(area))


def release(snapshot: Snapshot) -> None:
    """Release a snapshot by the provider that made it. Raises ArcxoError E4192."""
    for provider in PROVIDERS:
        if provider.name == snapshot.provider:
            provider.release(snapshot)
            return
    raise ArcxoError("E4192", path=shown(snapshot.container), cause=f"no provider {snapshot.provider!r}")
