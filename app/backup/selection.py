"""Which entries of which sessions a restore writes where, and in what order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from app.backup.api import RestoreTask
from app.backup.beneath import Places
from app.backup.claims import Claims
from app.backup.deciding import Deciding
from app.backup.extras import Extra, extras
from app.backup.items import Item, is_left_out
from app.backup.new_files import NewFiles, is_plain, parted
from app.backup.owners import OwnerMap, check_names, recorded_owners
from app.media.api import SessionHeader
from app.media.node import CONTENT, DIRECTORY, KIND, NAME, NAME_MOST, SIZE, Entry
from app.media.reader import MAX_DEPTH, ChunkReader, open_session
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import Structure
from app.model.paths import check_relative, is_beneath, shown
from app.model.restore import RestoreAction, RestorePart, Unlisted


@dataclass(frozen=True, slots=True)
class OpenPart:
    """A part with its session opened."""

    part: RestorePart
    header: SessionHeader
    reader: ChunkReader
    owners: OwnerMap


def open_parts(task: RestoreTask) -> list[OpenPart]:
    """The parts of a task, the newest session first: its entries have the first claim to a place.

    Raises what `open_session` does; ArcxoError E4234 for an exact restore of a session that lacks something,
    E4251 E4252 for a new owner that this host does not have, E4253 for names of owners that cannot be read.
    """
    opened = [_opened(task, part) for part in task.parts()]
    for one in opened:
        for prefix, _ in one.part.targets:
            check_relative(prefix.strip(b"/"))
        if task.exact and one.header.incomplete:
            raise ArcxoError("E4234", session=one.header.number)
    if task.relocate and any(len(one.part.targets) != 1 for one in opened):
        raise UsageError("E4222", path="/")
    return sorted(opened, key=lambda one: (one.header.taken_at, one.header.number), reverse=True)


def _opened(task: RestoreTask, part: RestorePart) -> OpenPart:
    header, reader = open_session(part.media_path, part.session, part.data_key)
    check_names(header, reader, task.owners, task.owner_changes)
    owners = OwnerMap(partial(recorded_owners, header, reader), task.owners, task.owner_changes)
    return OpenPart(part, header, reader, owners)


class Selection:
    """The items of a restore, parents before children. Looks at the destination, changes nothing.

    One object is gone through once. `on_new` is told of each directory of which nothing is there yet, if all
    in it is sure to be made; the items beneath it are left out then.
    """

    def __init__(
        self,
        task: RestoreTask,
        parts: list[OpenPart],
        places: Places,
        on_new: Callable[[ChunkReader, bytes], None] | None = None,
        *,
        together: bool = False,
    ) -> None:
        self._task = task
        self._parts = parts
        several = task.exact or len(parts) > 1 or any(len(one.part.paths) > 1 for one in parts)
        self._deciding = Deciding(task, parts[0].header, parts[0].owners, places, several=several)
        self._exact: list[bytes] = []
        self._told_above: set[bytes] = set()
        """Missing destinations and what is above them; they are told of once, before what goes into them."""
        self._places = places
        self._left_out = frozenset(path.rstrip(b"/") or b"/" for path in task.left_out)
        self._on_new = None if several or self._left_out else on_new
        self._together = together and not (several or self._left_out)
        self.damaged: list[tuple[bytes, ArcxoError]] = []
        self._readers: list[ChunkReader] = []
        """From which session each of `damaged` is."""

    def items(self) -> Iterator[Item]:
        """What `all` gives, one by one. Raises as it does."""
        for one in self.all():
            if isinstance(one, Item):
                yield one
            else:
                yield from map(one.item, one.entries)

    def all(self) -> Iterator[Item | NewFiles]:
        """Every selected entry with its action, then what an exact restore removes, deepest first.

        Plain files of a new directory come together, if that is wanted. Raises NotFoundError E4221,
        UsageError E4222 before the first item of that path, UsageError E4244 before any.
        """
        # A path that is not there is known before the first item: nothing is begun then.
        chosen = [(one, [(path, self._chain(one, path)) for path in _selected(one)]) for one in self._parts]
        self._check_destinations(chosen)
        for one, paths in chosen:
            self._deciding.header, self._deciding.owners = one.header, one.owners
            for path, chain in paths:
                for item in self._one(one, path, chain):
                    item.reader = one.reader
                    yield item
        if self._task.exact:
            yield from self._extras()

    def _check_destinations(
        self, chosen: list[tuple[OpenPart, list[tuple[bytes, list[tuple[bytes, Entry]]]]]]
    ) -> None:
        """Raise UsageError E4244 for a destination that is no directory, or lies beneath something else."""
        directories = set()
        for one, paths in chosen:
            for path, chain in paths:
                directory, _, kept = self._place(one.part, path, chain)
                alone = not kept and chain[-1][1][KIND] != DIRECTORY
                directories.add(os.path.dirname(directory) if alone else directory)
        for directory in sorted(directories):
            _check_destination(directory)

    def unlisted(self) -> list[Unlisted]:
        """The directories that could not be gone through, as a plan tells them."""
        parts = self._task.parts()
        of_reader = {id(one.reader): parts.index(one.part) for one in self._parts}
        return [
            Unlisted(path or b"/", str(error.params.get("reason") or error), of_reader[id(reader)])
            for (path, error), reader in zip(self.damaged, self._readers, strict=True)
        ]

    def _damage(self, reader: ChunkReader, path: bytes, error: ArcxoError) -> None:
        self.damaged.append((path, error))
        self._readers.append(reader)

    @property
    def owners(self) -> OwnerMap:
        """Whose the entries become, of the session that the last item is of."""
        return self._deciding.owners

    def inside(self, item: Item) -> Iterator[Extra]:
        """What is in a directory that an exact restore replaces by something else, deepest first."""
        return extras(self._places, item.target, Claims(), self._deciding.protected, self._deciding.real)

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

    def _one(self, one: OpenPart, path: bytes, chain: list[tuple[bytes, Entry]]) -> Iterator[Item | NewFiles]:
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
            item = self._deciding.decide(at, target, entry, fresh=fresh)
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
                self._deciding.made_above.add(path)
                implicit: Entry = [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, b""]
                yield Item(b"", path, implicit, RestoreAction.CREATE)

    def _beneath(
        self, reader: ChunkReader, source: bytes, target: bytes, entry: Entry, *, fresh: bool
    ) -> Iterator[Item | NewFiles]:
        """Everything beneath a directory; goes around what is damaged or blocked.

        Nothing is in a `fresh` directory yet: there is no need to look. A directory comes right before what
        is in it: what is made of one stretch of items is whole directories, but for a few.
        """
        stack = [(source, target, entry, 0, fresh)]
        while stack:
            source, target, entry, depth, fresh = stack.pop()
            if depth:
                item = self._deciding.decide(source, target, entry, fresh=fresh)
                if self._omitted(item):
                    continue
                yield item
                if item.failed:
                    continue
                target, fresh = item.target, item.action is RestoreAction.CREATE or item.replaces
            if depth > MAX_DEPTH:
                too_deep = ArcxoError("E4125", media="", object=entry[CONTENT].hex(), reason="it is too deep")
                self._damage(reader, source, too_deep)
                continue
            if fresh and self._on_new is not None:
                self._on_new(reader, entry[CONTENT])
                continue
            try:
                entries = reader.node(entry[CONTENT])
            except ArcxoError as error:
                self._damage(reader, source, error)
                continue
            if self._task.exact and not is_left_out(entry):
                # It is empty in the session, but not where it was.
                self._exact.append(target)
            base = target.rstrip(b"/") + b"/"
            if fresh and self._together and self._deciding.takes_any(target):
                yield from self._new_files(reader, source, target, entries)
                entries = [child for child in entries if not is_plain(child)]
            for child in entries:
                place = (source + b"/" + child[NAME], base + child[NAME], child)
                if self._left_out and place[1] in self._left_out:
                    continue
                if child[KIND] == DIRECTORY:
                    stack.append((*place, depth + 1, fresh))
                    continue
                item = self._deciding.decide(*place, fresh=fresh)
                if not self._omitted(item):
                    yield item

    def _new_files(
        self, reader: ChunkReader, source: bytes, target: bytes, entries: list[Entry]
    ) -> Iterator[NewFiles]:
        given = self.owners.given
        for some in parted([given(child) for child in entries if is_plain(child)]):
            yield NewFiles(source, target.rstrip(b"/"), some, reader)

    def _extras(self) -> Iterator[Item]:
        """What is in the restored directories and belongs to no entry."""
        deciding = self._deciding
        for directory in dict.fromkeys(self._exact):
            found = extras(self._places, directory, deciding.claims, deciding.protected, deciding.real)
            for target, entry, failed in found:
                if self._stays(target) or self._holds_left_out(target):
                    continue
                item = Item(b"", target, entry, RestoreAction.DELETE, "not in the session")
                item.old_bytes = entry[SIZE]
                if failed:
                    item.failed, item.reason = "E4235", failed
                yield item


def _check_destination(directory: bytes) -> None:
    while directory not in (b"", b"/") and not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    if directory and not os.path.isdir(directory):
        raise UsageError("E4244", path=shown(directory))


def _selected(one: OpenPart) -> list[bytes]:
    """The paths of a part, without those that lie beneath another one."""
    paths = one.part.paths or one.header.roots
    wanted = {b"/" + check_relative(path.strip(b"/"), NAME_MOST) for path in paths}
    return sorted(path for path in wanted if not any(above in wanted for above in _above(path)))


def _above(path: bytes) -> Iterator[bytes]:
    while path != b"/":
        path = path.rpartition(b"/")[0] or b"/"
        yield path
