"""More replicas than the first: a choice of hosts for each, one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.widgets.basics import button
from app.ui.wizards.flow import LOCAL, Further


class FurtherReplicas(QWidget):
    """`changed` when one was added, removed or is another host. Writes into `further`."""

    changed = Signal()

    def __init__(self, further: list[Further]) -> None:
        super().__init__()
        self._further = further
        self._known = [LOCAL]
        self.combos: list[QComboBox] = []
        self._rows = QVBoxLayout()
        self._rows.setSpacing(8)
        self.add = button("Add a Replica", "link", "plus")
        self.add.clicked.connect(self._on_add)
        below = QHBoxLayout()
        below.addWidget(self.add)
        below.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self._rows)
        layout.addLayout(below)
        self._show()

    def offer(self, hosts: Sequence[str]) -> None:
        """Hosts that can be chosen."""
        self._known += [host for host in hosts if host not in self._known]
        for combo in self.combos:
            combo.addItems([host for host in self._known if combo.findText(host) < 0])

    def _show(self) -> None:
        """One row for each."""
        while (item := self._rows.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.combos = []
        for position, one in enumerate(self._further):
            holder = QWidget()
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            combo = QComboBox()
            combo.setMinimumWidth(300)
            combo.addItems(list(dict.fromkeys([*self._known, one.host])))
            combo.setCurrentText(one.host)
            combo.setAccessibleName(f"Replica host {position + 2}")
            combo.currentTextChanged.connect(partial(self._on_chosen, one))
            remove = button("Remove")
            remove.setAccessibleName(f"Remove Replica host {position + 2}")
            remove.clicked.connect(partial(self._on_remove, position))
            row.addWidget(combo)
            row.addWidget(remove)
            row.addStretch(1)
            self._rows.addWidget(holder)
            self.combos.append(combo)

    def _on_add(self) -> None:
        free = [host for host in self._known if host not in {one.host for one in self._further}]
        self._further.append(Further(free[-1] if free else self._known[-1]))
        self._show()
        self.combos[-1].setFocus()
        self.changed.emit()

    def _on_remove(self, position: int) -> None:
        del self._further[position]
        self._show()
        self.add.setFocus()
        self.changed.emit()

    def _on_chosen(self, one: Further, host: str) -> None:
        one.host = host
        self.changed.emit()
