"""An entry of the replica, read for the master that lost it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from app.model.entry import EntryKind
from app.replication.frames import Fetched, FetchRequest
from app.replication.metadata import read_metadata, read_metadata_fd
from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble

PART_BYTES = 1024 * 1024


def fetch(tree: Rooted, request: FetchRequest) -> Iterator[Fetched]:
    """The answers to a request: one that says "nothing there", or the metadata with the content in parts.

    Links are not followed. Blocks on the disk; what cannot be read is answered as not there.
    """
    absent = Fetched(request.root, request.path, None, b"", True)
    try:
        directory, name = tree.place(request.path)
        metadata, _ = read_metadata(name, directory)
        if metadata.kind is not EntryKind.FILE:
            yield Fetched(request.root, request.path, metadata, b"", True)
            return
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except (OSError, PathTrouble):
        yield absent
        return
    try:
        metadata, _ = read_metadata_fd(fd)
        left = metadata.size_bytes
        while True:
            try:
                data = os.read(fd, min(PART_BYTES, left)) if left else b""
            except OSError:
                yield absent
                return
            left -= len(data)
            last = not left or not data
            yield Fetched(request.root, request.path, metadata, data, last)
            if last:
                return
    finally:
        os.close(fd)
