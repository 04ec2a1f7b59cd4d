"""The sources of a scenario's data as of a moment: the rewind log exactly, sessions nearby."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.model.media import SessionInfo
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel


@dataclass(frozen=True, slots=True)
class WayBack:
    """One source. `session` None = the rewind log. `at`: the moment that it holds."""

    at: datetime
    wanted: datetime
    session: SessionInfo | None = None
    best: bool = False

    @property
    def exact(self) -> bool:
        """Whether it holds the very moment."""
        return self.session is None


def ways_back(
    wanted: datetime, oldest: datetime | None, newest: datetime, sessions: Sequence[SessionInfo]
) -> list[WayBack]:
    """The sources for a moment, the best first.

    The rewind log reaches from `oldest` (None = it is empty) to now. Where it does not reach, the session
    before the moment is the best: what it holds was there; of the one after it that is not certain.
    """
    found = []
    if oldest is not None and oldest <= wanted <= newest:
        found.append(WayBack(wanted, wanted))
    whole = [one for one in sessions if not one.damaged]
    before = max((one for one in whole if one.started_at <= wanted), key=_began, default=None)
    after = min((one for one in whole if one.started_at > wanted), key=_began, default=None)
    found += [WayBack(one.started_at, wanted, one) for one in (before, after) if one is not None]
    return [
        WayBack(one.at, one.wanted, one.session, best=position == 0) for position, one in enumerate(found)
    ]


def _began(session: SessionInfo) -> tuple[datetime, int]:
    return session.started_at, session.number


class WayModel(RowModel[WayBack]):
    """The sources for the chosen moment."""

    columns = (
        Column("Source", 330),
        Column("Holds the state of", 190),
        Column("Distance", 150),
        Column("What it takes", 260, stretch=True),
    )

    def key_of(self, item: WayBack) -> Hashable:
        """The log, or the session."""
        return None if item.session is None else (item.session.media_serial, item.session.number)

    def cell(self, item: WayBack, column: int) -> Cell:
        """Paintable content."""
        session = item.session
        if column == 0:
            tag = ("Best", "circle-check", "ok") if item.best else None
            if session is None:
                return Cell(
                    "Rewind log of the Replica", icon="rewind", icon_role="replica", medium=True, tag=tag
                )
            text = f"Session {session.number} of {session.media_name}"
            return Cell(text, icon="lock" if session.encrypted else "archive", medium=True, tag=tag)
        if column == 1:
            return Cell(formats.timestamp(item.at, fraction=item.exact), tooltip=formats.full_time(item.at))
        if column == 2:
            return Cell(distance(item), role="ok" if item.exact else "text2")
        if session is None:
            return Cell("The scenario is stopped; only what changed since is written", role="text2")
        what = f"{formats.size(session.size_bytes)} on media"
        return Cell(f"{what}, with the session password" if session.encrypted else what, role="text2")


def distance(way: WayBack) -> str:
    """How far a source is from the moment."""
    if way.exact:
        return "Exact"
    seconds = (way.at - way.wanted).total_seconds()
    return f"{formats.duration(abs(seconds))} {'after' if seconds > 0 else 'before'}"
