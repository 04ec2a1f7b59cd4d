"""How the entries of a directory stand on a replica: from the disk, the shadow, and what is on its way."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from app.messages import render
from app.model.entry import EntryKind, kind_of_mode
from app.model.errors import ArcxoError, NotFoundError, Problem
from app.model.path_state import DirectoryStates, PathState, PathStatus
from app.model.paths import is_beneath, shown
from app.model.scenario import ReplicaState, ReplicaStatus
from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import NOT_INCLUDED, PathFilter
from app.replication.master.flight import OnItsWay
from app.replication.master.observe import unchanged
from app.replication.master.shadow import ShadowEntry, ShadowReader

ENTRIES_MOST = 50_000
_STOPPED = "the scenario is not running"
_STATES_WITHOUT_COMPARISON = (ReplicaState.CONNECTING, ReplicaState.SYNCHRONIZING)


@dataclass(frozen=True, slots=True)
class Known:
    """What a run knows of one replica. `on_its_way` is asked after the shadow: what was recorded is there."""

    shadow_path: str
    on_its_way: Callable[[], OnItsWay]
    replica: Callable[[], ReplicaStatus]
    problems: Callable[[], Sequence[Problem]]


def directory_states(
    scenario: str,
    roots: Sequence[ComparedRoot],
    filters: PathFilter,
    replica: str,
    known: Known | None,
    path: bytes,
    limit: int,
) -> DirectoryStates:
    """The entries of `path` (absolute, in a root). Blocks for reading the directory and its shadow.

    Raises:
        NotFoundError: ER00419 a path outside the roots, AE1020 no such directory.
        ArcxoError: AE1021 a directory that cannot be read.
    """
    found = [root for root in roots if is_beneath(path, root.path)]
    if not found:
        raise NotFoundError("ER00419", path=shown(path), scenario=scenario)
    root = max(found, key=lambda one: len(one.path))
    inner = path[len(root.path.rstrip(b"/")) + 1 :]
    entries = _look(root, inner, filters)
    if known is not None:
        entries = _judge(root, inner, entries, known)
    ordered = sorted(entries, key=lambda one: (one[0].kind is not EntryKind.DIRECTORY, one[0].name))
    most = max(1, min(limit, ENTRIES_MOST))
    return DirectoryStates(replica, tuple(one for one, _ in ordered[:most]), len(ordered) > most)


Found = tuple[PathStatus, os.stat_result | None]


def _look(root: ComparedRoot, inner: bytes, filters: PathFilter) -> list[Found]:
    whole = root.whole(inner)
    prefix = inner + b"/" if inner else b""
    left_out = bool(inner) and filters.leaves_out_directory(inner)
    found: list[Found] = []
    try:
        with os.scandir(whole) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                kind = kind_of_mode(status.st_mode)
                size = status.st_size if kind is EntryKind.FILE else 0
                directory = kind is EntryKind.DIRECTORY
                out, pattern = filters.decide(prefix + entry.name, directory=directory)
                state, reason = PathState.UNKNOWN, _STOPPED
                if kind is EntryKind.SOCKET:
                    state, reason = PathState.EXCLUDED, "sockets are not replicated"
                elif out or left_out:
                    state, reason = PathState.EXCLUDED, _why(pattern)
                found.append((PathStatus(entry.name, kind, size, state, reason), status))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError("AE1020", path=shown(whole)) from error
    except OSError as error:
        raise ArcxoError("AE1021", path=shown(whole), reason=error.strerror) from error
    return found


def _why(pattern: str) -> str:
    return "no include pattern matches it" if pattern == NOT_INCLUDED else f"left out by {pattern}"


def _judge(root: ComparedRoot, inner: bytes, entries: list[Found], known: Known) -> list[Found]:
    reader = ShadowReader(known.shadow_path)
    try:
        rows = {row.path.rpartition(b"/")[2]: row for row in reader.children(root.number, inner)}
    finally:
        reader.close()
    judge = _Judge(root, inner, known)
    judged: list[Found] = []
    for entry, status in entries:
        row = rows.pop(entry.name, None)
        part = entry.state is not PathState.EXCLUDED and status is not None
        judged.append((judge.of(entry, status, row) if part and status is not None else entry, status))
    judged += [(_gone(row, "removed, not recorded yet"), None) for row in rows.values()]
    names = {entry.name for entry, _ in judged}
    return judged + [(entry, None) for entry in judge.removed(names)]


class _Judge:
    """What is known of the entries of one directory, asked for once."""

    def __init__(self, root: ComparedRoot, inner: bytes, known: Known) -> None:
        self._root, self._inner = root, inner
        self._on_its_way = known.on_its_way()
        self._replica = known.replica()
        self._troubles = {one.path: render(one.code, one.params).text for one in known.problems()}
        self._beneath = self._on_its_way.by_child(root.number, inner)
        self._waiting = _waiting(self._replica)

    def of(self, entry: PathStatus, status: os.stat_result, row: ShadowEntry | None) -> PathStatus:
        """The entry with its state; `row` is what was recorded of it."""
        path = _join(self._inner, entry.name)
        count = self._beneath.get(entry.name, 0)
        if (trouble := self._troubles.get(self._root.whole(path))) is not None:
            return replace(entry, state=PathState.PROBLEM, reason=trouble, beneath=count)
        if self._replica.state in _STATES_WITHOUT_COMPARISON:
            return replace(entry, reason="the replica is being compared", beneath=count)
        if row is None or not unchanged(row, status, self._root.device):
            new = "new" if row is None else "changed"
            return replace(entry, state=PathState.WAITING, reason=f"{new}, not recorded yet", beneath=count)
        if self._on_its_way.holds(self._root.number, path):
            return replace(entry, state=PathState.WAITING, reason=self._waiting, beneath=count)
        if count and stat.S_ISDIR(status.st_mode):
            return replace(entry, state=PathState.WAITING, reason=self._waiting, beneath=count)
        return replace(entry, state=PathState.IN_SYNC, reason="", beneath=0)

    def removed(self, names: set[bytes]) -> Iterator[PathStatus]:
        """What is recorded as removed, so that the shadow has forgotten it, and is still on the replica."""
        for name in self._beneath.keys() - names:
            if self._on_its_way.is_about(self._root.number, _join(self._inner, name)):
                reason = f"removed, {self._waiting}"
                yield PathStatus(name, EntryKind.FILE, 0, PathState.WAITING, reason, gone=True)


def _waiting(replica: ReplicaStatus) -> str:
    cause = replica.waiting.partition(": ")[2] or replica.reason
    return f"waits: {cause}" if cause else "on its way"


def _gone(row: ShadowEntry, reason: str) -> PathStatus:
    name = row.path.rpartition(b"/")[2]
    return PathStatus(name, kind_of_mode(row.mode), row.size, PathState.WAITING, reason, gone=True)


def _join(inner: bytes, name: bytes) -> bytes:
    return inner + b"/" + name if inner else name
