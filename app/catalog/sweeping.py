"""Rows that belong to nothing: left by a staging that died, or by sessions that were removed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select, text, update

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
    """Delete version rows that no session covers. Lineages being staged are left alone."""
    dropped = 0
    with database.read() as c:
        every = [row.id for row in c.execute(select(lineages.c.id))]
    for lineage_id in every:
        after = 0
        while True:
            with database.read() as c:
                candidates, following = _uncovered(c, lineage_id, after)
            if candidates:
                # Looked up again under the lock: an id may have been freed and given to another row.
                with database.write() as c:
                    candidates, following = _uncovered(c, lineage_id, after)
                    c.execute(delete(versions).where(versions.c.id.in_(candidates)))
                    dropped += len(candidates)
            after = following
            if after < 0:
                break
    return dropped


def _uncovered(connection: Connection, lineage_id: int, after: int) -> tuple[list[int], int]:
    """Ids without a session in the next step of rows, and where to go on (-1: at the end)."""
    if _is_staged(connection, lineage_id):
        return [], -1
    any_session = select(sessions.c.id).where(sessions.c.lineage_id == lineage_id).limit(1)
    used = connection.execute(any_session).first()
    found = connection.execute(
        text(
            "SELECT v.id, v.next_ordinal, EXISTS ("
            " SELECT 1 FROM sessions s WHERE s.lineage_id = v.lineage_id AND s.ordinal >= v.first_ordinal"
            " AND (v.next_ordinal IS NULL OR s.ordinal < v.next_ordinal)) AS covered"
            " FROM versions v WHERE v.lineage_id = :lineage AND v.id > :after ORDER BY v.id LIMIT :step"
        ),
        {"lineage": lineage_id, "after": after, "step": STEP},
    ).all()
    # A row that is still open is the state the next backup compares with: kept while the lineage lives.
    ids = [row.id for row in found if not row.covered and (row.next_ordinal is not None or used is None)]
    return ids, found[-1].id if len(found) == STEP else -1


def _is_staged(connection: Connection, lineage_id: int) -> bool:
    statement = select(stagings.c.id).where(stagings.c.lineage_id == lineage_id)
    return connection.execute(statement).first() is not None


def _ids(connection: Connection, condition: object) -> Sequence[int]:
    statement = select(versions.c.id).where(condition).limit(STEP)  # type: ignore[arg-type]  # a column expression
    return list(connection.execute(statement).scalars())
