"""Sessions: begin staging, list, mark, remove, sweep."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, or_, select, update

from app.catalog import claims, departures, dialect, sweeping
from app.catalog.database import Database
from app.catalog.lineages import lineage_of, roots_key
from app.catalog.media import find_media, set_serials
from app.catalog.merge_api import LineageKey
from app.catalog.rebuilding import drop_replaced
from app.catalog.session_rows import session_info
from app.catalog.staging import SqlStaging
from app.catalog.tables import lineages, sessions, stagings
from app.model.errors import ArcxoError, BusyError, NotFoundError, UsageError
from app.model.media import SessionInfo


class SqlSessions:
    """Sessions on media and their rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        machine: str,
        entity: str,
        set_id: str,
        roots: Sequence[bytes],
        *,
        job_id: int | None = None,
        fence: int = 0,
        full: bool = True,
        base: tuple[str, int] | None = None,
    ) -> SqlStaging:
        """Start staging; what a dead staging of the lineage left is dropped first.

        Raises:
            BusyError: E6003 the claim is lost; E6004 another staging of the lineage is alive.
            ArcxoError: E6019 `full` is False and there is no session to build on, or not that one.
        """
        while True:
            dead, staging = self._try_begin(
                machine, entity, set_id, roots, job_id, fence, full=full, wanted=base
            )
            if staging is not None:
                return staging
            sweeping.drop_staging(self._database, dead)

    def newest(self, machine: str, entity: str, set_id: str, roots: Sequence[bytes]) -> SessionInfo | None:
        """The session of these roots of the entity in that media set that finished last."""
        with self._database.read() as c:
            row = _newest(c, machine, entity, set_id, roots_key(roots))
            return None if row is None else session_info(row)

    def list(self, media_serial: str = "") -> Sequence[SessionInfo]:
        """Newest first; of one media when given."""
        statement = select(sessions).order_by(sessions.c.finished_at.desc(), sessions.c.id.desc())
        if media_serial:
            statement = statement.where(sessions.c.media_serial == media_serial)
        with self._database.read() as c:
            return [session_info(row) for row in c.execute(statement)]

    def of_job(self, job_id: int) -> Sequence[SessionInfo]:
        """What a job wrote, oldest first."""
        statement = select(sessions).where(sessions.c.job_id == job_id).order_by(sessions.c.id)
        with self._database.read() as c:
            return [session_info(row) for row in c.execute(statement)]

    def show(self, media: str, number: int) -> SessionInfo:
        """One session. Raises NotFoundError E6009 or E6010, UsageError E6006."""
        with self._database.read() as c:
            statement = select(sessions).where(sessions.c.number == number)
            row = c.execute(statement.where(sessions.c.media_serial == media)).one_or_none()
            if row is None:
                wanted = find_media(c, media)
                exactly = [wanted.serial] if media == wanted.serial else set_serials(c, wanted.set_id)
                found = statement.where(sessions.c.media_serial.in_(exactly))
                row = c.execute(found.order_by(sessions.c.finished_at.desc()).limit(1)).one_or_none()
        if row is None:
            raise NotFoundError("E6009", session=number, media=media)
        return session_info(row)

    def mark_verified(self, media_serial: str, number: int, *, damaged: bool = False) -> None:
        """Record a verification: when it was, and whether damage was found."""
        self._mark(media_serial, number, "verified_at", damaged=damaged)

    def mark_restore_tested(self, media_serial: str, number: int, *, percent: int = 100) -> None:
        """Record that a restore of it, or of `percent` of its files, was checked."""
        self._mark(media_serial, number, "restore_tested_at", restore_tested_percent=percent)

    def remove(self, media_serial: str, number: int) -> None:
        """Forget a session; its rows are invisible at once and swept later. Raises NotFoundError E6009."""
        with self._database.write() as c:
            found = c.execute(
                delete(sessions).where(sessions.c.media_serial == media_serial, sessions.c.number == number)
            )
            if found.rowcount == 0:
                raise NotFoundError("E6009", session=number, media=media_serial)

    def copies(self, session: SessionInfo) -> Sequence[SessionInfo]:
        """The other sessions with the very same content, on other media: the original first, then by time."""
        serial = session.origin_serial or session.media_serial
        number = session.origin_number or session.number
        original = and_(sessions.c.media_serial == serial, sessions.c.number == number)
        copied = and_(sessions.c.origin_serial == serial, sessions.c.origin_number == number)
        statement = select(sessions).where(or_(original, copied)).order_by(sessions.c.origin_serial != "")
        with self._database.read() as c:
            found = [session_info(row) for row in c.execute(statement.order_by(sessions.c.id))]
        mine = (session.media_serial, session.number)
        return [one for one in found if (one.media_serial, one.number) != mine]

    def drop_detail(self, media_serial: str, number: int) -> None:
        """Forget the names in a session; its rows are invisible at once and swept later.

        Raises:
            NotFoundError: E6009. UsageError: E6025 the next backup builds on its names.
        """
        mine = (sessions.c.media_serial == media_serial, sessions.c.number == number)
        with self._database.write() as c:
            row = c.execute(select(sessions).where(*mine)).one_or_none()
            if row is None:
                raise NotFoundError("E6009", session=number, media=media_serial)
            if not row.detail:
                return
            lineage = c.execute(select(lineages).where(lineages.c.id == row.lineage_id)).one()
            newest = _newest(c, lineage.machine, lineage.entity, lineage.set_id, lineage.roots)
            if newest is not None and newest.id == row.id:
                raise UsageError("E6025", session=number, media=row.media_name)
            c.execute(update(sessions).where(*mine).values(detail=False, detail_at=None, ordinal=-row.id))

    def sweep(self) -> int:
        """Drop rows of dead stagings and of removed sessions, in short steps."""
        with self._database.read() as c:
            dead = [row.id for row in c.execute(select(stagings)) if _is_left(c, row)]
        for staging_id in dead:
            with self._database.write() as c:
                row = c.execute(select(stagings).where(stagings.c.id == staging_id)).one_or_none()
                still = row is not None and _is_left(c, row)
                if still:
                    c.execute(update(stagings).where(stagings.c.id == staging_id).values(dead=True))
            if still:
                sweeping.drop_staging(self._database, staging_id)
        dropped = sweeping.drop_uncovered(self._database)
        drop_replaced(self._database)
        return dropped

    def note_deletions(
        self, checkpoint: Callable[[], None] = lambda: None, *, most_s: float = float("inf")
    ) -> int:
        """See `app.catalog.departures`."""
        return departures.bring_up_to_date(self._database, checkpoint, most_s=most_s)

    def _try_begin(
        self,
        machine: str,
        entity: str,
        set_id: str,
        roots: Sequence[bytes],
        job_id: int | None,
        fence: int,
        *,
        full: bool,
        wanted: tuple[str, int] | None,
    ) -> tuple[int, SqlStaging | None]:
        with self._database.write() as c:
            if job_id is not None:
                claims.check(c, job_id, fence)
            base = None if full else _newest(c, machine, entity, set_id, roots_key(roots))
            found = None if base is None else (base.media_serial, base.number)
            if not full and (found is None or wanted not in (None, found)):
                raise ArcxoError("E6019", entity=entity, machine=machine)
            lineage = lineage_of(c, LineageKey(machine, entity, set_id, tuple(roots)))
            other = c.execute(select(stagings).where(stagings.c.lineage_id == lineage.id)).one_or_none()
            if other is not None:
                own = job_id is not None and (other.job_id, other.fence) == (job_id, fence)
                if not own and claims.staging_is_alive(c, other):
                    raise BusyError("E6004", entity=entity, machine=machine, job=other.job_id or "-")
                c.execute(update(stagings).where(stagings.c.id == other.id).values(dead=True))
                return other.id, None
            ordinal = lineage.last_ordinal + 1
            values = {"job_id": job_id, "fence": fence, "ordinal": ordinal, "touched_at": dialect.now_us(c)}
            inserted = c.execute(insert(stagings).values(lineage_id=lineage.id, **values))
            assert inserted.inserted_primary_key is not None
            staging_id = inserted.inserted_primary_key[0]
        staging = SqlStaging(
            self._database,
            staging_id=staging_id,
            lineage_id=lineage.id,
            ordinal=ordinal,
            machine=machine,
            entity=entity,
            job_id=job_id,
            fence=fence,
            full=full,
        )
        try:
            if base is not None and (base.lineage_id, base.ordinal) != (lineage.id, lineage.last_ordinal):
                staging.rebase(base.lineage_id, base.ordinal)
            staging.imply_roots(roots)
        except BaseException:
            staging.discard()
            raise
        return 0, staging

    def _mark(self, media_serial: str, number: int, column: str, **more: object) -> None:
        with self._database.write() as c:
            values: dict[str, Any] = {column: dialect.now_us(c), **more}
            found = c.execute(
                update(sessions)
                .where(sessions.c.media_serial == media_serial, sessions.c.number == number)
                .values(values)
            )
            if found.rowcount == 0:
                raise NotFoundError("E6009", session=number, media=media_serial)


def _newest(connection: Connection, machine: str, entity: str, set_id: str, roots: str) -> Row[Any] | None:
    return connection.execute(
        select(sessions)
        .join(lineages, lineages.c.id == sessions.c.lineage_id)
        .where(
            lineages.c.machine == machine,
            lineages.c.entity == entity,
            lineages.c.set_id == set_id,
            lineages.c.roots == roots,
            sessions.c.detail,
        )
        .order_by(sessions.c.finished_at.desc(), sessions.c.id.desc())
        .limit(1)
    ).one_or_none()


def _is_left(connection: Connection, staging: Row[Any]) -> bool:
    """Whether nobody works on a staging, nor is expected to go on with it."""
    return not claims.staging_is_alive(connection, staging) and not claims.staging_is_kept(
        connection, staging
    )
