"""Reading directories that are held open, as they are now.

*Measured* on btrfs (Linux 6.18): a descriptor shows only what was there when it was opened or last rewound,
so `os.listdir` of one that was opened before misses all that came since, the first time. It also shares its
position with every copy of it, so that two threads that read one take names from each other. So each reading
opens the directory anew, by the descriptor: no name is followed again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def names_in(fd: int) -> list[bytes]:
    """The names in the directory held by `fd`, in no order; none when it was removed. Raises OSError."""
    try:
        fresh = os.open(".", _DIRECTORY, dir_fd=fd)
    except FileNotFoundError:
        return []
    try:
        return [os.fsencode(name) for name in os.listdir(fresh)]
    finally:
        os.close(fresh)


@contextlib.contextmanager
def entries_in(fd: int) -> Iterator[Iterator[os.DirEntry[str]]]:
    """`os.scandir` of the directory held by `fd`, while the context lasts; nothing when it was removed."""
    try:
        fresh = os.open(".", _DIRECTORY, dir_fd=fd)
    except FileNotFoundError:
        yield iter(())
        return
    try:
        with os.scandir(fresh) as entries:
            yield entries
    finally:
        os.close(fresh)
