"""Archiving and restoring: the tasks, and the two calls that carry them out.

Tasks and events are plain values that can be pickled. Both calls block until the work is done; they are
meant for a process of their own and use threads inside it. `emit` is called from one thread at a time,
`canceled` is asked at every file and chunk; when it says yes the call raises `CanceledError` (E4290
archive, E4291 restore) and leaves a consistent store and destination.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from app.model.archive import ArchiveEvent, ArchiveResult, RestoreEvent, RestoreResult
from app.model.backup_filters import NO_FILTERS
from app.model.entry import Identity, Metadata
from app.model.errors import Problem
from app.model.job import Conflict, Structure, VerifyMode
from app.model.media import Consistency
from app.model.owners import HostOwners, OwnerChange, OwnerRule
from app.model.restore import RestoreItem, RestorePart, RestorePlan, UndoItem, UndoResult
from app.model.scenario import Filters

if TYPE_CHECKING:
    # It brings the readers of media and their ciphers: 8 MB that processes without work for them do without.
    from app.backup.new_files import Cut


class ChangeKind(StrEnum):
    """What a change list says of a path."""

    CHANGED = "changed"
    """The entry itself (content or metadata) may differ; entries beneath a directory do not."""
    REMOVED = "removed"
    """The path may be gone, with all beneath it."""
    SUBTREE = "subtree"
    """Anything at or beneath the path may differ."""


@dataclass(frozen=True, slots=True)
class Change:
    """One path of a trusted change list, relative to its root (`b""` = the root itself)."""

    path: bytes
    kind: ChangeKind


class Manifest(Protocol):
    """Metadata of a snapshot as they were when it was made, by path relative to the root.

    `Identity.changed_ns` 0 means "not known": an unchanged size and time is then not trusted and the
    content is read. `Identity.links` counts live names, not those of the snapshot itself.
    """

    def get(self, path: bytes) -> tuple[Metadata, Identity] | None: ...


@dataclass(frozen=True, slots=True)
class SourceRules:
    """What is left out of a directory that no scenario made. Paths are relative to the root.

    `mounts`: where file systems are mounted; they are left out unless `cross_file_systems`, those
    `of_the_kernel` always. `own`: what Arcxo keeps there itself. `from_snapshot`: the root is read from a
    snapshot of its volume, where other subvolumes show as empty directories.
    """

    cross_file_systems: bool = False
    mounts: frozenset[bytes] = frozenset()
    of_the_kernel: frozenset[bytes] = frozenset()
    own: frozenset[bytes] = frozenset()
    from_snapshot: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveRoot:
    """One root: where it is on the master, and the directory that holds its frozen state.

    With `changes` (a trusted list relative to the base session) only those paths are touched and everything
    else is shared with the base by reference; the directory need hold nothing else. Without (None) it is
    walked and compared with the base. `partial`: the directory does hold nothing else, and cannot be walked.
    `audited` is a list that a walk is to prove complete. `rules`: it is not a replica's, and may change.
    """

    master_path: bytes
    directory: bytes
    changes: tuple[Change, ...] | None = None
    partial: bool = False
    audited: tuple[Change, ...] | None = None
    rules: SourceRules | None = None


@dataclass(frozen=True, slots=True)
class ArchiveTask:
    """Archive one entity as one session. `data_key` None = unencrypted; `base_session` 0 = none.

    `base_media` is the media that has the base session, when it is another one of the same set. `following`:
    the manifests are still being written, and what they name is frozen by then; whoever learns that one will
    not be written to its end cancels the archive.
    """

    media_path: str
    entity: str
    roots: tuple[ArchiveRoot, ...]
    job_id: int
    scenario_id: int
    scenario_name: str
    machine: str
    replica: str
    taken_at: datetime
    consistency: Consistency
    provider: str
    incarnation: str = ""
    change: int = 0
    base_session: int = 0
    data_key: bytes | None = field(default=None, repr=False)
    key_id: str = ""
    verify: VerifyMode = VerifyMode.NONE
    server: str = ""
    fence: int = 0
    base_media: str = ""
    following: bool = False
    owners: HostOwners | None = None
    """The names of the users and groups by whose numbers the entries are owned, to be kept with them."""
    filters: Filters = NO_FILTERS
    """What of the roots takes part. A list of changes may be used with a base of the same filters alone."""


@dataclass(frozen=True, slots=True)
class RestoreTask:
    """Write paths of a session (absolute, the master's; empty = all) to directories of this host.

    `targets` maps prefixes of master paths to directories, longest prefix wins. With `relocate` (another
    location) there is one target directory, prefix `/`, and `structure` says how much of the path is made
    beneath it; without, the rest of the path after the prefix is kept as it is.

    `more` are parts of other sessions, restored in the same run: what several of them have for one place
    comes from the newest. `exact` removes what is in a restored directory and not in the session. Nothing
    is written in `protected` directories.

    With `state`, a directory for this run alone, the run keeps a journal there: another run with it goes on
    where the one before ended. `undo_days` over 0 also keeps what is replaced or removed, for `undo`; more
    than `undo_max_bytes` of it (0 = no limit) is refused before anything is done.
    """

    media_path: str
    session: int
    paths: tuple[bytes, ...]
    targets: tuple[tuple[bytes, bytes], ...]
    conflict: Conflict = Conflict.OVERWRITE
    structure: Structure = Structure.NONE
    relocate: bool = False
    data_key: bytes | None = field(default=None, repr=False)
    job_id: int = 0
    host: str = "localhost"
    more: tuple[RestorePart, ...] = ()
    exact: bool = False
    protected: tuple[bytes, ...] = ()
    state: str = ""
    undo_days: int = 0
    undo_max_bytes: int = 0
    leave_open: bool = False
    """Files that a program has open are not replaced at once, but when it lets go of them."""
    left_out: tuple[bytes, ...] = ()
    """Targets that stay as they are, with all beneath them: they are no items of the restore."""
    owners: OwnerRule = OwnerRule.NUMBER
    owner_changes: tuple[OwnerChange, ...] = ()
    tell_items: bool = False
    """What came of each path is told as `RestoreItems`."""

    def parts(self) -> tuple[RestorePart, ...]:
        """All parts, the first one included."""
        first = RestorePart(self.media_path, self.session, self.paths, self.targets, self.data_key)
        return (first, *self.more)

    def directories(self) -> list[bytes]:
        """The destinations, each once."""
        return list(dict.fromkeys(directory for part in self.parts() for _, directory in part.targets))


@dataclass(frozen=True, slots=True)
class UndoTask:
    """Take back the run that kept its journal in `state`.

    With `force` also where people changed something since. `directories` are the destinations of the run.
    """

    state: str
    directories: tuple[bytes, ...] = ()
    force: bool = False
    plan_only: bool = False
    job_id: int = 0


class RestoreSink(Protocol):
    """Where restored entries go: a plain directory, or a replica's applier.

    Targets are absolute paths on this host, within the directories of the task. Calls come from one thread,
    but for `stage`. The restorer makes an entry at `stage()`, with its content and metadata, checks it and
    hands it over. Each method returns what could not be done (metadata that was refused); a target that
    cannot be written at all raises OSError or ArcxoError and becomes a problem of that path. No symbolic
    link beneath a destination is followed.
    """

    def stage(self, target: bytes, apart: int = 0) -> bytes:
        """A new path, on the file system of the target, where the restorer makes the entry. Any thread.

        What is staged with one number `apart` is made by one process, beside others with other numbers.
        """
        ...

    def hides(self, target: bytes) -> bool:
        """Whether nobody sees what is made at the target before `put`, `settle` or `finish` is called."""
        ...

    def grown_at(self, directory: bytes) -> bytes | None:
        """Where a new directory is made that nobody sees yet, and what is to be in it; None = it is not."""
        ...

    def publish_new(self, cut: Cut) -> None:
        """These files were made in the directory that `grown_at` gave, with their content and metadata."""
        ...

    def status(self, target: bytes) -> os.stat_result | None:
        """What lstat tells of what is at the target; None = nothing."""
        ...

    def place(self, target: bytes) -> tuple[int, bytes]:
        """(descriptor of the target's directory, its name there), good until the next call."""
        ...

    def directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        """Make the directory, with its parents. None = only make it when missing."""
        ...

    def publish(self, target: bytes, staged: bytes, metadata: Metadata, *, replace: bool) -> list[Problem]:
        """Put a staged entry in its place in one step; FileExistsError for one there and `replace` false.

        An empty directory is replaced, too.
        """
        ...

    def link(self, target: bytes, existing: bytes, *, replace: bool) -> list[Problem]:
        """Make `target` another name of `existing`, which was published before."""
        ...

    def remove(self, target: bytes, *, directory: bool) -> list[Problem]:
        """Remove an entry; a directory only when it is empty."""
        ...

    copies: int
    """How many entries were copied into place, as nothing can be moved there: those are read back again."""

    at_once: bool
    """Whether entries are in place when a method returns; else `settle` waits for that."""

    def seal(self) -> int:
        """The number of all new directories begun since the last call: `put` puts them in place, by this."""
        ...

    def put(self, number: int) -> list[Problem]:
        """New directories up to this number are whole: put them in place, or begin to do so."""
        ...

    def placed(self) -> tuple[int, list[Problem]]:
        """(the last number up to which all is in place, what could not be done of what was under way)."""
        ...

    def settle(self) -> list[Problem]:
        """Everything handed over so far is in place, and every new directory."""
        ...

    def check(self) -> None:
        """Raise ArcxoError when nothing can be staged any more: the place for it is gone."""
        ...

    def make_durable(self) -> None:
        """What was staged so far survives a power cut. For before something is replaced by it."""
        ...

    def finish(self, *, durable: bool = True) -> list[Problem]:
        """Everything is handed over: set directory times, make it durable. Also called after a cancel."""
        ...


class Line(Protocol):
    """The end of a connection, as `multiprocessing.connection.Connection` has it."""

    def send(self, value: Any, /) -> None: ...
    def recv(self) -> Any: ...


class HelperProcess(Protocol):
    """A process that runs `app.backup.helping.serve` at the other end of `line`."""

    @property
    def line(self) -> Line: ...

    def end(self) -> None:
        """Kill it if it is still there, and wait until it is gone. Any thread, also again."""
        ...


StartHelper = Callable[[], HelperProcess]
"""Raises OSError when none can be started."""

Emit = Callable[[ArchiveEvent], None]
EmitRestore = Callable[[RestoreEvent], None]
Canceled = Callable[[], bool]


def archive(
    task: ArchiveTask,
    emit: Emit,
    canceled: Canceled,
    manifests: Mapping[bytes, Manifest] | None = None,
) -> ArchiveResult:
    """Back up one entity and commit its session; `manifests` by master path of the root.

    The result is also the last event. Raises ArcxoError: media faults 41xx, E4141 (the device is full),
    E4201 (nothing to read at a root), E4202 (the base cannot be used with a change list).
    """
    from app.backup.archiver import Archiver

    return Archiver(task, emit, canceled, manifests or {}).run()


def usable_base(media_path: str, session: int, incarnation: str, change: int, data_key: bytes | None) -> bool:
    """Whether a change list since (incarnation, change) may be used with this base session.

    No for a session that is missing, damaged at its header, incomplete, encrypted or not unlike the new one,
    of another point, or whose packs are not all there. Looks at names and sizes, not at contents.
    """
    from app.backup.base import usable_base as implementation

    return implementation(media_path, session, incarnation, change, data_key)


def restore(
    task: RestoreTask,
    emit: EmitRestore,
    canceled: Canceled,
    sink: RestoreSink | None = None,
    start_helper: StartHelper | None = None,
) -> RestoreResult:
    """Restore; without a sink straight into the directories. The result is also the last event.

    With `start_helper` processes help to make what is restored when there is much of it; they are gone on
    return. It is called in the thread that calls this.

    Raises ArcxoError: E4221 (a path is not in the session), E4222 (no target covers a path), E4226, E4237,
    E4239 (the destination is full, vanished, read-only), E4234 (an exact restore of an incomplete session),
    E4236 (more would be kept aside than allowed), E4244 (the destination is no directory), media 41xx.
    """
    from app.backup.restorer import Restorer

    return Restorer(task, emit, canceled, sink, start_helper).run()


def undo(
    task: UndoTask,
    emit: EmitRestore,
    canceled: Canceled,
    sink: RestoreSink | None = None,
    on_item: Callable[[UndoItem], None] | None = None,
) -> UndoResult:
    """Take back what a restore did, but for what people changed since; that is told as problems W4241.

    `on_item` is told of each path. The result is also the last event. Raises NotFoundError E4240 when
    nothing is kept of the restore, ArcxoError E4231 for a damaged journal.
    """
    from app.backup.undo import Undo

    return Undo(task, emit, canceled, sink, on_item).run()


def plan_restore(
    task: RestoreTask,
    limit: int = 1000,
    on_item: Callable[[RestoreItem], None] | None = None,
    canceled: Canceled = lambda: False,
) -> RestorePlan:
    """Exactly what `restore` would do now; changes nothing.

    At most `limit` items are in the plan; `on_item` is told of all, one after the other. Raises as `restore`.
    """
    from app.backup.plan import plan

    return plan(task, limit, on_item, canceled)
