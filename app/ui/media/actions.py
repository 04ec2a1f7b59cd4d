"""The actions of Devices and media: their buttons, keys, and the dialogs they open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QDialog, QWidget

from app.model.job import Job
from app.model.media import Device, MediaInfo, SessionInfo
from app.ui import icons
from app.ui.manager import Context
from app.ui.media.assure_dialog import READ, AssureDialog
from app.ui.media.damage_dialog import DamageDialog
from app.ui.media.device_dialogs import MoveDeviceDialog, NewDeviceDialog, NewGroupDialog, RemoveDeviceDialog
from app.ui.media.keys_dialog import KeysDialog
from app.ui.media.offers import Offers, offers
from app.ui.media.removal_dialogs import PruneDialog, PurgeDialog
from app.ui.media.rows import Kind, Target
from app.ui.media.set_dialogs import (
    EraseDialog,
    ExpireDialog,
    ForgetDialog,
    FormatDialog,
    RenameDialog,
    RetireDialog,
)
from app.ui.media.state import Storage, keyed_media
from app.ui.media.utility_dialogs import CompareDialog, CopyDialog, MergeDialog

_SPEC = (
    ("format", "Format…", "disc", "Ctrl+Shift+F"),
    ("erase", "Erase…", "eraser", ""),
    ("verify", "Assure and scan…", "scan", "Ctrl+R"),
    ("merge", "Merge…", "merge", ""),
    ("compare", "Compare…", "git-compare", ""),
    ("copy", "Copy…", "copy", ""),
    ("purge", "Purge…", "trash-2", "Del"),
    ("online", "Offline", "unplug", ""),
    ("new_device", "New device…", "plus", "Ctrl+Shift+N"),
    ("new_group", "New device group…", "layers", ""),
    ("rename", "Rename…", "pencil", "F2"),
    ("expire", "Expiry…", "calendar", ""),
    ("retire", "Retire…", "archive", ""),
    ("forget", "Forget…", "x", ""),
    ("prune", "Prune names…", "list-filter", ""),
    ("keys", "Keys and recovery kit…", "key-round", ""),
    ("move_device", "Move device to a group…", "corner-down-right", ""),
    ("remove_device", "Remove device…", "minus", ""),
    ("remove_group", "Remove device group…", "minus", ""),
)
TOOLBAR = ("format", "erase", "verify", "merge", "", "compare", "copy", "purge", "", "online", "new_device")
MENU = (
    *("format", "erase", "rename", "expire", "retire", "forget", ""),
    *("verify", "merge", "compare", "copy", "purge", "prune", "keys", ""),
    *("online", "new_device", "move_device", "remove_device", "", "new_group", "remove_group"),
)


@dataclass
class Chosen:
    """What the actions work on."""

    storage: Storage = field(default_factory=Storage)
    target: Target | None = None
    sessions: Sequence[SessionInfo] = ()

    @property
    def media(self) -> MediaInfo | None:
        """The chosen media, as it was last told."""
        return self.target.media if self.target is not None else None

    @property
    def device(self) -> Device | None:
        """The chosen device, or that of the chosen media."""
        if self.target is not None and self.target.device is not None:
            return self.target.device
        return self.storage.device(self.media.device) if self.media is not None else None


class MediaActions(QObject):
    """`changed` when something was done at once; `submitted(job)` when a job was queued."""

    changed = Signal()
    submitted = Signal(object)

    def __init__(self, context: Context, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self.chosen = Chosen()
        self.offers = Offers()
        self.actions: dict[str, QAction] = {}
        for name, text, icon, key in _SPEC:
            action = QAction(text, self)
            action.setIconText(f" {text}")
            icons.bind(action, icon)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(partial(self.start, name))
            window.addAction(action)
            self.actions[name] = action
        self.offer(self.chosen)

    def offer(self, chosen: Chosen) -> None:
        """Enable what makes sense for what is chosen; a tooltip says why the rest does not."""
        self.chosen = chosen
        self.offers = offers(chosen.storage, chosen.target, chosen.sessions)
        for name, action in self.actions.items():
            offer = getattr(self.offers, name)
            action.setEnabled(offer.enabled)
            action.setToolTip(offer.reason or action.text().rstrip("…"))
        device = chosen.device
        offline = device is not None and not device.online
        self._say("online", "Online" if offline else "Offline", "plug" if offline else "unplug")
        retired = chosen.media is not None and chosen.media.retired
        self._say("retire", "Use again…" if retired else "Retire…", "archive")

    def _say(self, name: str, text: str, icon: str) -> None:
        action = self.actions[name]
        if action.text() != text:
            action.setText(text)
            action.setIconText(f" {text}")
            icons.bind(action, icon)
        if action.isEnabled():
            action.setToolTip(text.rstrip("…"))

    def start(self, name: str, _checked: object = None) -> None:
        """What a press of the action does."""
        if not getattr(self.offers, name).enabled:
            return
        if name == "online":
            self._set_online()
        elif name == "remove_group":
            self._remove_group()
        else:
            dialog = self._dialog(name)
            if dialog is not None:
                self.open(dialog)

    def verify(self, way: int = READ) -> None:
        """Assure and scan, with a way chosen already."""
        media = self.chosen.media
        if media is not None and self.offers.verify.enabled:
            self.open(AssureDialog(self._context, self.chosen.storage, media, (), way, self._window))

    def first_aid(self) -> None:
        """What is damaged on the chosen media, and what can be done."""
        media = self.chosen.media
        if media is not None:
            dialog = DamageDialog(self._context, self.chosen.storage, media, self._window)
            dialog.heal_wanted.connect(self.heal)
            dialog.copy_wanted.connect(partial(self._copy_of, media))
            dialog.merge_wanted.connect(partial(self.start, "merge"))
            self.open(dialog)

    def heal(self) -> None:
        """Read every byte and repair, ready to be submitted."""
        media = self.chosen.media
        if media is not None and self.offers.verify.enabled:
            dialog = AssureDialog(self._context, self.chosen.storage, media, (), READ, self._window)
            dialog.heal.setChecked(True)
            self.open(dialog)

    def _copy_of(self, media: MediaInfo, sessions: Sequence[SessionInfo]) -> None:
        self.open(CopyDialog(self._context, self.chosen.storage, media, sessions, self._window))

    def open(self, dialog: QDialog) -> None:
        """Show a dialog of these managers; it is gone when it is closed."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if hasattr(dialog, "submitted"):
            dialog.submitted.connect(self._on_submitted)
        dialog.open()

    def _dialog(self, name: str) -> QDialog | None:
        context, storage, window = self._context, self.chosen.storage, self._window
        media, device, sessions = self.chosen.media, self.chosen.device, self.chosen.sessions
        makers: dict[str, Callable[[], QDialog]] = {
            "merge": lambda: MergeDialog(context, storage, media, window),
            "prune": lambda: PruneDialog(context, media, window),
            "new_device": lambda: NewDeviceDialog(context, storage, self._group(), window),
            "new_group": lambda: NewGroupDialog(context, storage, window),
            "keys": self._keys_dialog,
        }
        if device is not None:
            name_of = media.name if media is not None else ""
            makers |= {
                "format": lambda: FormatDialog(context, storage, device.name, name_of, window),
                "move_device": lambda: MoveDeviceDialog(context, storage, device, window),
                "remove_device": lambda: RemoveDeviceDialog(context, storage, device, window),
            }
        if media is not None:
            makers |= {
                "erase": lambda: EraseDialog(context, storage, media, window),
                "rename": lambda: RenameDialog(context, media, window),
                "expire": lambda: ExpireDialog(context, media, window),
                "retire": lambda: RetireDialog(context, media, window),
                "forget": lambda: ForgetDialog(context, storage, media, window),
                "verify": lambda: AssureDialog(context, storage, media, sessions, READ, window),
                "copy": lambda: CopyDialog(context, storage, media, sessions, window),
                "purge": lambda: PurgeDialog(context, storage, media, sessions, window),
            }
            if len(sessions) == 1:
                makers["compare"] = lambda: CompareDialog(context, media, sessions[0], window)
        made = makers.get(name)
        return made() if made is not None else None

    def _keys_dialog(self) -> QDialog:
        """Of the chosen media, else of the first set that has something encrypted."""
        sets, media = keyed_media(self.chosen.storage), self.chosen.media
        if media is not None:
            sets = [media, *(one for one in sets if one.set_id != media.set_id)]
        return KeysDialog(self._context, sets, self._window)

    def _group(self) -> str:
        target = self.chosen.target
        if target is not None and target.kind is Kind.GROUP:
            return target.name
        return self.chosen.device.group if self.chosen.device is not None else "GROUP0"

    def _set_online(self) -> None:
        device = self.chosen.device
        if device is None:
            return
        said = f"{device.name} is {'offline' if device.online else 'online'}"
        call = partial(
            self._context.services.storage.set_device_online, device.name, online=not device.online
        )
        self._context.tasks.run(self, call, partial(self._on_done, said), self._context.show_error)

    def _remove_group(self) -> None:
        target = self.chosen.target
        if target is not None:
            call = partial(self._context.services.storage.remove_group, target.name)
            said = f"Device group {target.name} removed"
            self._context.tasks.run(self, call, partial(self._on_done, said), self._context.show_error)

    def _on_done(self, said: str, _result: Any) -> None:
        self._context.toast(said)
        self.changed.emit()

    def _on_submitted(self, result: object) -> None:
        if isinstance(result, Job):
            self._context.toast(
                f"Job {result.id} submitted",
                result.name,
                "Show job",
                partial(self._context.open_manager, "job_status", job=result.id),
            )
            self.submitted.emit(result)
        self.changed.emit()
