"""What a restore writes where, and what it does about what is there already."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from app.backup.api import RestoreTask
from app.backup.beneath import Places
from app.backup.claims import Claims, origin_of
from app.backup.extras import Extra, extras
from app.held_directories import names_in
from app.media.api import SessionHeader
from app.media.node import CONTENT, DIRECTORY, EXTRA, KIND, LEFT_OUT, MTIME, NAME, SIZE, Entry, to_metadata
from app.media.reader import MAX_DEPTH, ChunkReader, open_session
from app.model.entry import Metadata
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import Conflict, Structure
from app.model.paths import check_relative, is_beneath, shown
from app.model.restore import RestoreAction, RestorePart

_SUFFIX = b".restored"
_NAME_MAX = 255
_DIRECTORY = 0


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
    reader: ChunkReader | None = None
    above: bool = False
    """A directory above what was selected: made when missing, else left as it is."""
    old_bytes: int = 0
    """Size of what is replaced or removed."""
    wanted: bytes = b""
    """The place it would have had, for an entry that gets another name."""

    known: Metadata | None = None

    def metadata(self) -> Metadata:
        """The metadata that it is to have."""
        if self.known is None:
            self.known = to_metadata(self.entry)
        return self.known

    @property
    def is_change(self) -> bool:
        """Whether a plan counts it: nothing happens to directories that are there."""
        stays = self.entry[KIND] == DIRECTORY and self.action is RestoreAction.OVERWRITE
        return not stays or self.replaces or bool(self.failed)


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part with its session opened."""

    part: RestorePart
    header: SessionHeader
    reader: ChunkReader


def open_parts(task: RestoreTask) -> list[OpenPart]:
    """The parts of a task, the newest session first: its entries have the first claim to a place.

    Raises what `open_session` does; ArcxoError E4234 for an exact restore of a session that lacks something.
    """
    opened = [
        OpenPart(part, *open_session(part.media_path, part.session, part.data_key)) for part in task.parts()
    ]
    for one in opened:
        for prefix, _ in one.part.targets:
            check_relative(prefix.strip(b"/"))
        if task.exact and one.header.incomplete:
            raise ArcxoError("E4234", session=one.header.number)
    if task.relocate and any(len(one.part.targets) != 1 for one in opened):
        raise UsageError("E4222", path="/")
    return sorted(opened, key=lambda one: (one.header.taken_at, one.header.number), reverse=True)


