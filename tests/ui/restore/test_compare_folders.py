"""Two versions of a folder are compared by counts, on a real catalog and in the pane."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QSettings

from app.model.entry import EntryKind
from app.model.folder_comparison import Change
from app.services.local import LocalServices
from app.ui.manager import Context
from app.ui.restore.folder_dialog import CompareFoldersDialog
from app.ui.restore.versions_pane import VersionsPane
from tests.support.media_samples import MASTER
from tests.support.media_site import MediaSite


@pytest.fixture
def real(tmp_path, tasks):
    """Two sessions of a folder, in the catalog."""
    site = MediaSite(tmp_path)
    site.write({"d/same": "1", "d/changed": "1", "d/gone": "1"})
    site.back_up()
    site.write({"d/same": "1", "d/changed": "another", "d/new": "1", "d/e/new": "1"})
    site.back_up()
    site.merge()
    services = LocalServices(site.home)
    made = Context(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    yield made
    services.close()
    site.close()


def test_counts_and_paths_of_a_real_catalog_are_shown(real, qtbot, settled):
    pane = VersionsPane(real)
    qtbot.addWidget(pane)
    pane.show()
    pane.ask("master", MASTER + b"/d")
    settled()
    assert len(pane.model.items) == 2
    pane.compare.click()
    settled()
    (dialog,) = pane.findChildren(CompareFoldersDialog)
    texts = {change: pill.accessibleName() or pill.text for change, pill in dialog.pills.items()}
    assert dialog.found.files[Change.ADDED] == 2, texts
    assert [item.path.rpartition(b"/d/")[2] for item in dialog.model.items] == [
        b"changed",
        b"e",
        b"gone",
        b"new",
        b"e/new",
    ]
    assert "Session 1 of" in dialog.note.text()
    dialog.close()


def test_a_folder_and_a_file_are_not_compared(context, services, qtbot, settled):
    pane = VersionsPane(context)
    qtbot.addWidget(pane)
    pane.show()
    pane.ask("fs-hq-01", b"/srv/x")
    settled()
    newer, older = pane.model.items
    pane.model.set_items([newer, replace(older, kind=EntryKind.DIRECTORY)])
    pane.table.selectAll()
    assert not pane.compare.isEnabled()


def test_a_failure_is_told_in_the_dialog(context, services, qtbot, settled):
    from app.model.errors import ArcxoError

    version = replace(services.restores.versions("h", b"/srv/d")[0], kind=EntryKind.DIRECTORY)
    services.raises["restores.compare_folders"] = ArcxoError("E6031", session=61, media="M")
    dialog = CompareFoldersDialog(context, version, version)
    qtbot.addWidget(dialog)
    dialog.show()
    settled()
    assert dialog.problem.isVisible()
    del services.raises["restores.compare_folders"]
    dialog.read()
    settled()
    assert not dialog.problem.isVisible()
    assert len(dialog.model.items) == 2
