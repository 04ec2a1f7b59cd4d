"""Which rewind point a person means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from app.model.errors import NotFoundError
from app.model.rewind import PointKind, RewindPoint

NAMED = (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
_ALL = 1_000_000

FindPoints = Callable[[Sequence[PointKind], int], Sequence[RewindPoint]]
"""(kinds, limit) → points; no kinds = all."""


def resolve_point(find: FindPoints, to: str, scenario: str) -> RewindPoint:
    """The point `to` means: a bookmark's text (the newest of several), a point's id, or a UTC time.

    A time means the state after the last recorded operation at or before it.

    Raises:
        NotFoundError: E1125 nothing of that name, E1126 a time before the oldest point kept.
    """
    bookmarks = [point for point in find(NAMED, _ALL) if point.text == to]
    if bookmarks:
        return max(bookmarks, key=lambda point: (point.at, point.change))
    moment = _moment(to)
    points = find((), _ALL)
    exact = [point for point in points if point.id == to]
    if exact:
        return exact[0]
    if moment is None:
        raise NotFoundError("E1125", point=to, scenario=scenario)
    earlier = [point for point in points if point.at <= moment]
    if not earlier:
        oldest = min((point.at for point in points), default=None)
        raise NotFoundError(
            "E1126", time=to, scenario=scenario, oldest=oldest.isoformat() if oldest else "none is kept"
        )
    return max(earlier, key=lambda point: point.change)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
