"""Whether the plan of a rewind says exactly what the rewind then did."""

from __future__ import annotations

from app.model.rewind import RewindAction
from app.replication.replica.rewind_plan import PlannedChange
from tests.support.rewind_model import Picture, is_directory


def assert_plan_was_exact(
    planned: list[PlannedChange],
    before: Picture,
    after: Picture,
    inodes_before: dict[bytes, int],
    inodes_after: dict[bytes, int],
) -> None:
    """Compare `planned` with the pictures (and inodes) of the directory before and after the rewind."""
    listed = {change.path: change.action for change in planned}
    assert len(listed) == len(planned), "a path is listed twice"
    moved = {change.path for change in planned if change.came_from}
    for change in planned:
        if change.action is RewindAction.RENAME or change.came_from:
            came, went = before[change.came_from], after[change.path]
            assert change.path not in before, change
            written = not is_directory(came) and came[1] != went[1]
            assert change.action is (RewindAction.OVERWRITE if written else RewindAction.RENAME), change
    homes: dict[int, list[bytes]] = {}
    for path, inode in inodes_after.items():
        homes.setdefault(inode, []).append(path)

    def beneath_moved(path: bytes) -> bool:
        above = path
        while above:
            if above in moved:
                return True
            above = above.rpartition(b"/")[0]
        return False

    for path in sorted(before.keys() | after.keys()):
        old, new, action = before.get(path), after.get(path), listed.get(path)
        what = (path, action, "was there" if old else "was not", "is there" if new else "is gone")
        if old is not None and new is not None:
            same_content = old[1] == new[1] and old[0].kind is new[0].kind  # type: ignore[attr-defined]
            if not same_content:
                assert action is RewindAction.OVERWRITE, what
            elif old[0] != new[0]:
                assert action in (RewindAction.METADATA, RewindAction.OVERWRITE), what
                other = inodes_before[path] != inodes_after[path]
                assert action is RewindAction.METADATA or other, what
            elif action is not None:
                assert action is RewindAction.OVERWRITE, what
                assert not is_directory(old), what
                assert inodes_before[path] != inodes_after[path], what
        elif new is not None:
            if action is None:
                assert beneath_moved(path), what
            elif not beneath_moved(path):
                assert action is RewindAction.CREATE, what
        elif action is None:
            # It moved. A file written after that may have been copied: another inode, no other name left.
            moves = [home for home in homes.get(inodes_before[path], []) if beneath_moved(home)]
            assert moves or (moved and not is_directory(old)), what
        else:
            assert action is RewindAction.DELETE, what
    assert all(path in before or path in after for path in listed)
