"""Every dialog of the media managers on a real home: what it asks, submits, and what is there afterwards."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QWidget

from app.model.job import JobResult, JobStatus
from app.model.media_keys import SlotKind
from app.services.local import LocalServices
from app.ui.manager import Context
from app.ui.media.assure_dialog import READ, AssureDialog
from app.ui.media.device_dialogs import MoveDeviceDialog, NewDeviceDialog, NewGroupDialog, RemoveDeviceDialog
from app.ui.media.key_dialogs import AddKeyDialog, ChangeKeyDialog, KitDialog, NewKitDialog, RemoveKeyDialog
from app.ui.media.key_dialogs import TestKitDialog as TryKitDialog
from app.ui.media.keys_dialog import KeysDialog, result_words
from app.ui.media.pool_dialogs import AssignDialog, PoolDialog, RemovePoolDialog
from app.ui.media.removal_dialogs import PruneDialog
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
from tests.support.media_samples import new_key
from tests.support.media_site import MediaSite

PASSWORD = "open sesame"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A session that is encrypted, and one that is not."""
    made = MediaSite(tmp_path_factory.mktemp("media"))
    made.write({"a": "first", "d/b": "second"})
    made.back_up()
    made.back_up(key=new_key(made.path, PASSWORD))
    made.merge("", PASSWORD)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(site):
    services = LocalServices(site.home)
    yield services
    services.close()


