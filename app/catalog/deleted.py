"""What was deleted: between the last session that has it and the next one of its source, which has not."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from app.catalog import dialect
from app.catalog.departures import asking, gone_among, gone_between, stored
from app.catalog.timeline import Moment, Step, Timeline

_FEW = 5_000
_BATCH = 1_000
_BATCH_MAX = 20_000
_KEPT = "SELECT name_id, comparison_id FROM departures WHERE name_id IN ({ids}) AND comparison_id IN ({made})"
_SOME = "SELECT name_id FROM departures WHERE comparison_id IN ({made}) LIMIT :limit"
_NEXT = (
    "SELECT DISTINCT name_id FROM departures WHERE name_id > :after AND comparison_id IN ({made})"
    " ORDER BY name_id LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class Gone:
    """A version of a path that is in a session (`last`) and not in the next; restored from `shown`."""

    row: Row[Any]
    last: Moment
    shown: Moment


class Departed:
    """The paths that were deleted between two times (microseconds; None = any), in one read transaction."""

    def __init__(
        self, connection: Connection, timeline: Timeline, since: int | None, until: int | None
    ) -> None:
        self._connection = connection
        self._timeline = timeline
        steps = [step for step in timeline.steps if step.overlaps(since, until)]
        self._made = stored(connection, steps)
        self._steps = {comparison: step for step, comparison in self._made.items()}
        self._missing = [step for step in steps if step not in self._made]
        self._keys = {"made": json.dumps(sorted(self._steps))}

    def few(self) -> list[int] | None:
        """The names of all of them, unless they are many, or not known before long."""
        if self._missing:
            return None
        found = self._ask(_SOME, limit=_FEW + 1)
        return None if len(found) > _FEW else sorted({row.name_id for row in found})

    def in_order(self) -> Iterator[list[int]]:
        """All their names, in the order of ids, in growing batches."""
        unseen = sorted(
            {name for step in self._missing for part in gone_between(self._asked, step) for name in part}
        )
        batch: list[int] = []
        size, last = _BATCH, 0
        for name in heapq.merge(unseen, self._kept_in_order()):
            if name == last:
                continue
            last = name
            batch.append(name)
            if len(batch) == size:
                yield batch
                batch, size = [], min(_BATCH_MAX, 2 * size)
        if batch:
            yield batch

    def steps_of(self, names: Sequence[int]) -> dict[int, list[Step]]:
        """Between which sessions each of some names went."""
        found: dict[int, list[Step]] = defaultdict(list)
        ids = json.dumps(list(names))
        for row in self._ask(_KEPT, ids=ids):
            found[row.name_id].append(self._steps[row.comparison_id])
        for step in self._missing:
            for name in gone_among(self._connection, step, ids):
                found[name].append(step)
        return found

    def newest_of(
        self,
        names: Sequence[int],
        rows_of: Callable[[Sequence[int]], Iterable[Row[Any]]],
        is_shown: Callable[[Moment], bool] | None,
    ) -> dict[int, Gone]:
        """Of each name that went the version that went last, of those that `rows_of` gives of the names.

        `is_shown`: the session to restore from must be one of these; the last of them is taken. None: any.
        """
        steps = self.steps_of(names)
        newest: dict[int, Gone] = {}
        for row in rows_of(sorted(steps)) if steps else ():
            for step in steps[row.name_id]:
                older = step.older
                if row.lineage_id != older.lineage_id or not older.covers(
                    row.first_ordinal, row.next_ordinal
                ):
                    continue
                shown = older if is_shown is None else self._last_of(row, is_shown)
                before = newest.get(row.name_id)
                if shown is not None and (before is None or before.last.finished_at < older.finished_at):
                    newest[row.name_id] = Gone(row, older, shown)
        return newest

    def _last_of(self, row: Row[Any], is_shown: Callable[[Moment], bool]) -> Moment | None:
        return next(
            (
                moment
                for moment in reversed(self._timeline.of_lineage[row.lineage_id])
                if moment.covers(row.first_ordinal, row.next_ordinal) and is_shown(moment)
            ),
            None,
        )

    def _kept_in_order(self) -> Iterator[int]:
        after, limit = 0, _BATCH
        while self._steps:
            found = self._ask(_NEXT, after=after, limit=limit)
            yield from (row.name_id for row in found)
            if len(found) < limit:
                return
            after, limit = found[-1].name_id, _BATCH_MAX

    def _ask(self, statement: str, **keys: Any) -> list[Row[Any]]:
        chosen = statement.format(
            ids=dialect.values_of(self._connection, "ids"), made=dialect.values_of(self._connection, "made")
        )
        return list(self._connection.execute(text(chosen), {**self._keys, **keys}))

    @property
    def _asked(self) -> Callable[[str, dict[str, Any]], list[Row[Any]]]:
        return asking(self._connection)


def gone_after(
    connection: Connection, timeline: Timeline, held: Iterable[tuple[int, int, int, int | None]]
) -> dict[int, Moment]:
    """After which session a path went, by name id, of those that are not there any more.

    `held`: name id, lineage and interval of the version of each that is looked at.
    """
    last: dict[int, Moment] = {}
    for name_id, lineage_id, first_ordinal, next_ordinal in held:
        covered = [one for one in timeline.of_lineage[lineage_id] if one.covers(first_ordinal, next_ordinal)]
        if covered and timeline.following(covered[-1]):
            last[name_id] = covered[-1]
    of_step: dict[Step, list[int]] = defaultdict(list)
    for name_id, moment in last.items():
        for step in timeline.following(moment):
            of_step[step].append(name_id)
    gone = {
        name_id
        for step, names in of_step.items()
        for name_id in gone_among(connection, step, json.dumps(names))
    }
    return {name_id: last[name_id] for name_id in gone}
