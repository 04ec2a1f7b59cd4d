"""What pictures of the console are made with, and scenes of options, owners, results and several servers."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PySide6.QtWidgets import QApplication, QDialog, QTextBrowser, QWidget

from app.model.job import JobStatus
from app.model.owners import OwnerChange, OwnerCount, OwnerRule
from app.model.server import ServerInfo
from app.model.staging import CopyWhen
from app.ui.backup.verdict import SOURCE, STAGING
from app.ui.dialogs.restore_owners import RestoreOwnersDialog
from app.ui.main_window import MainWindow
from app.ui.printing import write_sheet
from app.ui.restore.basket import SessionSource
from app.ui.theme import font, theme

MEDIA, SESSION, RESTORE_JOB = "A1B2C3", 60, 411


def spin(app: QApplication, seconds: float) -> None:
    """Let the console work for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        app.processEvents()
        time.sleep(0.01)


def save(widget: QWidget, folder: Path, name: str) -> None:
    """Write the picture of a window, and say where."""
    suffix = "_dark" if theme().dark else ""
    widget.grab().save(str(folder / f"{name}{suffix}.png"))
    print(folder / f"{name}{suffix}.png")


def opened(app: QApplication, window: MainWindow) -> QDialog:
    """The dialog of the manager in front, once it is there. Raises RuntimeError when none comes."""
    for _ in range(50):
        for one in window.current_manager.findChildren(QDialog):
            if one.isVisible():
                return one
        spin(app, 0.2)
    raise RuntimeError(f"no dialog of {window.current_manager.header.title.text()}")


def option_tabs(app: QApplication, window: MainWindow, folder: Path) -> None:
    """Each tab of the options of a backup and of a restore."""
    window.open_manager("backup")
    window.current_manager.tabs.setCurrentIndex(SOURCE)
    for manager, ask in (("backup", "show_options"), ("restore", "_on_options")):
        window.open_manager(manager)
        spin(app, 0.5)
        getattr(window.current_manager, ask)()
        spin(app, 0.5)
        dialog = opened(app, window)
        for tab in range(dialog.tabs.count()):
            dialog.tabs.setCurrentIndex(tab)
            spin(app, 0.3)
            name = dialog.tabs.tabText(tab).lower().replace(" ", "_").replace("/", "_")
            save(dialog, folder, f"{manager}_options_{name}")
        dialog.close()


def staging_policy(app: QApplication, window: MainWindow, folder: Path) -> None:
    """The policy of a staging group that copies at a time of day, and the monitors of jobs in windows."""
    window.open_manager("backup")
    manager = window.current_manager
    manager.tabs.setCurrentIndex(STAGING)
    spin(app, 0.5)
    manager.staging.edit_policy()
    dialog = opened(app, window)
    dialog.when.when.setCurrentIndex(dialog.when.when.findData(CopyWhen.AT))
    spin(app, 0.4)
    save(dialog, folder, "backup_staging_policy")
    dialog.close()
    window.open_manager("job_status")
    spin(app, 0.8)
    status = window.current_manager
    for job in window.context.services.jobs.list():
        if job.status in (JobStatus.ACTIVE, JobStatus.READY) and job.parent_id is None:
            status.monitors.open(job)
            spin(app, 1.0)
            save(status.monitors.windows[job.id], folder, f"job_monitor_{job.status.value}")
    status.monitors.close_all()


def owners(app: QApplication, window: MainWindow, folder: Path) -> None:
    """Whose the restored files become."""
    counts = (
        OwnerCount(1001, "anna", 1001, "backup", 48_210),
        OwnerCount(1002, "bertrand.lefevre", 1002, "", 3_118),
        OwnerCount(2001, "sales", 2001, "sales", 51_328, group=True),
    )
    changes = (OwnerChange("anna", "anna.miller"),)
    dialog = RestoreOwnersDialog("fs-branch-01", counts, OwnerRule.NAME, changes, window)
    dialog.show()
    spin(app, 0.4)
    save(dialog, folder, "restore_owners")
    dialog.close()


def media_in_restore(app: QApplication, window: MainWindow, folder: Path) -> None:
    """Restore by Session: a media, and one of its sessions."""
    window.open_manager("restore", view="session")
    pane = window.current_manager.source.by_session
    for name, keys in (("media", (MEDIA,)), ("session", (MEDIA, SessionSource(MEDIA, SESSION)))):
        pane.tree.select_row(pane.model.find(*keys))
        spin(app, 0.8)
        save(window, folder, f"restore_by_session_{name}")


def restore_result(app: QApplication, window: MainWindow, folder: Path) -> None:
    """The result page of a restore, on the screen and as it is printed."""
    window.open_manager("job_status")
    spin(app, 1.0)
    window.current_manager.show_details(RESTORE_JOB)
    spin(app, 0.6)
    dialog = opened(app, window)
    save(dialog, folder, "restore_result")
    path = folder / "sheet.html"
    write_sheet(dialog.sheet(), str(path), font("body"))
    dialog.close()
    page = QTextBrowser()
    page.setHtml(path.read_text())
    path.unlink()
    page.resize(800, 1000)
    page.show()
    spin(app, 0.3)
    save(page, folder, "restore_result_printed")
    page.close()


def several_servers(app: QApplication, window: MainWindow, folder: Path) -> None:
    """Home where the catalog is shared."""
    now = datetime.now(UTC)
    one = ServerInfo("BKP-SRV-01", True, 411, "1", now - timedelta(days=3), now, 2.0, ("FSD-A", "FSD-B"))
    two = replace(one, name="BKP-SRV-02", own=False, unseen=("FSD-B (/mnt/vault/b)",))
    services = window.context.services
    services.servers = (one, two, replace(one, name="BKP-SRV-03", own=False, silent_s=140.0))
    window.open_manager("home")
    window.current_manager.refresh()
    spin(app, 3.0)
    save(window, folder, "home_servers")
    services.servers = (one,)
