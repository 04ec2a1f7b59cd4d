"""Small files that are on the disk, whole, when a function here returns."""

from __future__ import annotations

import os


def write_new(path: str, content: bytes, *, mode: int = 0o600) -> None:
    """Make `path` with `content`, whole or not at all. Raises FileExistsError when it is there."""
    draft = _write_draft(path, content, mode)
    try:
        os.link(draft, path)
    finally:
        os.unlink(draft)
    sync_directory(os.path.dirname(path))


def replace(path: str, content: bytes, *, mode: int = 0o600) -> None:
    """Give `path` this content; readers see the old or the new one, never a mixture."""
    os.replace(_write_draft(path, content, mode), path)
    sync_directory(os.path.dirname(path))


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_draft(path: str, content: bytes, mode: int) -> str:
    draft = f"{path}.{os.getpid()}.draft"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return draft
