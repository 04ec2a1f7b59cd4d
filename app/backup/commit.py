"""Publishing what was staged: looked at, noted in the journal, kept aside, put in place, read back."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from app.backup.api import RestoreSink, RestoreTask
from app.backup.busy import is_open
from app.backup.earlier import Earlier
from app.backup.extras import RESERVED_PREFIX
from app.backup.hopeless import GONE, end_if_hopeless
from app.backup.items import Item, is_implicit
from app.backup.journal import Fingerprint, Journal, Record, Step
from app.backup.keeping import Keeper
from app.backup.metadata import metadata_of
from app.backup.telling import Telling
from app.backup.waiting import note_waiting
from app.media.node import DIRECTORY, KIND, MTIME, to_metadata
from app.model.entry import EntryKind, Metadata, Xattrs
from app.model.errors import ArcxoError, Problem
from app.model.job import Conflict
from app.model.paths import shown
from app.model.restore import RestoreAction

WAITING_SUFFIX = b".TMP"
_CAME_MEANWHILE = "something came into its place meanwhile"
_WAITS = "waits for a program to end"
_NO_LINK = (errno.EXDEV, errno.EMLINK, errno.EPERM, errno.ENOTSUP)
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class Staged:
    """An entry ready to be put in place; with `head` it is another name of that one, and not staged."""

    item: Item
    path: bytes
    after: Fingerprint | None
    problems: list[Problem] = field(default_factory=list)
    head: bytes = b""
    replace: bool = False
    replaced: bool = False
    waits: bool = False
    read: tuple[bool, list[str]] | None = None
    """What reading it back found, when that was done while it was staged; see `ReadBack`."""


@dataclass(slots=True)
class Figures:
    """What was done so far."""

    files: int = 0
    directories: int = 0
    bytes: int = 0
    skipped: int = 0
    renamed: int = 0
    deleted: int = 0
    kept_bytes: int = 0
    pending: int = 0
    resumed: int = 0


class Committer:
    """Carries out, in one thread. `report` takes problems; raised is what ends the restore (full, gone).

    Every change is in the journal before it is made; what replaces something is on the disk before, too.
    """

    def __init__(
        self,
        task: RestoreTask,
        sink: RestoreSink,
        journal: Journal | None,
        report: Callable[[list[Problem]], None],
        telling: Telling,
    ) -> None:
        self._task = task
        self._sink = sink
        self._journal = journal
        self._report = report
        self._telling = telling
        self._keeper: Keeper | None = None
        self.figures = Figures()
        self._unlinked: list[Item] = []
        if journal is not None and task.undo_days > 0:
            self._keeper = Keeper(journal, sink, task.directories())

    # -- directories ----------------------------------------------------------------------------------

    def make_directory(self, item: Item, earlier: Earlier) -> bool:
        """Make or take over a directory; returns whether it is there. Its metadata are set at the end."""
        metadata = None if is_implicit(item.entry) else to_metadata(item.entry)
        target = item.target
        try:
            there = self._sink.status(target)
            if there is not None and not stat.S_ISDIR(there.st_mode) and item.replaces:
                self._remove_one(target, there)
                there = None
            elif there is not None and item.above:
                metadata = None
            self._note_directory(target, there, metadata, earlier)
            self._report(self._sink.directory(target, metadata))
        except OSError as error:
            self.failed(item.source or target, error)
            return False
        if item.source:
            self.figures.directories += 1
            if item.is_change:
                self._telling.tell(item, item.action)
        return True

    def skip(self, item: Item, reason: str = "") -> None:
        """It is not restored, as the rule for what is there says."""
        self.figures.skipped += 1
        self._telling.tell(item, RestoreAction.SKIP, reason or item.reason)

    def _note_directory(
        self, target: bytes, there: os.stat_result | None, metadata: Metadata | None, earlier: Earlier
    ) -> None:
        if self._journal is None or earlier.knows_directory(target):
            return
        if there is None:
            self._journal.append(Record(Step.MAKE_DIRECTORY, target))
            if self._sink.hides(target):
                return  # nobody sees it before more is written
        elif metadata is not None and stat.S_ISDIR(there.st_mode):
            after = Fingerprint(
                there.st_ino, 0, 0, stat.S_IFDIR | metadata.permissions, metadata.uid, metadata.gid
            )
            before = self._directory_metadata(target)
            self._journal.append(Record(Step.SET_DIRECTORY, target, after=after, metadata=before))
        else:
            return
        self._journal.write()

    def _directory_metadata(self, target: bytes) -> tuple[int, int, int, int, Xattrs]:
        fd, name = self._sink.place(target)
        descriptor = os.dup(fd) if name == b"." else os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
        try:
            return metadata_of(descriptor)
        finally:
            os.close(descriptor)

    # -- removing -------------------------------------------------------------------------------------

    def remove(self, item: Item) -> None:
        """Remove what an exact restore has no use for; kept aside before."""
        if item.failed:
            self._report([Problem(item.failed, item.target, {"reason": item.reason})])
            return
        try:
            there = self._sink.status(item.target)
            if there is None:
                return
            if stat.S_ISDIR(there.st_mode):
                self._remove_directory(item.target, item.entry[MTIME])
            else:
                self._remove_one(item.target, there)
        except OSError as error:
            self.failed(item.target, error)
            return
        self.figures.deleted += 1
        self._telling.tell(item, RestoreAction.DELETE, item.reason)

    def _remove_one(self, target: bytes, there: os.stat_result) -> None:
        if self._journal is not None:
            self._journal.append(self._kept(Step.REMOVE, target, there))
            self._journal.sync()
        self._report(self._sink.remove(target, directory=False))

    def _remove_directory(self, target: bytes, modified_ns: int) -> None:
        """`modified_ns`: of before what was in it was removed."""
        if self._journal is not None:
            mode, uid, gid, _, attributes = self._directory_metadata(target)
            before = (mode, uid, gid, modified_ns, attributes)
            self._journal.append(Record(Step.REMOVE_DIRECTORY, target, metadata=before))
            self._journal.sync()
        self._report(self._sink.remove(target, directory=True))

    def _kept(
        self, step: Step, target: bytes, there: os.stat_result, after: Fingerprint | None = None
    ) -> Record:
        kept, before = b"", Fingerprint.of(there)
        if self._keeper is not None:
            kept, before = self._keeper.keep(target, there)
            self.figures.kept_bytes += there.st_size if stat.S_ISREG(there.st_mode) else 0
        return Record(step, target, kept, before, after)

    # -- files ----------------------------------------------------------------------------------------

    def commit(self, batch: list[Staged]) -> list[Staged]:
        """Put a batch in place; returns what is in place now."""
        ready = []
        for staged in batch:
            try:
                if self._prepare(staged):
                    ready.append(staged)
            except OSError as error:
                discard(staged.path)
                self.failed(staged.item.source, error)
        if self._journal is not None:
            self._journal.write()
        if any(staged.replaced for staged in ready):
            # A power cut must not leave neither the old nor the new, nor one that nothing is known of.
            self._sink.make_durable()
            if self._journal is not None:
                self._journal.sync()
        return [staged for staged in ready if self._publish(staged)]

    def _prepare(self, staged: Staged) -> bool:
        """Decide by what is there now; keep it, note it. False = it is done with."""
        item, target = staged.item, staged.item.target
        strict = self._task.conflict is not Conflict.OVERWRITE
        if self._journal is None and strict and not item.replaces:
            return True
        there = self._sink.status(target)
        if there is not None and not item.replaces and strict:
            return self._appeared(staged, there)
        staged.replaced = there is not None
        # By the other rules what comes into the place at the last moment is not replaced either.
        staged.replace = there is not None or not strict
        if there is None:
            if self._journal is not None:
                more = {"wanted": item.wanted} if item.wanted else None
                self._journal.append(Record(Step.CREATE, target, after=staged.after, more=more))
            return True
        if stat.S_ISDIR(there.st_mode):
            self._clear(target, there)
            return self._prepare(staged)
        if self._task.leave_open and self._journal is not None and self._waits(staged):
            return True
        if self._journal is not None:
            self._journal.append(self._kept(Step.REPLACE, target, there, staged.after))
        return True

    def _appeared(self, staged: Staged, there: os.stat_result) -> bool:
        """Something came into the place since the plan: the rule decides again."""
        item = staged.item
        conflict = self._task.conflict
        older = conflict is Conflict.OLDER and there.st_mtime_ns < to_metadata(item.entry).modified_ns
        if older and not stat.S_ISDIR(there.st_mode):
            item.replaces = True
            return self._prepare(staged)
        discard(staged.path)
        if conflict is Conflict.RENAME:
            self._report(
                [Problem("E4225", item.source, {"reason": f"{shown(item.target)} was made meanwhile"})]
            )
        else:
            self.skip(item, _CAME_MEANWHILE)
        return False

    def _clear(self, target: bytes, there: os.stat_result) -> None:
        """Take away a directory that a file replaces: an empty one, or in an exact restore with all in it."""
        found = [(target, there)]
        for directory, _ in found if self._task.exact else ():
            for path, child in self._children(directory):
                if stat.S_ISDIR(child.st_mode):
                    found.append((path, child))
                else:
                    self._remove_one(path, child)
                    self.figures.deleted += 1
                    self._telling.tell_removed(path, child.st_size)
        for directory, status in reversed(found):
            self._remove_directory(directory, status.st_mtime_ns)
            if directory != target:
                self._telling.tell_removed(directory, 0)
        self.figures.deleted += len(found) - 1

    def _children(self, directory: bytes) -> list[tuple[bytes, os.stat_result]]:
        """What is in a directory and may be removed with it. OSError for another file system in it."""
        fd, name = self._sink.place(directory)
        descriptor = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
        try:
            device = os.fstat(descriptor).st_dev
            names = sorted(map(os.fsencode, os.listdir(descriptor)))
        finally:
            os.close(descriptor)
        children = []
        for child in names:
            path = directory + b"/" + child
            there = self._sink.status(path)
            if there is None or child.startswith(RESERVED_PREFIX):
                continue
            if there.st_dev != device:
                raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
            children.append((path, there))
        return children

    def _waits(self, staged: Staged) -> bool:
        """Whether a program has the target open: then the restored file waits beside it."""
        item = staged.item
        if not is_open(*self._sink.place(item.target)):
            return False
        waiting = item.target + WAITING_SUFFIX
        number = 1
        while self._sink.status(waiting) is not None:
            number += 1
            waiting = item.target + WAITING_SUFFIX + b"%d" % number
        if self._journal is not None:
            more = {"for": item.target}
            self._journal.append(Record(Step.PENDING, waiting, after=staged.after, more=more))
            note_waiting(self._journal.directory, waiting, item.target, staged.after)
        self._report([Problem("W4238", item.target, {"waiting": shown(waiting)})])
        item.target, staged.waits, staged.replace, staged.replaced = waiting, True, False, False
        return True

    def _publish(self, staged: Staged) -> bool:
        item = staged.item
        metadata = item.metadata()
        copies = self._sink.copies
        try:
            if staged.head:
                problems = self._sink.link(item.target, staged.head, replace=staged.replace)
            else:
                problems = self._sink.publish(item.target, staged.path, metadata, replace=staged.replace)
        except FileExistsError:
            discard(staged.path)
            if self._task.conflict is Conflict.SKIP:
                self.skip(item, _CAME_MEANWHILE)
            else:
                reason = "something was made in its place meanwhile"
                self._report([Problem("E4225", item.source, {"reason": reason})])
            return False
        except OSError as error:
            discard(staged.path)
            if staged.head and error.errno in _NO_LINK:
                self._unlinked.append(item)
            else:
                self.failed(item.source, error)
            return False
        if self._sink.copies != copies:
            staged.read = None
        self._report([*staged.problems, *problems])
        figures = self.figures
        figures.files += 1
        figures.renamed += item.action is RestoreAction.RENAME
        figures.pending += staged.waits
        if not staged.head and metadata.kind is EntryKind.FILE:
            figures.bytes += metadata.size_bytes
        self._telling.tell(item, self._came_of(staged), _WAITS if staged.waits else "")
        return True

    @staticmethod
    def _came_of(staged: Staged) -> RestoreAction:
        if staged.item.action is RestoreAction.RENAME:
            return RestoreAction.RENAME
        return RestoreAction.OVERWRITE if staged.replaced else RestoreAction.CREATE

    def take_unlinked(self) -> list[Item]:
        """What could not be made another name of something else, and needs a content of its own."""
        taken, self._unlinked = self._unlinked, []
        return taken

    # -- failures -------------------------------------------------------------------------------------

    def failed(self, path: bytes, error: OSError) -> None:
        """A problem of one path; raises what would befall all others, too."""
        end_if_hopeless(path, error)
        if error.errno in GONE:
            self._sink.check()
            for directory in self._task.directories():
                self._still_there(directory, error)
        self._report([Problem("E4225", path, {"reason": error.strerror or str(error)})])

    @staticmethod
    def _still_there(directory: bytes, error: OSError) -> None:
        try:
            os.stat(directory)
        except OSError:
            raise ArcxoError("E4237", path=shown(directory)) from error


def discard(path: bytes) -> None:
    """Remove a staged entry that is of no use."""
    if path:
        with contextlib.suppress(OSError):
            os.unlink(path)


def is_directory(item: Item) -> bool:
    """Whether an item is a directory of the session."""
    return bool(item.entry[KIND] == DIRECTORY)
