"""The right side of a browse pane: a heading with a filter, the contents, or what stands in their place."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout

from app.ui.restore.contents import EntryModel
from app.ui.restore.media_glance import MediaGlance
from app.ui.widgets.basics import FilterField, Label, Line, PaneHeader, button
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable


class ContentsFrame(QFrame):
    """Only laid out here: `pages` are table, nothing chosen, empty folder, problem, media."""

    def __init__(self, entries: EntryModel) -> None:
        super().__init__()
        self.setProperty("kind", "pane")
        self.table = CellTable()
        self.table.setAccessibleName("Contents of the folder")
        self.proxy = self.table.set_source(entries)
        self.table.set_columns(entries.columns)
        self.head = PaneHeader("Contents")
        self.filter = FilterField("Filter this folder")
        self.head.add(self.filter)
        self.facts = Label("", "small", "muted", wrap=True)
        self.facts.setContentsMargins(16, 0, 16, 8)
        self.facts.hide()
        self.line = Line()
        self.more = button("Load more", "link")
        self.foot = QFrame()
        self.foot.setProperty("kind", "sunken")
        row = QHBoxLayout(self.foot)
        row.setContentsMargins(16, 2, 16, 2)
        self.foot_text = Label("", "small", "muted")
        row.addWidget(self.foot_text)
        row.addStretch(1)
        row.addWidget(self.more)
        self.foot.hide()
        self.choose_first = EmptyState(
            "folder-open", "No folder is open", "Open a folder at the left to see what it holds."
        )
        self.empty_folder = EmptyState(
            "folder", "The folder is empty", "It held nothing when it was backed up."
        )
        self.problem = ProblemCard()
        self.glance = MediaGlance()
        self.pages = QStackedWidget()
        for page in (self.table, self.choose_first, self.empty_folder, at_the_top(self.problem), self.glance):
            self.pages.addWidget(page)
        self.pages.setCurrentIndex(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (self.head, self.facts, self.line):
            layout.addWidget(widget)
        layout.addWidget(self.pages, 1)
        layout.addWidget(self.foot)
