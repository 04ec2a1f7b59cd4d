"""Every dialog of the restore and media managers by keyboard: Tab, Enter, Escape, names, and its size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractItemView, QAbstractScrollArea, QDialog, QLineEdit, QPushButton, QWidget

import app.ui
from app.model.job import Schedule
from app.model.owners import OwnerCount, OwnerRule
from app.model.staging import CopyWhen, StagingPolicy
from app.ui.backup.draft import BackupDraft
from app.ui.backup.staging_dialog import StagingDialog
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.dialogs.restore_login import RestoreLoginDialog
from app.ui.dialogs.restore_options import JobOptions, RestoreOptionsDialog
from app.ui.dialogs.restore_owners import RestoreOwnersDialog
from app.ui.dialogs.restore_plan import RestorePlanDialog
from app.ui.dialogs.restore_sessions import RestoreSessionsDialog
from app.ui.media.assure_dialog import READ, AssureDialog
from app.ui.media.damage_dialog import DamageDialog
from app.ui.media.device_dialogs import MoveDeviceDialog, NewDeviceDialog, NewGroupDialog, RemoveDeviceDialog
from app.ui.media.key_dialogs import (
    AddKeyDialog,
    ChangeKeyDialog,
    NewKitDialog,
    RemoveKeyDialog,
    TestKitDialog,
)
from app.ui.media.keys_dialog import KeysDialog
from app.ui.media.removal_dialogs import PruneDialog, PurgeDialog
from app.ui.media.set_dialogs import (
    EraseDialog,
    ExpireDialog,
    ForgetDialog,
    FormatDialog,
    RenameDialog,
    RetireDialog,
)
from app.ui.media.state import StorageReader
from app.ui.media.utility_dialogs import CompareDialog, CopyDialog, MergeDialog
from app.ui.restore.basket import Part
from app.ui.restore.folder_dialog import CompareFoldersDialog
from app.ui.restore.plan_items import PlanInput
from app.ui.restore.preview_dialog import CompareDialog as CompareFilesDialog
from app.ui.restore.preview_dialog import PreviewDialog
from app.ui.restore.requests import LoginRow, Options, Target, requests
from app.ui.theme import ThemeMode, theme

TALLEST, WIDEST = 680, 1024
OWNERS = (OwnerCount(1001, "anna", 1001, "", 3), OwnerCount(0, "root", 0, "root", 1))


@pytest.fixture
def dialogs(services, context, qtbot) -> dict[str, Callable[[], QDialog]]:
    """How each of them is made."""
    storage = StorageReader(services).read()
    media, device = storage.media[0], storage.devices[0]
    sessions = storage.sessions_of(media.serial)[:1]
    host = QWidget()
    qtbot.addWidget(host)
    services.owner_counts = OWNERS
    at_clock = StagingPolicy("GROUP0", "GROUP1", copy_when=CopyWhen.AT, copy_at="22:00", copy_days="MO")
    row = LoginRow(Part(services.media.session("", 60)), Target())
    there = LoginRow(Part(services.media.session("", 61)), Target(False, "files-02", b"/srv/out"))
    planned = PlanInput(requests([there], Options(), Schedule(), hold=False), [there], "files-02")
    newer, older = services.restores.versions("BKP-SRV-01", b"/srv/sales/pipeline.xlsx")[:2]
    slot = services.keys.list(media.serial)[0]
    return {
        "sessions": lambda: RestoreSessionsDialog(context, [row], host),
        "log-in": lambda: RestoreLoginDialog(context, row, host),
        "log-in of a folder": lambda: RestoreLoginDialog(context, there, host),
        "plan": lambda: RestorePlanDialog(context, planned, host),
        "owners": lambda: RestoreOwnersDialog("files-02", OWNERS, OwnerRule.NUMBER, (), host),
        "options": lambda: RestoreOptionsDialog(context, JobOptions(), host),
        "options of a backup": lambda: BackupOptionsDialog(context, BackupDraft(), ["orders"], host),
        "staging policy": lambda: StagingDialog(context, "GROUP0", ["GROUP1"], at_clock, host),
        "preview": lambda: PreviewDialog(context, newer, host),
        "compare versions": lambda: CompareFilesDialog(context, older, newer, host),
        "compare folders": lambda: CompareFoldersDialog(context, older, newer, host),
        "assure": lambda: AssureDialog(context, storage, media, sessions, READ, host),
        "first aid": lambda: DamageDialog(context, storage, media, host),
        "new device": lambda: NewDeviceDialog(context, storage, "GROUP0", host),
        "new group": lambda: NewGroupDialog(context, storage, host),
        "move device": lambda: MoveDeviceDialog(context, storage, device, host),
        "remove device": lambda: RemoveDeviceDialog(context, storage, device, host),
        "format": lambda: FormatDialog(context, storage, device.name, media.name, host),
        "erase": lambda: EraseDialog(context, storage, media, host),
        "rename": lambda: RenameDialog(context, media, host),
        "expire": lambda: ExpireDialog(context, media, host),
        "retire": lambda: RetireDialog(context, media, host),
        "forget": lambda: ForgetDialog(context, storage, media, host),
        "merge": lambda: MergeDialog(context, storage, media, host),
        "compare": lambda: CompareDialog(context, media, sessions[0], host),
        "copy": lambda: CopyDialog(context, storage, media, sessions, host),
        "purge": lambda: PurgeDialog(context, storage, media, sessions, host),
        "prune": lambda: PruneDialog(context, media, host),
        "keys": lambda: KeysDialog(context, [media], host),
        "change password": lambda: ChangeKeyDialog(context, media, host),
        "add password": lambda: AddKeyDialog(context, media, host),
        "new kit": lambda: NewKitDialog(context, media, host),
        "test kit": lambda: TestKitDialog(context, media, host),
        "remove key": lambda: RemoveKeyDialog(context, slot, host),
    }


def stops(dialog: QDialog) -> list[QWidget]:
    """What Tab stops at, in its order."""
    found, at = [], dialog
    while (at := at.nextInFocusChain()) is not dialog:
        usable = at.isVisible() and at.isEnabled() and at.focusPolicy() & Qt.FocusPolicy.TabFocus
        plain = not isinstance(at, QAbstractScrollArea) or isinstance(at, QAbstractItemView)
        if usable and plain and dialog.isAncestorOf(at):
            found.append(at)
    return found


def name_of(widget: QWidget) -> str:
    text = getattr(widget, "text", None)
    return widget.accessibleName() or (text() if text and not isinstance(widget, QLineEdit) else "")


def faults(dialog: QDialog) -> list[str]:
    """What a person without a mouse, or with a screen reader, would stumble over."""
    chain = stops(dialog)
    said = [f"a {type(one).__name__} has no name" for one in chain if not name_of(one).strip()]
    said = [one for one in said if "QLineEdit" not in one]  # within spin boxes, which have names
    # What a small window has scrolled away is above or below all of it.
    chain = [one for one in chain if not one.visibleRegion().isEmpty()]
    middles = [one.mapTo(dialog, QPoint(0, one.height() // 2)).y() for one in chain]
    for before, after, above, below in zip(chain, chain[1:], middles, middles[1:], strict=False):
        if below < above - before.height() // 2 - 4:
            said.append(f"{name_of(before)} comes before {name_of(after)}, which is above it")
    if dialog.focusWidget() is None:
        said.append("nothing has the focus")
    if not any(one.isDefault() for one in dialog.findChildren(QPushButton)):
        said.append("Enter does nothing")
    least = dialog.minimumSizeHint()
    if least.width() > WIDEST or least.height() > TALLEST:
        said.append(f"it needs {least.width()} x {least.height()}")
    return said


def look(dialogs, settled, of: tuple[str, ...] = ()) -> dict[str, list[str]]:
    found = {}
    for name, make in dialogs.items():
        if of and name not in of:
            continue
        dialog = make()
        dialog.open()
        settled()
        said = faults(dialog)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        if dialog.isVisible():
            said.append("Escape does not close it")
            dialog.reject()
        dialog.deleteLater()
        if said:
            found[name] = said
    return found


def test_no_widget_asks_for_its_screen() -> None:
    """What QWidget.screen() returns is deleted with the widget: the console dies (app/ui/screens.py)."""
    sources = Path(app.ui.__file__).parent.rglob("*.py")
    asking = [str(one) for one in sources if ".screen()" in one.read_text().replace("QWidget.screen()", "")]
    assert asking == []


SOME = ("plan", "owners", "options", "format", "purge", "change password", "keys", "compare folders")


def test_dialogs_are_used_without_a_mouse(dialogs, settled):
    assert look(dialogs, settled, SOME) == {}


@pytest.mark.deep
@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
@pytest.mark.parametrize("mode", [ThemeMode.LIGHT, ThemeMode.DARK])
def test_all_dialogs_are_used_without_a_mouse_in_every_size(dialogs, settled, scale, mode):
    theme().apply(mode, scale)
    try:
        assert look(dialogs, settled) == {}
    finally:
        theme().apply(ThemeMode.LIGHT, 1.0)
