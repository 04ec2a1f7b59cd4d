"""A lineage is made anew, in the order of time, beside the one that readers see, and takes its place.

What was read from media came behind what was there, whatever its age. That is right for every reader, but a
path then has more rows than contents. Rows are copied name by name: the sessions that had a content are put
in order, and what follows each other becomes one interval. Both lineages are staged meanwhile, so that no
backup comes between. How far the copy came is written with each batch: whoever is killed is gone on with.
"""

from __future__ import annotations

import itertools
import json
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from app.catalog import claims, dialect, sweeping
from app.catalog.database import Database
from app.catalog.lineages import find_lineage
from app.catalog.merge_api import LineageKey
from app.catalog.tables import lineages, rebuilds, sessions, stagings, versions
from app.model.errors import BusyError

_READ_ROWS = 4000
_WRITE_ROWS = 1000
_BESIDE = "rebuild:"
"""How the media set of a lineage begins that no reader may find: being built, or replaced."""
_READ = (
    "SELECT name_id, first_ordinal, next_ordinal, kind, size_bytes, modified_ns, content_id FROM versions"
    " WHERE lineage_id + 0 = :lineage AND name_id > :after ORDER BY name_id, first_ordinal LIMIT :limit"
)
_Interval = tuple[int, int | None]


class Rebuild:
    """See `app.catalog.merge_api.LineageRebuild`. Made by `SqlMerging.rebuild`."""

    def __init__(self, database: Database, key: LineageKey, job_id: int | None, fence: int) -> None:
        self.rows = 0
        self._database = database
        self._key = key
        self._job_id = job_id
        self._fence = fence
        self._old = 0
        self._new = 0
        self._after = 0
        self._order: list[int] = []
        self._sorted: list[int] = []
        self._places: dict[int, int] = {}

    def begin(self) -> None:
        """Keep others out of the lineage. Raises BusyError E6003, E6004."""
        while (dead := self._try_begin()) is not None:
            for staging_id in dead:
                sweeping.drop_staging(self._database, staging_id)
        self._places = {old: new for new, old in enumerate(self._order, 1)}
        self._sorted = sorted(self._order)

    def run(self, checkpoint: Callable[[], None]) -> None:
        """Copy what is left, then swap."""
        if not self._order:
            self._give_up()
            return
        while True:
            checkpoint()
            with self._database.read() as c:
                keys = {"lineage": self._old, "after": self._after, "limit": _READ_ROWS}
                found = list(c.execute(text(_READ), keys))
            last = len(found) < _READ_ROWS
            if not last:
                # The rows of a name stay together; one that fills a batch is read with all of its rows.
                whole = [row for row in found if row.name_id != found[-1].name_id]
                found = whole or self._all_of(found[-1].name_id)
            self._copy(found)
            if last:
                break
        self._swap()

    def _all_of(self, name_id: int) -> list[Row[Any]]:
        with self._database.read() as c:
            keys = {"lineage": self._old, "after": name_id - 1, "limit": 2 * len(self._order) + 2}
            return [row for row in c.execute(text(_READ), keys) if row.name_id == name_id]

    def _copy(self, found: list[Row[Any]]) -> None:
        made: list[dict[str, Any]] = []
        for name_id, group in itertools.groupby(found, key=lambda row: row.name_id):
            made += self._in_order(list(group))
            if len(made) >= _WRITE_ROWS:
                self._write(made, name_id)
                made = []
        if found:
            self._write(made, found[-1].name_id)

    def _in_order(self, group: list[Row[Any]]) -> Iterator[dict[str, Any]]:
        """The rows of one name as they are in the new order."""
        held: dict[tuple[Any, ...], list[int]] = {}
        for row in group:
            first = bisect_left(self._sorted, row.first_ordinal)
            end = len(self._sorted)
            if row.next_ordinal is not None:
                end = bisect_left(self._sorted, row.next_ordinal)
            content = (row.kind, row.size_bytes, row.modified_ns, row.content_id)
            places = held.setdefault(content, [])
            places += [self._places[ordinal] for ordinal in self._sorted[first:end]]
        for (kind, size_bytes, modified_ns, content_id), places in held.items():
            for first_ordinal, next_ordinal in _runs(sorted(places), len(self._order)):
                yield {
                    "name_id": group[0].name_id,
                    "lineage_id": self._new,
                    "first_ordinal": first_ordinal,
                    "next_ordinal": next_ordinal,
                    "kind": kind,
                    "size_bytes": size_bytes,
                    "modified_ns": modified_ns,
                    "content_id": content_id,
                }

    def _write(self, made: list[dict[str, Any]], after: int) -> None:
        # Nobody sees these rows before the swap, whose commit makes them durable.
        with self._database.write_lazily() as c:
            self._check(c)
            if made:
                c.execute(insert(versions), made)
            c.execute(update(rebuilds).where(rebuilds.c.lineage_id == self._new).values(after_name=after))
        self._after = after
        self.rows += len(made)

    def _swap(self) -> None:
        with self._database.write() as c:
            self._check(c)
            for old, new in self._places.items():
                c.execute(
                    update(sessions)
                    .where(sessions.c.lineage_id == self._old, sessions.c.ordinal == old)
                    .values(lineage_id=self._new, ordinal=new)
                )
            # What has no detail has no place in the order.
            c.execute(update(sessions).where(sessions.c.lineage_id == self._old).values(lineage_id=self._new))
            aside = f"{_BESIDE}{self._old}"
            c.execute(update(lineages).where(lineages.c.id == self._old).values(set_id=aside))
            c.execute(
                update(lineages)
                .where(lineages.c.id == self._new)
                .values(set_id=self._key.set_id, last_ordinal=len(self._order))
            )
            c.execute(delete(rebuilds).where(rebuilds.c.lineage_id == self._new))
            c.execute(delete(stagings).where(stagings.c.lineage_id.in_([self._old, self._new])))

    def _give_up(self) -> None:
        """There is nothing to put in order."""
        with self._database.write() as c:
            self._check(c)
            c.execute(delete(rebuilds).where(rebuilds.c.lineage_id == self._new))
            c.execute(delete(stagings).where(stagings.c.lineage_id.in_([self._old, self._new])))

    def _try_begin(self) -> list[int] | None:
        """None when the work may go on; else the dead stagings that are to be dropped first."""
        with self._database.write() as c:
            if self._job_id is not None:
                claims.check(c, self._job_id, self._fence)
            lineage = find_lineage(c, self._key)
            if lineage is None:
                raise BusyError("E6003", job=self._job_id or "-")
            self._old = lineage.id
            self._order = _in_time(c, lineage.id)
            earlier = c.execute(select(rebuilds).where(rebuilds.c.replaces == lineage.id)).one_or_none()
            mine = [lineage.id] + ([earlier.lineage_id] if earlier is not None else [])
            others = c.execute(select(stagings).where(stagings.c.lineage_id.in_(mine))).all()
            for other in others:
                own = self._job_id is not None and (other.job_id, other.fence) == (self._job_id, self._fence)
                if not own and claims.staging_is_alive(c, other):
                    raise BusyError(
                        "E6004", entity=self._key.entity, machine=self._key.machine, job=other.job_id or "-"
                    )
            staged = [other for other in others if other.source_serial != _BESIDE or other.dead]
            if earlier is not None and json.loads(earlier.plan) != self._order:
                # Sessions came or went: what was copied is of another order.
                c.execute(delete(rebuilds).where(rebuilds.c.lineage_id == earlier.lineage_id))
                staged += [other for other in others if other not in staged]
                earlier = None
            if staged:
                ids = [other.id for other in staged]
                c.execute(update(stagings).where(stagings.c.id.in_(ids)).values(dead=True))
                return ids
            if earlier is None:
                self._make(c, lineage)
            else:
                self._new, self._after = earlier.lineage_id, earlier.after_name
            self._stage(c)
        return None

    def _make(self, connection: Connection, lineage: Row[Any]) -> None:
        # A half-made one that was given up keeps its name until it is swept: names are not used twice.
        label = f"{_BESIDE}{lineage.id}:{dialect.now_us(connection)}"
        made = connection.execute(
            insert(lineages).values(
                machine=lineage.machine, entity=lineage.entity, roots=lineage.roots, set_id=label
            )
        )
        assert made.inserted_primary_key is not None
        self._new, self._after = made.inserted_primary_key[0], 0
        plan = json.dumps(self._order)
        connection.execute(insert(rebuilds).values(lineage_id=self._new, replaces=self._old, plan=plan))

    def _stage(self, connection: Connection) -> None:
        """Both lineages are this run's. No row has these ordinals: such a staging is dropped at once."""
        connection.execute(delete(stagings).where(stagings.c.lineage_id.in_([self._old, self._new])))
        owner = {
            "job_id": self._job_id,
            "fence": self._fence,
            "touched_at": dialect.now_us(connection),
            "source_serial": _BESIDE,
        }
        for lineage_id in (self._old, self._new):
            connection.execute(insert(stagings).values(lineage_id=lineage_id, ordinal=-1, **owner))

    def _check(self, connection: Connection) -> None:
        if self._job_id is not None:
            claims.check(connection, self._job_id, self._fence)
        touched = connection.execute(
            update(stagings)
            .where(
                stagings.c.lineage_id.in_([self._old, self._new]),
                stagings.c.dead.is_(False),
                stagings.c.source_serial == _BESIDE,
                stagings.c.fence == self._fence,
            )
            .values(touched_at=dialect.now_us(connection))
        )
        if touched.rowcount != 2:
            raise BusyError("E6003", job=self._job_id or "-")


