"""What is gone between two sessions that follow each other, found once and kept.

Found out from the rows alone it costs a look at every change between the two, or at every name when they are
of different media sets. Housekeeping does that soon after a session is published or removed; a reader that
comes before finds out by itself. Only whole comparisons count, and they go with their sessions.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, text, update

from app.catalog import dialect
from app.catalog.database import Database
from app.catalog.tables import comparisons, departures, sessions
from app.catalog.timeline import Moment, Step, read_timeline

_WRITE_ROWS = 500
_READ_ROWS = 5_000
_READ_NAMES = 20_000
_COVERED = (
    "{v}.first_ordinal <= :{s}_ordinal AND ({v}.next_ordinal IS NULL OR {v}.next_ordinal > :{s}_ordinal)"
)
_ABSENT = (
    "NOT EXISTS (SELECT 1 FROM versions w WHERE w.name_id = v.name_id AND w.lineage_id = :newer_lineage"
    f" AND {_COVERED.format(v='w', s='newer')})"
)
_NAMED = " FROM versions v JOIN names n ON n.id = v.name_id JOIN folders f ON f.id = n.folder_id WHERE"
_FOUND = "SELECT v.name_id AS name_id, v.kind AS kind, n.name AS name, f.path AS folder"
_ENDED = (
    "SELECT min(next_ordinal) AS ordinal FROM versions WHERE lineage_id = :older_lineage"
    " AND next_ordinal > :after_ordinal AND next_ordinal <= :newer_ordinal"
)
_WITHIN = (
    "SELECT v.id AS id, v.name_id AS name_id,"
    f" CASE WHEN v.first_ordinal <= :older_ordinal AND {_ABSENT} THEN 1 ELSE 0 END AS gone"
    " FROM versions v WHERE v.lineage_id = :older_lineage AND v.next_ordinal = :ended AND v.id > :after_id"
    " ORDER BY v.id LIMIT :limit"
)
_ACROSS = (
    f"{_FOUND}{_NAMED} v.name_id > :after AND v.name_id <= :until AND v.lineage_id + 0 = :older_lineage"
    f" AND {_COVERED.format(v='v', s='older')} AND n.name <> :no_name AND {_ABSENT} ORDER BY v.name_id"
)
_AMONG = (
    f"{_FOUND}{_NAMED} v.name_id IN ({{ids}}) AND v.lineage_id + 0 = :older_lineage"
    f" AND {_COVERED.format(v='v', s='older')} AND n.name <> :no_name AND {_ABSENT}"
)


Ask = Callable[[str, dict[str, Any]], list[Row[Any]]]
"""Runs a statement, with its keys, and gives all rows."""


def asking(connection: Connection) -> Ask:
    """All in the connection's transaction."""
    return lambda statement, keys: list(connection.execute(text(statement), keys))


def gone_among(connection: Connection, step: Step, name_ids: str) -> list[int]:
    """Which of the names (ids as a JSON array) the older session has and the newer one has not."""
    statement = _AMONG.format(ids=dialect.values_of(connection, "ids"))
    found = connection.execute(text(statement), {**_keys(step), "ids": name_ids, "no_name": b""})
    return [row.name_id for row in found if _is_taken(step, row)]


def gone_between(ask: Ask, step: Step) -> Iterator[list[int]]:
    """The names that the older session has and the newer one has not, each once, some at a time."""
    older, newer = step.older, step.newer
    if step.same_source and older.lineage_id == newer.lineage_id and older.ordinal < newer.ordinal:
        yield from _gone_within(ask, step)
    else:
        yield from _gone_across(ask, step)


def stored(connection: Connection, steps: Iterable[Step]) -> dict[Step, int]:
    """The ids of the whole comparisons there are of some steps."""
    rows = connection.execute(select(comparisons).where(comparisons.c.whole))
    made = {(row.older_id, row.newer_id): row.id for row in rows}
    pairs = ((step, (step.older.id, step.newer.id)) for step in steps)
    return {step: made[pair] for step, pair in pairs if pair in made}


def bring_up_to_date(
    database: Database, checkpoint: Callable[[], None] = lambda: None, *, most_s: float = float("inf")
) -> int:
    """Compare what is not compared yet, newest first, and forget what is of no use any more.

    For one server at a time. Returns how many comparisons were made: after `most_s` seconds no other one is
    begun. What `checkpoint` raises ends it. Both are to be gone on with.
    """
    began = time.monotonic()
    with database.read() as c:
        timeline = read_timeline(c)
        there = list(c.execute(select(comparisons)))
    steps = {(step.older.id, step.newer.id): step for step in timeline.steps}
    for row in there:
        if (row.older_id, row.newer_id) not in steps:
            with database.write() as c:
                c.execute(delete(comparisons).where(comparisons.c.id == row.id))
        elif row.whole:
            del steps[row.older_id, row.newer_id]
    _drop_left(database, checkpoint)
    missing = sorted(steps.values(), key=lambda step: step.newer.finished_at, reverse=True)
    made = 0
    for step in missing:
        made += _compare(database, step, checkpoint)
        if time.monotonic() - began >= most_s:
            break
    return made


