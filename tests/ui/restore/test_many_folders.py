"""A folder of very many folders: the tree brings them page by page, and none is out of reach."""

from __future__ import annotations

import pytest

from app.model.entry import EntryKind
from app.model.media import CatalogEntry
from app.ui.models.cell import Cell
from app.ui.models.tree import Row
from app.ui.restore import basket, browse_pane
from app.ui.restore.basket import SessionSource
from app.ui.restore.browse_pane import BrowsePane
from app.ui.restore.chooser import Chooser
from app.ui.restore.source_rows import MoreFolders, Node
from app.ui.widgets.notices import EmptyState

SOURCE = SessionSource("S", 1)
COUNT = 23


@pytest.fixture
def pane(context, services, qtbot, settled, monkeypatch):
    monkeypatch.setattr(basket, "PAGE", 10)
    monkeypatch.setattr(browse_pane, "PAGE", 10)

    def browse(_serial, _session, path, *, limit=1000, offset=0):
        folders = [
            CatalogEntry(b"/many/f%02d" % number, EntryKind.DIRECTORY, 0, 1, 1, "S")
            for number in range(COUNT)
        ]
        return folders[offset : offset + limit] if path == b"/many" else []

    services.restores.browse_session = browse
    made = BrowsePane(context, Chooser(context), "tree", EmptyState("archive", "", ""), 300)
    qtbot.addWidget(made)
    made.resize(900, 500)
    made.show()
    made.set_rows((Row(b"/many", (Cell("many"),), None, Node(SOURCE, b"/many")),))
    qtbot.waitUntil(lambda: made.model.rowCount(made.model.index(0, 0)) > 0)
    settled()
    return made


def names(pane):
    top = pane.model.index(0, 0)
    rows = [pane.model.row_at(pane.model.index(n, 0, top)) for n in range(pane.model.rowCount(top))]
    return [row.cells[0].text for row in rows]


def test_the_row_behind_the_last_one_brings_the_next_page(pane, settled):
    assert len(names(pane)) == 11
    for shown in (21, COUNT):
        top = pane.model.index(0, 0)
        last = pane.model.index(pane.model.rowCount(top) - 1, 0, top)
        assert isinstance(pane.model.row_at(last).object, MoreFolders)
        pane.tree.select_row(last)
        settled()
        assert len(names(pane)) == shown
    assert names(pane) == [f"f{number:02d}" for number in range(COUNT)]
    # The first of the new ones is chosen, so that an arrow key goes on through all of them.
    assert pane.current()[1].path == b"/many/f20"


def test_a_folder_opened_from_the_contents_is_found_on_whichever_page(pane, settled):
    pane._wanted = b"/many/f21"
    pane._open_wanted(pane.model.index(0, 0))
    settled()
    assert pane.current()[1].path == b"/many/f21"


def test_a_page_that_is_asked_for_twice_comes_once(pane, settled):
    top = pane.model.index(0, 0)
    last = pane.model.index(10, 0, top)
    more = pane.model.row_at(last).object
    pane._bring_more(last, more)
    pane._bring_more(last, more)
    settled()
    assert len(names(pane)) == 21
