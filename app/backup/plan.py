"""What a restore would do, exactly."""

from __future__ import annotations

from collections.abc import Callable

from app.backup.api import RestoreTask
from app.backup.beneath import Places
from app.backup.busy import is_open
from app.backup.items import Item, is_implicit
from app.backup.owners import OwnerTally
from app.backup.selection import Selection, open_parts
from app.backup.tally import Tally, free_bytes
from app.media.node import DIRECTORY, GID, KIND, SIZE, UID
from app.model.restore import RestoreAction, RestoreItem, RestorePlan

_ALREADY_TAKEN = "another selected entry has this place"
"""Why an E4227 is left out."""


def plan(
    task: RestoreTask,
    limit: int,
    on_item: Callable[[RestoreItem], None] | None = None,
    canceled: Callable[[], bool] = lambda: False,
) -> RestorePlan:
    """See `app.backup.api.plan_restore`. Existing directories are not counted; nothing happens to them."""
    items: list[RestoreItem] = []
    tally, owners = Tally(), OwnerTally()
    places = Places(task.directories())
    try:
        selection = Selection(task, open_parts(task), places)
        for item in selection.items():
            if canceled():
                break
            if _gets_owner(item):
                was = item.recorded or item.entry
                owners.add(selection.owners, was[UID], was[GID])
            for each in _with_inside(selection, item, exact=task.exact):
                tally.add(each)
                if not each.is_change:
                    continue
                told = _told(task, places, each)
                if on_item is not None:
                    on_item(told)
                if len(items) < limit:
                    items.append(told)
    finally:
        places.close()
    directories = task.directories()
    return RestorePlan(
        counts=tally.counts,
        size_bytes=tally.size_bytes,
        items=tuple(items),
        host=task.host,
        free_bytes=min(
            (free for free in map(free_bytes, directories) if free is not None),
            default=None,
        ),
        truncated=tally.total > len(items),
        kept_bytes=tally.kept_bytes,
        undo_days=task.undo_days,
        undo_max_bytes=task.undo_max_bytes,
        owners=owners.counts(),
        unlisted=tuple(selection.unlisted()),
    )


def _gets_owner(item: Item) -> bool:
    """Whether an entry is written with its owner: all but what is skipped, removed or only on the way."""
    if item.failed or item.action in (RestoreAction.SKIP, RestoreAction.DELETE) or is_implicit(item.entry):
        return False
    return not (item.above and item.action is RestoreAction.OVERWRITE)


def _with_inside(selection: Selection, item: Item, *, exact: bool) -> list[Item]:
    """The item, after what an exact restore removes from a directory that it replaces."""
    if not (exact and item.replaces and item.entry[KIND] != DIRECTORY):
        return [item]
    inside = [
        Item(b"", target, entry, RestoreAction.DELETE, "not in the session", old_bytes=entry[SIZE])
        for target, entry, failed in selection.inside(item)
        if not failed
    ]
    return [*inside, item]


def _told(task: RestoreTask, places: Places, item: Item) -> RestoreItem:
    action, reason = item.action, item.reason
    if item.failed:
        action, reason = RestoreAction.SKIP, item.reason or _ALREADY_TAKEN
    elif task.leave_open and item.replaces and is_open(*places.place(item.target)):
        reason = "open"
    return RestoreItem(item.source, item.target, action, item.entry[SIZE], reason)
