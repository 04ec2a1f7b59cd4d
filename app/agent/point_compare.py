"""What differs from the last kept point, found by looking at every inode: where no change numbers tell.

A snapshot of everything takes a link for every file, a look a third of that; and what is the same need not be
archived again.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.agent.point_chain import newest_for
from app.agent.point_files import SavedPoint
from app.backup.api import Change, ChangeKind
from app.replication.replica.engine import FrozenReplica
from app.snapshot.api import Snapshot
from app.snapshot.comparing import differences
from app.snapshot.hardlink import HardLinkProvider


def compared_with_kept(
    frozen: FrozenReplica, kept: Sequence[SavedPoint]
) -> tuple[SavedPoint, list[list[Change]]] | None:
    """(the newest kept point, by root what may differ from it); None where only everything will do.

    To be called while no point is given up. Raises OSError when the replica cannot be read.
    """
    newest = newest_for(kept, frozen.scenario, frozen.roots)
    if newest is None:
        return None
    known = {one.id: one for one in kept}
    chain = [newest]
    while chain[-1].base:
        below = known.get(chain[-1].base)
        if below is None:
            return None
        chain.append(below)
    lists = []
    for index, root in enumerate(frozen.roots):
        stack = _stack([point.roots[index].snapshot for point in chain])
        found = differences(root, stack[0], stack[1:]) if stack else None
        if found is None:
            return None
        lists.append(
            [Change(path, ChangeKind.SUBTREE if deep else ChangeKind.CHANGED) for path, deep in found]
        )
    return newest, lists


def _stack(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """A whole snapshot and those of changes over it, in the order of time; given are the newest first."""
    found: list[Snapshot] = []
    for snapshot in snapshots:
        if snapshot.provider != HardLinkProvider.name or snapshot.manifest is None:
            return []
        found.insert(0, snapshot)
        if not snapshot.partial:
            return found
    return []
