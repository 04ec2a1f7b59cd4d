"""Until when a replica may be held."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.model.errors import UsageError

LONGEST = timedelta(days=366)


def check_until(until: datetime, now: datetime | None = None) -> None:
    """Raises UsageError ER00244 for a time that is past, more than a year away, or without a zone."""
    at = now or datetime.now(UTC)
    if until.tzinfo is None or not at < until <= at + LONGEST:
        raise UsageError("ER00244", until=until.isoformat(timespec="seconds"))
