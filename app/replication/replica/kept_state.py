"""What is kept of a replica beside its roots: how much that is, and removing it."""

from __future__ import annotations

import contextlib
import shutil
import stat

from app.model.errors import ArcxoError, BusyError
from app.model.kept_replica import KeptReplica
from app.replication.replica.drift_keeping import KEPT, KeptEdits
from app.replication.replica.replica import Replica
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.walking import walk

_STREAM_END_S = 5.0


def kept_of(scenario_id: int, replica: Replica) -> KeptReplica:
    """What there is. Blocks for looking at all kept edits; what cannot be read counts as nothing."""
    edits = size = 0
    with replica.lock:
        with contextlib.suppress(ArcxoError, OSError):
            _, store = replica.opened()
            edits = len(KeptEdits(store).rows())
            size = sum(_bytes_beneath(tree) for tree in store.trees)
        figures = replica.status()
        return KeptReplica(
            scenario_id,
            replica.label,
            replica.name,
            replica.paths,
            figures.rewind_bytes,
            figures.rewind_oldest_at,
            edits,
            size,
            in_use=replica.streaming,
        )


def forget(scenario_id: int, replica: Replica, side: bytes) -> None:
    """Remove all of it but the roots' contents; may be repeated after a kill.

    Raises BusyError ER00482 while a master is connected.
    """
    # The stream of a scenario that has just been deleted is still being closed here.
    replica.stream_ended.wait(_STREAM_END_S)
    with replica.lock:
        if replica.streaming:
            raise BusyError("ER00482", scenario=replica.label, cause="a master is connected")
        replica.forget()
        # Of a replica that cannot be opened any more, its directories are known by their number alone.
        shutil.rmtree(side + b"/%d" % scenario_id, ignore_errors=True)


def _bytes_beneath(tree: ReplicaTree) -> int:
    total = 0
    with contextlib.suppress(OSError, ArcxoError):
        for _, status in walk(tree.side, KEPT):
            total += status.st_size if stat.S_ISREG(status.st_mode) else 0
    return total
