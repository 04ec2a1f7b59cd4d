"""What a restore writes where, and what it does about what is there already."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from app.backup.api import RestoreTask
from app.media.api import SessionHeader
from app.media.node import CONTENT, DIRECTORY, EXTRA, KIND, MTIME, NAME, Entry
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import Conflict, Structure
from app.model.paths import check_relative, is_beneath, shown
from app.model.restore import RestoreAction

_SUFFIX = b".restored"


@dataclass(slots=True)
class Item:
    """One entry on its way. `failed` is set instead of an action when it cannot be written."""

    source: bytes
    target: bytes
    entry: Entry
    action: RestoreAction
    reason: str = ""
    failed: str = ""
    replaces: bool = False


class Selection:
    """The items of a restore, parents before children. Looks at the destination, changes nothing."""

    def __init__(self, task: RestoreTask, header: SessionHeader, reader: ChunkReader) -> None:
        self._task = task
        self._header = header
        self._reader = reader
        self._claimed: dict[bytes, bool] = {}
        self.damaged: list[tuple[bytes, ArcxoError]] = []
        for prefix, _ in task.targets:
            check_relative(prefix.strip(b"/"))
        if task.relocate and len(task.targets) != 1:
            raise UsageError("E4222", path="/")

    def items(self) -> Iterator[Item]:
        """Every selected entry with its action."""
        for path in self._selected():
            chain = self._chain(path)
            yield from self._one(path, chain)

    def _selected(self) -> list[bytes]:
        wanted = self._task.paths or self._header.roots
        cleaned = sorted({b"/" + check_relative(path.strip(b"/")) for path in wanted})
        return [
            path
            for path in cleaned
            if not any(other != path and is_beneath(path, other) for other in cleaned)
        ]

    def _chain(self, path: bytes) -> list[tuple[bytes, Entry]]:
        """(path, entry) from the top to a selected path."""
        node_id: bytes | None = self._header.root_id
        at, chain = b"", []
        names = [name for name in path.split(b"/") if name]
        if not names:
            return [(b"/", [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, node_id])]
        for name in names:
            found = None
            if node_id is not None:
                found = next((one for one in self._reader.node(node_id) if one[NAME] == name), None)
            if found is None:
                raise NotFoundError("E4221", path=shown(path), session=self._header.number)
            at += b"/" + name
            chain.append((at, found))
            node_id = found[CONTENT] if found[KIND] == DIRECTORY else None
        return chain

    def _place(self, path: bytes, chain: list[tuple[bytes, Entry]]) -> tuple[bytes, bytes, bytes]:
        """(directory, part of the path above what is kept beneath it, the same path's kept part)."""
        task = self._task
        if not task.relocate:
            fitting = [one for one in task.targets if is_beneath(path, b"/" + one[0].strip(b"/"))]
            if not fitting:
                raise UsageError("E4222", path=shown(path))
            prefix, directory = max(fitting, key=lambda one: len(one[0].strip(b"/")))
            above = b"/" + prefix.strip(b"/")
        else:
            directory = task.targets[0][1]
            is_directory = chain[-1][1][KIND] == DIRECTORY
            base = path if is_directory else os.path.dirname(path)
            if task.structure is Structure.FULL:
                above = b"/"
            elif task.structure is Structure.BASE:
                above = os.path.dirname(base)
            else:
                above = base
        above = above.rstrip(b"/")
        return directory, above, path[len(above) :].strip(b"/")

    def _one(self, path: bytes, chain: list[tuple[bytes, Entry]]) -> Iterator[Item]:
        directory, above, kept = self._place(path, chain)
        yield from self._above(directory)
        for at, entry in chain:
            if len(at) <= len(above) and at != path:
                continue
            relative = at[len(above) :].strip(b"/")
            target = directory + b"/" + relative if relative else directory
            item = self._decide(at, target, entry)
            yield item
            if item.failed:
                return
        if chain[-1][1][KIND] == DIRECTORY:
            top = directory + b"/" + kept if kept else directory
            yield from self._beneath(path if path != b"/" else b"", top, chain[-1][1])

    def _above(self, directory: bytes) -> Iterator[Item]:
        """The destination itself when it is missing, with its missing parents."""
        missing = []
        at = directory
        while at not in (b"", b"/") and not os.path.lexists(at):
            missing.append(at)
            at = os.path.dirname(at)
        for path in reversed(missing):
            if path not in self._claimed:
                self._claimed[path] = True
                implicit: Entry = [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, b""]
                yield Item(b"", path, implicit, RestoreAction.CREATE)

    def _beneath(self, source: bytes, target: bytes, entry: Entry) -> Iterator[Item]:
        """Everything beneath a directory; goes around what is damaged or blocked."""
        stack = [(source, target, entry)]
        while stack:
            source, target, entry = stack.pop()
            try:
                entries = self._reader.node(entry[CONTENT])
            except ArcxoError as error:
                self.damaged.append((source, error))
                continue
            for child in entries:
                item = self._decide(source + b"/" + child[NAME], target + b"/" + child[NAME], child)
                yield item
                if child[KIND] == DIRECTORY and not item.failed:
                    stack.append((item.source, item.target, child))

    def _decide(self, source: bytes, target: bytes, entry: Entry) -> Item:
        is_directory = entry[KIND] == DIRECTORY
        item = Item(source, target, entry, RestoreAction.CREATE)
        claimed = self._claimed.get(target)
        if claimed is not None:
            if not (claimed and is_directory):
                item.failed = "E4227"
            else:
                item.action = RestoreAction.OVERWRITE
            return item
        self._claimed[target] = is_directory
        try:
            there = os.lstat(target)
        except FileNotFoundError:
            return item
        except OSError as error:
            item.failed, item.reason = "E4225", error.strerror or str(error)
            return item
        if is_directory:
            top = any(target == directory for _, directory in self._task.targets)
            if stat.S_ISDIR(there.st_mode) or (top and os.path.isdir(target)):
                item.action = RestoreAction.OVERWRITE
            elif self._task.conflict is Conflict.OVERWRITE:
                item.action, item.replaces = RestoreAction.OVERWRITE, True
            else:
                item.failed, item.reason = "E4225", "something else than a directory is in its place"
            return item
        self._conflict(item, there)
        return item

    def _conflict(self, item: Item, there: os.stat_result) -> None:
        conflict = self._task.conflict
        if conflict is Conflict.RENAME:
            item.action, item.target = RestoreAction.RENAME, self._free_name(item.target)
            self._claimed[item.target] = False
        elif conflict is Conflict.SKIP:
            item.action, item.reason = RestoreAction.SKIP, "exists"
        elif conflict is Conflict.OLDER and there.st_mtime_ns >= item.entry[MTIME]:
            item.action, item.reason = RestoreAction.SKIP, "newer"
        else:
            item.action, item.replaces = RestoreAction.OVERWRITE, True

    def _free_name(self, target: bytes) -> bytes:
        directory, name = os.path.split(target)
        number = 1
        while True:
            suffix = _SUFFIX if number == 1 else _SUFFIX + b"%d" % number
            candidate = directory + b"/" + name[: 255 - len(suffix)] + suffix
            if candidate not in self._claimed and not os.path.lexists(candidate):
                return candidate
            number += 1


def is_implicit(entry: Entry) -> bool:
    """Whether a directory's metadata were never taken."""
    return bool(entry[EXTRA] and entry[EXTRA].get("y"))
