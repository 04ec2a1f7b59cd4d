"""The safety brake: holds removals and rewrites back until it is clear that they are not a flood.

The recorder tells it of each removal and rewrite *before* its record is put. From the first one on, the
senders stop just before it (watching); when it stays quiet, they go on. Beyond the limit, or when a root
turns out to be empty, the brake is on: the senders stay where they are until people have decided. Where that
is, is durable before the first such record is, so a killed engine holds back the same records again.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from app.model.entry import EntryKind
from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import encode
from app.replication.master.compare import ComparedRoot
from app.replication.master.durable import write_file
from app.replication.master.losses import Losses, is_young
from app.replication.master.outlet import Outlet
from app.replication.master.passing import Passing
from app.replication.master.rates import Rates
from app.replication.master.shadow import ShadowEntry
from app.replication.master.spool import Spool
from app.replication.master.walker import EMPTIED_LEAST_ENTRIES
from app.replication.records import Mark, Skip

FILE_NAME = "brake.json"
QUIET_S = 0.15
QUIET_OVER_S = 0.4
WATCH_MOST_S = 3.0
WATCH_OVER_MOST_S = 60.0
REWRITES_BURST = 20
_BURST_S = 1.0
_COUNTED = ("ER00225", "ER00260", "ER00261")


@dataclass(slots=True)
class Held:
    """What is kept in the file. `position`: the last record that may be sent; `code` "": only watching."""

    position: int
    epoch: str
    files_before: list[int] = field(default_factory=list)
    code: str = ""
    params: dict[str, str] = field(default_factory=dict)
    at: float = 0.0
    root_lost: bool = False
    limit_files: int = 0
    usual_per_minute: float = 0.0
    point_id: str = ""
    sync: list[str] = field(default_factory=list)
    returned: str = ""
    """Of what was lost as a whole and is to be looked at again: its place (hex, absolute)."""
    placeholder: bool = True
    """Whether the record after `position` holds the place of a bookmark."""

    @property
    def holds(self) -> bool:
        """Whether anything is held back (else: it is only noted who must be synchronised)."""
        return self.position >= 0


def load(directory: str) -> Held | None:
    """What the file in `directory` says; None when there is none."""
    try:
        with open(os.path.join(directory, FILE_NAME), "rb") as file:
            return Held(**json.load(file))
    except FileNotFoundError:
        return None


def forget(directory: str) -> None:
    """Remove the file."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(directory, FILE_NAME))


