"""A class of the console that lacks what it has to give cannot be made, whatever Qt says."""

from __future__ import annotations

from abc import abstractmethod

import pytest
from PySide6.QtCore import QObject

from app.ui.abstract import Abstract
from app.ui.dialogs.act import ActDialog
from app.ui.models.table import RowModel
from app.ui.restore.preview_dialog import _ReadingDialog


class Named(Abstract, QObject):
    def __init__(self, name: str, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(name)

    @abstractmethod
    def text(self) -> str: ...


class Said(Named):
    def text(self) -> str:
        return f"said {self.objectName()}"


def test_only_what_is_whole_can_be_made(qapp: object) -> None:
    with pytest.raises(TypeError, match="Named lacks text"):
        Named("one")
    parent = QObject()
    said = Said("two", parent=parent)
    assert said.text() == "said two"
    assert said.parent() is parent


def test_one_that_went_with_its_parent_is_told_and_no_crash(qapp: object) -> None:
    parent = QObject()
    said = Said("one", parent=parent)
    del parent
    with pytest.raises(RuntimeError, match="already deleted"):
        said.text()


@pytest.mark.parametrize(
    ("kind", "given", "lacks"),
    [
        (ActDialog, (None, "Title", "text", "Do"), "call"),
        (RowModel, (), "cell, key_of"),
        (_ReadingDialog, (None, "Title", [], None), "call, on_read"),
    ],
)
def test_the_frames_of_the_console_are_no_whole_ones(
    kind: type, given: tuple[object, ...], lacks: str, qapp: object
) -> None:
    with pytest.raises(TypeError, match=f"{kind.__name__} lacks {lacks}"):
        kind(*given)
