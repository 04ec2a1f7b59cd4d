"""Media of another host: their objects are asked for over a line, and everything above works as ever.

A location that begins with `far:` names a media that whoever gave the work has. The process that does the
work lends the line under that location; `DirectoryMediaStore` then does each of its operations over it.
"""

from __future__ import annotations

from typing import Protocol

FAR = "far:"


class FarUpload(Protocol):
    """An object being written there."""

    def write(self, data: bytes | memoryview) -> None:
        """Append."""
        ...

    def commit(self, name: str) -> bool:
        """Make it durable under `name`; False when the name is taken."""
        ...

    def abort(self) -> None:
        """Forget what was written; never raises."""
        ...


class FarMedia(Protocol):
    """The operations of `MediaStore`, and `upload`. Any thread; a lost line is ArcxoError E4157."""

    def upload(self) -> FarUpload:
        """Begin an object whose name is given at the end."""
        ...

    def get(self, name: str) -> bytes:
        """A whole object."""
        ...

    def get_range(self, name: str, offset: int, length: int) -> bytes:
        """Part of an object; shorter at its end."""
        ...

    def size(self, name: str) -> int | None:
        """Bytes of an object, None when there is none."""
        ...

    def names(self, directory: str) -> list[tuple[str, int]]:
        """(name within the directory, bytes), sorted."""
        ...

    def modified(self, name: str) -> float | None:
        """When an object was written; None when it is gone."""
        ...

    def delete(self, name: str) -> None:
        """Remove an object."""
        ...

    def synchronize_directory(self, directory: str) -> None:
        """Make the names of a directory durable."""
        ...


_lent: dict[str, FarMedia] = {}


def lend(location: str, media: FarMedia) -> None:
    """From now on `location` means that media, in this process."""
    _lent[location] = media


def far_media(location: str) -> FarMedia | None:
    """The media that was lent under a location, or None for a directory of this host."""
    return _lent.get(location) if location.startswith(FAR) else None
