"""The Filter tab of a backup's options: patterns reach the job, and what they do is counted live."""

from __future__ import annotations

import threading

import pytest

from app.model.filters import FilterPreview
from app.model.job import Schedule
from app.model.scenario import Filters
from app.ui.backup.filter_preview import FilterText, together
from app.ui.backup.manager import BackupManager
from app.ui.dialogs.backup_options import BackupOptionsDialog

NODE = "Branch File Shares"


@pytest.fixture
def tree(tmp_path, services):
    for name in ("a.txt", "b.tmp", "c.tmp", "cache/d.txt"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(b"x" * 1000)
    services.backup_roots[NODE] = (bytes(tmp_path / "data"),)


@pytest.fixture
def dialog(services, context, qtbot, settled, tree):
    manager = BackupManager(context)
    qtbot.addWidget(manager)
    manager.show()
    manager.activate()
    settled()
    manager.show_request(scenario=NODE)
    manager.show_options()
    made = manager.findChild(BackupOptionsDialog)
    made.show_tab("Filter")
    settled()
    made.manager = manager
    yield made
    manager.deactivate()
    settled()


def rows(table):
    model = table.model()
    return [
        tuple(model.index(row, column).data() for column in range(model.columnCount()))
        for row in range(model.rowCount())
    ]


def test_what_is_typed_is_counted_and_reaches_the_job(dialog, qtbot, settled):
    page = dialog.filter
    assert "Takes 4 files" in page.said.text()
    page.exclude.setPlainText("*.tmp\ncache/")
    qtbot.waitUntil(lambda: "Takes 1 file " in page.said.text(), timeout=5000)
    assert "leaves out 3 (2.93 KB)" in page.said.text()
    assert {row[:3] for row in rows(page.rules)} == {
        ("*.tmp", "Leaves out", "2"),
        ("cache/", "Leaves out", "2"),
    }
    assert any(path.endswith("/cache/") and word == "Left out" for path, word, *_ in rows(page.examples))
    manager = dialog.manager
    dialog.ok.click()
    settled()
    draft = manager.draft
    script = draft.request(manager.statuses, Schedule()).script
    assert script.filters.every == Filters(exclude=("*.tmp", "cache/"))
    assert "filtered" in draft.options.words()


def test_a_node_has_patterns_of_its_own_beside_those_of_all(dialog, qtbot, settled):
    page = dialog.filter
    page.exclude.setPlainText("*.tmp")
    page.node.setCurrentIndex(page.node.findData(NODE))
    assert page.exclude.toPlainText() == ""
    page.include.setPlainText("a*")
    qtbot.waitUntil(lambda: "Takes 1 file " in page.said.text(), timeout=5000)
    page.node.setCurrentIndex(0)
    assert page.exclude.toPlainText() == "*.tmp"
    manager = dialog.manager
    dialog.ok.click()
    settled()
    script = manager.draft.request(manager.statuses, Schedule()).script
    assert script.filters.of(NODE) == Filters(include=("a*",), exclude=("*.tmp",))


def test_a_pattern_that_is_none_is_told_where_it_is_typed_and_keeps_the_dialog_open(dialog):
    page = dialog.filter
    page.exclude.setPlainText("[a")
    assert "begins and does not end" in page.exclude_field._below.text()
    dialog.tabs.setCurrentIndex(0)
    dialog.ok.click()
    assert dialog.isVisible()
    assert dialog.tabs.tabText(dialog.tabs.currentIndex()) == "Filter"
    assert "[a" in dialog.said.text()


def test_counting_is_told_meanwhile_and_ends_on_the_host_when_it_is_stopped(
    dialog, services, qtbot, settled, monkeypatch
):
    ended = threading.Event()

    def preview(_script, _node, *, on_progress, canceled, **_more):
        seen = FilterPreview(complete=False, seconds=0.1, included_files=7)
        while not canceled():
            on_progress(seen)
            ended.wait(0.02)
        ended.set()
        return seen

    monkeypatch.setattr(services.backups, "preview", preview, raising=False)
    page = dialog.filter
    page.look()
    qtbot.waitUntil(lambda: "Takes 7 files" in page.said.text(), timeout=5000)
    assert "counting" in page.said.text()
    assert page.stop.isVisible()
    page.stop.click()
    qtbot.waitUntil(ended.is_set, timeout=5000)
    settled()
    assert not page.stop.isVisible()


def test_previews_of_several_nodes_add_up():
    one = FilterPreview(True, 1.0, included_files=1, excluded_bytes=5)
    made = together([one, FilterPreview(False, 1.0, included_files=2, excluded_bytes=6)])
    assert (made.included_files, made.excluded_bytes, made.complete) == (3, 11, False)


def test_lines_become_patterns_once_each():
    assert FilterText("", " *.a \n\n*.a\nb/").filters() == Filters(exclude=("*.a", "b/"))
