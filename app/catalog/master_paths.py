"""Paths of a master as the catalog keeps them: folder and name."""

from __future__ import annotations

from collections.abc import Iterator


def split_path(path: bytes) -> tuple[bytes, bytes]:
    """Folder and name of an absolute path; `/` itself is the empty name in the empty folder."""
    if path == b"/":
        return b"", b""
    folder, _, name = path.rpartition(b"/")
    return folder or b"/", name


def subtree(path: bytes) -> list[tuple[bytes, bytes]]:
    """Half-open ranges of folder paths that are `path` or beneath it."""
    if path == b"/":
        return [(b"/", b"0")]
    return [(path, path + b"\0"), (path + b"/", path + b"0")]


def parents(path: bytes) -> Iterator[bytes]:
    """The folders above a path, the nearest first, without `/` itself."""
    folder, _ = split_path(path)
    while folder not in (b"", b"/"):
        yield folder
        folder, _ = split_path(folder)
