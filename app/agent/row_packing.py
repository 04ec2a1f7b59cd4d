"""Catalog rows packed and opened in C where that is there; else, and whatever is unusual, by `app.model`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.model import packed_rows
from app.model.archive import CatalogRow, CatalogRows
from app.model.entry import EntryKind
from app.model.packed_rows import PackedRows
from app.native import native

_native: Any | None = native("packed_rows")
_PART_BYTES = 1 << 20
_KINDS = {kind.value: kind for kind in EntryKind}


def pack_rows(rows: CatalogRows) -> Iterator[PackedRows]:
    """The rows in parts of about 1 MiB, in their order."""
    if _native is None or not rows.rows:
        yield from packed_rows.pack_rows(rows)
        return
    at = 0
    while at < len(rows.rows):
        made = _native.pack(rows.rows, at, _PART_BYTES)
        if made is None:
            yield from packed_rows.pack_rows(CatalogRows(rows.rows[at:], rows.incremental))
            return
        data, at = made
        yield PackedRows(data, rows.incremental)


def unpack_rows(packed: PackedRows) -> CatalogRows:
    """The rows again. Raises ValueError when they are not what `pack_rows` makes."""
    rows = _native.unpack(packed.data, CatalogRow, _KINDS) if _native is not None else None
    if rows is None:
        return packed_rows.unpack_rows(packed)
    return CatalogRows(tuple(rows), packed.incremental)
