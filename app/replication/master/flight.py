"""What of a running scenario is on its way to one replica: recorded, and not applied there."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.model.errors import ArcxoError
from app.model.scenario import ReplicaState
from app.replication.codec import decode
from app.replication.master.barrier import Barrier
from app.replication.master.recorder import Recorder
from app.replication.master.sender import Sender
from app.replication.master.spool import Spool

_READ_BYTES = 8 * 1024 * 1024
_FLUSH_S = 30.0


class OnItsWay:
    """Paths that records waiting for a replica are about."""

    def __init__(self) -> None:
        self._paths: set[tuple[int, bytes]] = set()
        self.unknown = False
        """The replica's position is not known: anything may be on its way."""

    def add(self, root: int, path: bytes) -> None:
        """A record is about `path`, and maybe about all beneath it."""
        self._paths.add((root, path))

    def holds(self, root: int, path: bytes) -> bool:
        """Whether something about `path`, or about a directory above it, waits."""
        if self.unknown or (root, path) in self._paths:
            return True
        # A record about a root is about its own metadata, not about what is in it.
        while path := path.rpartition(b"/")[0]:
            if (root, path) in self._paths:
                return True
        return False

    def is_about(self, root: int, path: bytes) -> bool:
        """Whether a record is about just this path."""
        return (root, path) in self._paths

    def by_child(self, root: int, directory: bytes) -> dict[bytes, int]:
        """How many waiting paths are at or beneath each entry of `directory`, by its name."""
        counts: dict[bytes, int] = {}
        start = directory + b"/" if directory else b""
        for number, path in self._paths:
            if number == root and path and path.startswith(start):
                name = path[len(start) :].partition(b"/")[0]
                counts[name] = counts.get(name, 0) + 1
        return counts


class Flight:
    """For one replica of a run. From any thread."""

    def __init__(self, barrier: Barrier, spool: Spool, recorder: Recorder, sender: Sender) -> None:
        self._barrier = barrier
        self._spool = spool
        self._recorder = recorder
        self._sender = sender

    @property
    def state(self) -> ReplicaState:
        """What the replica does now."""
        return self._sender.state

    def settle(self, timeout_s: float, stopped: Callable[[], bool]) -> bool:
        """Record what was written before the call, and wait until the replica has it; whether it has."""
        deadline = time.monotonic() + timeout_s
        try:
            seq = self._barrier.captured(min(_FLUSH_S, timeout_s))
        except ArcxoError:
            # Too much is going on, or recording has ended.
            return False
        while not stopped() and self._sender.state is ReplicaState.REPLICATING:
            if self._sender.wait_committed(seq, 0.5):
                return True
            if time.monotonic() > deadline:
                return False
        return False

    def on_its_way(self) -> OnItsWay:
        """What is recorded and not applied now. Reads that part of the spool."""
        found = OnItsWay()
        position = self._sender.committed
        if position is None:
            found.unknown = True
            return found
        while True:
            try:
                records = self._spool.read(position, _READ_BYTES)
            except (ArcxoError, OSError):
                found.unknown = True
                return found
            if not records:
                return found
            for spooled in records:
                record = decode(spooled.data)
                root = getattr(record, "root", None)
                if root is None:
                    continue
                for name in ("path", "new_path", "existing"):
                    path = getattr(record, name, None)
                    if path is not None:
                        found.add(root, path)
            position = records[-1].seq

    def is_refused(self, root: int, path: bytes, *, metadata: bool) -> bool:
        """Whether the replica is known not to have taken a path, or a directory above it.

        `metadata`: no more than metadata of it are asked about.
        """
        return self._sender.is_refused(root, path, metadata=metadata)

    def try_again(self, root: int, path: bytes) -> None:
        """Have recorded anew what was refused of a path."""
        if not self._sender.hasten(root, path):
            self.send_again(root, path)

    def send_again(self, root: int, path: bytes) -> None:
        """Have the path recorded anew, in full."""
        self._recorder.hints.add(root, path, content=True, force=True, delay=0.0)
