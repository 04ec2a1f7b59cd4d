"""What one cell shows. Models make cells, one delegate paints them all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from PySide6.QtCore import Qt


class ItemRole(IntEnum):
    """Roles every model of the console answers."""

    CELL = int(Qt.ItemDataRole.UserRole) + 1
    SORT = int(Qt.ItemDataRole.UserRole) + 2
    OBJECT = int(Qt.ItemDataRole.UserRole) + 3
    KEY = int(Qt.ItemDataRole.UserRole) + 4
    KIND = int(Qt.ItemDataRole.UserRole) + 5


class RowKind(Enum):
    """How a row is painted: as itself, as a group over all columns, or as a header within the tree."""

    ROW = "row"
    GROUP = "group"
    SUBHEADER = "subheader"


class Mark(Enum):
    """State of a marker box."""

    EMPTY = "empty"
    PARTIAL = "partial"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class MarkerBox:
    """A marker in front of the text. Green ones stand for objects and are clicked, gray ones for groups."""

    mark: Mark
    gray: bool = False

    @property
    def check_state(self) -> Qt.CheckState:
        """The mark as screen readers and models know it."""
        return {
            Mark.EMPTY: Qt.CheckState.Unchecked,
            Mark.PARTIAL: Qt.CheckState.PartiallyChecked,
            Mark.FULL: Qt.CheckState.Checked,
        }[self.mark]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. `role`, `icon_role`: colour roles. `bar`: 0…1 of a gauge painted instead of an icon.

    `badges` are (icon, state) with state one of done, running, old, none, failed. `sort` replaces the text
    for sorting. `second` is the second line of two-line rows; `beside` a muted text that is dropped, not cut.
    `tag` is a state as a pill behind the text (word, icon, role); it too is dropped, not cut.
    """

    text: str = ""
    icon: str = ""
    icon_role: str = "muted"
    role: str = "text"
    bold: bool = False
    medium: bool = False
    right: bool = False
    middle: bool = False
    mono: bool = False
    second: str = ""
    second_role: str = "muted"
    beside: str = ""
    marker: MarkerBox | None = None
    bar: float | None = None
    bar_role: str = "accent_fill"
    badges: tuple[tuple[str, str], ...] = ()
    tooltip: str = ""
    sort: object = None
    tag: tuple[str, str, str] | None = None


def number(text: str, value: float | None, role: str = "text") -> Cell:
    """A right-aligned figure; zero and unknown are muted."""
    return Cell(text, right=True, role=role if value else "muted", sort=-1 if value is None else value)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, first width, and how its header is aligned."""

    title: str
    width: int = 120
    right: bool = False
    stretch: bool = False
