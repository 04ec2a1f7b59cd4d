"""Sessions that are read from media into the catalog: staged so that a killed reading is gone on with.

A merge stages a session like a backup does, behind the newest ordinal of its lineage whatever its age. The
staging says from which session of which media it is, and up to which path; it outlives the job, until
somebody goes on with it or needs the lineage for something else. `app.catalog.rebuilding` puts sessions in
the order of their times afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, text, update

from app.catalog import claims, dialect, sweeping
from app.catalog.database import Database
from app.catalog.lineages import lineage_key, lineage_of
from app.catalog.master_paths import split_path
from app.catalog.merge_api import Base, LineageKey, Source
from app.catalog.rebuilding import Rebuild, disordered_lineages
from app.catalog.session_rows import session_values
from app.catalog.staging import BATCH_ROWS, BENEATH, SqlStaging
from app.catalog.tables import lineages, sessions, stagings
from app.model.errors import BusyError, UsageError
from app.model.media import SessionInfo

_NAMED = text(f"{BENEATH} AND f.path = :folder AND n.name IN :names").bindparams(
    bindparam("names", expanding=True)
)


class SqlMergeStaging(SqlStaging):
    """See `app.catalog.merge_api.MergeStaging`. Made by `SqlMerging.begin`."""

    def __init__(
        self,
        database: Database,
        *,
        roots: Sequence[bytes],
        base: Base,
        position: bytes,
        resumed: bool,
        **rest: Any,
    ) -> None:
        super().__init__(database, **rest)
        self._roots = roots
        self.base = base
        self.position = position
        self.resumed = resumed

    def remove_names(self, paths: Iterable[bytes]) -> None:
        """Close paths that have nothing beneath them."""
        by_folder: dict[bytes, list[bytes]] = {}
        for path in paths:
            folder, name = split_path(path)
            by_folder.setdefault(folder, []).append(name)
        for folder, found in by_folder.items():
            for start in range(0, len(found), BATCH_ROWS):
                keys = {**self._keys, "folder": folder, "names": found[start : start + BATCH_ROWS]}
                with self._database.read() as c:
                    ids = list(c.execute(_NAMED, keys).scalars())
                self._close(ids)

    def take_over(self, source: Source) -> bool:
        """Stage what the catalog knows of another session; False when it does not have the names in it."""
        with self._database.read() as c:
            found = c.execute(
                select(sessions).where(
                    sessions.c.media_serial == source.serial, sessions.c.number == source.number
                )
            ).one_or_none()
        if found is None or not found.detail:
            return False
        self.rebase(found.lineage_id, found.ordinal)
        return True

    def expect_all(self) -> None:
        """What is staged from now on is the whole session: what it does not name is closed at the end."""
        self._full = True
        self.imply_roots(self._roots)

    def note_position(self, path: bytes) -> None:
        """Everything up to a path, in the order of `order_key`, is staged: who resumes goes on there."""
        with self._database.write_lazily() as c:
            self._check(c)
            c.execute(update(stagings).where(stagings.c.id == self._id).values(position=path))
        self.position = path

    def publish(self, session: SessionInfo) -> None:
        """Make the session visible, or give one that has lost its detail the detail back.

        Raises:
            BusyError: E6003 the claim is lost. UsageError: E6018 another machine or entity, E6020 the session
                is in the catalog already.
        """
        if (session.machine, session.entity) != (self._machine, self._entity):
            raise UsageError("E6018", machine=self._machine, entity=self._entity)
        if self._full:
            self._close_unseen()
        lineage, ordinal = self._keys["lineage"], self._keys["ordinal"]
        with self._writing() as c:
            there = _row(c, session)
            if there is not None and there.detail:
                raise UsageError("E6020", session=session.number, media=session.media_name)
            place = {"lineage_id": lineage, "ordinal": ordinal, "detail": True}
            place["detail_at"] = dialect.now_us(c)
            if there is None:
                c.execute(insert(sessions).values(**(session_values(session) | place)))
            else:
                c.execute(update(sessions).where(sessions.c.id == there.id).values(**place))
            c.execute(update(lineages).where(lineages.c.id == lineage).values(last_ordinal=ordinal))
            c.execute(delete(stagings).where(stagings.c.id == self._id))
        self._ended = True

    def leave(self) -> None:
        """Stop here, and keep what is staged for whoever goes on."""
        self._ended = True


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a staging is to be made, and for whom."""

    key: LineageKey
    source: Source
    job_id: int | None
    fence: int


