"""The Framework pane: Statistics, Directories and Properties of the scenario in view, made when looked at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QTabBar, QWidget

from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.manager import Context
from app.ui.sizes import restore_columns
from app.ui.widgets.basics import Label, Line, column
from app.ui.widgets.notices import EmptyState
from app.ui.xosoft.directories import DirectoriesTab
from app.ui.xosoft.history import History
from app.ui.xosoft.properties import PropertiesTab
from app.ui.xosoft.statistics import StatisticsTab

Page = StatisticsTab | DirectoriesTab | PropertiesTab
_TITLES = ("Statistics", "Directories", "Properties")


class FrameworkPane(QObject):
    """Its widgets are `header` and `content`."""

    save_requested = Signal(object)

    def __init__(self, context: Context, history: History, parent: QObject) -> None:
        super().__init__(parent)
        self._status: ScenarioStatus | None = None
        self._settings = context.settings
        self._making: tuple[Callable[[], Page], ...] = (
            lambda: StatisticsTab(history),
            lambda: DirectoriesTab(context),
            self._make_properties,
        )
        self._made: dict[int, Page] = {}
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Framework")
        self.tabs.setExpanding(False)
        for title in _TITLES:
            self.tabs.addTab(title)
        self.pages = QStackedWidget()
        for _ in _TITLES:
            self.pages.addWidget(QWidget())
        self.nothing = EmptyState(
            "arrow-left-right",
            "No scenario is in view",
            "Select one at the left. What is done while a group is selected is done to all its scenarios.",
        )
        self.pages.addWidget(self.nothing)
        self.since = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.since.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.header = QWidget()
        row = QHBoxLayout(self.header)
        row.setContentsMargins(8, 0, 4, 0)
        row.addWidget(self.tabs)
        row.addWidget(self.since, 1)
        self.content = column(Line(), self.pages)
        self.tabs.currentChanged.connect(self._on_tab_changed)

    @property
    def statistics(self) -> StatisticsTab:
        """The first tab."""
        page = self.page(0)
        assert isinstance(page, StatisticsTab)
        return page

    @property
    def directories(self) -> DirectoriesTab:
        """The second tab."""
        page = self.page(1)
        assert isinstance(page, DirectoriesTab)
        return page

    @property
    def properties(self) -> PropertiesTab:
        """The third tab."""
        page = self.page(2)
        assert isinstance(page, PropertiesTab)
        return page

    def page(self, position: int) -> Page:
        """A tab's page, made now if it was not."""
        made = self._made.get(position)
        if made is None:
            made = self._made[position] = self._making[position]()
            place = self.pages.widget(position)
            if place is not None:
                self.pages.removeWidget(place)
                place.deleteLater()
            self.pages.insertWidget(position, made)
            restore_columns(self._settings, "xosoft", made)
            self._show_page()
        return made

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show another scenario, or how the same one stands now."""
        self._status = status
        since: datetime | None = status.since if status else None
        self.since.setText(f"Since {formats.moment(since)}" if since else "")
        if status is None and not self._made:
            self._show_page()  # nothing is made before it is needed
            return
        self.page(self.tabs.currentIndex()).show_status(status)
        self._show_page()

    def _show_page(self) -> None:
        self.pages.setCurrentIndex(len(_TITLES) if self._status is None else self.tabs.currentIndex())

    def _make_properties(self) -> PropertiesTab:
        made = PropertiesTab()
        made.save_requested.connect(self.save_requested)
        return made

    def _on_tab_changed(self, position: int) -> None:
        self.page(position)
        self.show_status(self._status)
