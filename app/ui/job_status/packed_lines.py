"""Rows of a job's log that hold many lines: their lines are rows beneath them, made when they are opened."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QModelIndex

from app.model.events import ActivityRecord
from app.model.job_log import PACKED_CODES, unpacked
from app.ui import formats
from app.ui.job_status.log_pane import COLUMNS, record_row
from app.ui.models.cell import Cell, ItemRole
from app.ui.models.tree import Row, TreeModel


def log_row(record: ActivityRecord) -> Row:
    """One line of a job's log; the lines that it holds are asked for on expansion."""
    row = record_row(record)
    return replace(row, children=None) if record.code in PACKED_CODES else row


def show_lines(model: TreeModel, index: QModelIndex) -> None:
    """Answer `children_wanted` of a row."""
    record = index.data(ItemRole.OBJECT)
    if isinstance(record, ActivityRecord):
        empty = (Cell(""),) * (len(COLUMNS) - 1)
        model.set_children(
            index,
            [
                Row(number, (*empty, Cell(formats.visible(line), middle=True, tooltip=line)))
                for number, line in enumerate(unpacked(record.params))
            ],
        )
