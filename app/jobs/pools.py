"""Media pools: which sets leave the save set, when, and why not yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from app.catalog.api import Catalog
from app.jobs.media_sets import MediaSet, media_sets
from app.model.media import Pool, PoolMove, PoolSet


def plan_moves(catalog: Catalog, now: datetime, pool: str = "") -> list[PoolMove]:
    """What becomes of each set in the save sets of the pools (or one), the one written longest ago first.

    A set goes to scratch when both hold: more than the pool's minimum stay in the save set, and nothing was
    written to it for the days of retention. A set that is protected stays until it expires.
    """
    found: list[PoolMove] = []
    sets = media_sets(catalog)
    for one in catalog.media.pools():
        if pool in ("", one.name):
            own = [each for each in sets if each.first.pool == one.name]
            saved = [each for each in own if each.first.pool_set is PoolSet.SAVE]
            found += _moves(catalog, one, sorted(saved, key=_used_at), now)
    return found


def _moves(catalog: Catalog, pool: Pool, saved: list[MediaSet], now: datetime) -> list[PoolMove]:
    left = len(saved)
    found = []
    for one in saved:
        due_at = _used_at(one) + timedelta(days=pool.retention_days)
        goes = False
        if one.expires_at is not None and one.expires_at > now:
            reason, due_at = "N5234", max(due_at, one.expires_at)
        elif due_at > now:
            reason = "N5232"
        elif left <= pool.minimum_save:
            reason = "N5233"
        else:
            reason, goes = "N5231", True
            left -= 1
        found.append(
            PoolMove(
                pool=pool.name,
                name=one.name,
                set_id=one.set_id,
                now=goes,
                reason=reason,
                due_at=None if reason == "N5233" else due_at,
                last_written_at=one.first.last_written_at,
                sessions=sum(len(catalog.sessions.list(info.serial)) for info in one.known),
            )
        )
    return found


def move_due(catalog: Catalog, now: datetime, report: Callable[..., None]) -> int:
    """Move what is due from save to scratch; each with a line in the activity log. Returns how many."""
    due = [move for move in plan_moves(catalog, now) if move.now]
    for move in due:
        catalog.media.put_set(move.set_id, pool_set=PoolSet.SCRATCH)
        last = move.last_written_at.isoformat(timespec="seconds") if move.last_written_at else "-"
        report("N5227", media=move.name, pool=move.pool, last=last)
    return len(due)


def _used_at(one: MediaSet) -> datetime:
    return one.first.last_written_at or one.first.created_at
