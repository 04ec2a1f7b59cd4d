"""Home tells of the servers that share the catalog, where there are several."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from pytestqt.qtbot import QtBot

from app.model.server import ServerInfo
from app.ui.home.side import SidePane
from app.ui.widgets.basics import Label

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = ServerInfo("one", True, 11, "1", NOW, NOW, 2.0, ("d1", "d2"))


def words(pane: SidePane) -> str:
    return " | ".join(label.text() for label in pane.findChildren(Label) if label.isVisible())


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(ONE, name="two", own=False), "two | Running | Sees 2 media directories"),
        (replace(ONE, name="two", silent_s=130.0), "No sign of life | For 2 min: others take its jobs"),
        (replace(ONE, name="two", pid=0), "Stopped"),
        (replace(ONE, name="two", unseen=("far (/far)",)), "Does not see far (/far)"),
    ],
)
def test_each_server_is_told_with_what_it_sees(qtbot: QtBot, other: ServerInfo, told: str) -> None:
    pane = SidePane()
    qtbot.addWidget(pane)
    pane.resize(400, 900)
    pane.show()
    pane.set_servers([ONE, other])
    assert "one · this one | Running" in words(pane)
    assert told in words(pane)


def test_a_server_alone_needs_no_list(qtbot: QtBot) -> None:
    pane = SidePane()
    qtbot.addWidget(pane)
    pane.show()
    pane.set_servers([ONE])
    assert "Servers" not in words(pane)
