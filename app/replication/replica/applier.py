"""Applies batches of change records to a replica: all of a batch and durably, or nothing of it."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.model.errors import ArcxoError, Problem
from app.model.paths import shown
from app.model.rewind import PointKind
from app.replication.frames import UNSET_METADATA
from app.replication.records import (
    MakeEntry,
    MakeLink,
    Mark,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    Skip,
    StageContent,
    WriteBlocks,
)
from app.replication.replica.ahead import Made
from app.replication.replica.applied import SYNC_BEGIN, SYNC_END, StoredMark
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.drift_repair import over_others
from app.replication.replica.grown import Grown
from app.replication.replica.lacking import lacking as still_lacking
from app.replication.replica.planting import Planting
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.round import OperationFailed
from app.replication.replica.side_store import stage_path
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.unproved import end_unproved, note_unproved
from app.replication.replica.unset import follow
from app.replication.replica.unset import troubles as unset_troubles
from app.replication.replica.walking import remove_tree

_DISK = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)

_FULL_BELOW_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Trouble:
    """One record that could not be carried out; see `frames.Trouble`."""

    root: int
    error: PathTrouble


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a batch, which is durable now."""

    troubles: tuple[Trouble, ...] = ()
    """Metadata that were refused among them."""


class Applier:
    """The one writer of a replica's roots. One thread at a time.

    When a batch fails (disk full, I/O error) everything of it is taken back and ArcxoError ER00408 is
    raised; applying it again later is fine.
    """

    def __init__(self, store: ReplicaStore) -> None:
        self.store = store
        self.on_full: Callable[[], None] = _nothing
        """Called when the disk was full, after all was taken back: to let go of what need not be kept."""
        self._broken = False
        self.keeps_removed = False
        """Whether removals in the stream leave what they name (`keep_deleted_during_replication`)."""

    def apply_stream(self, epoch: str, first_sequence: int, records: Sequence[Record]) -> Applied:
        """Apply records numbered from `first_sequence`; those applied already are skipped.

        Raises:
            ArcxoError: ER00407 when the batch does not follow what is applied, ER00408 when the disk fails.
        """
        position = self.store.index.position
        if epoch != position.epoch or first_sequence > position.sequence + 1:
            raise ArcxoError("ER00407", expected=position.sequence + 1, received=first_sequence)
        last = first_sequence + len(records) - 1
        skip = position.sequence + 1 - first_sequence
        fresh = records[skip:]
        if not fresh:
            return Applied()
        return self._apply(fresh, first_sequence + skip, lambda: (epoch, last, -1))

    def apply_sync(
        self,
        epoch: str,
        first_sequence: int,
        records: Sequence[Record | Grown],
        count: int = 1,
        made: Mapping[int, Made | Grown] | None = None,
    ) -> Applied:
        """Apply `count` batches of a synchronisation after which the stream goes on at `first_sequence`.

        `made`: what is prepared of them, by the number of the record. In the place of a record may stand the
        new directory that it is in.

        Raises as `apply_stream` does; ER00407 also when no synchronisation has begun.
        """
        boundaries = [r for r in records if isinstance(r, Mark) and r.kind is PointKind.SYNCHRONIZATION]
        begins = any(mark.text == SYNC_BEGIN for mark in boundaries)
        ends = any(mark.text == SYNC_END for mark in boundaries)
        batches = self.store.index.position.sync_batches
        if batches < 0 and not begins:
            raise ArcxoError("ER00407", expected="synchronization begin", received="synchronization")
        if begins:
            batches = 0
            self.store.clean_stages(consumed_only=False)
        try:
            if not ends:
                return self._apply(records, 0, lambda: ("", 0, batches + count), sequenced=False, made=made)
            end = (epoch, first_sequence - 1, -1)
            applied = self._apply(records, 0, lambda: end, sequenced=False, made=made)
        except ArcxoError as error:
            if error.code == "ER00408":
                # What an interrupted synchronisation staged may be all that fills the disk.
                staging = {record.stage for record in records if isinstance(record, StageContent)}
                with contextlib.suppress(OSError):
                    self.store.clean_synchronised(keep=staging)
            raise
        with contextlib.suppress(OSError):
            self.store.clean_synchronised()
        return applied

    def run(
        self, work: Callable[[Batch], None], *, keep_position: bool = False, proved: bool = False
    ) -> tuple[Problem, ...]:
        """Apply something that does not come from the stream (rewind, restore).

        The replica is then no longer what the stream's position says, so it is given up and the next
        stream begins with a synchronisation, unless `keep_position`. That does not trust the size and time of
        what was touched, unless all is `proved` to be the master's.

        Raises ArcxoError ER00408 as `apply_stream` does, and what `work` raises; nothing has happened then.
        """
        position, before = self.store.index.position, self.store.change
        with self._transaction() as batch:
            work(batch)
            batch.finish()
            if not proved and self.store.change > before:
                note_unproved(self.store.index, before, self.store.change)
            if keep_position:
                self.store.commit(position.epoch, position.sequence, position.sync_batches)
            else:
                self.store.commit("", 0, -1)
        return tuple(problem for _, problem in batch.preparer.problems)

    def _apply(
        self,
        records: Sequence[Record | Grown],
        first_sequence: int,
        position: Callable[[], tuple[str, int, int]],
        *,
        sequenced: bool = True,
        made: Mapping[int, Made | Grown] | None = None,
    ) -> Applied:
        refused: dict[int, PathTrouble] = {}
        records = list(records)
        while True:
            try:
                return self._attempt(records, first_sequence, position, refused, made, sequenced=sequenced)
            except OperationFailed as failed:
                # Something the plan could not foresee (a directory without write permission, …): all but
                # that record is carried out.
                record = records[failed.number]
                refused[failed.number] = _refusal(record, failed.cause)

    def _attempt(
        self,
        records: list[Record | Grown],
        first_sequence: int,
        position: Callable[[], tuple[str, int, int]],
        refused: dict[int, PathTrouble],
        made: Mapping[int, Made | Grown] | None,
        *,
        sequenced: bool,
    ) -> Applied:
        troubles: list[Trouble] = []
        moved: set[tuple[int, bytes]] = set()
        store = self.store
        with self._transaction() as batch:
            carrier, planting = Carrier(batch, made), Planting(batch, made)
            for number, told in enumerate(records):
                if planting.has(number):
                    continue
                record = planting.record(number, records) if isinstance(told, Grown) else told
                if isinstance(record, Mark):
                    if record.kind is PointKind.SYNCHRONIZATION and record.text == SYNC_BEGIN:
                        store.index.drop_troubles()
                    if record.kind is PointKind.SYNCHRONIZATION and record.text == SYNC_END:
                        end_unproved(store)
                    store.index.add_mark(
                        StoredMark(record.id, record.kind, record.text, record.at, store.change)
                    )
                    continue
                if isinstance(record, Skip):
                    continue
                if sequenced and self.keeps_removed and isinstance(record, Remove):
                    # Whatever the master has under this name later takes its place.
                    store.index.drop_troubles_beneath(record.root, record.path)
                    if store.states.drifting:
                        # It stays whoever made it: there is nothing to put back.
                        batch.applied_whole(record.root, record.path)
                    continue
                try:
                    if number in refused:
                        raise refused[number]
                    batch.over_others = over_others(store.states, record) if store.states.drifting else None
                    grown = planting.place(number, record)
                    if grown is not None:
                        if store.index.is_troubled:
                            store.index.drop_troubles_of(grown.places())
                        continue
                    carrier.carry(number, first_sequence + number if sequenced else 0, record)
                    if isinstance(record, ReplaceFile | MakeEntry | MakeLink | Remove):
                        store.index.drop_trouble(record.root, record.path)
                        if store.states.drifting:
                            batch.applied_whole(record.root, record.path)
                    elif isinstance(record, WriteBlocks | SetMetadata):
                        store.index.drop_unset(record.root, record.path)
                    if isinstance(record, Remove):
                        store.index.drop_troubles_beneath(record.root, record.path)
                    elif isinstance(record, Rename):
                        store.index.drop_troubles_beneath(record.root, record.new_path)
                        there = store.index.move_troubles(record.root, record.path, record.new_path)
                        moved.update((record.root, path) for path in there)
                except ArcxoError as error:
                    batch.drop_operation()
                    lacking = as_trouble(error, record)
                    if isinstance(record, Rename) and not lacking.final and not self.keeps_removed:
                        sequence = first_sequence + number if sequenced else 0
                        lacking = _give_up(carrier, number, sequence, record, lacking)
                        batch.drop_operation()
                    troubles += self._noted(_troubles_of(record, lacking))
                except OSError as error:
                    if error.errno in _DISK:
                        raise
                    batch.drop_operation()
                    troubles += self._noted(_troubles_of(record, _refusal(record, error)))
            batch.carry_out()
            unset = follow(records, batch.preparer.problems)
            batch.finish(unset)
            broken = bool(troubles)
            # Records that followed may have removed, brought or moved what was lacking.
            troubles = [one for one in troubles if store.index.is_lacking(one.root, one.error.path)]
            lacking_more = {(trouble.root, trouble.error.path) for trouble in troubles}
            refusals = [
                Trouble(root, why)
                for root, why in unset_troubles(unset, store.trees, store.links)
                if (root, why.path) not in lacking_more
            ]
            troubles += self._noted(refusals)
            store.commit(*position())
        moved -= {(trouble.root, trouble.error.path) for trouble in troubles}
        troubles += [Trouble(root, why) for root, why in still_lacking(store.index, moved)]
        if broken:
            store.clean_new()
        for stage in carrier.consumed_stages:
            with contextlib.suppress(OSError):
                remove_tree(store.trees[0].side, stage_path(stage))
        return Applied(tuple(troubles))

    def _noted(self, troubles: list[Trouble]) -> list[Trouble]:
        """Note them at once: records that follow in the batch take them along, or end them."""
        index = self.store.index
        for trouble in troubles:
            why = trouble.error
            if why.final:
                index.note_refused(trouble.root, why.path, why.code, why.params.get("cause", ""))
            else:
                index.note_trouble(trouble.root, why.path, why.code)
        return troubles

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Batch]:
        """A batch that is rolled back when anything but death interrupts it."""
        self.mend()
        batch = Batch(self.store, time.time_ns())
        try:
            yield batch
        except OperationFailed as failed:
            batch.close()
            self._take_back()
            if failed.cause.errno in (errno.ENOSPC, errno.EDQUOT) and not self._broken:
                self.on_full()
            if failed.cause.errno in _DISK:
                raise self._disk_error(failed.cause) from failed
            raise
        except OSError as error:
            batch.close()
            self._take_back()
            if error.errno in (errno.ENOSPC, errno.EDQUOT) and not self._broken:
                self.on_full()
            raise self._disk_error(error) from error
        except sqlite3.OperationalError as error:
            batch.close()
            self._take_back()
            if not self._broken:
                self.on_full()
            raise ArcxoError("ER00408", path=self._suspects(), cause=str(error)) from error
        except Exception:
            batch.close()
            self._take_back()
            raise

    @property
    def half_applied(self) -> bool:
        """Whether a batch that failed could not be taken back yet: the roots are not what the index says."""
        return self._broken

    def mend(self) -> None:
        """Take back what a batch that failed had done, if that was not possible then.

        Raises ArcxoError ER00408 while the disk still refuses.
        """
        if self._broken:
            try:
                self.store.roll_back()
            except OSError as error:
                raise self._disk_error(error) from error
            except sqlite3.OperationalError as error:
                raise ArcxoError("ER00408", path=self._suspects(), cause=str(error)) from error
            self._broken = False

    def _take_back(self) -> None:
        try:
            self.store.roll_back()
        except (OSError, sqlite3.OperationalError):
            # The disk refuses even that: nobody applies or looks before it has worked, see `mend`.
            self._broken = True
        except BaseException:
            self._broken = True
            raise

    def _disk_error(self, error: OSError) -> ArcxoError:
        return ArcxoError("ER00408", path=self._suspects(), cause=os.strerror(error.errno or 0))

    def _suspects(self) -> str:
        """The directories written to whose volume is full or read-only; all of them when none is."""
        places = [*(tree.tree.path for tree in self.store.trees), self.store.log.directory]
        bad = [place for place in places if _takes_nothing(place)]
        return ", ".join(shown(place) for place in bad or places)


