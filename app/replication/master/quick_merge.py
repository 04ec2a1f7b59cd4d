"""Two listings side by side without the pairs that are plainly equal: most are, and there are many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from stat import S_IFDIR, S_IFREG

from app.model.errors import ArcxoError
from app.replication.master.differences import Pair
from app.replication.master.shadow import ShadowRow, entry_of_row
from app.replication.sync_frames import Listed, check_listed

_FILE, _DIRECTORY = S_IFREG >> 12, S_IFDIR >> 12


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
            raise ArcxoError("ER00301", cause="a listing that is not in order")
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
    # As in `differences.compare_pairs`.
    return unproved_ns is None or 0 < abs(changed_ns) < unproved_ns
