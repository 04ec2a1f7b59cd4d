"""Lineages: the sessions that follow each other, as rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from app.catalog import rows
from app.catalog.merge_api import LineageKey
from app.catalog.tables import lineages


def roots_key(roots: Sequence[bytes]) -> str:
    """Sessions of one volume by scenarios with other roots are lineages of their own."""
    return json.dumps([rows.encode_bytes(root) for root in sorted(roots)])


def lineage_key(row: Row[Any]) -> LineageKey:
    """What a lineage is of."""
    roots = tuple(rows.decode_bytes(root) for root in json.loads(row.roots))
    return LineageKey(row.machine, row.entity, row.set_id, roots)


def find_lineage(connection: Connection, key: LineageKey) -> Row[Any] | None:
    """The row of a lineage."""
    return connection.execute(
        select(lineages).where(*(lineages.c[name] == value for name, value in _values(key).items()))
    ).one_or_none()


def lineage_of(connection: Connection, key: LineageKey) -> Row[Any]:
    """The row of a lineage, made when it is new. For a write transaction."""
    found = find_lineage(connection, key)
    if found is None:
        connection.execute(insert(lineages).values(_values(key)))
        found = find_lineage(connection, key)
        assert found is not None
    return found


def _values(key: LineageKey) -> dict[str, str]:
    return {
        "machine": key.machine,
        "entity": key.entity,
        "set_id": key.set_id,
        "roots": roots_key(key.roots),
    }
