"""Devices and their groups: add, move, remove."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLineEdit, QWidget

from app.model.media import Device
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.media.state import Storage
from app.ui.widgets.basics import button
from app.ui.widgets.form import Field


class DirectoryField(Field):
    """A directory of the server, typed or chosen."""

    def __init__(self, label: str, hint: str = "", path: str = "") -> None:
        self.path = QLineEdit(path)
        self.path.setAccessibleName(label)
        browse = button("Browse…")
        browse.clicked.connect(self._on_browse)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.path, 1)
        row.addWidget(browse)
        holder.setFocusProxy(self.path)
        super().__init__(label, holder, hint)
        self.label.setBuddy(self.path)

    @property
    def text(self) -> str:
        """What is typed."""
        return self.path.text().strip()

    def _on_browse(self) -> None:
        found = QFileDialog.getExistingDirectory(self, self.label.text(), self.text or "/")
        if found:
            self.path.setText(found)


def group_box(storage: Storage, chosen: str) -> QComboBox:
    """The device groups to choose from."""
    box = QComboBox()
    box.addItems(list(storage.groups))
    box.setCurrentText(chosen)
    return box


class NewDeviceDialog(ActDialog):
    """Make a directory a device."""

    def __init__(
        self, context: Context, storage: Storage, group: str = "GROUP0", parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            "New device",
            "A directory of this server that holds media: a disk, a share, a NAS. Media that are in it "
            "already are known then.",
            "Add device",
            parent,
            width=520,
        )
        self._names = {device.name for device in storage.devices}
        self.path = DirectoryField("Directory", "It is made when it is missing, but not what is above it.")
        self.path.path.textChanged.connect(self._on_path)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.textEdited.connect(self.refresh)
        self.group = group_box(storage, group)
        self.form.addWidget(self.path)
        self.form.addWidget(Field("Device name", self.name))
        self.form.addWidget(
            Field("Device group", self.group, "A backup goes to a group; its devices follow each other.")
        )
        self.refresh()

    def _on_path(self, text: str) -> None:
        if not self.name.isModified():
            self.name.setText(text.rstrip("/").rpartition("/")[2][:64])
        self.refresh()

    def fault(self) -> str:
        """A directory from the root on, and a name of its own."""
        if not self.path.text.startswith("/"):
            return "Type the directory from the root on, like /media/a"
        name = self.name.text().strip()
        if not name:
            return "Type a name for the device"
        return f"There is a device {name} already" if name in self._names else ""

    def call(self) -> Callable[[], Any]:
        """Add it."""
        return partial(
            self.context.services.storage.add_device,
            self.path.text,
            self.name.text().strip(),
            self.group.currentText(),
        )


class NewGroupDialog(ActDialog):
    """A device group without devices."""

    def __init__(self, context: Context, storage: Storage, parent: QWidget | None = None) -> None:
        super().__init__(
            context,
            "New device group",
            "Backups to different groups run at the same time. Put devices into it afterwards.",
            "Add group",
            parent,
        )
        self._groups = frozenset(storage.groups)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.textChanged.connect(self.refresh)
        self.form.addWidget(Field("Group name", self.name))
        self.refresh()

    def fault(self) -> str:
        """A name of its own."""
        name = self.name.text().strip()
        if not name:
            return "Type a name"
        return f"There is a group {name} already" if name in self._groups else ""

    def call(self) -> Callable[[], Any]:
        """Add it."""
        return partial(self.context.services.storage.add_group, self.name.text().strip())


class MoveDeviceDialog(ActDialog):
    """Put a device, with its media, into another group."""

    def __init__(
        self, context: Context, storage: Storage, device: Device, parent: QWidget | None = None
    ) -> None:
        super().__init__(
            context,
            f"Move {device.name} to another group",
            f"It is in {device.group}. Its media go with it; nothing is written or moved on disk.",
            "Move",
            parent,
        )
        self.device = device
        self.group = group_box(storage, device.group)
        self.group.currentTextChanged.connect(self.refresh)
        self.form.addWidget(Field("Device group", self.group))
        self.refresh()

    def fault(self) -> str:
        """Another group."""
        return "It is in this group" if self.group.currentText() == self.device.group else ""

    def call(self) -> Callable[[], Any]:
        """Move it."""
        return partial(
            self.context.services.storage.assign_group, self.group.currentText(), [self.device.name]
        )


class RemoveDeviceDialog(ActDialog):
    """Forget a device; its media stay where they are."""

    def __init__(
        self, context: Context, storage: Storage, device: Device, parent: QWidget | None = None
    ) -> None:
        held = storage.on_device(device.name)
        sessions = sum(one.sessions for one in held)
        super().__init__(
            context,
            f"Remove the device {device.name}?",
            f"Backups no longer use {device.path}. What is in it stays: {len(held):,} media with "
            f"{sessions:,} sessions, which are offline until the directory is a device again. "
            "Nothing is deleted.",
            f"Remove {device.name}",
            parent,
            danger=True,
        )
        self.device = device
        self.refresh()

    def call(self) -> Callable[[], Any]:
        """Forget it."""
        return partial(self.context.services.storage.remove_device, self.device.name)
