"""A plan's items by folder: all are counted, those a person can look through are kept, rows are made late."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from app.model.job import Conflict
from app.model.paths import shown
from app.model.restore import RestoreAction, RestoreItem
from app.ui import formats
from app.ui.models.cell import Cell, Column, Mark, MarkerBox
from app.ui.models.tree import Row
from app.ui.restore.plan_items import ACTIONS, reason

COLUMNS = (
    Column("Item", 280, stretch=True),
    Column("Action", 120),
    Column("Reason", 270),
    Column("Size", 90, right=True),
)
MarkOf = Callable[[bytes], Mark]
"""How the box of a path at the destination is filled."""
KEPT_IN_FOLDER = 200
KEPT = 50_000
FOLDERS_SHOWN = 2_000


@dataclass(slots=True)
class Folder:
    """What happens in one folder. `items` are the first of each action."""

    path: bytes
    counts: dict[RestoreAction, int] = field(default_factory=dict)
    size_bytes: int = 0
    items: list[RestoreItem] = field(default_factory=list)
    kept: dict[RestoreAction, int] = field(default_factory=dict)


class PlanItems:
    """Takes every item of a plan (`add`, on the planning thread), then is read on the GUI thread."""

    def __init__(self) -> None:
        self.folders: dict[bytes, Folder] = {}
        self.reasons: dict[str, int] = {}
        self._kept = 0

    def add(self, item: RestoreItem) -> None:
        """One more item."""
        parent = item.target.rpartition(b"/")[0] or b"/"
        folder = self.folders.get(parent)
        if folder is None:
            folder = self.folders[parent] = Folder(parent)
        action = item.action
        folder.counts[action] = folder.counts.get(action, 0) + 1
        folder.size_bytes += item.size_bytes
        if item.reason:
            self.reasons[item.reason] = self.reasons.get(item.reason, 0) + 1
        if self._kept < KEPT and folder.kept.get(action, 0) < KEPT_IN_FOLDER:
            folder.kept[action] = folder.kept.get(action, 0) + 1
            folder.items.append(item)
            self._kept += 1

    def shown_folders(self, wanted: RestoreAction | None = None, text: str = "") -> list[Folder]:
        """The folders in which the wanted action happens, and whose path or kept names hold `text`."""
        word = text.strip().casefold()
        found = [
            folder
            for folder in self.folders.values()
            if (wanted is None or folder.counts.get(wanted)) and (not word or _holds(folder, word, wanted))
        ]
        return sorted(found, key=lambda folder: folder.path)


def _holds(folder: Folder, word: str, wanted: RestoreAction | None) -> bool:
    if word in shown(folder.path).casefold():
        return True
    return any(
        word in shown(item.target).casefold() for item in folder.items if wanted in (None, item.action)
    )


def folder_rows(
    folders: Sequence[Folder], wanted: RestoreAction | None, mark: MarkOf | None = None
) -> list[Row]:
    """The folders; their items are made when one is opened. `mark`: the boxes that take things out."""
    rows = [_folder_row(folder, wanted, mark) for folder in folders[:FOLDERS_SHOWN]]
    if len(folders) > FOLDERS_SHOWN:
        more = formats.counted(len(folders) - FOLDERS_SHOWN, "more folder")
        cell = Cell(f"{more}: filter by path, or export the plan", role="muted")
        rows.append(Row("more", (cell,), (), selectable=False))
    return rows


def box(path: bytes, mark: MarkOf | None) -> MarkerBox | None:
    """The box of a path; none where nothing can be taken out."""
    return MarkerBox(mark(path)) if mark is not None else None


def _folder_row(folder: Folder, wanted: RestoreAction | None, mark: MarkOf | None) -> Row:
    counts = folder.counts if wanted is None else {wanted: folder.counts.get(wanted, 0)}
    total = sum(counts.values())
    said = ", ".join(f"{count:,} {ACTIONS[action].text}" for action, count in counts.items() if count)
    path = shown(folder.path)
    size = formats.size(folder.size_bytes) if wanted is None else ""
    cells = (
        Cell(path, icon="folder", bold=True, middle=True, tooltip=path, marker=box(folder.path, mark)),
        Cell(formats.counted(total, "item"), role="text2"),
        Cell(said, role="text2", tooltip=said),
        Cell(size, right=True, role="text2"),
    )
    return Row(folder.path, cells, None, folder)


def item_rows(
    folder: Folder,
    wanted: RestoreAction | None,
    text: str,
    conflict: Conflict,
    mark: MarkOf | None = None,
) -> list[Row]:
    """The items of one folder: destructive ones first, then by name; and how many more there are."""
    word = text.strip().casefold()
    if word in shown(folder.path).casefold():
        word = ""
    items = [
        item
        for item in folder.items
        if wanted in (None, item.action) and (not word or word in shown(item.target).casefold())
    ]
    items.sort(key=lambda item: (_ORDER[item.action], item.target))
    rows = [_item_row(item, conflict, mark) for item in items]
    if not word:
        for action, count in folder.counts.items():
            left = count - folder.kept.get(action, 0)
            if left > 0 and wanted in (None, action):
                cell = Cell(f"… {left:,} more, all {ACTIONS[action].text}", role="muted")
                rows.append(Row(("more", action), (cell,), (), selectable=False))
    return rows


_ORDER = {
    action: number
    for number, action in enumerate(
        (
            RestoreAction.DELETE,
            RestoreAction.OVERWRITE,
            RestoreAction.RENAME,
            RestoreAction.CREATE,
            RestoreAction.SKIP,
        )
    )
}


def _item_row(item: RestoreItem, conflict: Conflict, mark: MarkOf | None) -> Row:
    skipped = item.action is RestoreAction.SKIP
    look = ACTIONS[item.action]
    name = shown(item.target.rpartition(b"/")[2])
    source = f"{shown(item.source)} → {shown(item.target)}" if item.source else shown(item.target)
    said = reason(item, conflict)
    busy = item.reason == "open"
    cells = (
        Cell(
            name,
            icon="file-text" if item.source else "folder",
            middle=True,
            tooltip=source,
            marker=None if skipped else box(item.target, mark),
        ),
        Cell(look.text.capitalize(), icon=look.icon, icon_role=look.role, role=look.role),
        Cell(said, role="warning" if busy else "text2", tooltip=said),
        Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes),
    )
    return Row((item.source, item.target, item.action), cells, (), item)
