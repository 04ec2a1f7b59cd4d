"""Every list of the console, found by itself: it holds under Qt's tester while its content changes."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from PySide6.QtCore import Qt

import app.ui
from app.ui.models.cell import Column, ItemRole, Mark, MarkerBox
from app.ui.models.table import CELL_ROLES, RowModel
from tests.support.made_values import made_value

for found in pkgutil.walk_packages(app.ui.__path__, "app.ui."):
    importlib.import_module(found.name)


def below(kind: type[Any]) -> Iterator[type[Any]]:
    for one in kind.__subclasses__():
        if one.__module__.startswith("app."):
            yield one
        yield from below(one)


KINDS = sorted(set(below(RowModel)), key=lambda kind: (kind.__module__, kind.__name__))
_GIVEN = {
    "box": lambda _entry: MarkerBox(Mark.EMPTY),
    "session_of": lambda _entry: None,
    "beneath": b"/srv",
    "columns": tuple(Column(word) for word in ("Rule", "Does", "Entries", "Size")),
    "parent": None,
}


def item_kind(kind: type[Any]) -> Any:
    """The type of the rows."""
    bases = (base for one in kind.__mro__ for base in getattr(one, "__orig_bases__", ()))
    return next(get_args(base)[0] for base in bases if get_origin(base) is RowModel)


def made_model(kind: type[Any]) -> RowModel[Any]:
    wanted = list(inspect.signature(kind.__init__).parameters.values())[1:]
    return kind(**{one.name: _GIVEN[one.name] for one in wanted if one.default is one.empty})


def different_items(model: RowModel[Any], kind: Any) -> list[Any]:
    known: dict[object, Any] = {}
    for number in range(8):
        item = made_value(kind, number)
        known.setdefault(model.key_of(item), item)
    return list(known.values())


def read_everything(model: RowModel[Any]) -> None:
    """Every cell answers every role."""
    for row in range(model.rowCount()):
        for column in range(model.columnCount()):
            index = model.index(row, column)
            for role in (*CELL_ROLES, ItemRole.OBJECT, ItemRole.KEY, ItemRole.KIND):
                model.data(index, role)
            assert isinstance(index.data(Qt.ItemDataRole.DisplayRole), str)


@pytest.mark.usefixtures("models_unwatched")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_holds_while_rows_come_change_move_and_go(qapp, kind, qtmodeltester):
    model = made_model(kind)
    qtmodeltester.check(model)
    items = different_items(model, item_kind(kind))
    chance = random.Random(len(items))
    for _ in range(6):
        wanted = chance.sample(items, chance.randint(0, len(items)))
        model.set_items(wanted)
        assert list(model.items) == wanted
        read_everything(model)
    model.set_items(items)
    model.touch()
    model.set_items([])
    assert model.rowCount() == 0
    assert model.columnCount() == len(model.columns) > 0


def test_no_list_is_left_out():
    assert {"PointModel", "ReplicaModel", "PathModel", "EventModel", "ItemModel"} <= {
        kind.__name__ for kind in KINDS
    }
