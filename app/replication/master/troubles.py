"""Paths that one replica could not take: sent again in full, ever less often, and shown until they are taken.

The first tries of what another state of the replica explains follow at once. After them, and for what the
replica refused for good (it may not write there, its file system cannot hold it), nobody tells when the cause
is gone: such a path is sent again after a minute, after two, and so on up to an hour, the less often the
larger it is; besides when it changes, with each synchronisation, and when an audit comes by.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from app.distant_mounts import distant
from app.messages import render
from app.model.errors import Problem
from app.model.scenario import Scenario
from app.replication.codec import refuse
from app.replication.frames import MOVED_TROUBLE, UNSET_METADATA, Trouble
from app.replication.master.following import Again, Due
from app.replication.master.recorder import Recorder
from app.replication.master.trouble_telling import KEPT_MOST, Key, TroubleTelling

AGAIN_FIRST_S = 60.0
AGAIN_MOST_S = 3600.0
_SIZED_MOST_S = 24 * 3600.0
_BYTES_PER_S = 1024 * 1024
"""What sending large files in vain may take of link and disks, on average."""
_TRIES = 4
_ALIKE_AT_ONCE = 20
"""Of paths whose metadata were refused for the same cause, so many are tried; then all, if one is taken."""
CHANGED_BY_OTHERS = "WR00432"
"""Why a replica asks for a path that somebody else changed there: no fault of the path itself."""


@dataclass(slots=True)
class _Known:
    """A path with a problem, refused so many `times`, to be sent again when it is `due`.

    `sent`: the record in full that counts as taken once the replica has it and nothing was heard.
    """

    problem: Problem
    final: bool
    due: float
    unset: bool = False
    """It lacks no more than metadata: `cause` says which."""
    cause: str = ""
    hopeful: bool = False
    """What had the same cause was taken."""
    times: int = 1
    sent: int | None = None
    tried: bool = False
    gone: bool = False


@dataclass(slots=True)
class _Tried:
    """A path that is sent in full at once, after so many refusals in a row; `sent` as in `_Known`."""

    times: int = 0
    sent: int | None = None


class Troubles:
    """Of one replica; the `Lacking` of its recorder. `event` tells people."""

    def __init__(self, scenario: Scenario, host: str, recorder: Recorder, event: Callable[..., None]) -> None:
        self._roots = scenario.roots
        self._host = host
        self._recorder = recorder
        self._telling = TroubleTelling(host, event)
        self._lock = threading.Lock()
        self._tries: dict[Key, _Tried] = {}
        self._known: dict[Key, _Known] = {}
        self._next = float("inf")
        self._more = False
        """Whether more paths are lacking than are known: any may be one of them."""
        recorder.looking.lacking.append(self)
        self.count = 0
        """Paths recorded anew since the start."""

    def clear(self) -> None:
        """Forget them: a synchronisation compares everything."""
        with self._lock:
            self._tries.clear()
            self._known.clear()
            self._more = False

    def problems(self) -> list[Problem]:
        """What is shown to people."""
        with self._lock:
            return [known.problem for known in self._known.values()]

    @property
    def any(self) -> bool:
        """Whether there are problems to be shown."""
        return bool(self._known)

    def covers(self, root: int, path: bytes, *, metadata: bool = False) -> bool:
        """Whether the replica could not take a path, or a directory above it.

        `metadata`: no more than metadata of it are asked about, which may be lacking where all else is there.
        """
        with self._lock:
            known = self._known.get((root, path))
            if known is not None and (metadata or not known.unset):
                return True
            if self._more:
                return True
            while path:
                path = path.rpartition(b"/")[0]
                known = self._known.get((root, path))
                if known is not None and not known.unset:
                    return True
        return False

    def hasten(self, root: int, path: bytes) -> bool:
        """Have the metadata of a path recorded again at once, if those are all it lacks.

        False where it has to be sent in full.
        """
        with self._lock:
            known = self._known.get((root, path))
            if known is None or not known.unset:
                return known is None and self._more
            known.due, known.hopeful = 0.0, True
            self._next = 0.0
            return True

    # what the recorder says, in its thread

    def recorded(self, root: int, path: bytes, seq: int, *, full: bool) -> Again:
        """See `Lacking`."""
        if not self._known and not self._tries:
            return Again.NOTHING
        with self._lock:
            tried = self._tries.get((root, path)) if full else None
            if tried is not None:
                tried.sent = seq
            known = self._known.get((root, path))
            if known is None:
                return Again.NOTHING
            if full:
                known.sent, known.tried, known.gone = seq, True, False
                return Again.NOTHING
            return Again.METADATA if known.unset else Again.FULL

    def metadata_recorded(self, root: int, path: bytes, seq: int) -> None:
        """See `Lacking`."""
        if not self._known:
            return
        with self._lock:
            known = self._known.get((root, path))
            if known is not None and known.unset:
                known.sent, known.tried, known.gone = seq, True, False

    def gone(self, root: int, path: bytes, seq: int, *, beneath: bool) -> None:
        """See `Lacking`."""
        if not self._known:
            return
        with self._lock:
            for key in self._beneath(root, path) if beneath else ((root, path),):
                known = self._known.get(key)
                if known is None:
                    continue
                known.sent, known.gone = seq, True

    def moved(self, root: int, path: bytes, new_path: bytes) -> list[bytes]:
        """See `Lacking`."""
        if not self._known:
            return []
        with self._lock:
            again = []
            for key in self._beneath(root, path):
                known = self._known.pop(key)
                self._tries.pop(key, None)
                there = new_path + key[1][len(path) :]
                if known.unset:
                    # All else of it moves along on the replica, too.
                    problem = self._problem_of(root, there, UNSET_METADATA, known.cause)
                    due = time.monotonic()
                    self._known[root, there] = _Known(problem, True, due, True, known.cause, hopeful=True)
                    self._next = min(self._next, due)
                else:
                    again.append(there)
                    self._tries[root, there] = _Tried()
        return again

    def due(self, now: float) -> list[Due]:
        """See `Lacking`."""
        if now < self._next:
            return []
        found: list[Due] = []
        with self._lock:
            alike: dict[str, list[tuple[int, Key]]] = {}
            for key, known in self._known.items():
                if known.due > now:
                    continue
                # Whether it was taken the last time is not known yet, or it cannot be read now.
                known.due = now + AGAIN_FIRST_S
                if known.sent is not None:
                    continue
                if not known.unset:
                    found.append(Due(*key, Again.FULL))
                elif known.hopeful:
                    found.append(Due(*key, Again.METADATA))
                else:
                    alike.setdefault(known.cause, []).append((known.times, key))
            for waiting in alike.values():
                # A replica that refuses what all its files are to have refuses them one like the other.
                tried = heapq.nsmallest(_ALIKE_AT_ONCE, waiting)
                found += [Due(*key, Again.METADATA) for _, key in tried]
            self._next = min((known.due for known in self._known.values()), default=float("inf"))
        found = [one for one in found if self._answers(one)]
        self.count += len(found)
        return found

    def _answers(self, one: Due) -> bool:
        """Whether there is an answer at a path: who compares one of a silent mount waits for it for ever."""
        return _size(self._roots[one.root].master_path + b"/" + one.path) is not None

    def _beneath(self, root: int, path: bytes) -> list[Key]:
        prefix = path + b"/"
        return [key for key in self._known if key[0] == root and (key[1] + b"/").startswith(prefix)]

    # what the replica says, in the thread that receives

    def connected(self, seq: int) -> None:
        """A new stream goes on after a record: what was said of those before may be lost."""
        with self._lock:
            for tried in self._tries.values():
                if tried.sent is not None and tried.sent <= seq:
                    tried.sent = None
            for known in self._known.values():
                if known.sent is not None and known.sent <= seq:
                    known.sent = None
                    known.due = time.monotonic() + AGAIN_FIRST_S
                    self._next = min(self._next, known.due)

    def committed(self, seq: int) -> None:
        """The replica has everything up to a record: what it said nothing of by then is taken."""
        if not self._known and not self._tries:
            return
        with self._lock:
            for key in [key for key, one in self._tries.items() if one.sent is not None and one.sent <= seq]:
                del self._tries[key]
            taken = [
                key for key, known in self._known.items() if known.sent is not None and known.sent <= seq
            ]
            over = []
            causes = set()
            for key in taken:
                known = self._known.pop(key)
                self._tries.pop(key, None)
                self._telling.forget(key)
                if not known.gone:
                    over.append(known.problem.params["path"])
                    if known.unset and not known.hopeful:
                        causes.add(known.cause)
            if causes:
                self._hope(causes)
        self._telling.taken(over)

    def _hope(self, causes: set[str]) -> None:
        for known in self._known.values():
            if known.unset and known.cause in causes:
                known.hopeful, known.due = True, 0.0
        self._next = 0.0

    def take(self, trouble: Trouble) -> None:
        """Have the path recorded anew, in full, at once or later. Raises ArcxoError ER00301."""
        key = (trouble.root, trouble.path)
        if trouble.root >= len(self._roots):
            refuse("trouble in a root that does not exist")
        if trouble.code == CHANGED_BY_OTHERS:
            self._again(key, 0.0)
            return
        if MOVED_TROUBLE in trouble.params and self._takes_moved(key, trouble):
            return
        if trouble.code == UNSET_METADATA:
            self._keep_unset(key, trouble.params.get("cause", ""))
            return
        with self._lock:
            known = self._known.get(key)
            if known is not None and known.unset:
                # It lacks more than that by now.
                del self._known[key]
                known = None
            tries = 0
            if known is None and not trouble.final:
                tried = self._tries.pop(key, _Tried())
                tried.times, tried.sent = tried.times + 1, None
                tries, self._tries[key] = tried.times, tried
                if len(self._tries) > KEPT_MOST:
                    del self._tries[next(iter(self._tries))]
        if 0 < tries < _TRIES:
            self._again(key, 0.05 * 4 ** (tries - 1))
        else:
            self._keep(key, trouble)

    def _takes_moved(self, key: Key, trouble: Trouble) -> bool:
        """What was told at another path before: nothing has to be done where it is followed already."""
        with self._lock:
            if key in self._known or key in self._tries:
                return True
        if trouble.code == UNSET_METADATA:
            return False
        # It was told when the rename was recorded already: nobody asked for it where it is now.
        self._again(key, 0.0)
        return True

    def _again(self, key: Key, delay: float) -> None:
        self.count += 1
        self._recorder.hints.add(*key, content=True, tree=True, force=True, delay=delay)

    def _problem_of(self, root: int, path: bytes, code: str, cause: str) -> Problem:
        top = self._roots[root].master_path
        whole = top + b"/" + path if path else top
        text = whole.decode("utf-8", "replace")
        return Problem(code, whole, {"path": text, "replica": self._host, "cause": cause})

    def _keep_unset(self, key: Key, cause: str) -> None:
        problem = self._problem_of(*key, UNSET_METADATA, cause)
        with self._lock:
            known = self._known.get(key)
            if known is not None and not known.unset and known.sent is None:
                return
            if known is None and len(self._known) >= KEPT_MOST:
                self._more = True
                return
            tell = known is None and self._telling.is_news(key)
            times = known.times if known is not None and known.unset else 0
            times += known is None or known.tried
            due = time.monotonic() + _wait_s(times, 0)
            if known is not None and known.unset and not known.tried:
                due = known.due
            self._known[key] = _Known(problem, True, due, True, cause, times=max(1, times))
            self._next = min(self._next, due)
            many = self._telling.many
        if tell:
            self._telling.tell(problem, many=many)

    def _keep(self, key: Key, trouble: Trouble) -> None:
        cause = render(trouble.code, trouble.params).text
        problem = self._problem_of(*key, "WR00231", cause)
        size = _size(problem.path) or 0
        with self._lock:
            known = self._known.get(key)
            if known is None:
                if len(self._known) >= KEPT_MOST:
                    self._more = True
                    return
                due = time.monotonic() + _wait_s(1, size)
                known = self._known[key] = _Known(problem, trouble.final, due)
                tell = self._telling.is_news(key)
            else:
                tell = False
                # What is in a directory that is lacking says the same of it once more, and not why.
                if trouble.final or not known.final:
                    known.problem, known.final = problem, trouble.final
                if known.tried:
                    known.times += 1
                    known.due = time.monotonic() + _wait_s(known.times, size)
                known.sent, known.tried = None, False
            self._next = min(self._next, known.due)
            many = self._telling.many
        if tell:
            self._telling.tell(problem, many=many)


def _size(whole: bytes) -> int | None:
    """How large it is, 0 for what cannot be looked at; None when its mount does not answer."""
    try:
        return distant.lstat(whole).st_size
    except TimeoutError:
        return None
    except OSError:
        return 0


def _wait_s(times: int, size: int) -> float:
    """How long to wait after a path of so many bytes was refused so many times."""
    wait = min(AGAIN_MOST_S, AGAIN_FIRST_S * 2.0 ** min(times - 1, 10))
    return max(wait, min(_SIZED_MOST_S, size / _BYTES_PER_S))
