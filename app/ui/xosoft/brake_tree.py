"""What the safety brake holds, by folder: how much of each kind is beneath, and what of it is decided."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject

from app.model.brake import BrakeChange, BrakeDecision, BrakeItem
from app.model.entry import EntryKind
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.xosoft import brake_text
from app.ui.xosoft.path_rows import PathTreeModel
from app.ui.xosoft.path_tree import PathNode, path_tree

COLUMNS = (
    Column("Path", 360, stretch=True),
    Column("Change", 300),
    Column("Size", 90, right=True),
    Column("Decision", 130),
)
_KINDS = {EntryKind.DIRECTORY: "folder", EntryKind.FILE: "file"}


def held_tree(items: Sequence[BrakeItem], roots: Sequence[bytes]) -> list[PathNode[BrakeItem]]:
    """The held changes by folder."""
    return path_tree(items, roots, lambda one: one.path, _kind, lambda one: one.size_bytes)


def held_model(parent: QObject) -> PathTreeModel:
    """A model of `held_tree`."""
    return PathTreeModel(COLUMNS, _item_cells, _folder_words, _decision_cells, parent)


def _kind(item: BrakeItem) -> str:
    """Change, kind of entry and decision in one word, such as `removed/file/undecided`."""
    return f"{item.change.value}/{_KINDS.get(item.kind, 'other entry')}/{item.decision.value}"


def _item_cells(item: BrakeItem) -> tuple[Cell, ...]:
    said = brake_text.CHANGES[item.change]
    role = "error" if item.change is BrakeChange.REMOVED else "warning"
    return (
        Cell(said, role=role),
        Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes),
        _decision(frozenset((item.decision,))),
    )


def _folder_words(counts: dict[str, int]) -> str:
    """`1,204 files and 4 folders removed, 3 files rewritten`."""
    parts = []
    for change in BrakeChange:
        found: dict[str, int] = {}
        for key, count in counts.items():
            what, kind, _ = key.split("/")
            if what == change.value:
                found[kind] = found.get(kind, 0) + count
        if found:
            words = [
                formats.counted(count, kind, "other entries" if kind == "other entry" else "")
                for kind, count in sorted(found.items())
            ]
            parts.append(f"{' and '.join(words)} {brake_text.CHANGES[change].lower()}")
    return ", ".join(parts)


def _decision_cells(node: PathNode[BrakeItem]) -> tuple[Cell, ...]:
    return (_decision(frozenset(BrakeDecision(key.split("/")[2]) for key in node.counts)),)


def _decision(found: frozenset[BrakeDecision]) -> Cell:
    if len(found) > 1:
        return Cell("Mixed", role="text2")
    (only,) = found
    return Cell(brake_text.DECISIONS[only], role="text" if only is BrakeDecision.UNDECIDED else "muted")
