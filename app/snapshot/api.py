"""The port every snapshot provider fills."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A frozen tree. `path` is where to read it; `manifest` holds the metadata where links can't.

    `partial` snapshots hold only the paths that were asked for (and the directories above them).
    `container` is what `release` removes; all paths are absolute bytes.
    """

    id: str
    provider: str
    root: bytes
    path: bytes
    container: bytes
    manifest: bytes | None = None
    partial: bool = False


class SnapshotProvider(Protocol):
    """One way to freeze a tree. Calls block on the file system; any thread, one per root at a time."""

    name: str
    freezes_metadata: bool

    def supports(self, root: bytes, area: bytes) -> bool:
        """Whether a snapshot of `root` can be made in `area` (tried on the volume, not guessed)."""

    def create(
        self,
        root: bytes,
        area: bytes,
        snapshot_id: str,
        paths: Sequence[bytes] | None,
        subtrees: Collection[bytes] = (),
    ) -> Snapshot:
        """Freeze `root`, or just `paths` (relative) of it; nobody may write to it meanwhile.

        Of `subtrees` (only with `paths`) everything beneath is frozen as well.

        Raises:
            ArcxoError: E4191 with the cause; nothing of the snapshot is left behind.
        """

    def foreseen(self, root: bytes, area: bytes, snapshot_id: str) -> Snapshot | None:
        """What `create` will return for everything, where that can be read while it is being made, behind its
        manifest: an entry that is in there is frozen. None where it cannot. Changes nothing.
        """

    def release(self, snapshot: Snapshot) -> None:
        """Remove the snapshot; repeated calls do nothing. Raises ArcxoError E4192."""
