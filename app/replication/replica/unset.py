"""Metadata that the replica refused: found by what is there at the end of a batch, not by what was tried.

A problem with metadata belongs to a path as it was at some moment of the batch; it may have been renamed,
removed or set once more since.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.frames import UNSET_METADATA
from app.replication.metadata import read_metadata, settable
from app.replication.records import (
    MakeEntry,
    MakeLink,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    WriteBlocks,
)
from app.replication.replica.grown import Grown
from app.replication.replica.link_groups import LinkGroups
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.trouble import PathTrouble

if TYPE_CHECKING:
    from app.replication.replica.batch import Batch

Place = tuple[int, bytes]
_CAUSES_MOST = 5


@dataclass(frozen=True, slots=True)
class Unset:
    """What a path should have, and what of it was refused, and why, in words."""

    metadata: Metadata
    cause: str


def follow(records: Sequence[Record | Grown], problems: Iterable[tuple[int, Problem]]) -> dict[Place, Unset]:
    """Where entries with these problems are after the records, and what they should have there."""
    causes: dict[Place, list[Problem]] = {}
    for root, problem in problems:
        causes.setdefault((root, problem.path), []).append(problem)
    if not causes:
        return {}
    words = {place: _in_words(found) for place, found in causes.items()}
    wanted: dict[Place, Unset] = {}
    seen: set[int] = set()
    for record in records:
        if isinstance(record, Grown):
            if id(record) not in seen:
                seen.add(id(record))
                _grown(record, words, wanted)
        elif isinstance(record, ReplaceFile | WriteBlocks | MakeEntry | SetMetadata):
            place = (record.root, record.path)
            if place in words:
                wanted[place] = Unset(record.metadata, words[place])
        elif isinstance(record, Remove | MakeLink):
            _leave(wanted, record.root, record.path)
        elif isinstance(record, Rename):
            _leave(wanted, record.root, record.new_path)
            for place, unset in _leave(wanted, record.root, record.path):
                moved = (record.root, record.new_path + place[1][len(record.path) :])
                words.setdefault(moved, unset.cause)
                wanted[moved] = unset
    return wanted


def _grown(grown: Grown, words: Mapping[Place, str], wanted: dict[Place, Unset]) -> None:
    for problem in grown.problems:
        place = (grown.root, problem.path)
        entry = grown.entry(problem.path)
        if entry is not None and place in words:
            wanted[place] = Unset(entry[1], words[place])


def _leave(wanted: dict[Place, Unset], root: int, path: bytes) -> list[tuple[Place, Unset]]:
    prefix = path + b"/"
    gone = [place for place in wanted if place[0] == root and (place[1] + b"/").startswith(prefix)]
    return [(place, wanted.pop(place)) for place in gone]


def _in_words(problems: Sequence[Problem]) -> str:
    """Such as `owner, attribute user.a: Operation not permitted`."""
    by_cause: dict[str, dict[str, None]] = {}
    for problem in problems:
        by_cause.setdefault(problem.params["cause"], {})[problem.params["what"]] = None
    return "; ".join(f"{_some(list(what))}: {cause}" for cause, what in by_cause.items())


def _some(names: list[str]) -> str:
    more = len(names) - _CAUSES_MOST
    return ", ".join(names[:_CAUSES_MOST]) + (f" and {more:,} more" if more > 0 else "")


def troubles(
    wanted: Mapping[Place, Unset], trees: Sequence[ReplicaTree], links: LinkGroups
) -> Iterator[tuple[int, PathTrouble]]:
    """(root, trouble) of those that are not as they should be; of all names, where a file has several."""
    for (root, path), unset in wanted.items():
        tree = trees[root].tree
        try:
            fd, name = tree.place(path)
            now, identity = read_metadata(name, fd)
        except (OSError, PathTrouble):
            continue
        if now.kind is not unset.metadata.kind or settable(now) == settable(unset.metadata):
            continue
        names = {path}
        if identity.links > 1:
            names.update(links.known(root, identity.inode))
        for one in names:
            yield root, PathTrouble(UNSET_METADATA, one, final=True, cause=unset.cause)


def still_refused(batch: Batch, root: int, path: bytes, now: Metadata, metadata: Metadata) -> bool:
    """Whether metadata that were refused at `path` are refused as before: tried on what is thrown away.

    Else each try would be an operation to rewind over, and a change for the next backup. Raises OSError when
    the disk is full.
    """
    if metadata.kind not in (EntryKind.FILE, EntryKind.DIRECTORY):
        return False
    tree, preparer = batch.tree(root), batch.preparer
    before = len(preparer.problems)
    try:
        made, _ = preparer.entry(tree, path, metadata)
        fd, name = tree.side.place(made)
        try:
            found, _ = read_metadata(name, fd)
        finally:
            (os.rmdir if metadata.kind is EntryKind.DIRECTORY else os.unlink)(name, dir_fd=fd)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        return False
    same = settable(found) == settable(now)
    if not same:
        del preparer.problems[before:]
    return same
