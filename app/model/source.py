"""Directories and volumes that are backed up by themselves, whatever scenarios there are."""

from __future__ import annotations

from dataclasses import dataclass

from app.model.errors import ArcxoError, UsageError
from app.model.paths import check_relative, shown


@dataclass(frozen=True, slots=True)
class DirectSource:
    """A directory of a host, absolute. It ends where another file system begins, unless told otherwise."""

    host: str
    path: bytes
    cross_file_systems: bool = False

    @property
    def label(self) -> str:
        """`HOST:/path`, as people write it."""
        return f"{self.host}:{shown(self.path)}"


def check_source_path(path: bytes) -> bytes:
    """The path as it is kept: absolute, clean, without a slash at its end. Raises UsageError AE1060."""
    kept = path.rstrip(b"/") or b"/"
    try:
        clean = path.startswith(b"/") and check_relative(kept[1:]) == kept[1:]
    except ArcxoError:
        clean = False
    if not clean:
        raise UsageError("AE1060", path=shown(path[:200]))
    return kept


def parse_source(text: bytes) -> tuple[str, bytes]:
    """(host, path) of `HOST:/path`. Raises UsageError E1176, AE1060."""
    host, colon, path = text.partition(b":")
    if not colon or not host or b"/" in host or not path:
        raise UsageError("E1176", source=shown(text[:200]))
    return shown(host), check_source_path(path)
