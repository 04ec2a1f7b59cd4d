"""Saved queries: what is typed into Restore by Query, kept under a name in the person's settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QLineEdit, QWidget

from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.widgets.form import Field

KEY = "restore/queries"
KEPT = 50
_LONGEST = 1000
SUBDIRECTORIES = "subdirectories"


def read_queries(settings: QSettings) -> dict[str, dict[str, str]]:
    """The kept queries by name; what cannot be understood is left out."""
    try:
        found = json.loads(str(settings.value(KEY, "{}")))
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        str(name): {str(field): str(value)[:_LONGEST] for field, value in values.items()}
        for name, values in found.items()
        if isinstance(values, dict)
    }


def keep_query(settings: QSettings, name: str, values: Mapping[str, str]) -> None:
    """Keep one; one of that name is replaced, and of too many the oldest goes."""
    held = read_queries(settings)
    held.pop(name, None)
    held[name] = dict(values)
    settings.setValue(KEY, json.dumps(dict(list(held.items())[-KEPT:])))


def forget_query(settings: QSettings, name: str) -> None:
    """Keep it no more."""
    held = read_queries(settings)
    held.pop(name, None)
    settings.setValue(KEY, json.dumps(held))


class SaveQueryDialog(ActDialog):
    """`submitted(name)`."""

    def __init__(self, context: Context, suggestion: str, parent: QWidget | None = None) -> None:
        super().__init__(
            context, "Save this query", "All fields are kept under this name.", "Save query", parent
        )
        self._known = frozenset(read_queries(context.settings))
        self.name = QLineEdit(suggestion)
        self.name.setMaxLength(80)
        self.name.selectAll()
        self.name_field = Field("Name", self.name, " ")
        self.name.textChanged.connect(self.refresh)
        self.form.addWidget(self.name_field)
        self.refresh()

    def fault(self) -> str:
        """A name; one that is taken is said so."""
        name = self.name.text().strip()
        taken = f"Replaces the saved query {name}" if name in self._known else " "
        self.name_field.set_hint(taken)
        return "" if name else "Type a name"

    def call(self) -> Callable[[], Any]:
        """Nothing is asked of the services: the name goes to whoever opened the dialog."""
        return partial(str.strip, self.name.text())
