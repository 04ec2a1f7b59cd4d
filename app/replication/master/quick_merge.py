"""Two listings side by side without the pairs that are plainly equal: most are, and there are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from stat import S_IFDIR, S_IFREG

from app.model.errors import ArcxoError
from app.native import native
from app.replication.codec import refuse
from app.replication.master.differences import Pair
from app.replication.master.sends import NewRun
from app.replication.master.shadow import ShadowRow, entry_of_row
from app.replication.records import INLINE_MAX_BYTES
from app.replication.sync_frames import (
    LISTING_ENTRIES_MAX,
    Listed,
    check_listed,
    raw_entries,
    raw_entry,
)

RUN_ENTRIES = 128
RUN_BYTES = 2 * 1024 * 1024
_FILE, _DIRECTORY = S_IFREG >> 12, S_IFDIR >> 12
_DISORDER = "a listing that is not in order"


def unequal_parts(
    ours: Iterator[Sequence[ShadowRow]],
    theirs: Iterator[bytes],
    *,
    trust_size_time: bool,
    unproved_ns: int | None,
    on_same_files: Callable[[int, int], None],
) -> Iterator[Pair | NewRun]:
    """As `unequal`, of listings in parts: those of the replica are the bytes of `Listing`s.

    Where C does it, what is plainly new comes in runs. `on_same_files(files, bytes)` is told now and then.

    Raises:
        ArcxoError: as `unequal`.
    """
    merging = native("merging")
    if merging is None:
        yield from unequal(
            chain.from_iterable(ours),
            chain.from_iterable(map(raw_entries, theirs)),
            trust_size_time=trust_size_time,
            unproved_ns=unproved_ns,
            on_same_file=lambda size: on_same_files(1, size),
        )
        return
    merge = merging.Merge(trust_size_time, unproved_ns, INLINE_MAX_BYTES, RUN_ENTRIES, RUN_BYTES)
    files = size = 0
    while (step := merge.step()) != merging.END:
        if step == merging.PAIR:
            row, entry = merge.pair()
            yield (
                None if row is None else entry_of_row(row),
                None if entry is None else check_listed(raw_entry(entry)),
            )
            continue
        if merge.same_files != files:
            on_same_files(merge.same_files - files, merge.same_bytes - size)
            files, size = merge.same_files, merge.same_bytes
        if step == merging.NEW:
            yield NewRun(merge.run(), merge.run_files, merge.run_bytes)
        elif step == merging.NEED_ROWS:
            merge.rows(next(ours, None))
        elif step == merging.NEED_LISTING:
            part = next(theirs, None)
            if not merge.listing(part, LISTING_ENTRIES_MAX):
                assert part is not None
                raw_entries(part)
                refuse("a bad entry of a listing")
        else:
            # Merged, it would show entries as missing and others as extra, and extra ones are removed.
            raise ArcxoError("ER00301", cause=_DISORDER)
    on_same_files(merge.same_files - files, merge.same_bytes - size)


def unequal(
    ours: Iterator[ShadowRow],
    theirs: Iterator[Listed],
    *,
    trust_size_time: bool,
    unproved_ns: int | None,
    on_same_file: Callable[[int], None],
) -> Iterator[Pair]:
    """What `differences.merge` gives, but for equal pairs; hard links and files to be compared never are.

    `on_same_file(size)` is told of each equal file. Two slices are compared for each entry, an entry of the
    replica is checked only where it differs: one that equals an entry of ours needs it not.

    Raises:
        ArcxoError: ER00301, E1010 for a listing that is none, or not in order.
    """
    last: bytes | None = None
    row = next(ours, None)
    for entry in theirs:
        key = entry[0].replace(b"/", b"\0")
        if last is not None and key <= last:
            # Merged, it would show entries as missing and others as extra, and extra ones are removed.
            raise ArcxoError("ER00301", cause=_DISORDER)
        last = key
        while row is not None and row[0] < key:
            yield entry_of_row(row), None
            row = next(ours, None)
        if row is None or row[0] != key:
            yield None, check_listed(entry)
            continue
        if row[1:10] == entry[1:10] and (
            row[1] == _DIRECTORY
            or (
                row[10] == 1
                and entry[12] == 1
                and (row[1] != _FILE or (trust_size_time and _proved(row[13], unproved_ns)))
            )
        ):
            if row[1] == _FILE:
                on_same_file(row[5])
        else:
            yield entry_of_row(row), check_listed(entry)
        row = next(ours, None)
    while row is not None:
        yield entry_of_row(row), None
        row = next(ours, None)


def _proved(changed_ns: int, unproved_ns: int | None) -> bool:
    # As in `differences.Pairs`.
    return unproved_ns is None or 0 < abs(changed_ns) < unproved_ns
