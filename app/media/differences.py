"""What a session has that another has not, by comparing trees: what they share is not looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from app.media.index import ChunkIndex, Location
from app.media.node import CONTENT, DIRECTORY, KIND, NAME, Entry, content_id
from app.media.node import KINDS as _KINDS
from app.media.pack import TREE
from app.media.reader import MAX_DEPTH, ChunkReader
from app.media.store import DirectoryMediaStore
from app.model.entry import EntryKind, order_key
from app.model.errors import ArcxoError
from app.model.paths import is_beneath, shown


class Difference(NamedTuple):
    """One path of the newer tree that the older has not like this, or (`entry` None) has not any more.

    `replaces_tree`: the older tree has a directory here, with all beneath it, and the newer has none.
    """

    path: bytes
    entry: Entry | None
    replaces_tree: bool

    @property
    def kind(self) -> EntryKind:
        """What is there now."""
        assert self.entry is not None
        return _KINDS[self.entry[KIND]]

    @property
    def content_id(self) -> str:
        """What tells its content from another's; "" for what has none."""
        assert self.entry is not None
        return content_id(self.entry)


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree of a session: its reader and the node of `/`."""

    reader: ChunkReader
    root_id: bytes


class NodeReader(ChunkReader):
    """Reads directory nodes; it learns of the packs of contents only when a node is nowhere else.

    Contents and nodes are one domain: a file that has the very bytes of a node keeps it out of the others.
    """

    def __init__(self, store: DirectoryMediaStore, key_id: str, data_key: bytes | None) -> None:
        super().__init__(store, ChunkIndex(store, key_id, kind=TREE), data_key)
        self._key_id = key_id
        self._whole = False

    def locate(self, chunk_id: bytes) -> Location:
        """Where a node is. E4125 when the media does not hold it."""
        if not self._whole and self.index.locate(chunk_id) is None:
            self._whole = True
            self.index = ChunkIndex(self.store, self._key_id)
        return super().locate(chunk_id)


class _Level:
    """One directory that is being compared: the names left of both sides."""

    __slots__ = ("inside", "mine", "path", "theirs")

    def __init__(self, path: bytes, mine: list[Entry], theirs: list[Entry], *, inside: bool) -> None:
        self.path = path
        self.inside = inside
        self.mine = mine[::-1]
        self.theirs = theirs[::-1]


def differences(
    tree: Tree, base: Tree | None, roots: Sequence[bytes], after: bytes = b""
) -> Iterator[Difference]:
    """What of `tree` differs from `base` (None = nothing) at or beneath `roots`, in the order of `order_key`.

    `after` is a path that was told before, by a comparison of the same two: it goes on behind it. Raises what
    `ChunkReader` raises.
    """
    done = order_key(after)
    older = base.reader.node(base.root_id) if base else []
    stack = [_Level(b"", tree.reader.node(tree.root_id), older, inside=False)]
    while stack:
        level = stack[-1]
        found = _next(level)
        if found is None:
            stack.pop()
            continue
        mine, theirs = found
        name: bytes = (mine or theirs or [b""])[NAME]
        path = level.path + b"/" + name
        inside = True if level.inside else is_inside(path, roots)
        if inside is None:
            continue
        told = after != b"" and order_key(path) <= done
        if told and not (order_key(path) == done or done.startswith(order_key(path) + b"\0")):
            continue
        was_tree = theirs is not None and theirs[KIND] == DIRECTORY
        if mine is None:
            if inside and not told:
                yield Difference(path, None, was_tree)
            continue
        is_tree = mine[KIND] == DIRECTORY
        if inside and not told and (theirs is None or mine != theirs):
            yield Difference(path, mine, was_tree and not is_tree)
        if not is_tree:
            continue
        assert base is not None or theirs is None
        if was_tree and theirs is not None and theirs[CONTENT] == mine[CONTENT]:
            continue
        if len(stack) > MAX_DEPTH:
            location = tree.reader.store.location
            raise ArcxoError("E4125", media=location, object=shown(path[:200]), reason="it is too deep")
        older = base.reader.node(theirs[CONTENT]) if base is not None and theirs and was_tree else []
        stack.append(_Level(path, tree.reader.node(mine[CONTENT]), older, inside=inside))


def _next(level: _Level) -> tuple[Entry | None, Entry | None] | None:
    """The next name of a directory: what both sides have of it; None at the end."""
    if not level.mine and not level.theirs:
        return None
    if not level.theirs:
        return level.mine.pop(), None
    if not level.mine:
        return None, level.theirs.pop()
    mine, theirs = level.mine[-1][NAME], level.theirs[-1][NAME]
    if mine == theirs:
        return level.mine.pop(), level.theirs.pop()
    return (level.mine.pop(), None) if mine < theirs else (None, level.theirs.pop())


def is_inside(path: bytes, roots: Sequence[bytes]) -> bool | None:
    """Whether a path is at or beneath a root (False: it leads to one; None: neither)."""
    if any(is_beneath(path, root) for root in roots):
        return True
    return False if any(is_beneath(root, path) for root in roots) else None
