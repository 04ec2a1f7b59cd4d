"""Taking back what a restore did, as far as nobody changed it since."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable

from app.backup.api import Canceled, EmitRestore, RestoreSink, UndoTask
from app.backup.copying import copy_entry
from app.backup.journal import Fingerprint, Journal, Record, Step, read_backwards, read_journal
from app.backup.metadata import metadata_at
from app.backup.sink import DirectorySink
from app.backup.undo_paths import UndoPaths
from app.model.archive import Progress
from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError, CanceledError, NotFoundError, Problem
from app.model.job import JobPhase
from app.model.paths import shown
from app.model.restore import UndoAction, UndoItem, UndoResult

_PROGRESS_EVERY_S = 0.25
_LOOK_EVERY = 32
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Undo:
    """One run of an `UndoTask`; see `app.backup.api.undo`.

    Goes through the journal backwards. Each step leaves a state in which the same step is seen to be done,
    so a run that was killed is simply run again.
    """

    def __init__(
        self,
        task: UndoTask,
        emit: EmitRestore,
        canceled: Canceled,
        sink: RestoreSink | None,
        on_item: Callable[[UndoItem], None] | None = None,
    ) -> None:
        self._task = task
        self._emit = emit
        self._canceled = canceled
        self._on_item = on_item
        self._sink: RestoreSink = sink or DirectorySink(list(task.directories))
        self._journal: Journal | None = None
        self._placed: set[Fingerprint] = set()
        """What was brought back as copies: by earlier undos, and by this one of a restore that ran twice."""
        self._several = False
        """The restore was cut off and gone on with: both runs may have noted the same path."""
        self._planned: dict[int, Fingerprint] = {}
        """Of these, in a plan: what would be back by then."""
        self._removed_directories: set[int] = set()
        """Directories that the restore removed: one in the place of a file may be one that came back."""
        self._paths = UndoPaths(self._sink, task.directories)
        self._reported = 0.0
        self._steps = self._removed = self._back = self._changed = self._problems = self._bytes = 0

    def run(self) -> UndoResult:
        """Take back. Raises NotFoundError E4240 when there is no journal."""
        total = begun = 0
        for record in read_journal(self._task.state):
            total += 1
            begun += record.step is Step.BEGIN
            if record.step is Step.UNDO and record.after is not None:
                self._placed.add(record.after)
            if record.step is Step.REMOVE_DIRECTORY:
                self._removed_directories.add(hash(record.target))
        self._several = begun > 1
        if not total:
            raise NotFoundError("E4240", job=self._task.job_id)
        if not self._task.plan_only:
            self._journal = Journal(self._task.state)
        complete = False
        try:
            for record in read_backwards(self._task.state):
                self._progress(record.target, total)
                self._take_back(record)
            complete = True
        finally:
            if not self._task.plan_only:
                self._tell(self._sink.finish(durable=complete))
            if self._journal is not None:
                if complete and not self._problems:
                    self._journal.append(Record(Step.UNDONE, more={"changed": self._changed}))
                    self._journal.sync()
                self._journal.close()
        result = UndoResult(self._removed, self._back, self._changed, self._problems, self._bytes)
        self._emit(result)
        return result

    # -- reporting ------------------------------------------------------------------------------------

    def _progress(self, path: bytes, total: int) -> None:
        self._steps += 1
        if self._steps % _LOOK_EVERY:
            return
        if self._canceled():
            raise CanceledError("E4291")
        moment = time.monotonic()
        if moment - self._reported >= _PROGRESS_EVERY_S:
            self._reported = moment
            self._emit(Progress(JobPhase.RESTORE, path, self._steps, files_total=total))

    def _tell(self, problems: list[Problem]) -> None:
        for problem in problems:
            self._problems += 1
            self._emit(problem)

    def _item(self, target: bytes, action: UndoAction, size: int = 0, reason: str = "") -> None:
        if self._on_item is not None:
            self._on_item(UndoItem(target, action, size, reason))

    def _keep(self, target: bytes, reason: str) -> None:
        """Changed since: named and left."""
        self._changed += 1
        self._paths.explain(target)
        self._item(target, UndoAction.KEEP, 0, reason)
        if not self._task.plan_only:
            self._emit(Problem("W4241", target, {"reason": reason}))

    # -- taking back ----------------------------------------------------------------------------------

    def _take_back(self, record: Record) -> None:
        try:
            match record.step:
                case Step.BEGIN:
                    self._settle()
                case Step.CREATE | Step.PENDING:
                    self._created(record)
                case Step.REPLACE:
                    self._replaced(record)
                case Step.REMOVE:
                    self._removed_one(record)
                case Step.MAKE_DIRECTORY:
                    self._made_directory(record)
                case Step.SET_DIRECTORY:
                    self._set_directory(record)
                case Step.REMOVE_DIRECTORY:
                    self._removed_directory(record)
        except OSError as error:
            self._not_back(record.target, error.strerror or str(error))

    def _settle(self) -> None:
        """What a run of the restore did is in its place again before an earlier run is looked at."""
        if self._several and not self._task.plan_only:
            self._tell(self._sink.settle())

    def _not_back(self, target: bytes, reason: str) -> None:
        self._paths.explain(target)
        self._tell([Problem("E4242", target, {"reason": reason})])

    def _created(self, record: Record) -> None:
        found = self._paths.status(record.target)
        if found is None:
            return
        if stat.S_ISDIR(found.st_mode):
            if hash(record.target) not in self._removed_directories:
                self._keep(record.target, "a directory is in its place")
            return
        if Fingerprint.of(found) != record.after and not self._task.force:
            if Fingerprint.of(found) not in self._placed:
                self._keep(record.target, "it was changed after it was restored")
            return
        self._item(record.target, UndoAction.REMOVE, found.st_size)
        self._removed += 1
        if self._task.plan_only:
            self._paths.takes_away(record.target)
            return
        self._tell(self._sink.remove(record.target, directory=False))

    def _replaced(self, record: Record) -> None:
        found = self._paths.status(record.target)
        planned = self._planned.get(hash(record.target))
        now = planned if planned is not None or found is None else Fingerprint.of(found)
        if found is not None and self._is_back(found, record):
            return
        if now != record.after and not self._task.force:
            reason = "it was removed after it was restored"
            if now is not None:
                reason = "it was changed after it was restored"
            self._keep(record.target, reason)
            return
        if found is not None and stat.S_ISDIR(found.st_mode):
            self._keep(record.target, "a directory is in its place")
            return
        self._bring_back(record, replace=found is not None)

    def _removed_one(self, record: Record) -> None:
        found = self._paths.status(record.target)
        if hash(record.target) in self._planned:
            return
        if found is not None:
            if self._is_back(found, record):
                return
            if not self._task.force or stat.S_ISDIR(found.st_mode):
                self._keep(record.target, "something new is in its place")
                return
        self._bring_back(record, replace=found is not None)

    def _is_back(self, found: os.stat_result, record: Record) -> bool:
        if Fingerprint.of(found) in self._placed:
            return True
        if record.before is None:
            return False
        planned = self._planned.get(hash(record.target))
        if planned is not None:
            return planned.inode == record.before.inode
        if found.st_ino != record.before.inode:
            return False
        # A copy that is kept on another file system may have the number by chance.
        kept = _status_of(record.kept)
        return kept is None or kept.st_dev == found.st_dev

    def _bring_back(self, record: Record, *, replace: bool) -> None:
        target, kept = record.target, record.kept
        found = _status_of(kept)
        if found is None or record.before is None or found.st_ino != record.before.inode:
            self._not_back(target, "nothing was kept of it" if not kept else "what was kept of it is gone")
            return
        if not self._can_be_put(target):
            return
        size = found.st_size if stat.S_ISREG(found.st_mode) else 0
        self._item(target, UndoAction.BRING_BACK, size)
        self._back += 1
        self._bytes += size
        if self._task.plan_only:
            if self._several:
                self._planned[hash(target)] = record.before
            return
        staged = self._sink.stage(target)
        try:
            os.link(kept, staged, follow_symlinks=False)
        except OSError:
            copy_entry(kept, staged, found)
            assert self._journal is not None
            copy = Fingerprint.of(os.lstat(staged))
            self._journal.append(Record(Step.UNDO, target, after=copy))
            self._journal.sync()
            if self._several:
                self._placed.add(copy)
        self._tell(self._sink.publish(target, staged, metadata_at(staged), replace=replace))

    def _can_be_put(self, target: bytes) -> bool:
        """Whether its directory is there, or made again because that is wanted; told, if not."""
        missing, other = self._paths.missing_above(target)
        if other:
            self._keep(target, f"{shown(other)} is no directory any more")
        elif missing and not self._task.force:
            self._keep(target, "its directory was removed after the restore")
        else:
            for directory in missing:
                self._item(directory, UndoAction.BRING_BACK)
                self._back += 1
                if self._task.plan_only:
                    self._paths.brings_back(directory)
                else:
                    self._tell(self._sink.directory(directory, None))
            return True
        return False

    def _made_directory(self, record: Record) -> None:
        found = self._paths.status(record.target)
        if found is None or not stat.S_ISDIR(found.st_mode):
            return
        if self._task.plan_only:
            if self._paths.holds_others(record.target, self._names(record.target)):
                self._keep_directory(record.target)
                return
            self._paths.takes_away(record.target)
        else:
            try:
                self._tell(self._sink.remove(record.target, directory=True))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                self._keep_directory(record.target)
                return
        self._item(record.target, UndoAction.REMOVE)
        self._removed += 1

    def _keep_directory(self, target: bytes) -> None:
        if not self._paths.is_explained(target):
            self._keep(target, "something is in it that was not restored")

    def _names(self, target: bytes) -> list[bytes]:
        fd, name = self._sink.place(target)
        descriptor = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
        try:
            return [os.fsencode(child) for child in os.listdir(descriptor)]
        finally:
            os.close(descriptor)

    def _set_directory(self, record: Record) -> None:
        found = self._paths.status(record.target)
        if found is None or not stat.S_ISDIR(found.st_mode) or record.after is None:
            return
        before = _directory_metadata(record)
        now = (found.st_mode, found.st_uid, found.st_gid)
        untouched = now == (record.after.mode, record.after.uid, record.after.gid)
        as_before = (stat.S_IMODE(now[0]), *now[1:]) == (before.permissions, before.uid, before.gid)
        if not (untouched or as_before or self._task.force):
            self._keep(record.target, "its permissions or owner were changed after it was restored")
            return
        if not self._task.plan_only:
            self._tell(self._sink.directory(record.target, before))

    def _removed_directory(self, record: Record) -> None:
        found = self._paths.status(record.target)
        if found is not None and not stat.S_ISDIR(found.st_mode):
            self._keep(record.target, "something new is in its place")
            return
        if found is None:
            if not self._can_be_put(record.target):
                return
            self._item(record.target, UndoAction.BRING_BACK)
            self._back += 1
        if self._task.plan_only:
            self._paths.brings_back(record.target)
        else:
            self._tell(self._sink.directory(record.target, _directory_metadata(record)))


def _status_of(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path) if path else None
    except FileNotFoundError:
        return None


def _directory_metadata(record: Record) -> Metadata:
    try:
        permissions, uid, gid, modified_ns, attributes = record.metadata
        return Metadata(
            EntryKind.DIRECTORY,
            int(permissions),
            int(uid),
            int(gid),
            0,
            int(modified_ns),
            xattrs=tuple((bytes(name), bytes(value)) for name, value in attributes),
        )
    except (TypeError, ValueError) as error:
        raise ArcxoError("E4231", reason=shown(record.target)) from error
