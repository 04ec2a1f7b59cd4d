"""Rows of a tree in the order of a column: siblings among themselves, groups as they are. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.ui import formats
from app.ui.models.cell import Cell, RowKind
from app.ui.models.tree import Row

_Key = tuple[int, float, str]


def ordered(rows: Sequence[Row], column: int, *, descending: bool = False) -> tuple[Row, ...]:
    """Rows by the cell of a column, at each level; equal ones stay in their order, empty ones come last.

    Groups keep their order and stand before what is sorted: they are headings, not rows with such cells.
    `column` -1: as they are.
    """
    if column < 0:
        return tuple(rows)
    deep = [
        replace(row, children=ordered(row.children, column, descending=descending)) if row.children else row
        for row in rows
    ]
    groups = [row for row in deep if row.kind is not RowKind.ROW]
    keyed = [(_key(row, column), row) for row in deep if row.kind is RowKind.ROW]
    known = sorted(
        ((key, row) for key, row in keyed if key is not None), key=lambda one: one[0], reverse=descending
    )
    return (*groups, *(row for _, row in known), *(row for key, row in keyed if key is None))


def _key(row: Row, column: int) -> _Key | None:
    cell = row.cells[column] if column < len(row.cells) else Cell()
    if isinstance(cell.sort, int | float):
        return 0, float(cell.sort), ""
    text = str(cell.sort) if cell.sort is not None else cell.text
    return None if text in ("", formats.NONE) else (1, 0.0, text.casefold())
