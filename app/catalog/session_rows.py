"""Sessions as rows."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from app.catalog import dialect
from app.model.media import Consistency, SessionInfo

_SAME = (
    "media_serial",
    "media_name",
    "media_id",
    "number",
    "job_id",
    "scenario_id",
    "scenario_name",
    "machine",
    "replica",
    "entity",
    "files",
    "directories",
    "size_bytes",
    "new_bytes",
    "stored_bytes",
    "snapshot_provider",
    "encrypted",
    "incomplete",
    "problems",
    "damaged",
    "detail",
    "origin_serial",
    "origin_number",
    "filters",
    "left_out",
    "restore_tested_percent",
)
_TIMES = ("written_at", "verified_at", "restore_tested_at", "detail_at")


def session_values(info: SessionInfo) -> dict[str, Any]:
    """The columns of a session, but for lineage and ordinal."""
    values: dict[str, Any] = {name: getattr(info, name) for name in _SAME}
    values["consistency"] = info.consistency.value
    values["started_at"] = dialect.to_us(info.started_at)
    values["finished_at"] = dialect.to_us(info.finished_at)
    for name in _TIMES:
        values[name] = dialect.maybe_us(getattr(info, name))
    return values


def session_info(row: Row[Any]) -> SessionInfo:
    """A session from its row."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _SAME}
    for name in _TIMES:
        values[name] = dialect.maybe_time(getattr(row, name))
    return SessionInfo(
        **values,
        consistency=Consistency(row.consistency),
        started_at=dialect.from_us(row.started_at),
        finished_at=dialect.from_us(row.finished_at),
    )
