"""A replica without any safety: carries out records one after another on a directory. For comparison."""

from __future__ import annotations

import os
import shutil
import stat

from app.model.entry import EntryKind
from app.replication.codec import decode
from app.replication.metadata import apply_metadata
from app.replication.records import (
    MakeEntry,
    MakeLink,
    Mark,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)


class NaiveReplica:
    def __init__(self, root: bytes) -> None:
        self.root = root
        self.stages: dict[int, bytearray] = {}
        self.seen: list[object] = []

    def apply(self, data: bytes) -> None:
        record = decode(data)
        self.seen.append(record)
        times = {}
        for path in {getattr(record, name) for name in ("path", "new_path") if hasattr(record, name)}:
            parent = os.path.dirname(self._at(path))
            if path and os.path.isdir(parent):
                times[parent] = os.stat(parent).st_mtime_ns
        self._apply(record)
        for parent, modified in times.items():
            if os.path.isdir(parent):
                os.utime(parent, ns=(modified, modified))

    def _at(self, path: bytes) -> bytes:
        return self.root + b"/" + path if path else self.root

    def _apply(self, record: object) -> None:
        match record:
            case StageContent(stage, offset, data):
                content = self.stages.setdefault(stage, bytearray())
                content[offset : offset + len(data)] = data
            case ReplaceFile(_, path, metadata, extents, data, stage):
                self._remove(path)
                with open(self._at(path), "wb"):
                    pass
                self._write(path, metadata, extents, data, stage)
            case WriteBlocks(_, path, metadata, extents, data, stage):
                self._write(path, metadata, extents, data, stage)
            case MakeEntry(_, path, metadata):
                self._make(path, metadata)
            case MakeLink(_, path, existing):
                self._remove(path)
                os.link(self._at(existing), self._at(path), follow_symlinks=False)
            case Remove(_, path):
                self._remove(path)
            case Rename(_, path, new_path):
                self._remove(new_path)
                os.rename(self._at(path), self._at(new_path))
            case SetMetadata(_, path, metadata):
                assert apply_metadata(self._at(path), metadata) == []
            case Mark():
                pass
            case _:
                raise AssertionError(record)

    def _write(self, path, metadata, extents, data, stage) -> None:
        content = bytes(self.stages.pop(stage)) if data is None else data
        with open(self._at(path), "r+b") as file:
            position = 0
            for extent in extents:
                file.seek(extent.offset)
                file.write(content[position : position + extent.length])
                position += extent.length
            file.truncate(metadata.size_bytes)
        assert apply_metadata(self._at(path), metadata) == []

    def _make(self, path, metadata) -> None:
        whole = self._at(path)
        if metadata.kind is EntryKind.DIRECTORY:
            if not os.path.isdir(whole) or os.path.islink(whole):
                self._remove(path)
                os.mkdir(whole)
        else:
            self._remove(path)
            if metadata.kind is EntryKind.SYMLINK:
                os.symlink(metadata.link_target, whole)
            else:
                os.mkfifo(whole)
        assert apply_metadata(whole, metadata) == []

    def _remove(self, path: bytes) -> None:
        whole = self._at(path)
        if not os.path.lexists(whole):
            return
        if stat.S_ISDIR(os.lstat(whole).st_mode):
            shutil.rmtree(whole)
        else:
            os.unlink(whole)


class Unguarded:
    """Nothing is held back."""

    def removing(self, root, path):
        pass

    def rewriting(self, root, row, *, whole=True):
        pass

    def created(self, root, entry):
        pass

    def renames(self, *, directory):
        return True

    def renamed(self, root, row, new_path):
        pass
