"""The Destination tab: device group, media name, pool, and what the options say of the rest."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.model.errors import Problem
from app.ui import formats
from app.ui.backup.destination_form import DestinationForm
from app.ui.backup.draft import BackupDraft, DeviceGroup
from app.ui.models.cell import Cell, Column, RowKind, number
from app.ui.models.tree import Row, TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import Line, PaneHeader, column
from app.ui.widgets.notices import EmptyState
from app.ui.widgets.views import CellTree

COLUMNS = (
    Column("Device group", 300, stretch=True),
    Column("Free", 90, right=True),
    Column("Total", 90, right=True),
    Column("Sessions", 80, right=True),
)


class DestinationTab(QWidget):
    """Changes the draft at once and says so with `changed`; `options_wanted(tab)` of the job's options."""

    changed = Signal()
    options_wanted = Signal(str)

    def __init__(self, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._groups: Sequence[DeviceGroup] = ()
        self._told = False
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.setAccessibleName("Device groups")
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.header = PaneHeader("Destination")
        self.form = DestinationForm(draft)
        self.form.changed.connect(self.changed)
        self.form.options_wanted.connect(self.options_wanted)
        self._empty = EmptyState(
            "hard-drive",
            "No device yet",
            "A backup is written to a device of a device group. The first one is made with the home.",
        )
        self._empty.hide()
        splitter = QSplitter()
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(column(self.header, Line(), self.tree, self._empty))
        splitter.addWidget(self._scrolled())
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([700, 420])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def _scrolled(self) -> QWidget:
        inner = QWidget()
        box = QVBoxLayout(inner)
        box.setContentsMargins(20, 12, 20, 16)
        box.addWidget(self.form)
        box.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setMinimumWidth(theme().px(280))
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        return area

    def set_groups(self, groups: Sequence[DeviceGroup]) -> None:
        """Show these groups; the chosen one stays chosen, else the first that can be written."""
        first = not self._told
        self._told = True
        self._groups = groups
        names = [group.name for group in groups]
        if names and self._draft.group not in names:
            self._draft.group = next((group.name for group in groups if not group.fault), names[0])
        self.model.set_rows([_group_row(group, group.name == self._draft.group) for group in groups])
        if first:
            self.tree.expandAll()
            self.tree.select_row(self.model.find(self._draft.group))
        self.tree.setVisible(bool(groups))
        self._empty.setVisible(not groups)
        self._show_note()

    @property
    def group(self) -> DeviceGroup | None:
        """The chosen group as it was last told."""
        return next((group for group in self._groups if group.name == self._draft.group), None)

    @property
    def fault(self) -> str:
        """What is missing on this tab, or ""."""
        if self._told and self.group is None:
            return "There is no device group to write to"
        if self.group is not None and self.group.fault:
            return self.group.fault
        return self._draft.password_fault

    def show_fault(self) -> None:
        """Move to what is faulty and say it."""
        if self.group is None or self.group.fault:
            self.tree.setFocus()
        elif self._draft.password_fault:
            self.form.encryption.change.setFocus()

    def show_draft(self) -> None:
        """Show what the draft says now."""
        self.form.show_draft()
        self.set_groups(self._groups)
        self.tree.select_row(self.model.find(self._draft.group))

    def _show_note(self) -> None:
        group = self.group
        if group is None:
            self.header.note.setText("")
            return
        free = f", {formats.size(group.free_bytes)} free" if group.free_bytes is not None else ""
        self.header.note.setText(f"{group.name}{free}")

    def _on_row_changed(self, index: QModelIndex) -> None:
        while index.parent().isValid():
            index = index.parent()
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, DeviceGroup) and row.object.name != self._draft.group:
            self._draft.group = row.object.name
            self.set_groups(self._groups)
            self.changed.emit()

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """What the services say of the media rules now."""
        self.form.show_warnings(problems)


def _group_row(group: DeviceGroup, chosen: bool) -> Row:
    sessions = sum(media.sessions for media in group.media)
    totals = [device.total_bytes for device in group.devices if device.total_bytes is not None]
    total = sum(totals) if totals else None
    head = Cell(
        group.name,
        icon="circle-check" if chosen else "layers",
        icon_role="accent" if chosen else "text2",
        bold=chosen,
        beside="Backups of this job go here" if chosen else "",
        tag=("Cannot be written", "octagon-alert", "error") if group.fault else None,
        tooltip=group.fault,
    )
    devices = []
    for device in group.devices:
        media = [one for one in group.media if one.device == device.name]
        cells = (
            Cell(
                device.name,
                icon="hard-drive",
                icon_role="text2",
                beside="" if not device.online else device.path,
                tag=None if device.online else ("Offline", "unplug", "error"),
                tooltip=device.problem or device.path,
            ),
            number(formats.size(device.free_bytes), device.free_bytes),
            number(formats.size(device.total_bytes), device.total_bytes),
            number(formats.count(sum(one.sessions for one in media)), sum(one.sessions for one in media)),
        )
        children = tuple(
            Row(
                one.serial,
                (
                    Cell(one.name, icon="disc", icon_role="text2", beside=f"ID {one.media_id}"),
                    Cell(""),
                    Cell(""),
                    number(formats.count(one.sessions), one.sessions),
                ),
            )
            for one in media
        ) or (
            Row(
                "none",
                (
                    Cell("No media yet, the first backup makes one", role="muted"),
                    Cell(""),
                    Cell(""),
                    Cell(""),
                ),
            ),
        )
        devices.append(Row(device.name, cells, children))
    return Row(
        group.name,
        (
            head,
            number(formats.size(group.free_bytes), group.free_bytes),
            number(formats.size(total), total),
            number(formats.count(sessions), sessions),
        ),
        tuple(devices),
        group,
        RowKind.ROW,
    )
