"""Catalog rows on their way from the worker to the server: packed once, opened once, passed on as they are.

A first backup tells of every file; a message with fields for each of them costs every process on the way more
than archiving the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgpack

from app.model.archive import CatalogRow, CatalogRows
from app.model.entry import EntryKind

_KINDS = {kind.value: kind for kind in EntryKind}
_PART_BYTES = 1 << 20
_ROW_BYTES = 64
_LIMIT = 1 << 63


@dataclass(frozen=True, slots=True)
class PackedRows:
    """`CatalogRows` as one string of bytes, of a size that fits into a message."""

    data: bytes
    incremental: bool


def pack_rows(rows: CatalogRows) -> Iterator[PackedRows]:
    """The rows in parts of about 1 MiB, in their order."""
    part: list[CatalogRow] = []
    size_bytes = 0
    for row in rows.rows:
        part.append(row)
        size_bytes += len(row.path) + _ROW_BYTES
        if size_bytes > _PART_BYTES:
            yield PackedRows(msgpack.packb(part), rows.incremental)
            part, size_bytes = [], 0
    if part or not rows.rows:
        yield PackedRows(msgpack.packb(part), rows.incremental)


def unpack_rows(packed: PackedRows) -> CatalogRows:
    """The rows again. Raises ValueError when they are not what `pack_rows` makes."""
    try:
        rows = [_row(*fields) for fields in msgpack.unpackb(packed.data, use_list=False)]
    except (TypeError, KeyError, ValueError, msgpack.UnpackException) as error:
        raise ValueError("catalog rows are not as expected") from error
    return CatalogRows(tuple(rows), packed.incremental)


def _row(
    path: object, kind: str, size_bytes: object, modified_ns: object, content_id: object, removed: object
) -> CatalogRow:
    if (
        type(path) is not bytes
        or type(size_bytes) is not int
        or type(modified_ns) is not int
        or type(content_id) is not str
        or type(removed) is not bool
        or not 0 <= size_bytes < _LIMIT
        or not -_LIMIT <= modified_ns < _LIMIT
    ):
        raise ValueError("a catalog row has another shape")
    return CatalogRow(path, _KINDS[kind], size_bytes, modified_ns, content_id, removed)
