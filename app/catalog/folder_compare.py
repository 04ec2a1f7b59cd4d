"""Two sessions' states of a folder compared: one walk over the names beneath it, for counts or for paths."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select, text

from app.catalog.media import find_media
from app.catalog.tables import sessions
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, NotFoundError
from app.model.folder_comparison import Change, FolderChange, FolderComparison

Held = tuple[str, int]
"""Serial (or name, or ID) of a media, and the number of a session on it."""

_COVERS = (
    "{v}.name_id = n.id AND {v}.lineage_id = :{v}_lineage AND {v}.first_ordinal <= :{v}_ordinal"
    " AND ({v}.next_ordinal IS NULL OR {v}.next_ordinal > :{v}_ordinal)"
)
_WALK = (
    "SELECT f.path AS folder, n.name AS name, coalesce(b.kind, a.kind) AS kind, CASE"
    " WHEN a.id IS NULL THEN 'added' WHEN b.id IS NULL THEN 'removed' WHEN a.id = b.id THEN 'same'"
    " WHEN a.kind <> b.kind THEN 'changed' WHEN a.kind = 'directory' THEN 'same'"
    " WHEN a.size_bytes <> b.size_bytes OR {differs} THEN 'changed' ELSE 'same' END AS what,"
    " coalesce(a.size_bytes, 0) AS before, coalesce(b.size_bytes, 0) AS after"
    " FROM folders f JOIN names n ON n.folder_id = f.id"
    f" LEFT JOIN versions a ON {_COVERS.format(v='a')} LEFT JOIN versions b ON {_COVERS.format(v='b')}"
    " WHERE f.machine = :machine AND (f.path = :folder OR (f.path >= :low AND f.path < :high))"
    " AND n.name <> :no_name AND (a.id IS NOT NULL OR b.id IS NOT NULL)"
)
_COUNT = (
    "SELECT what, kind = 'directory' AS is_folder, count(*) AS n, sum(before) AS before, sum(after) AS after"
    " FROM ({walk}) AS walked GROUP BY 1, 2"
)
_LIST = "SELECT * FROM ({walk}) AS walked WHERE what <> 'same' ORDER BY folder, name LIMIT :limit"
_BENEATH = (
    "SELECT count(*) AS files, sum(a.size_bytes) AS size_bytes"
    " FROM folders f JOIN names n ON n.folder_id = f.id"
    f" JOIN versions a ON {_COVERS.format(v='a')}"
    " WHERE f.machine = :machine AND (f.path = :folder OR (f.path >= :low AND f.path < :high))"
    " AND a.kind <> 'directory'"
)


def compare_folders(
    connection: Connection, machine: str, path: bytes, older: Held, newer: Held, limit: int
) -> FolderComparison:
    """What differs beneath `path` between two sessions of a machine.

    Raises:
        NotFoundError: E6009 no such session. ArcxoError: E6031 a session whose names are not in the catalog.
    """
    before, after = _session(connection, older), _session(connection, newer)
    by_time = before.lineage_id != after.lineage_id or before.encrypted != after.encrypted
    differs = "a.modified_ns <> b.modified_ns" if by_time else "a.content_id <> b.content_id"
    walk = _WALK.replace("{differs}", differs)
    folder = b"" if path == b"/" else path
    keys: dict[str, Any] = {
        "machine": machine,
        "folder": path,
        "low": folder + b"/",
        "high": folder + b"0",
        "no_name": b"",
        "a_lineage": before.lineage_id,
        "a_ordinal": before.ordinal,
        "b_lineage": after.lineage_id,
        "b_ordinal": after.ordinal,
        "limit": limit,
    }
    files, folders = (dict.fromkeys(Change, 0) for _ in range(2))
    sizes = [0, 0]
    for row in connection.execute(text(_COUNT.replace("{walk}", walk)), keys):
        (folders if row.is_folder else files)[Change(row.what)] += row.n
        if not row.is_folder:
            sizes[0] += int(row.before or 0)
            sizes[1] += int(row.after or 0)
    items = [_change(row) for row in connection.execute(text(_LIST.replace("{walk}", walk)), keys)]
    different = sum(
        count for counts in (files, folders) for what, count in counts.items() if what is not Change.SAME
    )
    return FolderComparison(
        files, folders, sizes[0], sizes[1], tuple(items), truncated=different > len(items), by_time=by_time
    )


def beneath(connection: Connection, path: bytes, held: Held) -> tuple[int, int]:
    """How many files a session has beneath `path`, and their bytes. Raises as `compare_folders`."""
    session = _session(connection, held)
    folder = b"" if path == b"/" else path
    keys = {
        "machine": session.machine,
        "folder": path,
        "low": folder + b"/",
        "high": folder + b"0",
        "a_lineage": session.lineage_id,
        "a_ordinal": session.ordinal,
    }
    row = connection.execute(text(_BENEATH), keys).one()
    return int(row.files), int(row.size_bytes or 0)


def _session(connection: Connection, held: Held) -> Row[Any]:
    media, number = held
    statement = select(sessions).where(sessions.c.number == number)
    row = connection.execute(statement.where(sessions.c.media_serial == media)).one_or_none()
    if row is None:
        serial = find_media(connection, media).serial
        row = connection.execute(statement.where(sessions.c.media_serial == serial)).one_or_none()
    if row is None:
        raise NotFoundError("E6009", session=number, media=media)
    if not row.detail:
        raise ArcxoError("E6031", session=number, media=row.media_name)
    return row


def _change(row: Row[Any]) -> FolderChange:
    folder = bytes(row.folder)
    path = (b"" if folder == b"/" else folder) + b"/" + bytes(row.name)
    return FolderChange(path, EntryKind(row.kind), Change(row.what), int(row.before), int(row.after))