class SqlMerging:
    """Merging, and what it leaves in another order than that of time."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self, key: LineageKey, source: Source, *, job_id: int | None = None, fence: int = 0
    ) -> SqlMergeStaging:
        """Stage a session, or go on with the staging of it that somebody left.

        Raises:
            BusyError: E6003 the claim is lost; E6004 another staging of the lineage is alive.
        """
        place = _Place(key, source, job_id, fence)
        while True:
            dead, staging = self._try_begin(place)
            if staging is not None:
                break
            sweeping.drop_staging(self._database, dead)
        if not staging.resumed:
            try:
                staging.imply_roots(key.roots)
            except BaseException:
                staging.discard()
                raise
        return staging

    def record(self, key: LineageKey, session: SessionInfo) -> None:
        """Make a session known without the names in it. One that is known already stays as it is."""
        with self._database.write() as c:
            if _row(c, session) is not None:
                return
            lineage = lineage_of(c, key)
            values = session_values(session) | {"lineage_id": lineage.id, "detail": False}
            values["ordinal"] = -dialect.now_us(c)
            made = c.execute(insert(sessions).values(**values)).inserted_primary_key
            assert made is not None
            c.execute(update(sessions).where(sessions.c.id == made[0]).values(ordinal=-made[0]))

    def disordered(self) -> Sequence[LineageKey]:
        """The lineages whose sessions are not in the order of their times."""
        with self._database.read() as c:
            return [lineage_key(row) for row in disordered_lineages(c)]

    def rebuild(self, key: LineageKey, *, job_id: int | None = None, fence: int = 0) -> Rebuild:
        """Begin, or go on with, making a lineage anew beside itself, in the order of time.

        Raises:
            BusyError: E6003 the claim is lost; E6004 something is being staged in the lineage.
        """
        rebuild = Rebuild(self._database, key, job_id, fence)
        rebuild.begin()
        return rebuild

    def _try_begin(self, place: _Place) -> tuple[int, SqlMergeStaging | None]:
        key, job_id, fence = place.key, place.job_id, place.fence
        with self._database.write() as c:
            if job_id is not None:
                claims.check(c, job_id, fence)
            lineage = lineage_of(c, key)
            other = c.execute(select(stagings).where(stagings.c.lineage_id == lineage.id)).one_or_none()
            owner = {"job_id": job_id, "fence": fence, "touched_at": dialect.now_us(c)}
            resumed = other is not None and _is_of(other, place.source)
            if other is not None:
                own = job_id is not None and (other.job_id, other.fence) == (job_id, fence)
                if not own and claims.staging_is_alive(c, other):
                    raise BusyError("E6004", entity=key.entity, machine=key.machine, job=other.job_id or "-")
                if not resumed:
                    c.execute(update(stagings).where(stagings.c.id == other.id).values(dead=True))
                    return other.id, None
                c.execute(update(stagings).where(stagings.c.id == other.id).values(**owner))
                staging_id, ordinal, position = other.id, other.ordinal, bytes(other.position or b"")
            else:
                ordinal, position = lineage.last_ordinal + 1, b""
                values = owner | {
                    "ordinal": ordinal,
                    "source_serial": place.source.serial,
                    "source_number": place.source.number,
                }
                made = c.execute(insert(stagings).values(lineage_id=lineage.id, **values))
                assert made.inserted_primary_key is not None
                staging_id = made.inserted_primary_key[0]
            base = _base(c, lineage)
        return 0, SqlMergeStaging(
            self._database,
            roots=key.roots,
            base=base,
            position=position,
            resumed=resumed,
            staging_id=staging_id,
            lineage_id=lineage.id,
            ordinal=ordinal,
            machine=key.machine,
            entity=key.entity,
            job_id=job_id,
            fence=fence,
            full=False,
        )


def _is_of(staging: Row[Any], source: Source) -> bool:
    return not staging.dead and (staging.source_serial, staging.source_number) == (
        source.serial,
        source.number,
    )


def _base(connection: Connection, lineage: Row[Any]) -> Base:
    if lineage.last_ordinal == 0:
        return Base(empty=True)
    found = connection.execute(
        select(sessions).where(
            sessions.c.lineage_id == lineage.id, sessions.c.ordinal == lineage.last_ordinal
        )
    ).one_or_none()
    return Base() if found is None else Base(Source(found.media_serial, found.number))


def _row(connection: Connection, session: SessionInfo) -> Row[Any] | None:
    return connection.execute(
        select(sessions).where(
            sessions.c.media_serial == session.media_serial, sessions.c.number == session.number
        )
    ).one_or_none()