def _compare(database: Database, step: Step, checkpoint: Callable[[], None]) -> bool:
    """Make one comparison; False when a session of it went meanwhile, or was put elsewhere."""

    def ask(statement: str, keys: dict[str, Any]) -> list[Row[Any]]:
        checkpoint()
        with database.read() as c:
            return asking(c)(statement, keys)

    ids = [name_id for piece in gone_between(ask, step) for name_id in piece]
    pair = {"older_id": step.older.id, "newer_id": step.newer.id}
    with database.write() as c:
        if not (_is_there(c, step.older) and _is_there(c, step.newer)):
            return False
        c.execute(delete(comparisons).filter_by(**pair))
        made = c.execute(insert(comparisons).values(**pair, whole=not ids))
        assert made.inserted_primary_key is not None
        comparison = made.inserted_primary_key[0]
    for start in range(0, len(ids), _WRITE_ROWS):
        checkpoint()
        part = ids[start : start + _WRITE_ROWS]
        with database.write_lazily() as c:
            c.execute(insert(departures), [{"comparison_id": comparison, "name_id": one} for one in part])
    if ids:
        with database.write() as c:
            c.execute(update(comparisons).where(comparisons.c.id == comparison).values(whole=True))
    return True


def _is_there(connection: Connection, moment: Moment) -> bool:
    """Whether a session is where it was: in a lineage that was put in order it has other ordinals."""
    statement = select(sessions.c.lineage_id, sessions.c.ordinal).where(sessions.c.id == moment.id)
    row = connection.execute(statement).one_or_none()
    return row is not None and (row.lineage_id, row.ordinal) == (moment.lineage_id, moment.ordinal)


def _drop_left(database: Database, checkpoint: Callable[[], None]) -> None:
    """Rows of comparisons that went, in short steps."""
    with database.read() as c:
        there = set(c.execute(select(comparisons.c.id)).scalars())
        left = _with_rows(c) - there
    for comparison in left:
        mine = departures.c.comparison_id == comparison
        found = [0]
        while found:
            checkpoint()
            with database.write() as c:
                found = list(c.execute(select(departures.c.name_id).where(mine).limit(_WRITE_ROWS)).scalars())
                c.execute(delete(departures).where(mine, departures.c.name_id.in_(found)))


def _with_rows(connection: Connection) -> set[int]:
    """The comparisons that have rows, each found by one step in the index."""
    found: set[int] = set()
    following = text("SELECT min(comparison_id) FROM departures WHERE comparison_id > :last")
    last = 0
    while (one := connection.execute(following, {"last": last}).scalar()) is not None:
        found.add(one)
        last = one
    return found


def _gone_within(ask: Ask, step: Step) -> Iterator[list[int]]:
    """By the rows that ended between the two: at the cost of what changed."""
    keys = {**_keys(step), "limit": _READ_ROWS}
    ended = step.older.ordinal
    while True:
        ((ended,),) = ask(_ENDED, {**keys, "after_ordinal": ended})
        if ended is None:
            return
        # Ordinal by ordinal: of those that are equal an index gives the rows in the order of their ids.
        after_id = 0
        while found := ask(_WITHIN, {**keys, "ended": ended, "after_id": after_id}):
            yield [row.name_id for row in found if row.gone]
            after_id = found[-1].id


def _gone_across(ask: Ask, step: Step) -> Iterator[list[int]]:
    """By all names of the older session: the two have no rows in common."""
    (last,) = ask("SELECT max(id) AS id FROM names", {})
    for after in range(0, last.id or 0, _READ_NAMES):
        keys = {**_keys(step), "no_name": b"", "after": after, "until": after + _READ_NAMES}
        yield [row.name_id for row in ask(_ACROSS, keys) if _is_taken(step, row)]


def _is_taken(step: Step, row: Row[Any]) -> bool:
    """Whether the newer session would have had it."""
    if step.same_source:
        return True
    folder = bytes(row.folder)
    path = (b"" if folder == b"/" else folder) + b"/" + bytes(row.name)
    return step.newer.takes(path, row.kind)


def _keys(step: Step) -> dict[str, Any]:
    return {
        "older_lineage": step.older.lineage_id,
        "older_ordinal": step.older.ordinal,
        "newer_lineage": step.newer.lineage_id,
        "newer_ordinal": step.newer.ordinal,
    }
