"""What a synchronisation is to send of a path, and what that became."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

from app.replication.master.shadow import ShadowEntry, ShadowRow


class Send(NamedTuple):
    """The full state of a path. `remove`: what the replica has there must go first; `link_to`: a name.

    `row` is what is recorded of it. `compare`: the replica has a file there, whose blocks tell what must be
    sent; `metadata` says that what is not content differs in any case.
    """

    path: bytes
    size: int
    row: ShadowEntry | None = None
    remove: bool = False
    metadata_only: bool = False
    link_to: bytes | None = None
    delete: bool = False
    compare: bool = False
    metadata: bool = False


class NewRun(NamedTuple):
    """Files that are not large, each with one name, and directories, of all of which the replica has nothing.

    They are sent whole, in the order of `rows`. `size` is that of all `files` of them.
    """

    rows: list[ShadowRow]
    files: int
    size: int


class Became(Enum):
    """What was sent of a file, told with the last part of it."""

    NOTHING = 0
    METADATA = 1
    CONTENT = 2


class Sent(NamedTuple):
    """What one `Send`, or a part of it, became (no records if it vanished: that is told as a doubt).

    `content_bytes` of content are in the records; `passed_bytes` of the path need not be looked at any more.
    Within a large file `file_at` of `file_of` bytes are compared, or sent.
    """

    path: bytes
    records: tuple[bytes, ...]
    content_bytes: int
    passed_bytes: int = 0
    file_at: int = 0
    file_of: int = 0
    became: Became = Became.NOTHING


class SentRun(NamedTuple):
    """What a part of a `NewRun` became, read at once: records one after another, each behind its header.

    `path` is the last one, `files` of them were sent whole.
    """

    path: bytes
    packed: bytes
    records: int
    files: int
    content_bytes: int
    passed_bytes: int


Report = Callable[[int, Send, OSError], None]
"""Told (root, what, error) of what cannot be read: it has to be recorded later. Called as a `Doubt` is."""

Doubt = Callable[[int, Send, bool], None]
"""Told (root, what, same file) of what has to be recorded again. Called in threads of the reading.

Not the same file: another inode than the recorded one, or nothing, was read; a rename may be under way, so
that what was sent belongs to another path than the record of it. The same file: its content was read in a
state between two that are recorded, and the record of the later one may leave out what they have in common.
"""
