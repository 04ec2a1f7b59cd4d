"""A churn every operation of which is told of, or shows to whoever looks after a barrier.

What decision 29 calls undetectable is left out: stores through a mapping, writes through names outside of
the roots, and names of a recorded file that are made, written through and gone before anybody looked. For
the last, a round has either new names or writes through one of several names, never both.
"""

from __future__ import annotations

import os
import random
import stat
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from tests.support.convergence_churn import Churn

NEVER = ("op_store_through_a_mapping", "op_write_through_a_name_outside")
_NEW_NAMES = ("op_hard_link", "op_move_in", "op_move_to_other_root")
_THROUGH_ONE = ("op_write_through_one_of_several",)
_CHANGES = frozenset((
    "op_create", "op_append", "op_overwrite_in_place", "op_truncate", "op_grow_sparse", "op_large",
    "op_written_slowly", "op_sparse_with_islands", "op_same_size_and_time", "op_chmod", "op_chown",
    "op_utime", "op_xattr", "op_acl",
))  # fmt: skip
_EVENTS = frozenset((
    "open", "os.rename", "os.remove", "os.link", "os.symlink", "os.mkdir", "os.rmdir", "os.truncate",
    "os.chmod", "os.chown", "os.utime", "os.setxattr", "os.removexattr", "shutil.rmtree", "subprocess.Popen",
))  # fmt: skip
_REMEMBERED = 20_000


class BarrierChurn(Churn):
    """See the module. `links`, set while paused: new names are made now, else written through."""

    links = False

    def __init__(self, seed: int, roots: list[bytes], outside: bytes, threads: int) -> None:
        self._one_at_a_time = threading.Lock()
        self._here = threading.local()
        super().__init__(seed, roots, outside, threads, NEVER)

    def resume_with(self, *, links: bool) -> None:
        """Let the threads work, with new names or with writes through one of several."""
        self.links = links
        self.resume(NEVER + (_THROUGH_ONE if links else _NEW_NAMES))

    def _do(self, operation: Callable[[Churn, random.Random], None], rng: random.Random) -> None:
        if not self.links:
            operation(self, rng)
            return
        # Whether a file has several names must not change between looking and writing.
        with self._one_at_a_time:
            self._here.changes = operation.__name__ in _CHANGES
            try:
                operation(self, rng)
            finally:
                self._here.changes = False

    def _any(self, rng: random.Random, kind: Callable[[os.DirEntry[bytes]], bool] = lambda _: True) -> bytes:
        path = super()._any(rng, kind)
        self._check(path)
        return path

    def _place(self, rng: random.Random, *, new: bool = True) -> bytes:
        path = super()._place(rng, new=new)
        self._check(path)
        return path

    def _check(self, path: bytes) -> None:
        if getattr(self._here, "changes", False) and os.path.lexists(path):
            status = os.lstat(path)
            if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                raise FileExistsError


class Journal:
    """What this process did to files lately, for a failure's message: threads are in no order of a seed."""

    def __init__(self) -> None:
        self._done: deque[tuple[float, str, tuple[object, ...]]] = deque(maxlen=_REMEMBERED)
        self._on = False
        sys.addaudithook(self._note)

    def begin(self) -> None:
        """Forget all and note what is done from now on."""
        self._done.clear()
        self._on = True

    def end(self) -> None:
        """Note nothing more."""
        self._on = False

    def about(self, names: Iterable[bytes]) -> list[str]:
        """What was done to paths that contain one of these names."""
        wanted = [repr(name)[2:-1] for name in names]
        lines = [f"{at:.4f} {what} {' '.join(map(repr, args))}" for at, what, args in self._done]
        return [line for line in lines if any(name in line for name in wanted)]

    def _note(self, event: str, args: tuple[object, ...]) -> None:
        if self._on and event in _EVENTS:
            self._done.append((time.time(), event, args))
