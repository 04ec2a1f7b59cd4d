"""What a restore would do, exactly."""

from __future__ import annotations

import os

from app.backup.api import RestoreTask
from app.backup.selection import Selection
from app.media.node import DIRECTORY, EXTRA, KIND, SIZE
from app.media.reader import open_session
from app.model.restore import RestoreAction, RestoreItem, RestorePlan

_ALREADY_TAKEN = "another selected entry has this place"
"""Why an E4227 is left out."""


def free_bytes(directory: bytes) -> int | None:
    """Free space where `directory` is or would be."""
    while directory and not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    try:
        found = os.statvfs(directory or b".")
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def plan(task: RestoreTask, limit: int) -> RestorePlan:
    """See `app.backup.api.plan_restore`. Existing directories are not counted; nothing happens to them."""
    header, reader = open_session(task.media_path, task.session, task.data_key)
    counts = dict.fromkeys(RestoreAction, 0)
    items: list[RestoreItem] = []
    size, total = 0, 0
    groups: set[tuple[int, int]] = set()
    for item in Selection(task, header, reader).items():
        if item.failed:
            item.action, item.reason = RestoreAction.SKIP, item.reason or _ALREADY_TAKEN
        elif item.entry[KIND] == DIRECTORY and item.action is RestoreAction.OVERWRITE and not item.replaces:
            continue
        counts[item.action] += 1
        total += 1
        if item.action is not RestoreAction.SKIP:
            extra = item.entry[EXTRA]
            group = tuple(extra["h"]) if extra and "h" in extra else None
            if group is None or group not in groups:
                size += item.entry[SIZE]
            if group is not None:
                groups.add(group)
        if len(items) < limit:
            items.append(RestoreItem(item.source, item.target, item.action, item.entry[SIZE], item.reason))
    return RestorePlan(
        counts=counts,
        size_bytes=size,
        items=tuple(items),
        host=task.host,
        free_bytes=free_bytes(task.targets[0][1]) if task.targets else None,
        truncated=total > len(items),
    )