def disordered_lineages(connection: Connection) -> list[Row[Any]]:
    """The lineages whose sessions are not in the order of their times."""
    found = connection.execute(
        text(
            "SELECT DISTINCT s.lineage_id FROM sessions s WHERE s.ordinal > 0 AND EXISTS (SELECT 1"
            " FROM sessions t WHERE t.lineage_id = s.lineage_id AND t.ordinal > s.ordinal"
            " AND t.finished_at < s.finished_at)"
        )
    ).scalars()
    return list(connection.execute(select(lineages).where(lineages.c.id.in_(list(found)))))


def drop_replaced(database: Database) -> None:
    """Forget lineages that were replaced or given up, once no row is left in them."""
    with database.write() as c:
        staged = select(stagings.c.lineage_id)
        c.execute(delete(rebuilds).where(rebuilds.c.lineage_id.not_in(staged)))
    with database.read() as c:
        found = list(c.execute(select(lineages.c.id).where(lineages.c.set_id.startswith(_BESIDE))).scalars())
    for lineage_id in found:
        with database.write() as c:
            used = [
                c.execute(select(table.c.lineage_id).where(table.c.lineage_id == lineage_id).limit(1)).first()
                for table in (versions, sessions, stagings, rebuilds)
            ]
            if not any(used):
                c.execute(delete(lineages).where(lineages.c.id == lineage_id))


def _in_time(connection: Connection, lineage_id: int) -> list[int]:
    """The ordinals of a lineage's sessions that have detail, oldest session first."""
    return list(
        connection.execute(
            select(sessions.c.ordinal)
            .where(sessions.c.lineage_id == lineage_id, sessions.c.ordinal > 0)
            .order_by(sessions.c.finished_at, sessions.c.id)
        ).scalars()
    )


def _runs(places: list[int], last: int) -> Iterator[_Interval]:
    """The half-open intervals of sorted places; one that reaches the last place is open."""
    start = 0
    for index in range(1, len(places) + 1):
        if index == len(places) or places[index] != places[index - 1] + 1:
            end = places[index - 1]
            yield places[start], None if end == last else end + 1
            start = index
