"""What the safety brake of a scenario holds, for people: read from its files, running or not."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from app.messages import render
from app.model.brake import BrakeItem, BrakeReview
from app.model.errors import NotFoundError
from app.model.paths import is_beneath, shown
from app.model.scenario import Scenario
from app.replication.master.brake import load
from app.replication.master.losses import LossReader


def review(scenario: Scenario, directory: str, path: bytes, most_items: int) -> BrakeReview:
    """What is held. Counts are of everything; items up to `most_items`, of `path` and beneath (b"" = all).

    Where there are more items, those that wait for a decision are taken first; the order is that of names.

    Raises:
        NotFoundError: ER00264 a path outside the scenario's roots.
    """
    where = chosen_root(scenario, path)
    held = load(directory)
    if held is None or not held.holds or not held.code:
        return BrakeReview(braked=False)
    reader = LossReader(os.path.join(directory, "shadow.sqlite3"))
    try:
        counts, size_bytes = reader.counts()
        found, more = reader.items(most_items, *where)
    finally:
        reader.close()
    items = tuple(
        BrakeItem(
            scenario.roots[loss.root].master_path + (b"/" + loss.path if loss.path else b""),
            loss.change,
            loss.kind,
            loss.size_bytes,
            loss.decision,
        )
        for loss in found
    )
    return BrakeReview(
        braked=True,
        code=held.code,
        reason=render(held.code, held.params).text,
        since=datetime.fromtimestamp(held.at, UTC),
        root_lost=held.root_lost,
        counts=counts,
        size_bytes=size_bytes,
        items=items,
        truncated=more,
        limit_files=held.limit_files,
        usual_per_minute=held.usual_per_minute,
        point_id=held.point_id,
    )


def chosen_root(scenario: Scenario, path: bytes) -> tuple[int | None, bytes]:
    """(index of the root, relative path) of a master path; (None, b"") for b"", which means everything.

    Raises:
        NotFoundError: ER00264 a path outside the scenario's roots.
    """
    if not path:
        return None, b""
    for number, root in enumerate(scenario.roots):
        if is_beneath(path, root.master_path):
            return number, path[len(root.master_path.rstrip(b"/")) + 1 :]
    raise NotFoundError("ER00264", path=shown(path), scenario=scenario.name)


def check_whole_root(scenario: Scenario, path: bytes) -> None:
    """Refuse to decide about a part of a root that is gone or another one: it is taken whole, or not.

    Raises:
        NotFoundError: ER00264 a path outside the scenario's roots, ER00271 one beneath a root.
    """
    if chosen_root(scenario, path)[1]:
        raise NotFoundError("ER00271", path=shown(path), scenario=scenario.name)
