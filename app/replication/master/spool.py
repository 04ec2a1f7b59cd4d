"""The spool: the ordered, durable queue of change records, read at its own pace by each replica.

Append-only segments `<first sequence>.seg` (16 hex digits); `resources/docs/formats/spool.md` says what is
in them. `sync` makes what was appended durable; only then can it be read. A torn tail is cut off at open,
damage is told, never passed on. Segments that every replica has applied are deleted.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence

from blake3 import blake3

from app.model.errors import ArcxoError
from app.replication.master.durable import sync_directory
from app.replication.master.spool_log import SpoolLog
from app.replication.master.spool_segments import HEADER, SpooledRecord, read_segment, some_of

__all__ = ["Spool", "SpooledRecord"]


class Spool(SpoolLog):
    """One writer, any number of readers and threads. Errors of the disk are `OSError`s."""

    # reading

    def bytes_after(self, seq: int) -> int:
        """Bytes of the records after `seq`, as they are in the segments (within a part of one: about)."""
        with self._lock:
            total = 0
            for segment in reversed(self._segments):
                if segment.last <= seq:
                    break
                total += segment.size - (HEADER.size if segment.first > seq else segment.offset_of(seq + 1))
            return total

    def first_seq(self) -> int:
        """The oldest sequence still here (last_seq + 1 when there is none)."""
        with self._lock:
            return self._segments[0].first if self._segments else 1

    def wait_beyond(self, seq: int, wakes: int, timeout_s: float) -> bool:
        """Whether there is a record after `seq`; waits up to `timeout_s` for one, or until it is woken.

        `wakes` is what `Spool.wakes` was before the reader looked at anything that a wake may be about: it
        sleeps through none.
        """
        with self._news:
            self._news.wait_for(lambda: self.last_seq > seq or self.wakes != wakes, timeout_s)
            return self.last_seq > seq

    def wait_woken(self, wakes: int, timeout_s: float) -> None:
        """Wait up to `timeout_s` to be woken, whatever is recorded; `wakes` as above."""
        with self._news:
            self._news.wait_for(lambda: self.wakes != wakes, timeout_s)

    def wake(self) -> None:
        """Make all waiting readers look again."""
        with self._news:
            self.wakes += 1
            self._news.notify_all()

    def read(self, after: int, most_bytes: int, most_records: int = 10_000) -> list[SpooledRecord]:
        """Durable records after `after`, at least one if there is one, within the limits otherwise.

        Raises:
            ArcxoError: ER00212 when a record that should be here is gone or damaged.
        """
        with self._lock:
            last = self.last_seq
            if after >= last:
                return []
            if self._cache and self._cache[0].seq <= after + 1:
                return some_of(self._cache, after + 1 - self._cache[0].seq, most_bytes, most_records)
            segment = next((s for s in self._segments if s.first <= after + 1 <= s.last), None)
            start = segment.nearest(after + 1) if segment is not None else None
        if segment is None or start is None:
            raise ArcxoError("ER00212", file=self.directory, sequence=after + 1)
        path = self._path(segment.first)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ArcxoError("ER00212", file=path, sequence=after + 1) from None
        try:
            found, marks = read_segment(fd, path, start, after, last, most_bytes, most_records)
        finally:
            os.close(fd)
        with self._lock:
            for seq, position in marks:
                if not segment.marks or seq > segment.marks[-1][0]:
                    segment.mark(seq, position)
        return found

    def age_of(self, seq: int) -> float | None:
        """Seconds since record `seq` was recorded; None when it cannot be read."""
        with self._lock:
            if self._cache and self._cache[0].seq <= seq <= self._cache[-1].seq:
                return max(0.0, time.time() - self._cache[seq - self._cache[0].seq].at)
            aged = self._aged
        if aged is None or aged[0] != seq:
            records: list[SpooledRecord] = []
            with contextlib.suppress(ArcxoError, OSError):
                records = self.read(seq - 1, 1, 1)
            if not records:
                return None
            aged = self._aged = (seq, records[0].at)
        return max(0.0, time.time() - aged[1])

    # positions

    def set_position(self, replica: str, seq: int) -> None:
        """`replica` has durably applied everything up to `seq`; what all have goes."""
        with self._lock:
            if self._positions.of(replica).stopped:
                return
            self._positions.moved(replica, seq, self._time_of(seq))
            self._truncate()

    def skip_to(self, replica: str, seq: int) -> None:
        """Before a synchronisation after which `replica` goes on at `seq`: what it lacks is in doubt.

        A file written with its size and time kept looks the same to a comparison as before. Raises OSError.
        """
        with self._lock:
            if self._positions.skip(replica, seq):
                self._save_positions()

    def _time_of(self, seq: int) -> float:
        """When record `seq` was recorded, or some record before it."""
        if self._cache and self._cache[0].seq <= seq <= self._cache[-1].seq:
            return self._cache[seq - self._cache[0].seq].at
        if seq >= self.last_seq:
            return time.time()
        known = [one.at for one in self._positions.all() if one.seq is not None and one.seq <= seq]
        return max([self._positions.begun_at, *known])

    def stop_replica(self, replica: str, why: str) -> None:
        """`replica` gets nothing more until `start_replica`, and holds nothing back. Raises OSError."""
        with self._lock:
            self._positions.stop(replica, why)
            self._save_positions()
            self._truncate()

    def start_replica(self, replica: str) -> None:
        """`replica` takes part again; it must be synchronised. Raises OSError."""
        with self._lock:
            self._positions.start(replica)
            self._save_positions()

    def stopped_replica(self, replica: str) -> str:
        """Why `replica` gets nothing ("" = it does)."""
        return self._positions.of(replica).stopped

    def doubt(self, replica: str) -> None:
        """What `replica` was to get next cannot be read: it must be synchronised. Raises OSError."""
        with self._lock:
            self._positions.doubt(replica)
            self._save_positions()
            self._truncate()

    def doubt_all(self, replica: str) -> None:
        """Which changes `replica` lacks is not known at all. Raises OSError."""
        with self._lock:
            self._positions.doubt(replica, 0.0)
            self._save_positions()

    def doubt_since(self, replica: str) -> float | None:
        """Since when (seconds since 1970) changes may be missing there though size and time agree."""
        return self._positions.of(replica).doubt_since

    def note_quiet(self, at: float) -> None:
        """All changes made before `at` (seconds since 1970) are recorded, and nothing will be after."""
        with self._lock:
            self._positions.quiet_at = at

    def behind(self) -> list[str]:
        """The replicas that hold back the oldest records still here."""
        with self._lock:
            held = {name: seq for name, seq in self._positions.held().items() if seq < self.last_seq}
            if not held or not self._segments:
                return []
            oldest = min(held.values())
            segment = next((s for s in self._segments if oldest < s.last), self._segments[-1])
            return [name for name, seq in held.items() if seq < segment.last]

    def position(self, replica: str) -> int | None:
        """What `replica` has applied, if known."""
        return self._positions.of(replica).seq

    def is_proved(self, replica: str) -> bool:
        """Whether nothing speaks against what a replica got by its last synchronisation."""
        return not os.path.exists(self._unproved(replica))

    def set_proved(self, replica: str, *, proved: bool) -> None:
        """Keep, durably, whether a replica must be synchronised again. Raises OSError."""
        path = self._unproved(replica)
        if proved:
            with self._lock:
                self._positions.proved(replica)
                self._save_positions()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_directory(self.directory)

    def _unproved(self, replica: str) -> str:
        return os.path.join(self.directory, f"unproved-{blake3(replica.encode()).hexdigest(length=8)}")

    def hold_all(self, replicas: Sequence[str]) -> None:
        """Keep everything for these until each has said how far it is. Raises OSError."""
        with self._lock:
            first = self._segments[0].first if self._segments else 1
            self._positions.hold(replicas, first - 1, self._found_seq)
            self._save_positions()

    def reach(self, replica: str) -> int | None:
        """The most that was ever given to `replica` when this run began; None once it was met in it.

        A replica that has more was given it by a spool of the same name: this one was put back to what it was
        at an earlier time, and its numbers say other things now.
        """
        return self._positions.reach(replica)

    def met(self, replica: str) -> None:
        """`replica` has said how far it is: from now on it may be given more. Raises OSError."""
        with self._lock:
            if self._positions.met(replica):
                self._save_positions()
