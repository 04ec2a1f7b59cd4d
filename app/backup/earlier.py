"""What earlier runs of the same restore have done already, by their journal."""

from __future__ import annotations

import os
import struct

from app.backup.journal import Fingerprint, Record, Step, read_journal

_MARK = struct.Struct("<QQqIII")


def boot_id() -> str:
    """What tells this start of the system from others."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


class Earlier:
    """Looked up by target: hashes and packed fingerprints, as there may be a million."""

    def __init__(self, state: str) -> None:
        self._done: dict[int, bytes] = {}
        self._directories: set[int] = set()
        self._names: dict[int, bytes] = {}
        self.boot = ""
        self.any = False
        if state:
            for record in read_journal(state):
                self._learn(record)

    def _learn(self, record: Record) -> None:
        more = record.more or {}
        if record.step is Step.BEGIN:
            self.boot = str(more.get("boot", ""))
            return
        self.any = True
        if record.step in (Step.CREATE, Step.REPLACE, Step.PENDING) and record.after is not None:
            wanted = more.get("for" if record.step is Step.PENDING else "wanted", record.target)
            if wanted != record.target:
                self._names[hash(wanted)] = record.target
            self._done[hash(wanted)] = _packed(record.after)
        elif record.step in (Step.MAKE_DIRECTORY, Step.SET_DIRECTORY):
            self._directories.add(hash(record.target))

    def knows_directory(self, target: bytes) -> bool:
        """Whether it is noted already how a directory was before the first run."""
        return hash(target) in self._directories

    def name_of(self, wanted: bytes) -> bytes:
        """Where the entry that belongs to `wanted` was put: there, or under another name."""
        return self._names.get(hash(wanted), wanted)

    def is_done(self, wanted: bytes, found: os.stat_result | None) -> bool:
        """Whether what is there now is what an earlier run put there."""
        mark = self._done.get(hash(wanted))
        return mark is not None and found is not None and _packed(Fingerprint.of(found)) == mark


def _packed(mark: Fingerprint) -> bytes:
    return _MARK.pack(
        mark.inode & (1 << 64) - 1,
        mark.size_bytes & (1 << 64) - 1,
        max(-(1 << 63), min(mark.modified_ns, (1 << 63) - 1)),
        mark.mode & 0xFFFFFFFF,
        mark.uid & 0xFFFFFFFF,
        mark.gid & 0xFFFFFFFF,
    )
