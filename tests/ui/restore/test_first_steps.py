"""A server was lost: the console makes a home of its media and walks to the first restore. Real engines."""

from __future__ import annotations

import os
import shutil

import pytest
from PySide6.QtCore import QSettings

from app import bootstrap
from app.jobs.home_record import HomeRecorder
from app.model.job import JobKind, JobStatus
from app.services.local import LocalServices
from app.ui.application import _taker
from app.ui.dialogs.first_start import FirstStartDialog
from app.ui.dialogs.take_over import TakeOverDialog
from app.ui.manager import Context
from app.ui.restore.first_steps import StepState
from app.ui.restore.manager import DESTINATION, FIRST_STEPS, RestoreManager
from tests.support.media_site import MediaSite


@pytest.fixture
def bare(tmp_path):
    """A copy of the media of a server that is gone, with a record of its home."""
    place = tmp_path / "old"
    place.mkdir()
    site = MediaSite(place)
    site.write({"a/one": "content", "two": "second"})
    site.back_up()
    site.back_up()
    HomeRecorder(site.home, site.catalog, site.store).put([site.path])
    found = str(tmp_path / "bare")
    shutil.copytree(os.path.dirname(site.path), found)
    site.close()
    shutil.rmtree(place)
    return found


@pytest.fixture
def dialog(tmp_path, tasks, qtbot, settled):
    start = FirstStartDialog(str(tmp_path / "new/home"), lambda *_: None, tasks, take_over=_taker(bootstrap))
    qtbot.addWidget(start)
    start.show()
    start.take_over.click()
    (made,) = start.findChildren(TakeOverDialog)
    made.start = start
    return made


def test_a_home_is_made_of_media_with_the_password_that_caroot_had(bare, dialog, settled, tmp_path):
    assert "Add a directory" in dialog.make.toolTip()
    dialog.add_directory(bare)
    settled()
    (held,) = dialog.model.items
    assert (held.machine, held.sessions) == ("master", 2)
    assert "come back with the password" in dialog.found.text()
    dialog.password.setText("not it")
    dialog.make.click()
    settled()
    assert dialog.isVisible()
    assert "does not open" in dialog.problem.accessibleName()
    assert not (tmp_path / "new").exists()
    dialog.password.setText("secret")
    dialog.make.click()
    settled()
    assert bootstrap.home_exists(str(tmp_path / "new/home"))
    assert dialog.start.recovered


def test_a_directory_without_media_is_told(dialog, settled, tmp_path):
    dialog.add_directory(str(tmp_path))
    settled()
    assert "no media" in dialog.problem.accessibleName()
    assert not dialog.make.isEnabled()


def test_the_page_shows_whose_data_there_are_and_leads_to_the_first_restore(
    bare, tasks, tmp_path, qtbot, settled
):
    home = str(tmp_path / "new/home")
    plan = bootstrap.plan_from_media(home, [bare])
    bootstrap.init_from_media(plan, caroot_password="secret")
    services = LocalServices(home)
    opened = []
    context = Context(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    context.open_manager = lambda name, **request: opened.append((name, request))
    manager = RestoreManager(context)
    qtbot.addWidget(manager)
    manager.resize(1024, 640)
    manager.show()
    manager.activate()
    settled()
    steps = manager.first_steps
    try:
        assert manager.tabs.currentIndex() == FIRST_STEPS
        assert [row.step.state for row in steps.rows][:2] == [StepState.NOW, StepState.LATER]
        steps.rows[0].go.click()
        assert opened == [("job_status", {})]
        run_merges(tmp_path)
        manager.refresh()
        settled()
        assert [row.step.state for row in steps.rows][:2] == [StepState.DONE, StepState.NOW]
        (held,) = steps.model.items
        assert (held.machine, held.count, held.newest.number) == ("master", 2, 2)
        steps.restore.click()
        assert manager.tabs.currentIndex() == DESTINATION
        assert manager.destination.target().directory == b"/restored/master"
        (item,) = manager.source.chooser.basket.items()
        assert (item.kind, item.source.session) == (None, 2)
        services.storage.assign_group("GROUP0", ["found1"])
        manager.refresh()
        settled()
        assert not manager.tabs.isTabVisible(FIRST_STEPS)
    finally:
        manager.deactivate()
        settled()
        services.close()


def run_merges(tmp_path):
    site = MediaSite(tmp_path / "new", new=False)
    for job in site.catalog.jobs.list():
        if job.kind is JobKind.MEDIA_MERGE and job.status is not JobStatus.DONE:
            site.ended(job)
    site.close()
