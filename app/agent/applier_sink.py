"""Restoring into a replica: entries are staged beside its roots and put in place by its applier."""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from app.backup.beneath import Places
from app.backup.new_files import Cut
from app.backup.new_trees import NewTree, NewTrees, plain_directory
from app.media.node import GID, MTIME, NAME, PERMISSIONS, SIZE, UID
from app.model.entry import Metadata
from app.model.errors import ArcxoError, Problem
from app.model.paths import is_beneath
from app.replication.staged import RestoreArea, StagedOperation, packed_files

_BATCH_OPERATIONS = 10_000
_BATCH_BYTES = 512 << 20
_BATCHES = 2
"""So many are handed over before one is waited for."""


class ApplierSink:
    """A `RestoreSink`. `apply(scenario id, operations)` runs in the replica's process, durable on return.

    `targets` are the replica's roots, in the order of the scenario. Operations are handed over in batches and
    in order, one batch being applied while the next is staged; what a batch could not do is told with a
    later call.
    """

    at_once = False
    copies = 0

    def __init__(
        self,
        apply: Callable[[Sequence[StagedOperation]], list[Problem]],
        area: RestoreArea,
        roots: Sequence[bytes],
    ) -> None:
        self._apply = apply
        self._area = area
        self._roots = roots
        self._guard = threading.RLock()
        self._names = itertools.count()
        self._queue: list[StagedOperation] = []
        self._queued_bytes = self._queued_entries = 0
        self._applying = ThreadPoolExecutor(1, "apply")
        self._batches: deque[tuple[int, Future[list[Problem]]]] = deque()
        self._put = self._placed = -1
        """Up to which group new directories were handed over, and are in place."""
        self._told: list[Problem] = []
        self._made: set[bytes] = set()
        """Directories that were handed over."""
        self._removed: set[bytes] = set()
        """What was handed over to be removed."""
        self._directories: list[tuple[bytes, Metadata]] = []
        self._places = Places(list(roots))
        self._trees = NewTrees(list(area.directories))

    def stage(self, target: bytes, apart: int = 0) -> bytes:  # noqa: ARG002 - made where it belongs
        """See `RestoreSink`. What is in a new directory is made right there: nobody sees it yet."""
        tree = self._trees.of(target)
        if tree is not None:
            return tree.place(target)
        root, _ = self._place(target)
        return self._area.directories[root] + b"/%x" % next(self._names)

    def directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        """See `RestoreSink`. Metadata are set again at the end: entries made inside move the times."""
        with self._guard:
            tree = self._trees.of(target)
            if tree is not None and self._trees.takes(tree, target):
                self._trees.directory(tree, target, metadata or plain_directory())
                return []
            problems = self._make_parents(target)
            if not self._is_directory(target):
                if target not in self._removed and self._places.status(target) is None:
                    root, _ = self._place(target)
                    area = self._area.directories[root]
                    self._trees.begin(area, target, metadata or plain_directory())
                    return problems
                problems += self._make_directory(target, metadata)
            if metadata is not None:
                self._directories.append((target, metadata))
            return problems

    def hides(self, target: bytes) -> bool:
        """See `RestoreSink`."""
        return self._trees.of(target) is not None

    def grown_at(self, directory: bytes) -> bytes | None:
        """See `RestoreSink`."""
        return self._trees.grown_at(directory)

    def publish_new(self, cut: Cut) -> None:
        """See `RestoreSink`."""
        with self._guard:
            self._trees.finish_cut(cut)

    def status(self, target: bytes) -> os.stat_result | None:
        """See `RestoreSink`. Of what is applied: not operations on their way, but new directories."""
        tree = self._trees.of(target)
        if tree is not None:
            return self._trees.status(tree, target)
        return None if target in self._removed else self._places.status(target)

    def place(self, target: bytes) -> tuple[int, bytes]:
        """See `RestoreSink`."""
        tree = self._trees.of(target)
        return self._places.place(target) if tree is None else self._trees.place(tree, target)

    def publish(self, target: bytes, staged: bytes, metadata: Metadata, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`."""
        with self._guard:
            tree = self._trees.of(target)
            if tree is not None and tree.place(target) == staged:
                self._trees.finish(tree, target, metadata)
                return []
            problems = self._place_trees(target)
            self._refuse_full_directory(target)
            if not replace and self.status(target) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._removed.discard(target)
            problems += self._queue_up(target, metadata.size_bytes, metadata=metadata, staged_path=staged)
            return problems

    def link(self, target: bytes, existing: bytes, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`. OSError when the two are in different roots."""
        with self._guard:
            (root, _), (other, path) = self._place(target), self._place(existing)
            if root != other:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
            problems = self._place_trees(target, existing)
            self._refuse_full_directory(target)
            if not replace and self.status(target) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._removed.discard(target)
            return problems + self._queue_up(target, 0, link_to=path)

    def remove(self, target: bytes, *, directory: bool) -> list[Problem]:
        """See `RestoreSink`."""
        with self._guard:
            problems = self._place_trees(target)
            if directory:
                self._refuse_full_directory(target)
                self._places.forget(target)
                self._made.discard(target)
            self._removed.add(target)
            return problems + self._queue_up(target, 0, remove=True)

    def seal(self) -> int:
        """See `RestoreSink`."""
        return self._trees.seal()

    def put(self, number: int) -> list[Problem]:
        """See `RestoreSink`. They are being put in place when this returns."""
        with self._guard:
            problems = self._put_trees(number)
            self._put = number
            return problems + self._flush_if_idle()

    def placed(self) -> tuple[int, list[Problem]]:
        """See `RestoreSink`."""
        with self._guard:
            while self._batches and self._batches[0][1].done():
                self._told += self._applied_one()
            self._told += self._flush_if_idle()
            if not self._batches and not self._queue:
                self._placed = self._put
            told, self._told = self._told, []
            return self._placed, told

    def settle(self) -> list[Problem]:
        """See `RestoreSink`."""
        with self._guard:
            problems = self._put_trees()
            problems += self._flush()
            problems += self._applied()
            self._removed.clear()
            return problems

    def check(self) -> None:
        """See `RestoreSink`. A new life of the replica's process begins with empty areas: AE1016."""
        for directory in self._area.directories:
            if not os.path.isdir(directory):
                raise ArcxoError("AE1016", role="replica")

    def make_durable(self) -> None:
        """See `RestoreSink`. The applier does that for each batch."""

    def finish(self, *, durable: bool = True) -> list[Problem]:  # noqa: ARG002 - it is, always
        """See `RestoreSink`. What is applied is durable in any case."""
        with self._guard:
            problems = self._put_trees()
            for target, metadata in reversed(self._directories):
                problems += self._queue_up(target, 0, metadata=metadata)
            self._directories.clear()
            problems += self._flush()
            problems += self._applied()
            self._applying.shutdown()
            self._places.close()
            self._trees.close()
            return problems

    def _place_trees(self, *targets: bytes) -> list[Problem]:
        """Something else than to grow is done to one of these: first it is put in place."""
        if not any(self._trees.of(target) for target in targets):
            return []
        return self._put_trees() + self._flush() + self._applied()

    def _put_trees(self, number: int | None = None) -> list[Problem]:
        """What was grown is handed over. In batches as anything else."""
        problems: list[Problem] = []
        for tree in self._trees.take(number):
            refused, later = self._trees.settle(tree)
            root, path = self._place(tree.target)
            whole = StagedOperation(
                root, path, staged_path=tree.staged, tree=tuple(tree.entries.items()), files=_packed(tree)
            )
            self._made |= tree.directories()
            problems += refused + self._hand_over(whole, tree.size_bytes, tree.count())
            for target, metadata in later:
                problems += self._queue_up(target, 0, metadata=metadata)
        return problems

    def _make_parents(self, target: bytes) -> list[Problem]:
        root, path = self._place(target)
        problems: list[Problem] = []
        for end in (index for index, byte in enumerate(path) if byte == ord("/")):
            above = self._roots[root] + b"/" + path[:end]
            if not self._is_directory(above):
                problems += self._make_directory(above, None)
        return problems

    def _make_directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        self._made.add(target)
        self._removed.discard(target)
        return self._queue_up(target, 0, metadata=metadata or plain_directory())

    def _is_directory(self, target: bytes) -> bool:
        if target in self._made or target in self._roots or self._trees.holds(target):
            return True
        if target in self._removed:
            return False
        try:
            return stat.S_ISDIR(os.lstat(target).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def _refuse_full_directory(self, target: bytes) -> None:
        """A directory in the way is replaced only when empty. Raises OSError."""
        try:
            if target in self._removed or not stat.S_ISDIR(os.lstat(target).st_mode):
                return
            base = target.rstrip(b"/") + b"/"
            if any(base + os.fsencode(name) not in self._removed for name in os.listdir(target)):
                raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        except (FileNotFoundError, NotADirectoryError):
            return

    def _place(self, target: bytes) -> tuple[int, bytes]:
        """(index of the root, path relative to it); the longest root wins."""
        found = [index for index, root in enumerate(self._roots) if is_beneath(target, root)]
        index = max(found, key=lambda one: len(self._roots[one]))
        return index, target[len(self._roots[index].rstrip(b"/")) + 1 :]

    def _queue_up(self, target: bytes, size_bytes: int, **parts: Any) -> list[Problem]:
        root, path = self._place(target)
        return self._hand_over(StagedOperation(root, path, **parts), size_bytes)

    def _hand_over(self, operation: StagedOperation, size_bytes: int, entries: int = 1) -> list[Problem]:
        self._queue.append(operation)
        self._queued_bytes += size_bytes
        self._queued_entries += entries
        if self._queued_entries < _BATCH_OPERATIONS and self._queued_bytes < _BATCH_BYTES:
            return []
        return self._flush()

    def _flush_if_idle(self) -> list[Problem]:
        """One batch follows the other; what comes meanwhile goes together, and waits for the disk once."""
        busy = any(not batch.done() for _, batch in self._batches)
        return [] if busy else self._flush()

    def _flush(self) -> list[Problem]:
        if not self._queue:
            return []
        operations, self._queue = self._queue, []
        self._queued_bytes = self._queued_entries = 0
        problems: list[Problem] = []
        while len(self._batches) >= _BATCHES:
            problems += self._applied_one()
        self._batches.append((self._put, self._applying.submit(self._apply, operations)))
        return problems

    def _applied(self) -> list[Problem]:
        """Wait for the batches under way; raises what went wrong with one."""
        problems, self._told = self._told, []
        while self._batches:
            problems += self._applied_one()
        self._placed = self._put
        return problems

    def _applied_one(self) -> list[Problem]:
        number, batch = self._batches.popleft()
        problems = batch.result()
        self._placed = max(self._placed, number)
        if problems:
            # What was staged may have gone with the process that was to apply it.
            self.check()
        return problems


def _packed(tree: NewTree) -> tuple[tuple[bytes, bytes], ...]:
    """The files of a tree that were made together, by directory."""
    return tuple(
        (
            above,
            packed_files(
                (e[NAME], e[PERMISSIONS] & 0o7777, e[UID], e[GID], e[SIZE], e[MTIME])
                for cut in cuts
                for e in cut.entries
            ),
        )
        for above, cuts in tree.cuts.items()
    )
