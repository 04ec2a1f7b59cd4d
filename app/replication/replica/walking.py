"""Walking a tree by descriptors, so that neither its depth nor a link in it matters."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from app.held_directories import names_in
from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble


def walk(place: Rooted, path: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """(path, status) of `path` and all beneath it, a directory before its contents, names sorted.

    What vanishes meanwhile is left out. Raises OSError for directories that cannot be read.
    """
    status = place.status_or_none(path)
    if status is None:
        return
    yield path, status
    if not stat.S_ISDIR(status.st_mode):
        return
    waiting = [path]
    while waiting:
        directory = waiting.pop()
        try:
            fd = place.directory(directory)
        except (PathTrouble, FileNotFoundError):
            continue
        found = []
        for name in sorted(names_in(fd)):
            try:
                child = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            found.append((directory + b"/" + name if directory else name, child))
        yield from found
        waiting += [at for at, child in reversed(found) if stat.S_ISDIR(child.st_mode)]


def remove_tree(place: Rooted, path: bytes) -> None:
    """Remove `path` and all beneath it; nothing there is fine. Raises OSError."""
    status = place.status_or_none(path)
    if status is None:
        return
    fd, name = place.place(path)
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(name, dir_fd=fd)
        return
    directories = [path]
    for at, child in walk(place, path):
        if at == path:
            continue
        if stat.S_ISDIR(child.st_mode):
            directories.append(at)
        else:
            fd, name = place.place(at)
            os.unlink(name, dir_fd=fd)
    for at in reversed(directories):
        fd, name = place.place(at)
        os.rmdir(name, dir_fd=fd)
    place.forget()
