"""What a replica lacks by its index, as its master is told of it."""

from __future__ import annotations

from collections.abc import Collection

from app.replication.frames import MOVED_TROUBLE
from app.replication.replica.applied import AppliedIndex
from app.replication.replica.trouble import PathTrouble

Place = tuple[int, bytes]


def lacking(index: AppliedIndex, places: Collection[Place] | None = None) -> list[tuple[int, PathTrouble]]:
    """(root, trouble) of what must be sent again and what was refused for good: all, or at these `places`.

    What a rename moved is told once more: by what the master was told before, it may ask itself for a path
    that is no more, and what was lacking there would stay so.
    """
    if places is not None and not places:
        return []
    refused = [
        (root, PathTrouble(code, path, final=True, cause=cause))
        for root, path, code, cause in index.refused()
    ]
    known = {(root, trouble.path) for root, trouble in refused}
    again = [(root, PathTrouble(code, path)) for root, path, code in index.troubles()]
    found = refused + [one for one in again if (one[0], one[1].path) not in known]
    if places is None:
        return found
    found = [one for one in found if (one[0], one[1].path) in places]
    for _, trouble in found:
        trouble.params[MOVED_TROUBLE] = "1"
    return found
