"""What a rewind or a recovery changes, as rows of a tree by folder."""

from __future__ import annotations

from collections.abc import Sequence

from app.model.paths import shown
from app.model.rewind import ReplicatedBack, RewindAction, RewindItem, RewindPlan
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.xosoft.path_tree import PathNode, path_tree
from app.ui.xosoft.rewind_text import ACTIONS, counts_text

COLUMNS = (Column("Path", 380, stretch=True), Column("Change", 250), Column("Size", 90, right=True))
ChangeTree = list[PathNode[RewindItem]]


def change_tree(part: RewindPlan | ReplicatedBack | None, roots: Sequence[bytes]) -> ChangeTree:
    """The listed changes by folder. For a task thread: there may be very many."""
    return path_tree(
        part.items if part is not None else (),
        roots,
        lambda one: one.path,
        lambda one: one.action.value,
        lambda one: one.size_bytes,
    )


def item_cells(item: RewindItem) -> tuple[Cell, Cell]:
    """What happens to a path, and the bytes written for it."""
    destructive = item.action is RewindAction.DELETE
    said = ACTIONS[item.action].capitalize()
    if item.from_path:
        said += f"{'' if item.action is RewindAction.RENAME else ', moved'} from {shown(item.from_path)}"
    return (
        Cell(said, role="error" if destructive else "text2"),
        Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes),
    )


def folder_words(counts: dict[str, int]) -> str:
    """What happens beneath a folder, by kind."""
    return ", ".join(
        f"{counts[one.value]:,} {word}" for one, word in ACTIONS.items() if counts.get(one.value)
    )


def changes_text(part: RewindPlan | ReplicatedBack, where: str) -> str:
    """All that changes at one place in a sentence: how much, of which kind, bytes."""
    total = sum(part.counts.values())
    said = f"{formats.counted(total, 'path')} on {where}"
    if total:
        said += f": {counts_text(part.counts)} · {formats.size(part.size_bytes)} written"
    return said


def listed_text(part: RewindPlan | ReplicatedBack | None) -> str:
    """How many of the changes the tree has."""
    total = sum(part.counts.values()) if part is not None else 0
    if part is not None and part.truncated:
        return f"the first {len(part.items):,} of {total:,}; the counts above are of all"
    return formats.counted(total, "path") if total else ""
