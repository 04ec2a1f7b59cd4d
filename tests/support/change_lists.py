"""What a backup would hold that looks only at the paths of a change list: its base, and those paths now."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from app.model.entry import EntryKind, Metadata

Picture = dict[bytes, tuple[object, ...]]
"""What is at each path; the first fact of an entry says whether it is a directory."""


@dataclass
class _Node:
    kind: str = ""
    children: dict[bytes, _Node] = field(default_factory=dict)


def backed_up(base: Picture, changes: Iterable[tuple[bytes, str]], now: Picture) -> Picture:
    """`base` where the list (path, kind) says nothing, else `now`, as the archiver reads such a list."""
    top = _Node()
    for path, kind in changes:
        node = top
        for name in path.split(b"/") if path else ():
            node = node.children.setdefault(name, _Node())
        if node.kind != "subtree":
            node.kind = kind
    found: Picture = {}
    if top.kind == "subtree":
        return dict(now)
    _directory(b"", top, base, now, found)
    return found


def _directory(path: bytes, node: _Node, base: Picture, now: Picture, found: Picture) -> None:
    found[path] = now.get(path, base[path])
    for name in _names(path, base) - node.children.keys():
        found.update(_tree(_join(path, name), base))
    for name, child in node.children.items():
        _entry(_join(path, name), child, base, now, found)


def _entry(path: bytes, node: _Node, base: Picture, now: Picture, found: Picture) -> None:
    was, there = base.get(path), now.get(path)
    if there is None:
        if not node.kind and was is not None and is_directory(was):
            _directory(path, node, base, now, found)
        return
    if was is not None and is_directory(was) and is_directory(there) and node.kind != "subtree":
        _directory(path, node, base, now, found)
        return
    found.update(_tree(path, now))


def _names(path: bytes, picture: Picture) -> set[bytes]:
    prefix = path + b"/" if path else b""
    return {p[len(prefix) :].partition(b"/")[0] for p in picture if p.startswith(prefix) and p != path}


def _tree(path: bytes, picture: Picture) -> Picture:
    prefix = path + b"/"
    return {p: facts for p, facts in picture.items() if p == path or p.startswith(prefix)}


def _join(path: bytes, name: bytes) -> bytes:
    return path + b"/" + name if path else name


def is_directory(facts: tuple[object, ...]) -> bool:
    """Whether an entry of either kind of picture (mode or metadata first) is a directory."""
    if isinstance(facts[0], Metadata):
        return facts[0].kind is EntryKind.DIRECTORY
    return stat.S_ISDIR(int(str(facts[0])))


def without_groups(picture: Picture) -> Picture:
    """A picture without which names are one file: a list says what each name holds."""
    return {path: facts[:-1] for path, facts in picture.items()}
