"""Devices and media on a real home: what the engines say is shown; damage is found, told and healed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings

from app.model.job import JobStatus
from app.services.local import LocalServices
from app.ui.manager import Context
from app.ui.media.assure_dialog import AssureDialog
from app.ui.media.damage_dialog import DamageDialog
from app.ui.media.manager import MediaManager
from app.ui.media.removal_dialogs import PurgeDialog
from tests.support.media_samples import MASTER
from tests.support.media_site import MediaSite


@pytest.fixture
def site(tmp_path):
    made = MediaSite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def manager(site, tasks, tmp_path, qtbot, settled):
    # What cannot be compressed makes the pack of contents larger than that of directories.
    chance = random.Random(7)
    site.write({"a": chance.randbytes(200_000), "b": "first"})
    site.back_up()
    site.write({"a": chance.randbytes(200_000), "c": "second"})
    site.back_up()
    site.merge()
    services = LocalServices(site.home)
    context = Context(services, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    made = MediaManager(context)
    qtbot.addWidget(made)
    made.resize(1230, 820)
    made.show()
    made.activate()
    settled()
    yield made
    made.deactivate()
    settled()
    services.close()


def run_jobs(site):
    """Carry out what the console put into the queue."""
    for job in site.catalog.jobs.list():
        if job.status is not JobStatus.DONE:
            site.ended(job)


def opened(manager, kind, settled):
    settled()
    (found,) = [one for one in manager.findChildren(kind) if one.isVisible()]
    return found


def test_sessions_are_shown_and_purged_with_the_bytes_that_were_told(manager, site, settled, qtbot):
    assert [one.number for one in manager.sessions.items] == [2, 1]
    manager.session_table.select_row(manager.session_table.model().index(1, 0))
    qtbot.waitUntil(lambda: "would free" in manager.frees.text() and "what" not in manager.frees.text())
    manager.actions_.start("purge")
    dialog = opened(manager, PurgeDialog, settled)
    told = dialog.plan.frees_bytes
    before = manager.context.services.media.media()[0].used_bytes
    dialog.typed.setText(dialog.gate)
    dialog.action.click()
    settled()
    run_jobs(site)
    after = manager.context.services.media.media()[0].used_bytes
    assert told > 0
    assert [one.number for one in manager.context.services.media.sessions()] == [2]
    assert before is None or after is None or before >= after


def test_damage_is_found_told_by_file_and_healed_from_a_copy(manager, site, settled, qtbot):
    site.device("FSD-COPY", "VAULT")
    manager.context.services.utilities.copy(site.serial, group="VAULT")
    run_jobs(site)
    packs = [path for path in Path(site.path, "packs").rglob("*") if path.is_file()]
    largest = max(packs, key=lambda path: path.stat().st_size)
    largest.chmod(0o600)
    content = bytearray(largest.read_bytes())
    content[100_000] ^= 0xFF
    largest.write_bytes(content)
    manager.actions_.verify()
    opened(manager, AssureDialog, settled).action.click()
    settled()
    run_jobs(site)
    manager._refresh_soon()
    qtbot.waitUntil(manager.damage.isVisible, timeout=10_000)
    manager.damage.pressed.emit()
    dialog = opened(manager, DamageDialog, settled)
    qtbot.waitUntil(lambda: dialog.model.rowCount() > 0)
    head = dialog.model.index(0, 0)
    named = {
        dialog.model.index(row, 0, dialog.model.index(top, 0)).data()
        for top in range(dialog.model.rowCount())
        for row in range(dialog.model.rowCount(dialog.model.index(top, 0)))
    }
    assert head.data().startswith("Session ")
    assert any(path.startswith(MASTER.decode()) for path in named)
    dialog.heal.click()
    opened(manager, AssureDialog, settled).action.click()
    settled()
    run_jobs(site)
    manager._refresh_soon()
    qtbot.waitUntil(lambda: not manager.damage.isVisible(), timeout=10_000)
