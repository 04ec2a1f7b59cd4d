"""Which rewind point a person means."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from app.model.errors import NotFoundError
from app.model.rewind import PointKind, RewindPoint

NAMED = (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
MARKS = tuple(kind for kind in PointKind if kind is not PointKind.OPERATION)
BEFORE = "before:"
"""In front of the id of an operation: the state just before it."""

_MANY = 20_000


class FindPoints(Protocol):
    """How points are asked for."""

    def __call__(
        self, kinds: Sequence[PointKind], limit: int, until: datetime | None = None
    ) -> Sequence[RewindPoint]:
        """The newest points of some kinds (none: all), not younger than `until`, at most `limit`."""
        ...


def resolve_point(find: FindPoints, to: str, scenario: str) -> RewindPoint:
    """The point `to` means: a bookmark's text (the newest of several), a point's id, or a UTC time.

    A time means the state after the last recorded operation at or before it.

    Raises:
        NotFoundError: E1125 nothing of that name, E1126 a time before the oldest point kept.
    """
    marks = find(MARKS, _MANY)
    bookmarks = [point for point in marks if point.kind in NAMED and point.text == to]
    if bookmarks:
        return max(bookmarks, key=lambda point: (point.at, point.change))
    exact = [point for point in marks if point.id == to]
    if exact:
        return exact[0]
    number = to.removeprefix(BEFORE)
    if number[:1] == "c" and number[1:].isdecimal():
        # The replica knows whether it is still kept.
        change = int(number[1:]) - (1 if number != to else 0)
        return RewindPoint(to, PointKind.OPERATION, datetime.now(UTC), change)
    moment = _moment(to)
    if moment is None:
        raise NotFoundError("E1125", point=to, scenario=scenario)
    earlier = find((), 1, moment)
    if not earlier:
        oldest = min((point.at for point in find((), _MANY)), default=None)
        raise NotFoundError(
            "E1126", time=to, scenario=scenario, oldest=oldest.isoformat() if oldest else "none"
        )
    return earlier[0]


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
