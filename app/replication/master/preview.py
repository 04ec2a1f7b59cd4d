"""A walk over directories that tells what filters would make of them. Reads names and sizes only."""

from __future__ import annotations

import os
import stat
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from app.model.errors import UsageError
from app.model.filters import FilterExample, FilterPreview, PatternUse, check_filters
from app.model.paths import shown
from app.model.scenario import Filters
from app.replication.master.filters import NOT_INCLUDED, RESERVED_PREFIX, PathFilter
from app.replication.master.mounts import mounted_beneath

EXAMPLES_MOST = 200
MOUNTS_MOST = 200
_TELL_EVERY_S = 0.4
_LOOK_AT_CLOCK_EVERY = 200
_WAITING_MOST = 50_000


def preview(
    roots: Sequence[bytes],
    filters: Filters,
    *,
    examples: int = 20,
    seconds: float = 0.0,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[FilterPreview]:
    """What was seen so far, several times a second; the last one is complete, or ends after `seconds`.

    `seconds` 0 = until everything was seen. Blocks between the answers for the disk.

    Raises:
        UsageError: ER00122 a pattern that is none.
        UsageError: ER00101 a root that is not there, ER00102 one that is no directory.
    """
    try:
        check_filters(filters)
    except ValueError as error:
        raise UsageError("ER00122", scenario="—", cause=error) from error
    for root in roots:
        if not os.path.isdir(root):
            raise UsageError("ER00102" if os.path.lexists(root) else "ER00101", path=shown(root))
    tally = _Tally(filters, min(max(0, examples), EXAMPLES_MOST))
    tally.mounts = tuple(place for root in roots for place in mounted_beneath(root))[:MOUNTS_MOST]
    began = told = time.monotonic()
    complete = True
    for count, _ in enumerate(_entries(roots, PathFilter(filters), tally)):
        if count % _LOOK_AT_CLOCK_EVERY:
            continue
        now = time.monotonic()
        if stopped() or (seconds and now - began >= seconds):
            complete = False
            break
        if now - told >= _TELL_EVERY_S:
            told = now
            yield tally.result(complete=False, seconds=now - began)
    yield tally.result(complete=complete, seconds=time.monotonic() - began)


def _entries(roots: Sequence[bytes], filters: PathFilter, tally: _Tally) -> Iterator[None]:
    """Count every entry; yields after each, and once per directory."""
    # Breadth first shows a little of everything early; what waits is bounded.
    waiting: deque[tuple[bytes, bytes, str | None]] = deque((root, b"", None) for root in roots)
    while waiting:
        root, path, outer = waiting.popleft() if len(waiting) < _WAITING_MOST else waiting.pop()
        yield
        prefix = path + b"/" if path else b""
        try:
            entries = os.scandir(root + b"/" + path if path else root)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError:
            tally.problems += 1
            continue
        with entries:
            while True:
                try:
                    entry = next(entries, None)
                    if entry is None:
                        break
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                except OSError:
                    tally.problems += 1
                    break
                if stat.S_ISSOCK(status.st_mode) or entry.name.startswith(RESERVED_PREFIX):
                    continue
                child = prefix + entry.name
                directory = stat.S_ISDIR(status.st_mode)
                excluded, pattern = (
                    (True, outer) if outer is not None else filters.decide(child, directory=directory)
                )
                size = status.st_size if stat.S_ISREG(status.st_mode) else 0
                tally.add(
                    root + b"/" + child, pattern, size, excluded=excluded, directory=directory,
                    example=outer is None,
                )  # fmt: skip
                if directory:
                    waiting.append((root, child, pattern if excluded else None))
                yield


class _Tally:
    """What was counted so far."""

    def __init__(self, filters: Filters, examples: int) -> None:
        self.problems = 0
        self.mounts: tuple[bytes, ...] = ()
        self._examples = examples
        # By whether they are left out: files, directories, bytes.
        self._counts = {False: [0, 0, 0], True: [0, 0, 0]}
        self._found: dict[bool, dict[str, list[FilterExample]]] = {False: {}, True: {}}
        self._uses = {(pattern, True): [0, 0] for pattern in filters.exclude}
        self._uses |= {(pattern, False): [0, 0] for pattern in filters.include}
        if filters.include:
            self._uses[NOT_INCLUDED, True] = [0, 0]

    def add(
        self, path: bytes, pattern: str, size: int, *, excluded: bool, directory: bool, example: bool
    ) -> None:
        """Count an entry; `example` = it may serve as one."""
        counts = self._counts[excluded]
        counts[directory] += 1
        counts[2] += size
        use = self._uses.get((pattern, excluded))
        if use is not None:
            use[0] += 1
            use[1] += size
        if example and (excluded or not directory):
            kept = self._found[excluded].setdefault(pattern, [])
            if len(kept) < self._examples:
                kept.append(FilterExample(path, pattern, directory, size))

    def result(self, *, complete: bool, seconds: float) -> FilterPreview:
        """The sums, with some examples for every pattern."""
        included, excluded = self._counts[False], self._counts[True]
        return FilterPreview(
            complete=complete,
            seconds=round(seconds, 3),
            included_files=included[0],
            included_directories=included[1],
            included_bytes=included[2],
            excluded_files=excluded[0],
            excluded_directories=excluded[1],
            excluded_bytes=excluded[2],
            included=self._some(excluded=False),
            excluded=self._some(excluded=True),
            patterns=tuple(
                PatternUse(pattern, excludes, entries, size)
                for (pattern, excludes), (entries, size) in self._uses.items()
            ),
            problems=self.problems,
            mounts=self.mounts,
        )

    def _some(self, *, excluded: bool) -> tuple[FilterExample, ...]:
        """Examples, one of each pattern in turn."""
        lists = list(self._found[excluded].values())
        chosen: list[FilterExample] = []
        for position in range(self._examples):
            chosen += [found[position] for found in lists if position < len(found)]
            if len(chosen) >= self._examples:
                break
        return tuple(chosen[: self._examples])