class Brake:
    """See the module. The recorder's lock is held for all but what the senders ask (any thread)."""

    def __init__(
        self,
        directory: str,
        percent: int,
        roots: list[ComparedRoot],
        losses: Losses,
        spool: Spool,
        on_braked: Callable[[Held], None],
    ) -> None:
        self._directory = directory
        self._roots = roots
        self._losses = losses
        self._spool = spool
        self._on_braked = on_braked
        self._rates = Rates(percent)
        self._news = threading.Condition()
        self._held: Held | None = None
        self._marks: dict[int, bytes] = {}
        self._sync: list[str] = []
        self._since = 0.0
        self._last = 0.0
        self._rewrites = (0.0, 0)
        self._passing = Passing()
        self._starting = False
        self.outlet: Outlet | None = None
        self.returned = b""
        """What was lost as a whole, and is taken as it is now: all that is missing there is held."""

    # asked by the senders

    @property
    def held(self) -> Held | None:
        """What holds, if anything does."""
        return self._held

    @property
    def braked(self) -> Held | None:
        """What holds until people decide."""
        held = self._held
        return held if held is not None and held.code else None

    def bound(self) -> int | None:
        """The last record that may be sent; None = any."""
        held = self._held
        if held is None:
            return None
        return held.position + 1 if held.point_id else held.position

    def wait_change(self, held: Held | None, timeout_s: float) -> None:
        """Wait until something else than `held` holds."""
        with self._news:
            self._news.wait_for(lambda: self._held is not held, timeout_s)

    def record_for(self, seq: int, data: bytes) -> bytes:
        """What is to be sent as record `seq`: the brake's bookmark stands for a placeholder."""
        return self._marks.get(seq, data)

    def needs_synchronization(self, host: str) -> bool:
        """Whether what was held back for this replica must not be sent, but be compared anew."""
        return host in self._sync

    def synchronized(self, host: str) -> None:
        """A replica was synchronised after a decision. Called by its sender."""
        with self._news:
            if host not in self._sync:
                return
            self._sync.remove(host)
            self._save()

    # told by the recorder

    def open(self, *, fresh: bool) -> None:
        """Take up what the engine's last life held; with `fresh` the spool begins anew and nothing is."""
        kept = load(self._directory)
        if kept is None or fresh or kept.epoch != self._spool.epoch:
            if kept is not None:
                forget(self._directory)
            self._losses.clear()
            return
        self._sync = kept.sync
        if not kept.holds:
            return
        self._held = kept
        self._since = self._last = time.monotonic()
        if kept.root_lost:
            # The caller has found the roots to be there, or tells again.
            kept.root_lost = False
            kept.returned = kept.returned or kept.params.get("place", "")
            if kept.code not in _COUNTED:
                kept.code = ""
        with contextlib.suppress(ValueError):
            self.returned = bytes.fromhex(kept.returned)
        self._note_mark(kept)
        if not kept.code:
            self._starting = True
            self._rates.note(self._losses.files(), self._last)

    def started(self) -> None:
        """The walk of the start is over: what it found is told."""
        self._starting = False

    @property
    def watching(self) -> bool:
        """Whether `judge` should be called often."""
        return self._held is not None and not self._held.code

    def removing(self, root: int, path: bytes) -> None:
        """All at `path` is about to be recorded as removed."""
        if self._held is None and self._passing.removed(root, path, time.monotonic()):
            return
        self._hold()
        if self._held is not None:
            self._count(self._losses.removing(root, path))

    def rewriting(self, root: int, row: ShadowEntry, *, whole: bool = True) -> None:
        """The content of a file is about to be recorded as replaced, most of it (`whole`) or less."""
        now = time.monotonic()
        if self._held is None:
            if not whole or not self._rates.percent or is_young(row):
                return
            since, count = self._rewrites
            count = 1 if now - since > _BURST_S else count + 1
            self._rewrites = (now if count == 1 else since, count)
            if count < REWRITES_BURST or self._files() < self._rates.limit(0):
                return
            self._hold()
        if self._held is not None:
            self._count(self._losses.rewriting(root, row, whole=whole))

    def created(self, root: int, entry: ShadowEntry) -> None:
        """An entry was recorded where none was."""
        if self._held is not None:
            self._count(-self._losses.created(root, entry))
        elif entry.kind is EntryKind.FILE:
            self._passing.created(root, entry.path, time.monotonic())

    def renames(self, *, directory: bool) -> bool:
        """Whether a rename may be recorded as one now."""
        if directory:
            self._passing.forget()
        if self._held is None or not directory:
            return True
        if self._held.code or self._over():
            # What is held must stay where the replica has it, or it could not be brought back.
            return False
        self._release()
        return True

    def renamed(self, root: int, row: ShadowEntry, new_path: bytes) -> None:
        """A file was recorded as renamed."""
        self._passing.renamed(root, row.path, new_path)
        if self._held is not None:
            self._losses.renamed(root, row, new_path)

    def judge(self, waiting: int, *, final: bool = False) -> None:
        """Decide whether to go on, with `waiting` hints not recorded yet; `final`: no more will be.

        Between batches only.
        """
        held = self._held
        if held is None or held.code:
            return
        now = time.monotonic()
        over, emptied = self._over(), self._emptied(held)
        quiet = now - self._last >= (QUIET_OVER_S if over or emptied else QUIET_S)
        most = WATCH_OVER_MOST_S if over or emptied or self._starting else WATCH_MOST_S
        if not final and (not quiet or waiting or self._starting) and now - self._since < most:
            return
        if emptied:
            self._brake(held, "ER00261", path=_text(emptied), files=self._losses.files())
        elif over:
            self._brake(held, "ER00260", files=self._rates.count(now))
        elif held.returned and (missing := len(self._losses.undecided())):
            self._brake(held, "ER00225", path=_text(self.returned), missing=missing)
        else:
            self._release()

    def brake_root(self, error: ArcxoError) -> None:
        """A root is gone or another one: nothing is sent beyond what is recorded."""
        if (braked := self.braked) is not None:
            if not braked.root_lost:
                # What is held stays so, but the root must be there before anything can come back.
                with self._news:
                    braked.root_lost = True
                    self._save()
            return
        held = self._held or Held(self._spool.last_seq, self._spool.epoch, sync=self._sync, placeholder=False)
        held.root_lost = True
        self._brake(held, error.code, **error.params)

    # told by people

    def lift(self, hosts: Sequence[str], *, synchronize: bool) -> None:
        """Go on: with what was held, or with a synchronisation of `hosts` instead of it."""
        with self._news:
            if synchronize:
                self._sync = list(hosts)
        self._release()

    # inside

    def _files(self) -> int:
        return sum(root.counters.files for root in self._roots)

    def _over(self) -> bool:
        return self._rates.exceeded(self._files(), time.monotonic())

    def _emptied(self, held: Held) -> bytes:
        """A root with files that is empty now, though it was not before (b"" if none)."""
        for root, files in zip(self._roots, held.files_before, strict=False):
            if files < EMPTIED_LEAST_ENTRIES or root.counters.files > files // 2:
                continue
            try:
                with os.scandir(root.path) as entries:
                    if next(entries, None) is None:
                        return root.path
            except OSError:
                continue
        return b""

    def _count(self, files: int) -> None:
        self._last = time.monotonic()
        self._rates.note(files, self._last)

    def _hold(self) -> None:
        """Stop the senders before the next record, durably before there is one."""
        if (known := self._held) is not None and not known.placeholder and not known.code:
            # Of a root that was lost: from here on there is something to bring back.
            assert self.outlet is not None
            with self._news:
                known.position, known.placeholder = self.outlet.newest_seq(), True
                self._save()
                self._news.notify_all()
            self.outlet.put(Skip())
            return
        if self._held is not None or self._files() < EMPTIED_LEAST_ENTRIES:
            return
        assert self.outlet is not None
        held = Held(
            self.outlet.newest_seq(),
            self._spool.epoch,
            files_before=[root.counters.files for root in self._roots],
            sync=self._sync,
        )
        with self._news:
            self._held = held
            self._since = self._last = time.monotonic()
            self._save()
            self._news.notify_all()
        self.outlet.put(Skip())

    def _brake(self, held: Held, code: str, **params: object) -> None:
        now = time.monotonic()
        with self._news:
            if not held.root_lost and held.placeholder:
                held.point_id = secrets.token_hex(8)
            held.at = time.time()
            held.limit_files = self._rates.limit(self._files() + self._rates.count(now))
            held.usual_per_minute = self._rates.usual_per_minute(now)
            held.params = {key: str(value) for key, value in params.items()}
            held.params |= {
                "limit": f"{held.limit_files:,}",
                "percent": str(self._rates.percent),
                "usual": f"{held.usual_per_minute:.1f}",
                "total": str(self._files() + self._losses.files()),
            }
            held.code = code
            self._held = held
            self._note_mark(held)
            self._save()
            self._news.notify_all()
        self._spool.wake()
        self._on_braked(held)

    def _note_mark(self, held: Held) -> None:
        if held.point_id:
            at = datetime.fromtimestamp(held.at, UTC)
            mark = Mark(PointKind.BOOKMARK, held.point_id, "Before the safety brake", at)
            self._marks[held.position + 1] = encode(mark)

    def _release(self) -> None:
        decided = self.braked is not None
        self._losses.clear()
        if decided:
            self._rates.forget()
        with self._news:
            self._held = None
            self._save()
            self._news.notify_all()
        self._spool.wake()

    def _save(self) -> None:
        """Durable when something begins to hold. That nothing does any more is found again after a crash."""
        if self._held is not None:
            self._held.sync = self._sync
            self._write(self._held)
        elif self._sync:
            self._write(Held(-1, self._spool.epoch, sync=self._sync))
        else:
            forget(self._directory)

    def _write(self, held: Held) -> None:
        write_file(os.path.join(self._directory, FILE_NAME), json.dumps(asdict(held)).encode())


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
