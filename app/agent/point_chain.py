"""Kept backup points that stand on each other: the oldest is whole, the others are what changed.

A point is kept at the cost of what changed since the one before. When the oldest of a chain is given up, the
next takes over its snapshots and puts its own over them (`app.snapshot.rolling`); its file says so before
anything is moved, so that a crash in between is gone on with by the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.agent.point_files import PointFiles, SavedPoint, SavedRoot
from app.model.scenario import Scenario
from app.snapshot.choice import release
from app.snapshot.rolling import roll_forward

LONGEST = 100
"""So many points stand on one whole snapshot, also after each other; then a whole one is made anew."""


def kept_of(points: Sequence[SavedPoint], scenario_id: int | None = None) -> list[SavedPoint]:
    """The kept points, oldest first, without those that are being taken over."""
    taken = {one.absorbs for one in points if one.absorbs}
    found = (
        one
        for one in points
        if one.kept
        and not one.released
        and one.id not in taken
        and (scenario_id is None or one.scenario.id == scenario_id)
    )
    return sorted(found, key=lambda one: one.taken_at)


def base_for(
    kept: Sequence[SavedPoint], scenario: Scenario, incarnation: str, roots: Sequence[bytes]
) -> SavedPoint | None:
    """The point that one made of changes now would stand on; None when a whole one is needed."""
    if not kept or kept[-1].incarnation != incarnation:
        return None
    return newest_for(kept, scenario, roots)


def newest_for(kept: Sequence[SavedPoint], scenario: Scenario, roots: Sequence[bytes]) -> SavedPoint | None:
    """The newest kept point where another can stand on it that holds what differs from it."""
    if not kept:
        return None
    newest = kept[-1]
    length = newest.rolled
    known = {one.id: one for one in kept}
    at: SavedPoint | None = newest
    while at is not None and at.base:
        length += 1
        at = known.get(at.base)
        if at is not None:
            length += at.rolled
    if at is None or length >= LONGEST:
        return None
    same = [root.master_path for root in newest.roots] == [root.master_path for root in scenario.roots] and [
        root.snapshot.root for root in newest.roots
    ] == list(roots)
    return newest if same else None


def base_of(kept: Sequence[SavedPoint], point: SavedPoint) -> SavedPoint | None:
    """The kept point that one of changes can stand on, now that it is to be kept; None when that is gone."""
    roots = [root.snapshot.root for root in point.roots]
    if point.against is None:
        base = base_for(kept, point.scenario, point.incarnation, roots)
        return base if base is not None and base.change >= point.since else None
    base = newest_for(kept, point.scenario, roots)
    return base if base is not None and (base.incarnation, base.change) == point.against else None


def heir_of(kept: Sequence[SavedPoint], point: SavedPoint) -> SavedPoint | None:
    """The kept point that stands on `point`."""
    return next((one for one in kept if one.base == point.id), None)


def begin_taking_over(files: PointFiles, heir: SavedPoint, older: SavedPoint) -> None:
    """From now on the older point is nobody's; durable on return."""
    files.write(replace(heir, absorbs=older.id))


def take_over(files: PointFiles, heir: SavedPoint) -> None:
    """Go on with what `begin_taking_over` began, to its end. May be repeated, also after a crash in it.

    Raises what `roll_forward` and `release` raise; the next call goes on.
    """
    older = files.find(heir.absorbs)
    if not heir.whole and older is not None:
        pairs = list(zip(older.roots, heir.roots, strict=True))
        whole = tuple(
            SavedRoot(mine.master_path, roll_forward(its.snapshot, mine.snapshot))
            if mine.snapshot.partial
            else mine
            for its, mine in pairs
        )
        spent = tuple(mine.snapshot if mine.snapshot.partial else its.snapshot for its, mine in pairs)
        heir = replace(heir, roots=whole, spent=spent, since=-1, base="", rolled=older.rolled + 1)
        files.write(heir)
    # Its snapshots are the heir's now: only its file goes.
    files.remove(heir.absorbs)
    for snapshot in heir.spent:
        release(snapshot)
    files.write(replace(heir, absorbs="", spent=()))