def _nothing() -> None:
    """Nobody wants to know."""


def _takes_nothing(place: bytes) -> bool:
    try:
        volume = os.statvfs(place)
    except OSError:
        return True
    return bool(volume.f_flag & os.ST_RDONLY) or volume.f_bavail * volume.f_frsize < _FULL_BELOW_BYTES


def _give_up(
    carrier: Carrier, number: int, sequence: int, record: Rename, lacking: PathTrouble
) -> PathTrouble:
    """See `Carrier.give_up`; where not even that can be done, why. Raises OSError when the disk fails."""
    try:
        return carrier.give_up(number, sequence, record, lacking)
    except ArcxoError as error:
        return as_trouble(error, record)
    except OSError as error:
        if error.errno in _DISK:
            raise
        return _refusal(record, error)


def _troubles_of(record: Record, error: PathTrouble) -> list[Trouble]:
    """What the master is told of one record; of a refused rename also that the new name is lacking."""
    root = getattr(record, "root", 0)
    found = [Trouble(root, error)]
    if isinstance(record, Rename) and error.final and error.path == record.path:
        rest = {key: str(value) for key, value in error.params.items() if key != "path"}
        found.append(Trouble(root, PathTrouble(error.code, record.new_path, final=True, **rest)))
    return found


def _refusal(record: object, error: OSError) -> PathTrouble:
    """The system refused the record's path; of one that has what is in it no more than the metadata."""
    path, cause = getattr(record, "path", b""), os.strerror(error.errno or 0)
    if isinstance(record, SetMetadata):
        return PathTrouble(UNSET_METADATA, path, final=True, cause=f"attributes: {cause}")
    return PathTrouble("ER00406", path, final=True, cause=cause)


def as_trouble(error: ArcxoError, record: Record) -> PathTrouble:
    """`error` as trouble at the record's path."""
    if isinstance(error, PathTrouble):
        return error
    return PathTrouble(error.code, getattr(record, "path", b""), final=True)
