"""The Source tab: the view's choice, the three views, Version History and the basket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QFrame,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.media import CatalogEntry, FileVersion, MediaInfo, SessionInfo
from app.model.search import Machine
from app.services.api import Services
from app.ui.manager import Context
from app.ui.media.tiers import read_tiers
from app.ui.restore.basket import SessionSource, Source, TreeSource
from app.ui.restore.basket_strip import BasketDialog, BasketStrip
from app.ui.restore.browse_pane import BrowsePane
from app.ui.restore.chooser import Chooser
from app.ui.restore.first_steps import Recovered, read_recovered
from app.ui.restore.query_pane import QueryPane
from app.ui.restore.source_rows import machine_rows, session_rows
from app.ui.restore.time_pane import TimePane
from app.ui.restore.versions_pane import VersionsPane
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line
from app.ui.widgets.notices import EmptyState

BY_SESSION, BY_TREE, BY_QUERY, BY_TIME = range(4)
_VIEWS = ("Restore by Session", "Restore by Tree", "Restore by Query", "Restore by Time")
_HINTS = (
    "You know the media: sessions with their contents.",
    "You know the machine: its data as last backed up. Version History shows earlier contents.",
    "You know the name: finds files of File Server scenarios in every session, on all media.",
    "You know the moment: the rewind log and the sessions that hold it, the best first.",
)


@dataclass(frozen=True, slots=True)
class Known:
    """What the views are built of."""

    media: Sequence[MediaInfo]
    sessions: Sequence[SessionInfo]
    machines: Sequence[Machine]
    local_names: frozenset[str] = frozenset()
    recovered: Recovered = field(default_factory=Recovered)
    tiers: Mapping[str, str] = field(default_factory=dict)
    """The tier of each media by its serial, where backups are staged."""


def read_known(services: Services) -> Known:
    """Blocks on the catalog."""
    media = services.media.media()
    return Known(
        media,
        services.media.sessions(),
        services.restores.machines(),
        frozenset({services.server.state().name}),
        read_recovered(services),
        read_tiers(services, media),
    )


class SourceTab(QWidget):
    """`destination_wanted`, `backup_wanted`, `retried`: ways on and out."""

    destination_wanted = Signal()
    backup_wanted = Signal()
    retried = Signal()
    view_changed = Signal(int)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = Known((), (), ())
        self._as_of: datetime | None = None
        self.chooser = Chooser(context, self)
        self.view = QComboBox()
        self.view.addItems(_VIEWS)
        self.view.setAccessibleName("Source view")
        self.view.setMinimumWidth(theme().px(190))
        self.view.currentIndexChanged.connect(self._on_view_changed)
        self._hint = Label(_HINTS[0], "body", "muted", elide=Qt.TextElideMode.ElideRight)
        self.as_of_box = QCheckBox("As of")
        self.as_of_box.setToolTip("Not ticked: the last backup")
        self.as_of = QDateTimeEdit(QDateTime.currentDateTime())
        self.as_of.setDisplayFormat("yyyy-MM-dd HH:mm")
        self.as_of.setCalendarPopup(True)
        self.as_of.setEnabled(False)
        self.as_of.setAccessibleName("As of date and time")
        self.as_of_box.toggled.connect(self._on_as_of)
        self.as_of.editingFinished.connect(self._on_as_of)
        self.by_session = BrowsePane(context, self.chooser, "Media and sessions", _no_sessions(), 430)
        self.by_tree = BrowsePane(context, self.chooser, "Machines and folders", _no_sessions(), 310)
        self.by_query = QueryPane(context, self.chooser)
        self.versions = VersionsPane(context)
        self.versions.hide()
        self.strip = BasketStrip(self.chooser)
        self._pages = QStackedWidget()
        for page in (self.by_session, self.by_tree, self.by_query):
            self._pages.addWidget(page)
            page.entry_chosen.connect(self._on_entry_chosen)
        self.by_time = TimePane(context)
        self.by_time.browse_wanted.connect(self.browse_as_of)
        self._pages.addWidget(self.by_time)
        self.splitter = QSplitter()
        self.splitter.addWidget(self._pages)
        self.splitter.addWidget(self.versions)
        self.splitter.setStretchFactor(0, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([830, 360])
        self.splitter.setHandleWidth(1)
        top = QFrame()
        top.setProperty("kind", "pane")
        row = QHBoxLayout(top)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(12)
        row.addWidget(self.view)
        row.addWidget(self.as_of_box)
        row.addWidget(self.as_of)
        row.addWidget(self._hint, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(Line())
        layout.addWidget(self.splitter, 1)
        layout.addWidget(self.strip)
        self.strip.show_wanted.connect(self.show_basket)
        self.strip.destination_wanted.connect(self.destination_wanted)
        self.versions.chosen.connect(self._on_version_chosen)
        self.versions.closed.connect(self.hide_versions)
        self.chooser.failed.connect(context.show_error)
        for pane in (self.by_session, self.by_tree):
            pane.way_out.connect(self.backup_wanted)
            pane.retried.connect(self.retried)
        self._on_view_changed(0)

    def set_known(self, known: Known) -> None:
        """Show what is on the media now."""
        self._known = known
        self.by_session.set_rows(session_rows(known.media, known.sessions, self.chooser.box, known.tiers))
        self.versions.set_tiers(known.tiers)
        self._show_machines()
        self.by_query.set_known(known.machines, known.sessions)
        self.by_time.set_sessions(known.sessions)
        if self.view.currentIndex() == BY_TIME:
            self.by_time.begin()
        self.strip.set_sessions({SessionSource(one.media_serial, one.number): one for one in known.sessions})

    def show_error(self, error: Exception) -> None:
        """The catalog could not be read."""
        if not self._known.sessions:
            self.by_session.show_error(error)
            self.by_tree.show_error(error)

    def show_versions(self) -> None:
        """Open Version History for what is chosen."""
        self.versions.show()
        self._narrow(True)
        self._ask_versions()

    def hide_versions(self) -> None:
        """Close Version History."""
        self.versions.hide()
        self._narrow(False)

    def _narrow(self, narrow: bool) -> None:
        for pane in (self.by_session, self.by_tree):
            pane.set_narrow(narrow)

    def show_basket(self) -> None:
        """Open the list of the basket."""
        dialog = BasketDialog(self.chooser, self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _show_machines(self) -> None:
        self.by_tree.set_rows(machine_rows(self._known.machines, self._tree_source, self.chooser.box))

    def _tree_source(self, machine: str) -> TreeSource:
        return TreeSource(machine, self._as_of)

    def _on_view_changed(self, view: int) -> None:
        self._pages.setCurrentIndex(view)
        self._hint.setText(_HINTS[view])
        self.as_of_box.setVisible(view == BY_TREE)
        self.as_of.setVisible(view == BY_TREE)
        if view == BY_TIME:
            self.by_time.begin()
        self._ask_versions()
        self.view_changed.emit(view)

    def browse_as_of(self, session: SessionInfo) -> None:
        """The tree as a session holds it."""
        at = QDateTime.fromSecsSinceEpoch(int(session.finished_at.timestamp()))
        self.view.setCurrentIndex(BY_TREE)
        self.as_of.setDateTime(at)
        self.as_of_box.setChecked(True)
        self._on_as_of()

    def _on_as_of(self) -> None:
        self.as_of.setEnabled(self.as_of_box.isChecked())
        wanted = None
        if self.as_of_box.isChecked():
            # The field shows minutes; a backup of that minute counts.
            wanted = datetime.fromtimestamp(self.as_of.dateTime().toSecsSinceEpoch() // 60 * 60 + 59, UTC)
        if wanted != self._as_of:
            self._as_of = wanted
            self.by_tree.reset()
            self._show_machines()

    def _on_entry_chosen(self, _source: Source | None, _entry: CatalogEntry | None) -> None:
        self._ask_versions()

    def _ask_versions(self) -> None:
        if not self.versions.isVisibleTo(self):
            return
        if self.view.currentIndex() == BY_TIME:
            self.versions.ask("", b"")
            return
        page = (self.by_session, self.by_tree, self.by_query)[self.view.currentIndex()]
        source, entry = page.current()
        machine = self._machine_of(source, entry)
        self.versions.ask(machine, entry.path if entry is not None else b"")

    def _machine_of(self, source: Source | None, entry: CatalogEntry | None) -> str:
        if entry is None:
            return ""
        if isinstance(source, TreeSource):
            return source.machine
        session = next(
            (one for one in self._known.sessions if SessionSource(one.media_serial, one.number) == source),
            None,
        )
        return session.machine if session else entry.machine

    def _on_version_chosen(self, version: FileVersion) -> None:
        self.chooser.choose_version(version, TreeSource(version.machine, self._as_of))


def _no_sessions() -> EmptyState:
    return EmptyState(
        "archive-restore",
        "Nothing was backed up yet",
        "Sessions appear here when a backup job has written them to a media.",
        "Back up now",
    )
