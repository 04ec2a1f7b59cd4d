"""Search all sessions by name pattern and other criteria."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, text

from app.catalog import dialect
from app.model.entry import EntryKind
from app.model.media import CatalogEntry
from app.model.search import Query

_COVERED = (
    "s.lineage_id = v.lineage_id AND s.ordinal >= v.first_ordinal"
    " AND (v.next_ordinal IS NULL OR s.ordinal < v.next_ordinal)"
)
_HELD_LAST = f"(SELECT max(s.ordinal) FROM sessions s WHERE {_COVERED})"
_GONE_AT = (
    "(SELECT min(s.finished_at) FROM sessions s"
    " WHERE s.lineage_id = v.lineage_id AND s.ordinal >= v.next_ordinal)"
)
_REPLACED = (
    "EXISTS (SELECT 1 FROM versions w WHERE w.name_id = v.name_id AND w.lineage_id = v.lineage_id"
    " AND w.first_ordinal = v.next_ordinal)"
)
_FIND = (
    "SELECT * FROM (SELECT hit.*, s.number AS number, s.media_serial AS media_serial,"
    " s.finished_at AS held_at, row_number() OVER (PARTITION BY hit.name_id"
    " ORDER BY s.finished_at DESC, hit.version_id DESC) AS place FROM ("
    "SELECT v.id AS version_id, v.name_id AS name_id, v.lineage_id AS lineage_id, v.kind AS kind,"
    " v.size_bytes AS size_bytes, v.modified_ns AS modified_ns, n.name AS name, f.path AS folder,"
    f" f.machine AS machine, {_HELD_LAST} AS held_last,"
    f" CASE WHEN v.next_ordinal IS NULL OR {_REPLACED} THEN NULL ELSE {_GONE_AT} END AS gone_at"
    " FROM names n JOIN folders f ON f.id = n.folder_id JOIN versions v ON v.name_id = n.id WHERE {criteria}"
    ") AS hit JOIN sessions s ON s.lineage_id = hit.lineage_id AND s.ordinal = hit.held_last"
    " WHERE {deleted}) AS ranked WHERE place = 1 ORDER BY name, folder, machine LIMIT :limit OFFSET :offset"
)
_EPOCH_NS = 1000


def find(connection: Connection, query: Query) -> list[CatalogEntry]:
    """One entry per path, of the newest version that matches."""
    # app.catalog.browsing imports this module.
    from app.catalog.browsing import version_counts

    keys: dict[str, Any] = {"limit": query.limit, "offset": query.offset}
    criteria = [f"n.text {dialect.like(connection)} :pattern ESCAPE '\\'", "n.name <> :no_name"]
    keys["pattern"] = like_pattern(query.pattern)
    keys["no_name"] = b""
    if query.machine:
        criteria.append("f.machine = :machine")
        keys["machine"] = query.machine
    _add_folder(criteria, keys, query)
    for column, low, high in (
        ("v.size_bytes", query.size_min, query.size_max),
        (
            "v.modified_ns",
            _ns(query.modified_from),
            _ns(query.modified_to),
        ),
    ):
        name = column.rpartition(".")[2]
        if low is not None:
            criteria.append(f"{column} >= :{name}_low")
            keys[f"{name}_low"] = low
        if high is not None:
            criteria.append(f"{column} <= :{name}_high")
            keys[f"{name}_high"] = high
    deleted = ["1 = 1"]
    if query.deleted_from is not None or query.deleted_to is not None:
        deleted.append("hit.gone_at IS NOT NULL")
    if query.deleted_from is not None:
        # Deleted some time after the last session that has it and before the first that has not.
        deleted.append("hit.gone_at >= :deleted_from")
        keys["deleted_from"] = dialect.to_us(query.deleted_from)
    if query.deleted_to is not None:
        deleted.append("s.finished_at <= :deleted_to")
        keys["deleted_to"] = dialect.to_us(query.deleted_to)
    statement = _FIND.replace("{criteria}", " AND ".join(criteria)).replace(
        "{deleted}", " AND ".join(deleted)
    )
    found = connection.execute(text(statement), keys).all()
    counts = version_counts(connection, [row.name_id for row in found])
    return [_entry(row, counts) for row in found]


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
        criteria.append("f.path = :folder")
        return
    if query.directory == b"/":
        return
    criteria.append("(f.path = :folder OR (f.path >= :folder_low AND f.path < :folder_high))")
    keys["folder_low"] = query.directory + b"/"
    keys["folder_high"] = query.directory + b"0"


def _ns(at: Any) -> int | None:
    return None if at is None else dialect.to_us(at) * _EPOCH_NS


def _entry(row: Row[Any], counts: dict[int, int]) -> CatalogEntry:
    folder = bytes(row.folder)
    return CatalogEntry(
        path=(b"" if folder == b"/" else folder) + b"/" + bytes(row.name),
        kind=EntryKind(row.kind),
        size_bytes=row.size_bytes,
        modified_ns=row.modified_ns,
        session_number=row.number,
        media_serial=row.media_serial,
        versions=counts.get(row.name_id, 1),
        deleted_after=None if row.gone_at is None else dialect.from_us(row.held_at),
        machine=row.machine,
    )
