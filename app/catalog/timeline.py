"""Sessions of each source in the order of their times, whatever media set they went to.

A *source* is what the same directories of an entity of a machine are, backed up with the same filters. What a
session has and the next one of its source has not, was deleted between the two: that the next one went to
other media changes nothing. The last session of a source is followed by the next that takes its directories,
with others or with other filters, if there is one: what that one would have left out says nothing.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import Connection, text

from app.catalog import rows
from app.model.backup_filters import filters_of
from app.model.entry import EntryKind
from app.model.path_filter import PathFilter

_SESSIONS = (
    "SELECT s.id AS id, s.lineage_id AS lineage_id, s.ordinal AS ordinal, s.finished_at AS finished_at,"
    " s.media_serial AS media_serial, s.number AS number, s.filters AS filters,"
    " s.origin_serial AS origin_serial, s.origin_number AS origin_number, l.machine AS machine,"
    " l.entity AS entity, l.roots AS roots FROM sessions s JOIN lineages l ON l.id = s.lineage_id"
    " WHERE s.detail AND s.ordinal > 0{of_machine} ORDER BY s.finished_at, s.id"
)


@dataclass(frozen=True)
class Moment:
    """A session: which rows of versions it covers, and what it would have taken."""

    id: int
    lineage_id: int
    ordinal: int
    finished_at: int
    media_serial: str
    number: int
    machine: str
    entity: str
    roots_text: str
    filters: str
    same_as: int
    """The session that it is a copy of, if that is there; else itself."""

    @property
    def source(self) -> tuple[str, str, str, str]:
        """Sessions with the same one follow each other."""
        return self.machine, self.entity, self.roots_text, self.filters

    @cached_property
    def roots(self) -> tuple[bytes, ...]:
        """The directories that were backed up."""
        return tuple(rows.decode_bytes(root) for root in json.loads(self.roots_text))

    @cached_property
    def _path_filter(self) -> PathFilter:
        return PathFilter(filters_of(self.filters))

    def covers(self, first_ordinal: int, next_ordinal: int | None) -> bool:
        """Whether it has a row of its lineage with this interval."""
        return first_ordinal <= self.ordinal and (next_ordinal is None or self.ordinal < next_ordinal)

    def takes(self, path: bytes, kind: str) -> bool:
        """Whether it would have a path that had been there."""
        for root in self.roots:
            inside = _beneath(path, root)
            if inside is not None:
                return not self._path_filter.leaves_out(inside, directory=kind == EntryKind.DIRECTORY.value)
        return False


@dataclass(frozen=True, slots=True)
class Step:
    """Two sessions of which the newer follows the older."""

    older: Moment
    newer: Moment

    @property
    def same_source(self) -> bool:
        """Whether the newer one takes all that the older one took."""
        return self.older.source == self.newer.source

    def overlaps(self, since: int | None, until: int | None) -> bool:
        """Whether what went between the two may have gone between these times."""
        return (since is None or self.newer.finished_at >= since) and (
            until is None or self.older.finished_at <= until
        )


@dataclass
class Timeline:
    """The sessions that have detail, and which follows which."""

    moments: list[Moment]
    steps: list[Step] = field(init=False)

    def __post_init__(self) -> None:
        """Find what follows each session."""
        self.steps = list(_steps([one for one in self.moments if one.same_as == one.id]))

    @cached_property
    def after(self) -> dict[int, list[Step]]:
        """The steps that begin with a session, by its id."""
        found: dict[int, list[Step]] = defaultdict(list)
        for step in self.steps:
            found[step.older.id].append(step)
        return found

    def following(self, moment: Moment) -> list[Step]:
        """The steps from a session, or from the one that it is a copy of, on."""
        return self.after.get(moment.same_as, [])

    @cached_property
    def of_lineage(self) -> dict[int, list[Moment]]:
        """The sessions of each lineage, oldest first."""
        found: dict[int, list[Moment]] = defaultdict(list)
        for moment in self.moments:
            found[moment.lineage_id].append(moment)
        return found


def read_timeline(connection: Connection, machine: str = "") -> Timeline:
    """What is in the catalog, of one machine when it is given."""
    statement = _SESSIONS.format(of_machine=" AND l.machine = :machine" if machine else "")
    found = connection.execute(text(statement), {"machine": machine} if machine else {}).all()
    first = {(row.media_serial, row.number): row.id for row in found if not row.origin_serial}
    moments = []
    for row in found:
        origin = (row.origin_serial, row.origin_number)
        moments.append(
            Moment(
                row.id,
                row.lineage_id,
                row.ordinal,
                row.finished_at,
                row.media_serial,
                row.number,
                row.machine,
                row.entity,
                row.roots,
                row.filters,
                first.setdefault(origin, row.id) if row.origin_serial else row.id,
            )
        )
    return Timeline(moments)


def _steps(moments: Sequence[Moment]) -> Iterator[Step]:
    """What follows each session. `moments` are in the order of time."""
    sources: dict[tuple[str, str, str, str], list[Moment]] = defaultdict(list)
    for moment in moments:
        sources[moment.source].append(moment)
    for of_source in sources.values():
        for older, newer in itertools.pairwise(of_source):
            yield Step(older, newer)
        last = of_source[-1]
        others = [
            one
            for source, of_other in sources.items()
            if source != last.source and source[:2] == last.source[:2]
            for one in of_other
        ]
        yield from _successors(last, sorted(others, key=lambda one: (one.finished_at, one.id)))


def _successors(last: Moment, others: Sequence[Moment]) -> Iterator[Step]:
    """The sessions that take the directories of a source which ended, each the first that does."""
    start = bisect_right(others, (last.finished_at, last.id), key=lambda one: (one.finished_at, one.id))
    wanted, found = list(last.roots), set()
    for one in others[start:]:
        taken = [root for root in wanted if _is_within(root, one.roots)]
        if taken and one.id not in found:
            found.add(one.id)
            yield Step(last, one)
        wanted = [root for root in wanted if root not in taken]
        if not wanted:
            return


def _is_within(path: bytes, roots: Iterable[bytes]) -> bool:
    return any(_beneath(path, root) is not None for root in roots)


def _beneath(path: bytes, root: bytes) -> bytes | None:
    """`path` relative to `root`; None when it lies elsewhere."""
    if path == root:
        return b""
    start = root if root.endswith(b"/") else root + b"/"
    return path[len(start) :] if path.startswith(start) else None
