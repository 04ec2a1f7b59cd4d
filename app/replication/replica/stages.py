"""Contents that come in parts, before the record of the file that they are for: staged in the side store."""

from __future__ import annotations

import contextlib
import os

from app.replication.records import ReplaceFile, StageContent, WriteBlocks
from app.replication.replica.batch import Batch
from app.replication.replica.side_store import stage_path
from app.replication.replica.steps import write_at
from app.replication.replica.trouble import PathTrouble

_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Stages:
    """See the module. Those that one batch writes and uses; one thread."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._staging: dict[int, int] = {}
        self.consumed: list[int] = []
        """The numbers of those that were opened for a record: they may go once it is carried out."""

    def put(self, record: StageContent) -> None:
        """Write a part. It is part of what a commit promises: the batch makes it durable when it finishes.

        Raises OSError, PathTrouble.
        """
        file = self._staging.get(record.stage)
        if file is None:
            fd, name = self._batch.tree(0).side.place(stage_path(record.stage))
            if record.offset == 0:
                # A content of this number that was never finished, or that a file in place already is.
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=fd)
            file = os.open(name, _OPEN | os.O_CREAT, 0o600, dir_fd=fd)
            self._batch.round.close_later(file)
            self._staging[record.stage] = file
            os.fsync(fd)
        write_at(file, record.offset, memoryview(record.data))

    def open(self, record: ReplaceFile | WriteBlocks) -> int:
        """Where the content of a record was staged, open until the batch is durable; -1: it brings its own.

        Raises:
            PathTrouble: ER00404 it was not staged, or not all of it.
            OSError: the disk fails.
        """
        if record.data is not None:
            return -1
        try:
            fd, name = self._batch.tree(0).side.place(stage_path(record.stage))
            file = os.open(name, _OPEN, dir_fd=fd)
        except (FileNotFoundError, PermissionError):
            raise PathTrouble("ER00404", record.path) from None
        self._batch.round.close_later(file)
        if os.fstat(file).st_size < sum(extent.length for extent in record.extents):
            raise PathTrouble("ER00404", record.path)
        self.consumed.append(record.stage)
        return file