class Selection:
    """The items of a restore, parents before children. Looks at the destination, changes nothing.

    One object is gone through once.
    """

    def __init__(self, task: RestoreTask, parts: list[OpenPart], places: Places) -> None:
        self._task = task
        self._parts = parts
        self._header = parts[0].header
        self._places = places
        self._claims = Claims()
        self._several = task.exact or len(parts) > 1 or any(len(one.part.paths) > 1 for one in parts)
        self._tops = {directory: os.path.realpath(directory) for directory in task.directories()}
        self._protected = tuple(os.path.realpath(path) for path in task.protected)
        self._exact: list[bytes] = []
        self._told_above: set[bytes] = set()
        """Missing destinations and what is above them; they are told of once, before what goes into them."""
        self._made_above: set[bytes] = set()
        """Those of them that no entry of a session has come to yet."""
        for directory, real in self._tops.items():
            if any(is_beneath(real, path) for path in self._protected):
                raise UsageError("E4243", path=shown(directory))
        self._left_out = frozenset(path.rstrip(b"/") or b"/" for path in task.left_out)
        self.damaged: list[tuple[bytes, ArcxoError]] = []

    def items(self) -> Iterator[Item]:
        """Every selected entry with its action, then what an exact restore removes, deepest first.

        Raises NotFoundError E4221, UsageError E4222 before the first item of that path.
        """
        # A path that is not there is known before the first item: nothing is begun then.
        chosen = [(one, [(path, self._chain(one, path)) for path in _selected(one)]) for one in self._parts]
        for one, paths in chosen:
            self._header = one.header
            for path, chain in paths:
                for item in self._one(one, path, chain):
                    item.reader = one.reader
                    yield item
        if self._task.exact:
            yield from self._extras()

    def inside(self, item: Item) -> Iterator[Extra]:
        """What is in a directory that an exact restore replaces by something else, deepest first."""
        return extras(self._places, item.target, Claims(), self._protected, self._real)

    def _chain(self, one: OpenPart, path: bytes) -> list[tuple[bytes, Entry]]:
        """(path, entry) from the top to a selected path."""
        node_id: bytes | None = one.header.root_id
        at, chain = b"", []
        names = [name for name in path.split(b"/") if name]
        if not names:
            return [(b"/", [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, node_id])]
        for name in names:
            found = None
            if node_id is not None:
                found = next((child for child in one.reader.node(node_id) if child[NAME] == name), None)
            if found is None:
                raise NotFoundError("E4221", path=shown(path), session=one.header.number)
            at += b"/" + name
            chain.append((at, found))
            node_id = found[CONTENT] if found[KIND] == DIRECTORY else None
        self._place(one.part, path, chain)
        return chain

    def _place(
        self, part: RestorePart, path: bytes, chain: list[tuple[bytes, Entry]]
    ) -> tuple[bytes, bytes, bytes]:
        """(directory, part of the path above what is kept beneath it, the same path's kept part)."""
        task = self._task
        if not task.relocate:
            fitting = [one for one in part.targets if is_beneath(path, b"/" + one[0].strip(b"/"))]
            if not fitting:
                raise UsageError("E4222", path=shown(path))
            prefix, directory = max(fitting, key=lambda one: len(one[0].strip(b"/")))
            above = b"/" + prefix.strip(b"/")
        else:
            directory = part.targets[0][1]
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

    def _one(self, one: OpenPart, path: bytes, chain: list[tuple[bytes, Entry]]) -> Iterator[Item]:
        directory, above, kept = self._place(one.part, path, chain)
        yield from self._above(directory)
        base, fresh = directory.rstrip(b"/"), False
        for at, entry in chain:
            if len(at) <= len(above) and at != path:
                continue
            relative = at[len(above) :].strip(b"/")
            target = base + b"/" + relative if relative else directory
            if self._stays(target):
                return
            item = self._decide(at, target, entry, fresh=fresh)
            item.above = at != path
            if self._omitted(item):
                return
            fresh = item.action is RestoreAction.CREATE or item.replaces
            yield item
            if item.failed:
                return
        if chain[-1][1][KIND] == DIRECTORY:
            top = base + b"/" + kept if kept else directory
            source = path if path != b"/" else b""
            yield from self._beneath(one.reader, source, top, chain[-1][1], fresh=fresh)

    def _stays(self, target: bytes) -> bool:
        """Whether a target is left out, or lies beneath one that is."""
        return bool(self._left_out) and any(is_beneath(target, path) for path in self._left_out)

    def _omitted(self, item: Item) -> bool:
        """Whether an item is left out by the name that it would get, or would take what stays with it."""
        if not self._left_out:
            return False
        return item.target in self._left_out or (item.replaces and self._holds_left_out(item.target))

    def _holds_left_out(self, target: bytes) -> bool:
        return any(is_beneath(path, target) for path in self._left_out)

    def _above(self, directory: bytes) -> Iterator[Item]:
        """The destination itself when it is missing, with its missing parents."""
        missing = []
        at = directory
        while at not in (b"", b"/") and not os.path.lexists(at):
            missing.append(at)
            at = os.path.dirname(at)
        for path in reversed(missing):
            if path not in self._told_above:
                self._told_above.add(path)
                self._made_above.add(path)
                implicit: Entry = [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, b""]
                yield Item(b"", path, implicit, RestoreAction.CREATE)

    def _beneath(
        self, reader: ChunkReader, source: bytes, target: bytes, entry: Entry, *, fresh: bool
    ) -> Iterator[Item]:
        """Everything beneath a directory; goes around what is damaged or blocked.

        Nothing is in a `fresh` directory yet: there is no need to look. A directory comes right before what
        is in it: what is made of one stretch of items is whole directories, but for a few.
        """
        stack = [(source, target, entry, 0, fresh)]
        while stack:
            source, target, entry, depth, fresh = stack.pop()
            if depth:
                item = self._decide(source, target, entry, fresh=fresh)
                if self._omitted(item):
                    continue
                yield item
                if item.failed:
                    continue
                target, fresh = item.target, item.action is RestoreAction.CREATE or item.replaces
            if depth > MAX_DEPTH:
                too_deep = ArcxoError("E4125", media="", object=entry[CONTENT].hex(), reason="it is too deep")
                self.damaged.append((source, too_deep))
                continue
            try:
                entries = reader.node(entry[CONTENT])
            except ArcxoError as error:
                self.damaged.append((source, error))
                continue
            if self._task.exact and not _is_left_out(entry):
                # It is empty in the session, but not where it was.
                self._exact.append(target)
            base = target.rstrip(b"/") + b"/"
            for child in entries:
                place = (source + b"/" + child[NAME], base + child[NAME], child)
                if self._left_out and place[1] in self._left_out:
                    continue
                if child[KIND] == DIRECTORY:
                    stack.append((*place, depth + 1, fresh))
                    continue
                item = self._decide(*place, fresh=fresh)
                if not self._omitted(item):
                    yield item

    def _decide(self, source: bytes, target: bytes, entry: Entry, *, fresh: bool = False) -> Item:
        is_directory = entry[KIND] == DIRECTORY
        item = Item(source, target, entry, RestoreAction.CREATE)
        if is_directory and target in self._made_above:
            self._made_above.discard(target)
            self._claims.take(target, _DIRECTORY)
            item.action = RestoreAction.OVERWRITE
            return item
        if self._several or len(self._protected):
            self._look_at_others(item, is_directory)
            if item.failed or item.action is not RestoreAction.CREATE:
                return item
            target = item.target
        if fresh:
            return item
        try:
            there = self._places.status(target)
        except OSError as error:
            item.failed, item.reason = "E4225", error.strerror or str(error)
            return item
        if there is None:
            return item
        if is_directory:
            self._over_directory(item, there)
        else:
            self._conflict(item, there)
        return item

    def _look_at_others(self, item: Item, is_directory: bool) -> None:
        """Whether another entry of this restore has the place, or nothing may be written there."""
        written = not _is_left_out(item.entry) if is_directory else not self._several
        if written:
            real = self._real(item.target)
            if any(is_beneath(real, path) for path in self._protected):
                item.failed, item.reason = "E4233", "it is part of this installation"
                return
        if not self._several:
            return
        header = self._header
        origin = _DIRECTORY
        if not is_directory:
            origin = origin_of(header.machine, header.scenario_id, item.source)
        taken = self._claims.by(item.target)
        if taken is None:
            self._claims.take(item.target, origin)
        elif is_directory and taken == _DIRECTORY:
            item.action, item.above = RestoreAction.OVERWRITE, True
        elif self._task.conflict is Conflict.RENAME and not is_directory:
            self._rename(item, origin)
        elif taken == origin:
            # An older version: the newest session has been there.
            item.action, item.reason = RestoreAction.SKIP, "superseded"
        else:
            item.failed = "E4227"

    def _real(self, target: bytes) -> bytes:
        top = self._places.top_of(target)
        if top is None:
            return os.path.realpath(target)
        return self._tops[top].rstrip(b"/") + target[len(top.rstrip(b"/")) :]

    def _over_directory(self, item: Item, there: os.stat_result) -> None:
        top = item.target in self._tops
        if stat.S_ISDIR(there.st_mode) or (top and os.path.isdir(item.target)):
            item.action = RestoreAction.OVERWRITE
        elif self._task.conflict is Conflict.OVERWRITE:
            item.action, item.replaces = RestoreAction.OVERWRITE, True
            item.old_bytes = there.st_size if stat.S_ISREG(there.st_mode) else 0
        else:
            item.failed, item.reason = "E4225", "something else than a directory is in its place"

    def _conflict(self, item: Item, there: os.stat_result) -> None:
        conflict = self._task.conflict
        if conflict is Conflict.RENAME:
            self._rename(item, 1)
        elif conflict is Conflict.SKIP:
            item.action, item.reason = RestoreAction.SKIP, "exists"
        elif conflict is Conflict.OLDER and there.st_mtime_ns >= item.entry[MTIME]:
            item.action, item.reason = RestoreAction.SKIP, "newer"
        elif stat.S_ISDIR(there.st_mode) and not self._task.exact and self._is_full(item.target):
            item.failed, item.reason = "E4225", "a directory that is not empty is in its place"
        else:
            item.action, item.replaces = RestoreAction.OVERWRITE, True
            item.old_bytes = there.st_size if stat.S_ISREG(there.st_mode) else 0

    def _rename(self, item: Item, origin: int) -> None:
        item.action, item.wanted, item.target = (
            RestoreAction.RENAME,
            item.target,
            self._free_name(item.target),
        )
        if self._several:
            self._claims.take(item.target, origin)

    def _is_full(self, target: bytes) -> bool:
        beneath, relative = self._places.split(target)
        return bool(names_in(beneath.open(relative)))

    def _free_name(self, target: bytes) -> bytes:
        directory, name = os.path.split(target)
        number = 1
        while True:
            suffix = _SUFFIX if number == 1 else _SUFFIX + b"%d" % number
            candidate = directory + b"/" + name[: _NAME_MAX - len(suffix)] + suffix
            if candidate not in self._claims and self._places.status(candidate) is None:
                return candidate
            number += 1

    def _extras(self) -> Iterator[Item]:
        """What is in the restored directories and belongs to no entry."""
        for directory in dict.fromkeys(self._exact):
            for target, entry, failed in extras(
                self._places, directory, self._claims, self._protected, self._real
            ):
                if self._stays(target) or self._holds_left_out(target):
                    continue
                item = Item(b"", target, entry, RestoreAction.DELETE, "not in the session")
                item.old_bytes = entry[SIZE]
                if failed:
                    item.failed, item.reason = "E4235", failed
                yield item


def is_implicit(entry: Entry) -> bool:
    """Whether a directory's metadata were never taken."""
    return bool(entry[EXTRA] and entry[EXTRA].get("y"))


def _is_left_out(entry: Entry) -> bool:
    """Whether the backup left a directory out: what is there now is no concern of a restore."""
    return bool(entry[EXTRA] and entry[EXTRA].get("y") == LEFT_OUT)


def _selected(one: OpenPart) -> list[bytes]:
    """The paths of a part, without those that lie beneath another one."""
    wanted = {b"/" + check_relative(path.strip(b"/")) for path in one.part.paths or one.header.roots}
    return sorted(path for path in wanted if not any(above in wanted for above in _above(path)))


def _above(path: bytes) -> Iterator[bytes]:
    while path != b"/":
        path = path.rpartition(b"/")[0] or b"/"
        yield path
