"""Search all sessions by name pattern and other criteria.

Few matches come sorted by name; of many, the first page must not wait for all of them: they come in the order
in which the catalog met the names, folder by folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

from app.catalog import dialect
from app.catalog.deleted import Departed, Gone, gone_after
from app.catalog.name_index import next_names
from app.catalog.timeline import Moment, Timeline, read_timeline
from app.model.entry import EntryKind
from app.model.media import CatalogEntry
from app.model.search import Query

_COVERED = (
    "s.lineage_id = v.lineage_id AND s.ordinal >= v.first_ordinal"
    " AND (v.next_ordinal IS NULL OR s.ordinal < v.next_ordinal)"
)
_HIT = (
    "SELECT v.id AS version_id, v.name_id AS name_id, v.lineage_id AS lineage_id,"
    " v.first_ordinal AS first_ordinal, v.next_ordinal AS next_ordinal, v.kind AS kind,"
    " v.size_bytes AS size_bytes, v.modified_ns AS modified_ns, n.name AS name, f.path AS folder,"
    " f.machine AS machine{held}"
    " FROM names n JOIN folders f ON f.id = n.folder_id JOIN versions v ON v.name_id = n.id WHERE {criteria}"
)
_HELD = f", (SELECT max(s.ordinal) FROM sessions s WHERE {_COVERED}{{backed_up}}) AS held_last"
_FIND = (
    "SELECT * FROM (SELECT hit.*, s.number AS number, s.media_serial AS media_serial,"
    " row_number() OVER (PARTITION BY hit.name_id"
    " ORDER BY s.finished_at DESC, hit.version_id DESC) AS place FROM ("
    + _HIT.replace("{held}", _HELD)
    + ") AS hit JOIN sessions s ON s.lineage_id = hit.lineage_id AND s.ordinal = hit.held_last"
    ") AS ranked WHERE place = 1 ORDER BY {order} LIMIT :limit OFFSET :offset"
)
_BY_NAME, _AS_MET, _BY_FOLDER = "name, folder, machine", "name_id", "machine, folder, name"
_FEW = 1000
_BATCH_MAX = 20_000
_SMALL_TREE = 5_000
_EPOCH_NS = 1000


def find(connection: Connection, query: Query) -> list[CatalogEntry]:
    """One entry per path, of the newest version that matches."""
    # app.catalog.browsing imports this module.
    from app.catalog.browsing import version_counts

    timeline = read_timeline(connection, query.machine)
    search = _Search(connection, query)
    if query.deleted_from is None and query.deleted_to is None:
        found = search.run()
        counts = version_counts(connection, [row.name_id for row in found])
        held = [(row.name_id, row.lineage_id, row.first_ordinal, row.next_ordinal) for row in found]
        gone = gone_after(connection, timeline, held)
        return [_entry(row, row.media_serial, row.number, gone.get(row.name_id), counts) for row in found]
    deleted = search.run_deleted(timeline)
    counts = version_counts(connection, [one.row.name_id for one in deleted])
    return [_entry(one.row, one.shown.media_serial, one.shown.number, one.last, counts) for one in deleted]


class _Search:
    """One query, in one read transaction."""

    def __init__(self, connection: Connection, query: Query) -> None:
        self._connection = connection
        self._query = query
        self._like = like_pattern(query.pattern)
        self._keys: dict[str, Any] = {"no_name": b""}
        self._criteria = ["n.name <> :no_name"]
        self._backed_up: list[str] = []
        self._beneath: tuple[str, dict[str, Any]] | None = None
        self._add_criteria()

    def run(self) -> list[Row[Any]]:
        """The page that is asked for."""
        query = self._query
        restricted = len(self._criteria) > 1 or bool(self._backed_up)
        beneath = self._small_tree()
        if beneath is not None:
            return self._among(beneath, _BY_NAME, query.limit, query.offset)
        if self._like == "%" and restricted:
            return self._rows("1 = 1", {"limit": query.limit, "offset": query.offset}, _BY_NAME)
        ids = next_names(self._connection, self._like, 0, _FEW + 1)
        if len(ids) <= _FEW:
            return self._among(ids, _BY_NAME, query.limit, query.offset)
        return self._many(ids)

    def run_deleted(self, timeline: Timeline) -> list[Gone]:
        """The page of what was deleted between the times that are asked for."""
        query = self._query
        departed = Departed(self._connection, timeline, _us(query.deleted_from), _us(query.deleted_to))
        ids = departed.few()
        if ids is None:
            ids = self._small_tree()
        if ids is None and self._like != "%":
            ids = next_names(self._connection, self._like, 0, _FEW + 1)
            ids = ids if len(ids) <= _FEW else None
        wanted = query.offset + query.limit
        if ids is not None:
            found = sorted(self._gone_among(departed, ids), key=_by_name)
            return found[query.offset : wanted]
        found = []
        for batch in departed.in_order():
            found += sorted(self._gone_among(departed, batch), key=lambda one: int(one.row.name_id))
            if len(found) >= wanted:
                break
        return found[query.offset : wanted]

    def _gone_among(self, departed: Departed, ids: list[int]) -> Iterable[Gone]:
        """What of some names was deleted, by all the criteria."""
        names = f"n.id IN ({dialect.values_of(self._connection, 'ids')})"
        matches = f"n.text {dialect.like(self._connection)} :pattern ESCAPE '\\'"
        statement = _HIT.replace("{held}", "").replace(
            "{criteria}", " AND ".join([names, matches, *self._criteria])
        )
        statement = statement.replace("{f}", f"{dialect.unindexed(self._connection)}f")

        def rows_of(chosen: Sequence[int]) -> Iterable[Row[Any]]:
            keys = {**self._keys, "ids": json.dumps(list(chosen)), "pattern": self._like}
            return self._connection.execute(text(statement), keys).all()

        since, until = _us(self._query.backed_up_from), _us(self._query.backed_up_to)

        def is_shown(moment: Moment) -> bool:
            return (since is None or moment.finished_at >= since) and (
                until is None or moment.finished_at <= until
            )

        return departed.newest_of(ids, rows_of, is_shown if self._backed_up else None).values()

    def _many(self, ids: list[int]) -> list[Row[Any]]:
        """The page of a pattern with very many matches: read as far as the page goes, and no further."""
        query = self._query
        wanted, looked = query.offset + query.limit, 0
        # Nearly every name is in some session: a little more than the page is enough most of the time.
        batch = wanted + wanted // 4 + 16
        ids, order = ids[:batch], _AS_MET
        if self._beneath:
            order, ids = _BY_FOLDER, self._next_beneath(0, batch)
        found: list[Row[Any]] = []
        while ids:
            found += self._among(ids, order, len(ids), 0)
            if len(found) >= wanted:
                break
            looked, batch = looked + len(ids), min(_BATCH_MAX, 4 * batch)
            if self._beneath:
                ids = self._next_beneath(looked, batch)
            else:
                ids = next_names(self._connection, self._like, ids[-1], batch)
        return found[query.offset : wanted]

    def _next_beneath(self, offset: int, limit: int) -> list[int]:
        """More matching names beneath the query's folder, folder by folder and by name in each."""
        assert self._beneath is not None
        found: list[int] = []
        where, keys = self._beneath
        for machine in self._machines():
            statement = (
                "SELECT n.id FROM folders f JOIN names n ON n.folder_id = f.id"
                f" WHERE f.machine = :machine AND {where}"
                f" AND n.text {dialect.like(self._connection)} :pattern ESCAPE '\\'"
                " ORDER BY f.path, n.name LIMIT :limit"
            )
            keys = {**keys, "machine": machine, "pattern": self._like, "limit": offset + limit}
            found += self._connection.execute(text(statement), keys).scalars()
        return found[offset : offset + limit]

    def _machines(self) -> list[str]:
        """The machines that are asked for: with them named, the index of folders is of use."""
        if self._query.machine:
            return [self._query.machine]
        every = text("SELECT DISTINCT machine FROM lineages ORDER BY machine")
        return list(self._connection.execute(every).scalars())

    def _among(self, ids: list[int], order: str, limit: int, offset: int) -> list[Row[Any]]:
        """Matches among names."""
        keys = {"ids": json.dumps(ids), "limit": limit, "offset": offset}
        names = f"n.id IN ({dialect.values_of(self._connection, 'ids')})"
        # By the ids, never by the index of folders, which would find far more.
        return self._rows(names, keys, order, folders=dialect.unindexed(self._connection))

    def _rows(self, names: str, keys: dict[str, Any], order: str, folders: str = "") -> list[Row[Any]]:
        statement = (
            _FIND.replace("{criteria}", " AND ".join([names, *self._criteria]))
            .replace("{f}", f"{folders}f")
            .replace("{backed_up}", "".join(f" AND {one}" for one in self._backed_up))
            .replace("{order}", order)
        )
        return list(self._connection.execute(text(statement), {**self._keys, **keys}))

    def _add_criteria(self) -> None:
        query, criteria, keys = self._query, self._criteria, self._keys
        if query.machine:
            criteria.append("{f}.machine = :machine")
            keys["machine"] = query.machine
        conditions: list[str] = []
        folder_keys: dict[str, Any] = {}
        _add_folder(conditions, folder_keys, query)
        if conditions:
            criteria += conditions
            keys |= folder_keys
            self._beneath = (conditions[0].replace("{f}", "f"), folder_keys)
        for column, low, high in (
            ("v.size_bytes", query.size_min, query.size_max),
            ("v.modified_ns", _ns(query.modified_from), _ns(query.modified_to)),
        ):
            name = column.rpartition(".")[2]
            if low is not None:
                criteria.append(f"{column} >= :{name}_low")
                keys[f"{name}_low"] = low
            if high is not None:
                criteria.append(f"{column} <= :{name}_high")
                keys[f"{name}_high"] = high
        for name, compared, at in (
            ("backed_up_from", ">=", query.backed_up_from),
            ("backed_up_to", "<=", query.backed_up_to),
        ):
            if at is not None:
                self._backed_up.append(f"s.finished_at {compared} :{name}")
                keys[name] = dialect.to_us(at)

    def _small_tree(self) -> list[int] | None:
        """The matching names beneath the query's folder, when there are so few that all may be looked at."""
        if not self._beneath:
            return None
        where, keys = self._beneath
        found: list[int] = []
        left = _SMALL_TREE
        matches = f"few.text {dialect.like(self._connection)} :pattern ESCAPE '\\'"
        beneath = (
            f"SELECT few.id, CASE WHEN {matches} THEN 1 ELSE 0 END AS matches FROM (SELECT n.id, n.text"
            f" FROM folders f JOIN names n ON n.folder_id = f.id WHERE f.machine = :machine AND {where}"
            " LIMIT :most) AS few"
        )
        for machine in self._machines():
            looked = self._connection.execute(
                text(beneath), {**keys, "machine": machine, "pattern": self._like, "most": left + 1}
            ).all()
            left -= len(looked)
            if left < 0:
                return None
            found += [row.id for row in looked if row.matches]
        return found


