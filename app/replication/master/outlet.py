"""Where the recorder's records go: encoded, collected, and made durable together before the shadow is."""

from __future__ import annotations

from collections.abc import Callable

from app.replication.codec import encode
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.records import MakeLink, Record

RECORDED_FACT = "recorded"
"""The fact of the shadow that says up to which sequence of the spool it knows."""

_WRITE_BYTES = 1024 * 1024
_SYNC_BYTES = 8 * 1024 * 1024


class Outlet:
    """Collects the records of one batch. For the recorder's thread."""

    def __init__(self, spool: Spool, shadow: Shadow) -> None:
        self._spool = spool
        self._shadow = shadow
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._unsynced_bytes = 0
        self._stage = 0
        self._noted = -1
        self.operations = 0
        self.links = 0
        self.on_recording: Callable[[], None] = lambda: None
        """Called before the shadow is committed with new records."""
        self.bytes = 0

    def put(self, record: Record) -> None:
        """Add a record. Large amounts are written at once, so that memory stays bounded."""
        data = encode(record)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        self.operations += 1
        self.links += isinstance(record, MakeLink)
        self.bytes += len(data)
        if self._waiting_bytes >= _WRITE_BYTES:
            self._write()
            if self._unsynced_bytes >= _SYNC_BYTES:
                # Records ahead of the shadow are harmless: they are absolute and will come again.
                self._spool.sync()
                self._unsynced_bytes = 0

    def new_stage(self) -> int:
        """A number for staged content that was not used before in this epoch."""
        self._stage = max(self._stage, self._spool.appended_seq + len(self._waiting)) + 1
        return self._stage

    def newest_seq(self) -> int:
        """The sequence of the last record put."""
        return self._spool.appended_seq + len(self._waiting)

    def large(self) -> bool:
        """Whether the batch should be committed before more is added."""
        return self._waiting_bytes + self._unsynced_bytes >= _SYNC_BYTES

    def commit(self) -> None:
        """Make the records durable, then the shadow."""
        self._write()
        self._spool.sync()
        self._unsynced_bytes = 0
        if self._spool.last_seq != self._noted:
            self._noted = self._spool.last_seq
            self.on_recording()
            self._shadow.set_fact(RECORDED_FACT, str(self._noted))
        self._shadow.commit()

    def discard(self) -> None:
        """Forget what was not committed; the shadow stands where the spool is known to be."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._shadow.rollback()

    def _write(self) -> None:
        if self._waiting:
            self._spool.append(self._waiting)
            self._unsynced_bytes += self._waiting_bytes
            self._waiting.clear()
            self._waiting_bytes = 0
