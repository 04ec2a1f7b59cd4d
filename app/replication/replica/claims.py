"""Which homes of this machine write which directories as replicas: no two may write the same.

Said outside the directories, which are to be equal to the master's, in a tree that mirrors their paths: a
directory, those above it and those in it are found without looking at any other. A claim is worth nothing
once its home, or what that home keeps of the replica, is gone: nobody has to clean up, whatever was killed.
Each user has a tree; what two users may both write is between them.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.model.errors import ArcxoError
from app.model.paths import shown

_OVERRIDE = "ARCXO_CLAIMS"
_OF_ROOT = b"/var/lib/arcxo/claims"
_PREFIX = b".arcxo-claim-"
_LOCK = b".arcxo-lock"
_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Claim:
    """That the home whose `engine` directory this is writes `path` for a scenario."""

    path: bytes
    engine: bytes
    scenario_id: int
    scenario: str

    @property
    def home(self) -> bytes:
        """The home."""
        return os.path.dirname(self.engine)

    def holds(self) -> bool:
        """Whether that home keeps such a replica; so it counts where nobody may look."""
        try:
            os.lstat(self.engine + b"/replica/%d/definition.xml" % self.scenario_id)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:
            return True
        return True


class Claims:
    """Those of this user, asked and made for the home with this `engine` directory. Any thread, any process.

    Where the tree cannot be written nothing is claimed, and nothing refused.
    """

    def __init__(self, engine: bytes) -> None:
        self._engine = os.path.realpath(engine)
        self._tree = _tree()
        self._mutex = threading.RLock()
        self._entered = 0
        self._name = _PREFIX + hashlib.sha256(self._engine).hexdigest()[:16].encode()

    def refuse(self, path: bytes) -> None:
        """Raises ArcxoError ER00426 when another home writes the directory, one above it, or one in it."""
        real = os.path.realpath(path)
        for claim in self._around(real):
            if claim.engine != self._engine:
                raise ArcxoError(
                    "ER00426",
                    path=shown(path),
                    other=shown(claim.path),
                    scenario=claim.scenario,
                    home=shown(claim.home),
                )

    def take(self, paths: Sequence[bytes], scenario_id: int, scenario: str) -> None:
        """Say that these directories are written by this home. Blocks on the disk."""
        for path in paths:
            real = os.path.realpath(path)
            directory = self._tree + real.rstrip(b"/")
            said = {"engine": self._engine.hex(), "scenario_id": scenario_id, "scenario": scenario}
            with contextlib.suppress(OSError):
                os.makedirs(directory, 0o700, exist_ok=True)
                new = directory + b"/" + self._name + b".new"
                fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
                try:
                    os.write(fd, json.dumps(said).encode())
                    os.fsync(fd)
                finally:
                    os.close(fd)
                os.replace(new, directory + b"/" + self._name)

    def release(self, paths: Sequence[bytes]) -> None:
        """These directories are written by this home no more."""
        for path in paths:
            self._drop(os.path.realpath(path), self._name)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """While inside no other home asks or claims; not for ever, should one hang.

        A thread may enter again while it is inside.
        """
        if not self._mutex.acquire(timeout=_PATIENCE_S):
            yield
            return
        fd = -1
        try:
            self._entered += 1
            if self._entered == 1:
                fd = self._locked()
            yield
        finally:
            self._entered -= 1
            if fd >= 0:
                os.close(fd)
            self._mutex.release()

    def _locked(self) -> int:
        """A descriptor to be closed. It holds the lock, unless another home does not let go of it."""
        fd = -1
        with contextlib.suppress(OSError):
            os.makedirs(self._tree, 0o700, exist_ok=True)
            fd = os.open(self._tree + b"/" + _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + _PATIENCE_S
        while fd >= 0 and time.monotonic() < deadline:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                time.sleep(0.01)
        return fd

    def _around(self, real: bytes) -> Iterator[Claim]:
        """The claims of a directory, of those above it, and of those in it."""
        above = real
        while above not in (b"/", b""):
            above = os.path.dirname(above)
            yield from self._at(above)
        waiting = [real.rstrip(b"/")]
        while waiting:
            here = waiting.pop()
            yield from self._at(here or b"/")
            with contextlib.suppress(OSError), os.scandir(self._tree + here) as entries:
                waiting += [here + b"/" + one.name for one in entries if one.is_dir(follow_symlinks=False)]

    def _at(self, path: bytes) -> Iterator[Claim]:
        directory = self._tree + path.rstrip(b"/")
        try:
            names = [name for name in os.listdir(directory) if name.startswith(_PREFIX)]
        except OSError:
            return
        for name in names:
            claim = _read(directory + b"/" + name, path)
            if claim is None:
                continue
            if claim.holds():
                yield claim
            elif os.path.isdir(os.path.dirname(claim.home)):
                # Not just away with its disk: gone.
                self._drop(path, name)

    def _drop(self, path: bytes, name: bytes) -> None:
        directory = self._tree + path.rstrip(b"/")
        with contextlib.suppress(OSError):
            os.unlink(directory + b"/" + name)
        with contextlib.suppress(OSError):
            while len(directory) > len(self._tree):
                os.rmdir(directory)
                directory = os.path.dirname(directory)


def _read(file: bytes, path: bytes) -> Claim | None:
    """A claim; None for what is damaged, or gone by now."""
    try:
        fd = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            said = json.loads(os.read(fd, 65_536))
        finally:
            os.close(fd)
        return Claim(path, bytes.fromhex(said["engine"]), int(said["scenario_id"]), str(said["scenario"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tree() -> bytes:
    chosen = os.environ.get(_OVERRIDE)
    if chosen:
        return os.fsencode(os.path.abspath(chosen))
    if os.geteuid() == 0:
        return _OF_ROOT
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.fsencode(os.path.join(state, "arcxo", "claims"))