def like_pattern(pattern: str) -> str:
    """The LIKE pattern of one with `*` and `?`; backslash escapes. Without either it matches anywhere."""
    if not pattern:
        return "%"
    anywhere = "*" not in pattern and "?" not in pattern
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    escaped = escaped.replace("*", "%").replace("?", "_")
    return f"%{escaped}%" if anywhere else escaped


def _add_folder(criteria: list[str], keys: dict[str, Any], query: Query) -> None:
    if not query.directory:
        return
    keys["folder"] = query.directory
    if not query.subdirectories:
        criteria.append("{f}.path = :folder")
        return
    if query.directory == b"/":
        return
    # One range, so that an index gives it in its order; what only begins alike is left out of it.
    criteria.append(
        "{f}.path >= :folder AND {f}.path < :folder_high AND ({f}.path = :folder OR {f}.path >= :folder_low)"
    )
    keys["folder_low"] = query.directory + b"/"
    keys["folder_high"] = query.directory + b"0"


def _us(at: datetime | None) -> int | None:
    return None if at is None else dialect.to_us(at)


def _ns(at: datetime | None) -> int | None:
    return None if at is None else dialect.to_us(at) * _EPOCH_NS


def _by_name(one: Gone) -> tuple[bytes, bytes, str]:
    return bytes(one.row.name), bytes(one.row.folder), one.row.machine


def _entry(
    row: Row[Any], serial: str, number: int, gone_after_session: Moment | None, counts: dict[int, int]
) -> CatalogEntry:
    folder = bytes(row.folder)
    return CatalogEntry(
        path=(b"" if folder == b"/" else folder) + b"/" + bytes(row.name),
        kind=EntryKind(row.kind),
        size_bytes=row.size_bytes,
        modified_ns=row.modified_ns,
        session_number=number,
        media_serial=serial,
        versions=counts.get(row.name_id, 1),
        deleted_after=None if gone_after_session is None else dialect.from_us(gone_after_session.finished_at),
        machine=row.machine,
    )
