"""Models change row by row, and hold under the model tester."""

from __future__ import annotations

import random

from PySide6.QtCore import QPersistentModelIndex

from app.ui.models.cell import Cell, Column, ItemRole, Mark, MarkerBox
from app.ui.models.table import RowModel
from app.ui.models.tree import Row, TreeModel


class Pairs(RowModel):
    columns = (Column("Name"), Column("Value", right=True))

    def key_of(self, item):
        return item[0]

    def cell(self, item, column):
        return Cell(str(item[column]), sort=item[column])


def test_any_list_becomes_any_other_row_by_row(qapp, qtmodeltester):
    model = Pairs()
    resets = []
    model.modelReset.connect(lambda: resets.append(1))
    qtmodeltester.check(model)
    chance = random.Random(7)
    for _ in range(200):
        keys = chance.sample(range(12), chance.randint(0, 12))
        wanted = [(key, chance.randint(0, 3)) for key in keys]
        model.set_items(wanted)
        assert list(model.items) == wanted
    assert resets == []


def test_a_persistent_index_follows_its_row(qapp):
    model = Pairs()
    model.set_items([("a", 1), ("b", 2), ("c", 3)])
    kept = QPersistentModelIndex(model.index(1, 0))
    model.set_items([("c", 3), ("x", 9), ("b", 5)])
    assert kept.row() == 2
    assert model.data(model.index(2, 1)) == "5"


def test_unchanged_rows_tell_nothing(qapp):
    model = Pairs()
    model.set_items([("a", 1), ("b", 2)])
    changed = []
    model.dataChanged.connect(lambda first, last: changed.append((first.row(), last.row())))
    model.set_items([("a", 1), ("b", 3)])
    assert changed == [(1, 1)]


def tree_row(key, *children, text=None, known=True):
    return Row(key, (Cell(text or str(key)),), tuple(children) if known else None, key)


def test_a_tree_becomes_another_row_by_row(qapp, qtmodeltester):
    model = TreeModel((Column("Name"),))
    qtmodeltester.check(model)
    chance = random.Random(3)
    for _ in range(80):
        rows = [
            tree_row(top, *(tree_row(below) for below in chance.sample(range(5), chance.randint(0, 5))))
            for top in chance.sample(range(6), chance.randint(0, 6))
        ]
        model.set_rows(rows)
        assert [model.index(i, 0).data(ItemRole.KEY) for i in range(model.rowCount())] == [
            r.key for r in rows
        ]
        for i, row in enumerate(rows):
            parent = model.index(i, 0)
            below = [model.index(j, 0, parent).data(ItemRole.KEY) for j in range(model.rowCount(parent))]
            assert below == [child.key for child in row.children]


def test_unknown_children_are_asked_for_once_and_then_shown(qapp):
    model = TreeModel((Column("Name"),))
    asked = []
    model.children_wanted.connect(lambda index: asked.append(index.data(ItemRole.OBJECT)))
    model.set_rows([tree_row("top", known=False)])
    top = model.index(0, 0)
    assert model.hasChildren(top)
    model.fetchMore(top)
    model.fetchMore(top)
    assert asked == ["top"]
    model.set_children(top, [tree_row("below")])
    assert model.find("top", "below").isValid()
    assert not model.canFetchMore(top)


def test_a_marker_is_the_check_state(qapp):
    from PySide6.QtCore import Qt

    model = TreeModel((Column("Name"),))
    model.set_rows([Row("a", (Cell("a", marker=MarkerBox(Mark.PARTIAL)),))])
    index = model.index(0, 0)
    assert index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.PartiallyChecked
    clicked = []
    model.marker_clicked.connect(lambda where: clicked.append(where.row()))
    model.setData(index, None, Qt.ItemDataRole.CheckStateRole)
    assert clicked == [0]
