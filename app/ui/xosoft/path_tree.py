"""Paths by folder, with how many of each kind are beneath each one. Qt-free."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from app.model.paths import is_beneath

T = TypeVar("T")


@dataclass(slots=True)
class PathNode(Generic[T]):
    """One path. `item` is what stands at it itself; counts and size are of it and of all beneath it."""

    path: bytes
    name: bytes
    item: T | None = None
    counts: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    children: list[PathNode[T]] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many items stand here and beneath."""
        return sum(self.counts.values())


def path_tree(
    items: Iterable[T],
    roots: Sequence[bytes],
    path_of: Callable[[T], bytes],
    kind_of: Callable[[T], str],
    size_of: Callable[[T], int],
) -> list[PathNode[T]]:
    """The items by folder, one tree per root that has any; folders with only one folder in them are joined.

    A path outside the roots begins a tree of its own. Folders come first, each kind by name.
    """
    tops: dict[bytes, PathNode[T]] = {}
    known: dict[bytes, PathNode[T]] = {}
    for item in items:
        path = path_of(item)
        root = next((one for one in roots if is_beneath(path, one)), path)
        node = _node(path, root, tops, known)
        node.item = item
        kind, size = kind_of(item), size_of(item)
        for above in _line(path, root):
            counted = known[above]
            counted.counts[kind] = counted.counts.get(kind, 0) + 1
            counted.size_bytes += size
    found = [_joined(top) for top in tops.values()]
    return sorted(found, key=lambda node: node.path)


def _line(path: bytes, root: bytes) -> list[bytes]:
    """`path` and the folders above it, up to the root."""
    line = [path]
    while line[-1] != root:
        line.append(line[-1].rpartition(b"/")[0] or b"/")
    return line


def _node(
    path: bytes, root: bytes, tops: dict[bytes, PathNode[T]], known: dict[bytes, PathNode[T]]
) -> PathNode[T]:
    below: PathNode[T] | None = None
    for step in _line(path, root):
        node = known.get(step)
        fresh = node is None
        if node is None:
            name = step if step == root else step.rpartition(b"/")[2]
            node = known[step] = PathNode(step, name)
        if below is not None:
            node.children.append(below)
        if not fresh:
            return known[path]
        below = node
    tops[root] = known[root]
    return known[path]


def _joined(node: PathNode[T]) -> PathNode[T]:
    """Folders with nothing of their own and only one folder in them, in one row with it."""
    while node.item is None and len(node.children) == 1 and node.children[0].children:
        only = node.children[0]
        only.name = node.name.rstrip(b"/") + b"/" + only.name
        node = only
    node.children = sorted(
        (_joined(child) for child in node.children), key=lambda child: (not child.children, child.name)
    )
    return node


def holding(nodes: Sequence[PathNode[T]], wanted: Callable[[T], bool]) -> list[T]:
    """The items of the trees that are wanted, from top to bottom."""
    found: list[T] = []
    waiting = list(reversed(nodes))
    while waiting:
        node = waiting.pop()
        if node.item is not None and wanted(node.item):
            found.append(node.item)
        waiting.extend(reversed(node.children))
    return found