@pytest.fixture
def use(site, local, tasks, tmp_path, qtbot, settled):
    """Make a dialog, fill it in, press its button, carry out what was queued; its result, or the job."""
    context = Context(local, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    context.toast = lambda *_texts, **_more: None
    host = QWidget()
    qtbot.addWidget(host)

    def carry_out(make, *fill):
        dialog = make(context, host)
        done = []
        dialog.submitted.connect(done.append)
        dialog.open()
        settled()
        for one in fill:
            one(dialog)
        if dialog.gate:
            dialog.typed.setText(dialog.gate)
        qtbot.waitUntil(dialog.action.isEnabled, timeout=5000)
        dialog.action.click()
        settled()
        assert done, dialog.problem._title.text()
        for job in site.catalog.jobs.list():
            if job.status is not JobStatus.DONE:
                site.ended(job)
        return done[0]

    use = carry_out
    use.context = context
    return use


def storage(local):
    return StorageReader(local).read()


def media_of(local, device):
    (found,) = [one for one in storage(local).media if one.device == device]
    return found


def new_device(use, local, tmp_path):
    """A device of its own in a group of its own, with a media on it."""
    number = next(NUMBERS)
    group, device = f"GROUP-{number}", f"DEVICE-{number}"
    use(
        lambda context, host: NewGroupDialog(context, storage(local), host),
        lambda dialog: dialog.name.setText(group),
    )
    use(
        lambda context, host: NewDeviceDialog(context, storage(local), group, host),
        lambda dialog: (dialog.path.path.setText(str(tmp_path / device)), dialog.name.setText(device)),
    )
    use(
        lambda context, host: FormatDialog(context, storage(local), device, "", host),
        lambda dialog: dialog.name.setText(f"MEDIA-{number}"),
    )
    return group, device


def first(local, site):
    return storage(local).of_serial(site.serial)


def test_a_device_is_made_formatted_moved_and_removed(use, local, tmp_path):
    _group, device = new_device(use, local, tmp_path)
    assert media_of(local, device).online
    use(
        lambda context, host: MoveDeviceDialog(context, storage(local), storage(local).device(device), host),
        lambda dialog: dialog.group.setCurrentText("GROUP0"),
    )
    assert storage(local).device(device).group == "GROUP0"
    use(
        lambda context, host: RemoveDeviceDialog(context, storage(local), storage(local).device(device), host)
    )
    assert storage(local).device(device) is None
    away = next(one for one in storage(local).media if one.device in ("", device) and not one.online)
    use(lambda context, host: ForgetDialog(context, storage(local), away, host))
    assert storage(local).of_serial(away.serial) is None


@pytest.mark.deep
def test_a_media_is_named_protected_retired_and_erased(use, local, tmp_path):
    _, device = new_device(use, local, tmp_path)
    use(
        lambda context, host: RenameDialog(context, media_of(local, device), host),
        lambda dialog: dialog.name.setText("Another name"),
    )
    assert media_of(local, device).name == "Another name"
    use(
        lambda context, host: ExpireDialog(context, media_of(local, device), host),
        lambda dialog: dialog.expiry.box.setChecked(True),
    )
    assert media_of(local, device).expires_at is not None
    use(
        lambda context, host: ExpireDialog(context, media_of(local, device), host),
        lambda dialog: dialog.expiry.box.setChecked(False),
    )
    use(lambda context, host: RetireDialog(context, media_of(local, device), host))
    assert media_of(local, device).retired
    serial = media_of(local, device).serial
    use(lambda context, host: EraseDialog(context, storage(local), media_of(local, device), host))
    assert all(one.serial != serial or not one.online for one in storage(local).media)


@pytest.mark.deep
def test_sessions_are_verified_copied_compared_and_merged_again(use, local, site, tmp_path, settled):
    group, device = new_device(use, local, tmp_path)
    session = next(one for one in local.media.sessions() if not one.encrypted and not one.origin_serial)
    use(lambda context, host: AssureDialog(context, storage(local), first(local, site), (), READ, host))
    assert next(one for one in local.media.sessions() if one.number == session.number).verified_at
    use(
        lambda context, host: CopyDialog(context, storage(local), first(local, site), [session], host),
        lambda dialog: dialog.to.setCurrentIndex(
            next(i for i in range(dialog.to.count()) if group in dialog.to.itemText(i))
        ),
    )
    assert [one.origin_number for one in local.media.sessions() if one.media_serial != site.serial][-1] == 1
    job = use(
        lambda context, host: CompareDialog(context, first(local, site), session, host),
        lambda dialog: (
            dialog.where.setCurrentIndex(dialog.where.count() - 1),
            dialog.directory.path.setText(str(site.source)),
        ),
    )
    assert site.catalog.jobs.show(job.id).last_result is not JobResult.RUN_FAILED
    prune = PruneDialog(use.context, None)
    settled()
    assert not prune.action.isEnabled(), "nothing is that old"
    prune.close()
    merged = use(lambda context, host: MergeDialog(context, storage(local), media_of(local, device), host))
    assert site.catalog.jobs.show(merged.id).last_result is JobResult.FINISHED


def test_a_kit_is_made_tried_and_a_password_added_changed_and_removed(use, local, site, tmp_path, settled):
    media = first(local, site)
    kit = use(
        lambda context, host: NewKitDialog(context, media, host),
        lambda dialog: dialog.password.setText(PASSWORD),
    )
    page = KitDialog(use.context, kit)
    page.save(str(tmp_path / "kit.txt"))
    settled()
    assert page.kept
    tried = use(
        lambda context, host: TryKitDialog(context, media, host),
        lambda dialog: dialog.password.setText(kit.text.splitlines()[0]),
    )
    assert "opens session" in result_words(tried)[0]
    use(
        lambda context, host: AddKeyDialog(context, media, host),
        lambda dialog: (
            dialog.password.setText(PASSWORD),
            dialog.new.setText("second"),
            dialog.again.setText("second"),
        ),
    )
    use(
        lambda context, host: ChangeKeyDialog(context, media, host),
        lambda dialog: (
            dialog.password.setText("second"),
            dialog.new.setText("third"),
            dialog.again.setText("third"),
        ),
    )
    slots = [one for one in local.keys.list(site.serial) if one.kind is SlotKind.RECOVERY]
    use(
        lambda context, host: RemoveKeyDialog(context, slots[0], host),
        lambda dialog: dialog.password.setText(PASSWORD),
    )
    keys = KeysDialog(use.context, [media])
    settled()
    assert len(keys.model.items) == len(local.keys.list(site.serial))
    keys.close()
    page.close()


@pytest.mark.deep
def test_a_pool_is_made_given_a_media_and_removed(use, local, tmp_path):
    _, device = new_device(use, local, tmp_path)
    name = f"POOL-{next(NUMBERS)}"
    use(
        lambda context, host: PoolDialog(context, storage(local), None, host),
        lambda dialog: dialog.name.setText(name),
    )
    info = next(one for one in storage(local).pools if one.pool.name == name)
    assert info.pool.retention_days == 6
    serial = media_of(local, device).serial
    use(
        lambda context, host: AssignDialog(context, storage(local), name, None, host),
        lambda dialog: (
            dialog.media.setCurrentIndex(dialog.media.findData(serial)),
            dialog.pool.setCurrentIndex(dialog.pool.findText(name)),
        ),
    )
    assert media_of(local, device).pool == name
    info = next(one for one in storage(local).pools if one.pool.name == name)
    use(lambda context, host: RemovePoolDialog(context, info, host))
    assert all(one.pool.name != name for one in storage(local).pools)
