"""Rows that belong to nothing: left by a staging that died, or by sessions that were removed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, tuple_, update

from app.catalog.database import Database
from app.catalog.tables import lineages, sessions, stagings, versions

STEP = 1000


def drop_staging(database: Database, staging_id: int) -> None:
    """Undo what a staging marked dead did, step by step. May be repeated, also after a crash in it."""
    with database.read() as c:
        row = c.execute(select(stagings).where(stagings.c.id == staging_id)).one_or_none()
    if row is None:
        return
    mine = versions.c.lineage_id == row.lineage_id
    still_open = versions.c.next_ordinal.is_(None)
    while True:
        with database.write() as c:
            opened = _ids(c, mine & still_open & (versions.c.first_ordinal == row.ordinal))
            c.execute(delete(versions).where(versions.c.id.in_(opened)))
        if not opened:
            break
    while True:
        with database.write() as c:
            closed = _ids(c, mine & (versions.c.next_ordinal == row.ordinal))
            c.execute(update(versions).where(versions.c.id.in_(closed)).values(next_ordinal=None))
        if not closed:
            break
    with database.write() as c:
        c.execute(delete(stagings).where(stagings.c.id == staging_id))


def drop_uncovered(database: Database) -> int:
    """Delete version rows that no session covers. Lineages being staged are left alone.

    A row that is still open is the state the next backup compares with: kept while the lineage has a session.
    Only rows that ended where sessions are missing are looked at, so that a sweep of a catalog from which
    nothing was removed costs next to nothing, however large it is.
    """
    dropped = 0
    with database.read() as c:
        every = [row.id for row in c.execute(select(lineages.c.id))]
    for lineage_id in every:
        with database.read() as c:
            gaps = _gaps(c, lineage_id)
        for gap in gaps:
            last = (0, 0)
            while True:
                with database.read() as c:
                    found, following = _uncovered(c, lineage_id, gap, last)
                if found:
                    # Looked up again under the lock: an id may have been freed and given to another row.
                    with database.write() as c:
                        if _is_staged(c, lineage_id) or gap not in _gaps(c, lineage_id):
                            break
                        found, following = _uncovered(c, lineage_id, gap, last)
                        c.execute(delete(versions).where(versions.c.id.in_(found)))
                        dropped += len(found)
                if following is None:
                    break
                last = following
    return dropped


_Gap = tuple[int, int | None]
"""The ordinals of two sessions that follow each other, others missing between; 0 and None = no session."""


def _gaps(connection: Connection, lineage_id: int) -> list[_Gap]:
    """Where rows of a lineage may end that nobody sees; (-1, None): all. No gaps while it is staged."""
    if _is_staged(connection, lineage_id):
        return []
    mine = select(sessions.c.ordinal).where(sessions.c.lineage_id == lineage_id)
    ordinals = list(connection.execute(mine.order_by(sessions.c.ordinal)).scalars())
    if not ordinals:
        return [(-1, None)]
    seen = [0, *(ordinal for ordinal in ordinals if ordinal > 0)]
    between = [(low, high) for low, high in itertools.pairwise(seen) if high > low + 1]
    return [*between, (seen[-1], None)]


def _uncovered(
    connection: Connection, lineage_id: int, gap: _Gap, after: tuple[int, int]
) -> tuple[list[int], tuple[int, int] | None]:
    """Ids without a session in the next step of rows, and behind which to go on (None: at the end).

    A row of (next ordinal, id) covers nothing when it began behind the session before its end.
    """
    low, high = gap
    mine = versions.c.lineage_id == lineage_id
    if low < 0:
        found = list(connection.execute(select(versions.c.id).where(mine).limit(STEP)).scalars())
        return found, after if len(found) == STEP else None
    ended = versions.c.next_ordinal
    statement = select(versions.c.id, versions.c.first_ordinal, ended).where(mine, ended > low + 1)
    if high is not None:
        statement = statement.where(ended <= high)
    behind = statement.where(tuple_(ended, versions.c.id) > tuple_(*after)) if after[0] else statement
    rows = connection.execute(behind.order_by(ended, versions.c.id).limit(STEP)).all()
    ids = [row.id for row in rows if row.first_ordinal > low]
    return ids, (rows[-1].next_ordinal, rows[-1].id) if len(rows) == STEP else None


def _is_staged(connection: Connection, lineage_id: int) -> bool:
    statement = select(stagings.c.id).where(stagings.c.lineage_id == lineage_id)
    return connection.execute(statement).first() is not None


def _ids(connection: Connection, condition: object) -> Sequence[int]:
    statement = select(versions.c.id).where(condition).limit(STEP)  # type: ignore[arg-type]  # a column expression
    return list(connection.execute(statement).scalars())
