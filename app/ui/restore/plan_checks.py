"""Before it starts: what a restore needs and means, a line each; the owners can be looked at."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QFrame, QGridLayout, QVBoxLayout

from app.ui.widgets.basics import IconLabel, Label, button


class PlanChecks(QFrame):
    """`owners` is the button that leads to whose the files become; it is beside its line."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "sunken")
        self.owners = button("Owners…", "small", "users", self)
        self.owners.setToolTip("Whose the restored files become")
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(2, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 10, 20, 10)
        layout.setSpacing(6)
        layout.addWidget(Label("Before it starts", "strong"))
        layout.addLayout(self._grid)

    def show_checks(
        self, found: Sequence[tuple[str, str, str, str]], owners: tuple[str, str, str, str] | None
    ) -> None:
        """Icon, role, subject and finding of each; without `owners` there is nothing to choose of them."""
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None and widget is not self.owners:
                widget.deleteLater()
        told = [*found, owners] if owners is not None else list(found)
        # On a small screen the last ones are scrolled away: what is wrong comes first.
        told.sort(key=lambda one: one[1] not in ("warning", "error"))
        for row, (icon, role, subject, finding) in enumerate(told):
            self._grid.addWidget(IconLabel(icon, role, 16), row, 0)
            self._grid.addWidget(Label(subject, "medium"), row, 1)
            self._grid.addWidget(Label(finding, "body", "text2", wrap=True), row, 2)
        if owners is not None:
            self._grid.addWidget(self.owners, told.index(owners), 3)
        self.owners.setVisible(owners is not None)
