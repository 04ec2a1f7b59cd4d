"""The model of a tree of paths; the rows in a folder are made when it is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QTimer

from app.model.paths import is_beneath, shown
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.xosoft.path_tree import PathNode

T = TypeVar("T")
_ROWS_MOST = 2_000


class PathTreeModel(TreeModel):
    """Shows trees of `path_tree`: a file's cells are its name and `item_cells`, a folder's say its counts."""

    def __init__(
        self,
        columns: Sequence[Column],
        item_cells: Callable[[Any], tuple[Cell, ...]],
        folder_words: Callable[[dict[str, int]], str],
        more_cells: Callable[[PathNode[Any]], tuple[Cell, ...]] | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(columns, parent)
        self._make = partial(
            node_rows, item_cells=item_cells, folder_words=folder_words, more_cells=more_cells
        )
        self._text = ""
        self.children_wanted.connect(self._on_children_wanted)

    def show_nodes(self, nodes: Sequence[PathNode[Any]], text: str = "") -> bool:
        """Show these trees, or what of them has `text` in its path. True when all rows are new ones."""
        if text != self._text:
            self._text = text
            self.set_rows([])
        fresh = not self.rowCount()
        self.set_rows(self._make(nodes, text=text))
        self._renew(QModelIndex())
        return fresh

    def _renew(self, parent: QModelIndex) -> None:
        """Folders whose rows are made show what is in them now; they stay open."""
        for position in range(self.rowCount(parent)):
            index = self.index(position, 0, parent)
            node = self.node_at(index)
            if node is None or not node.children:
                continue
            if self.rowCount(index):
                self.set_children(index, self._make(node.children, text=self._text))
                self._renew(index)
            elif not self.canFetchMore(index):
                self.forget_children(index)  # it had nothing in it

    def node_at(self, index: QModelIndex) -> PathNode[Any] | None:
        """What a row stands for."""
        row = self.row_at(index)
        return row.object if row is not None and isinstance(row.object, PathNode) else None

    def _on_children_wanted(self, index: QModelIndex) -> None:
        # Not while the view is being told of the rows above them.
        QTimer.singleShot(0, self, partial(self._answer, QPersistentModelIndex(index)))

    def _answer(self, index: QPersistentModelIndex) -> None:
        row = self.row_at(index) if index.isValid() else None
        if row is not None and isinstance(row.object, PathNode):
            self.set_children(index, self._make(row.object.children, text=self._text))


def node_rows(
    nodes: Sequence[PathNode[T]],
    item_cells: Callable[[T], tuple[Cell, ...]],
    folder_words: Callable[[dict[str, int]], str],
    text: str = "",
    more_cells: Callable[[PathNode[T]], tuple[Cell, ...]] | None = None,
) -> list[Row]:
    """One row per node that holds `text` in its path or beneath: name, then cells; a folder's say its counts.

    `more_cells` are put behind the size of a folder.
    """
    word = text.strip().casefold()
    wanted = [node for node in nodes if not word or _holds(node, word)]
    rows = [_row(node, item_cells, folder_words, more_cells) for node in wanted[:_ROWS_MOST]]
    if len(wanted) > _ROWS_MOST:
        said = f"{len(wanted) - _ROWS_MOST:,} more: filter by path"
        rows.append(Row("more", (Cell(said, role="muted"),), (), selectable=False))
    return rows


def _row(
    node: PathNode[T],
    item_cells: Callable[[T], tuple[Cell, ...]],
    folder_words: Callable[[dict[str, int]], str],
    more_cells: Callable[[PathNode[T]], tuple[Cell, ...]] | None,
) -> Row:
    whole = shown(node.path)
    folder = bool(node.children)
    name = Cell(
        shown(node.name), icon="folder" if folder else "file", medium=folder, middle=True, tooltip=whole
    )
    if node.item is not None and not folder:
        return Row(node.path, (name, *item_cells(node.item)), (), node)
    words = folder_words(node.counts)
    cells = (
        name,
        Cell(words, role="text2", tooltip=words),
        Cell(formats.size(node.size_bytes), right=True, role="text2", sort=node.size_bytes),
        *(more_cells(node) if more_cells is not None else ()),
    )
    return Row(node.path, cells, None, node)


def _holds(node: PathNode[T], word: str) -> bool:
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if word in shown(one.path).casefold():
            return True
        waiting.extend(one.children)
    return False


def topmost_nodes(objects: Iterable[Any]) -> tuple[bytes, ...]:
    """The paths of these nodes without those beneath another one."""
    kept: list[bytes] = []
    for path in sorted(one.path for one in objects if isinstance(one, PathNode)):
        if not kept or not is_beneath(path, kept[-1]):
            kept.append(path)
    return tuple(kept)
