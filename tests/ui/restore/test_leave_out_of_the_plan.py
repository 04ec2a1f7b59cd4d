"""Boxes of the plan take items out: the counts follow, and the restore does what is left. Real engines."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from app.model.job import RestoreScript, Schedule
from app.model.restore import RestoreAction
from app.services.local import LocalServices
from app.ui.dialogs.restore_plan import RestorePlanDialog
from app.ui.manager import Context
from app.ui.models.cell import ItemRole, Mark
from app.ui.restore.basket import Part
from app.ui.restore.left_out import LeftOut
from app.ui.restore.plan_items import PlanInput
from app.ui.restore.requests import LoginRow, Options, Target, requests
from tests.support.media_site import MediaSite


@pytest.fixture
def dialog(tmp_path, tasks, qtbot, settled):
    site = MediaSite(tmp_path)
    site.write({"d/one": "1", "d/two": "22", "e/three": "333"})
    site.back_up()
    site.merge()
    services = LocalServices(site.home)
    context = Context(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    (session,) = services.media.sessions()
    out = tmp_path / "out"
    out.mkdir()
    row = LoginRow(Part(session), Target(False, "localhost", str(out).encode()))
    made = requests([row], Options(), Schedule(), hold=True)
    parent = QWidget()
    qtbot.addWidget(parent)
    made = RestorePlanDialog(context, PlanInput(made, [row], "localhost"), parent)
    made.open()
    settled()
    made.site, made.out = site, out
    yield made
    made.close()
    settled()
    services.close()
    site.close()


def index_of(dialog, text):
    """The row of a name, its folder opened."""
    pending = [dialog.model.index(row, 0) for row in range(dialog.model.rowCount())]
    while pending:
        index = pending.pop()
        cell = index.data(ItemRole.CELL)
        if cell.text == text or cell.text.endswith(f"/{text}"):
            return index
        pending += [dialog.model.index(row, 0, index) for row in range(dialog.model.rowCount(index))]
    raise LookupError(text)


def mark(dialog, text):
    return index_of(dialog, text).data(ItemRole.CELL).marker.mark


def test_what_is_taken_out_is_not_counted_and_not_submitted(dialog, settled, qtbot):
    assert dialog.counts[RestoreAction.CREATE].number == 5
    dialog.model.marker_clicked.emit(index_of(dialog, "one"))
    assert mark(dialog, "one") is Mark.EMPTY
    assert not dialog.restore.isEnabled(), "nothing begins before it is counted again"
    qtbot.waitUntil(lambda: dialog.counts[RestoreAction.CREATE].number == 4)
    assert dialog.restore.isEnabled()
    dialog.model.marker_clicked.emit(index_of(dialog, "e"))
    qtbot.waitUntil(lambda: dialog.counts[RestoreAction.CREATE].number == 2)
    assert mark(dialog, "e") is Mark.EMPTY
    assert mark(dialog, "three") is Mark.EMPTY
    jobs = []
    dialog.submitted.connect(jobs.extend)
    dialog.restore.click()
    settled()
    (job,) = jobs
    assert isinstance(job.script, RestoreScript)
    assert job.script.left_out == (str(dialog.out / "d/one").encode(), str(dialog.out / "e").encode())


def test_a_second_click_takes_it_in_again(dialog, qtbot):
    for expected in (4, 5):
        dialog.model.marker_clicked.emit(index_of(dialog, "one"))
        qtbot.waitUntil(lambda expected=expected: dialog.counts[RestoreAction.CREATE].number == expected)
    assert mark(dialog, "one") is Mark.FULL


def test_boxes_of_folders_and_of_what_is_in_them_agree():
    left = LeftOut()
    left.toggle(b"/a/b")
    assert [left.mark(path) for path in (b"/a", b"/a/b", b"/a/b/c", b"/a/bc")] == [
        Mark.PARTIAL,
        Mark.EMPTY,
        Mark.EMPTY,
        Mark.FULL,
    ]
    left.toggle(b"/a")
    assert left.paths == (b"/a",), "the folder stands for what was taken out of it"
    left.toggle(b"/a/b/c")
    assert left.paths == ()
