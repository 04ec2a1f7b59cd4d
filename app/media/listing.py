"""Every name of a tree of a session, as the catalog wants them: a directory's at once, in their order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from app.media.differences import Tree, is_inside
from app.media.node import (
    CONTENT,
    DIRECTORY,
    KIND,
    KINDS,
    MTIME,
    NAME,
    SIZE,
    content_id,
    decode_node,
    empty_content_id,
)
from app.media.reader import MAX_DEPTH, ChunkReader
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.native import native

_native = native("nodes")
_ONE = b"\x92\x01\x91"
"""Before the bytes of an entry: a node that has it alone."""
_EMPTY = empty_content_id()
T = TypeVar("T")
Made = Callable[..., T]
"""The type of a named tuple of path, kind, size, modification time and content id."""
Entries = tuple[list[T], list[tuple[int, bytes]]]


def listed(tree: Tree, roots: Sequence[bytes], made: type[T], after: bytes = b"") -> Iterator[list[T]]:
    """All names of `tree` at or beneath `roots`, in the order of `order_key`, many at a time.

    `after` is a path that was told before: it goes on behind it. Raises what `ChunkReader` raises.
    """
    return _Listing(tree.reader, tuple(roots), made).run(
        _Directory(tree.root_id, b"", after.split(b"/")[1:], inside=False)
    )


class _Directory(NamedTuple):
    """A directory that is to be listed; `behind` are the names on the way to the last that was told."""

    node_id: bytes
    path: bytes
    behind: list[bytes]
    inside: bool


_Part = tuple[list[Any], _Directory | None]


class _Listing:
    """One walk. Levels are iterators: names to be told, and the directory to be entered then."""

    def __init__(self, reader: ChunkReader, roots: tuple[bytes, ...], made: type[Any]) -> None:
        self._reader = reader
        self._roots = roots
        self._made = made

    def run(self, top: _Directory) -> Iterator[list[Any]]:
        levels = [self._level(top)]
        while levels:
            for names, directory in levels[-1]:
                if names:
                    yield names
                if directory is not None:
                    if len(levels) > MAX_DEPTH:
                        raise ArcxoError(
                            "E4125",
                            media=self._reader.store.location,
                            object=shown(directory.path[:200]),
                            reason="it is too deep",
                        )
                    levels.append(self._level(directory))
                    break
            else:
                levels.pop()

    def _level(self, directory: _Directory) -> Iterator[_Part]:
        return self._beneath(directory) if directory.inside else self._above(directory)

    def _above(self, directory: _Directory) -> Iterator[_Part]:
        """What leads to the roots, and the roots."""
        last = directory.behind[0] if directory.behind else b""
        for entry in self._reader.node(directory.node_id):
            name = entry[NAME]
            path = directory.path + b"/" + name
            inside = is_inside(path, self._roots)
            if inside is None or name < last:
                continue
            told = name == last
            names = [_made(self._made, path, entry)] if inside and not told else []
            child = None
            if entry[KIND] == DIRECTORY:
                behind = directory.behind[1:] if told else []
                child = _Directory(entry[CONTENT], path, behind, inside)
            yield names, child

    def _beneath(self, directory: _Directory) -> Iterator[_Part]:
        """What lies beneath a root."""
        names, directories = entries_of(self._reader, directory.node_id, directory.path, self._made)
        done, last = 0, b""
        if directory.behind:
            last = directory.path + b"/" + directory.behind[0]
            done = bisect_left(names, last, key=_path)
            if done < len(names) and _path(names[done]) == last:
                done += 1
        for place, node_id in directories:
            path = _path(names[place])
            told = place < done
            if told and path != last:
                continue
            behind = directory.behind[1:] if told else []
            yield names[done : place + 1], _Directory(node_id, path, behind, inside=True)
            done = place + 1
        yield names[done:], None


def entries_of(reader: ChunkReader, node_id: bytes, path: bytes, made: type[T]) -> Entries[T]:
    """The entries of a directory, and where in them its directories are, with the ids of their nodes.

    Raises ArcxoError E4125 as `ChunkReader.node`.
    """
    data = bytes(reader.chunk(node_id))
    try:
        found: Entries[T] | None = None
        if _native is not None:
            found = _native.entries(data, path, made, KINDS, _EMPTY, _odd_content_id)
        return decoded(data, path, made) if found is None else found
    except ValueError as error:
        raise ArcxoError(
            "E4125", media=reader.store.location, object=node_id.hex(), reason=str(error)
        ) from error


def decoded(data: bytes, path: bytes, made: type[T]) -> Entries[T]:
    """The same of a node's bytes, in Python. Raises ValueError for what no writer makes."""
    entries = decode_node(data)
    found = [_made(made, path + b"/" + entry[NAME], entry) for entry in entries]
    return found, [(at, entry[CONTENT]) for at, entry in enumerate(entries) if entry[KIND] == DIRECTORY]


def _odd_content_id(entry: bytes) -> str:
    return content_id(decode_node(_ONE + entry)[0])


def _made(made: Made[T], path: bytes, entry: list[Any]) -> T:
    return made(path, KINDS[entry[KIND]], entry[SIZE], entry[MTIME], content_id(entry))


def _path(entry: Any) -> bytes:
    path: bytes = entry[0]
    return path
