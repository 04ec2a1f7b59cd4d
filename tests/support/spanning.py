"""Media sets of tiny media for tests: a backup that goes on with the next media when one is full."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from app.media import reserve, writer
from app.media.api import format_media, read_label
from app.media.mediaset import introduce
from app.media.store import DirectoryUpload, storage_faults
from app.model.archive import ArchiveResult
from app.model.errors import ArcxoError
from tests.support.media_samples import back_up


def object_bytes(media: str) -> int:
    """The bytes of all files of a media."""
    total = 0
    for where, _, names in os.walk(media):
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a temporary of another thread
                total += os.stat(os.path.join(where, name)).st_size
    return total


class TinyMedia:
    """A set whose media hold `limit` bytes each, every one on a device of its own."""

    def __init__(self, directory: Path, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.directory = directory
        self.limits: dict[str, int] = {}
        self._limit = limit
        self.paths: list[str] = []
        monkeypatch.setattr(writer, "PACK_TARGET_BYTES", 48 * 1024)
        monkeypatch.setattr(writer, "BLOCK_TARGET_BYTES", 16 * 1024)
        monkeypatch.setattr(reserve, "RESERVE_BYTES", 16 * 1024)
        real = DirectoryUpload.write

        def write(upload: DirectoryUpload, data: bytes | memoryview) -> None:
            location = upload._store.location
            room = self.limits.get(location)
            if room is not None and object_bytes(location) + len(data) > room:
                with storage_faults(location, "tmp"):
                    raise OSError(errno.ENOSPC, "no space left")
            real(upload, data)

        monkeypatch.setattr(DirectoryUpload, "write", write)
        self.add()

    def add(self) -> str:
        """The next media of the set."""
        device = self.directory / f"device{len(self.paths) + 1}"
        set_id = read_label(self.paths[0]).set_id if self.paths else ""
        path = format_media(str(device), "SET", set_id=set_id, sequence=len(self.paths) + 1).path
        introduce(path, self.paths)
        self.limits[path] = self._limit
        self.paths.append(path)
        return path

    def back_up(self, source: Path, **more: Any) -> ArchiveResult:
        """A session; as often as a media gets full it goes on with the next one."""
        for _ in range(40):
            try:
                return back_up(self.paths[-1], source, **more)[0]
            except ArcxoError as error:
                if error.code != "E4141":
                    raise
            self.add()
        raise AssertionError("it never fits")
