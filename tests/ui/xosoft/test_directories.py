from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtTest import QAbstractItemModelTester

from app.model.entry import EntryKind
from app.model.errors import NotFoundError
from app.model.path_state import DirectoryStates, PathState, PathStatus
from app.ui.xosoft.directories import DirectoriesTab

DIRECTORY, FILE = EntryKind.DIRECTORY, EntryKind.FILE


@pytest.fixture
def status(services):
    return services.scenarios.list()[0]


@pytest.fixture
def root(status):
    return status.scenario.roots[0].master_path


@pytest.fixture
def tab(context, qtbot, services, status, root):
    services.path_states[root] = DirectoryStates(
        "REPL-HQ-01",
        (
            PathStatus(b"cache", DIRECTORY, 0, PathState.EXCLUDED, "left out by cache/"),
            PathStatus(b"d", DIRECTORY, 0, PathState.WAITING, "on its way", beneath=3),
            PathStatus(b"f.txt", FILE, 2048, PathState.IN_SYNC),
            PathStatus(b"gone", FILE, 1, PathState.WAITING, "removed, on its way", gone=True),
        ),
        truncated=True,
    )
    services.path_states[root + b"/d"] = DirectoryStates(
        "REPL-HQ-01", (PathStatus(b"x", FILE, 1, PathState.PROBLEM, "Permission denied"),)
    )
    made = DirectoriesTab(context)
    qtbot.addWidget(made)
    made.resize(700, 400)
    QAbstractItemModelTester(made.model, QAbstractItemModelTester.FailureReportingMode.Fatal, made)
    made.show_status(status)
    made.show()
    return made


def texts(tab, parent):
    return [
        tuple(tab.model.index(row, column, parent).data() for column in (0, 2))
        for row in range(tab.model.rowCount(parent))
    ]


def opened(tab, qtbot, *keys):
    index = tab.model.find(*keys)
    tab.tree.expand(index)
    qtbot.waitUntil(lambda: tab.model.rowCount(tab.model.find(*keys)) > 0)
    return tab.model.find(*keys)


def test_each_entry_says_how_it_stands_and_why(tab, qtbot, root, settled):
    index = opened(tab, qtbot, root)
    assert texts(tab, index) == [
        ("cache", "Excluded · left out by cache/"),
        ("d", "Waiting · 3 changes beneath, on its way"),
        ("f.txt", "In sync"),
        ("gone", "Waiting · removed, on its way"),
        ("Only the first 4 entries are shown. Filter by name, or press Enter for more", ""),
    ]
    below = opened(tab, qtbot, root, root + b"/d")
    assert texts(tab, below) == [("x", "Problem · Permission denied")]
    settled()


def test_the_filter_keeps_directories_and_matching_files(tab, qtbot, root, settled):
    opened(tab, qtbot, root)
    tab.filter.setText("TXT")
    qtbot.waitUntil(lambda: tab.model.rowCount(tab.model.find(root)) == 4)
    assert [name for name, _ in texts(tab, tab.model.find(root))][:3] == ["cache", "d", "f.txt"]
    tab.filter.clear()
    qtbot.waitUntil(lambda: tab.model.rowCount(tab.model.find(root)) == 5)
    settled()


def test_open_directories_follow_what_happens(tab, qtbot, services, status, root, settled):
    opened(tab, qtbot, root)
    services.path_states[root] = DirectoryStates(
        "REPL-HQ-01", (PathStatus(b"f.txt", FILE, 4096, PathState.WAITING, "on its way"),)
    )
    tab._looked = 0.0
    tab.show_status(replace(status, captured_operations=status.captured_operations + 1))
    qtbot.waitUntil(lambda: texts(tab, tab.model.find(root)) == [("f.txt", "Waiting · on its way")])
    asked = len(services.called("scenarios.path_states"))
    tab.show_status(replace(status, captured_operations=status.captured_operations + 1))
    settled()
    assert len(services.called("scenarios.path_states")) == asked


def test_why_a_directory_cannot_be_shown_is_told_in_its_place(tab, qtbot, services, status, root, settled):
    opened(tab, qtbot, root)
    services.raises["scenarios.path_states"] = NotFoundError("AE1020", path="/srv/x")
    tab._looked = 0.0
    tab.show_status(replace(status, captured_operations=status.captured_operations + 1))
    qtbot.waitUntil(lambda: "/srv/x" in texts(tab, tab.model.find(root))[0][0])
    settled()
