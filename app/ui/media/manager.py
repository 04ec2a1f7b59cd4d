"""Devices and media: what there is, how full it is, what is proven, and the work on it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSplitter, QStackedWidget

from app.model.media import MediaInfo, PurgePlan, SessionInfo
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context, Manager
from app.ui.media.actions import MENU, TOOLBAR, Chosen, MediaActions
from app.ui.media.media_table import MediaModel
from app.ui.media.overview import Overview
from app.ui.media.rows import COLUMNS, Kind, Target, counts_text, device_rows, expanded_keys
from app.ui.media.session_table import SessionModel
from app.ui.media.space import proven_text, subject
from app.ui.media.state import Storage, StorageReader
from app.ui.models.cell import ItemRole
from app.ui.models.tree import TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label, Line, PaneHeader, button, column, icon_button
from app.ui.widgets.menus import pop_actions
from app.ui.widgets.notices import Banner, EmptyState, ProblemCard
from app.ui.widgets.status import Pill
from app.ui.widgets.tool_row import ToolRow
from app.ui.widgets.views import CellTable, CellTree

_POLL_MS = 2000
_ASK_MS = 250


class MediaManager(Manager):
    """Groups, devices and media at the left; at the right what is chosen, with its sessions."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Devices and media")
        self._storage = Storage()
        self._known = False
        self._wanted: str | None = None
        self._keys_wanted = False
        self.pill = Pill("", "shield-check", "ok")
        self.pill.hide()
        self.header.add(self.pill)
        self.actions_ = MediaActions(context, self)
        self.actions_.changed.connect(self._refresh_soon)
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree(indent=14)
        self.tree.setAccessibleName("Devices and media")
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.header().hide()
        self.tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        self.tree.current_row_changed.connect(self._on_target_changed)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_tree_menu)
        self.damage = Banner()
        self.damage.hide()
        self.damage.pressed.connect(self.actions_.first_aid)
        self.overview = Overview()
        self.overview.verify_wanted.connect(partial(self.actions_.verify))
        self.sessions = SessionModel(self)
        self.session_table = self._table("Sessions", self.sessions)
        self.session_table.selectionModel().selectionChanged.connect(self._on_sessions_changed)
        self.media = MediaModel(self)
        self.media_table = self._table("Media", self.media)
        self.media_table.row_activated.connect(self._on_media_activated)
        self.filter = FilterField("Filter sessions")
        self.filter.filtered.connect(self._on_filtered)
        self.counted = Label("", "strong")
        self.frees = Label("", "body", "text2", elide=Qt.TextElideMode.ElideLeft)
        self.frees.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._ask_frees = Delay(_ASK_MS, self)
        self._ask_frees.passed.connect(self._on_ask_frees)
        self.empty = EmptyState(
            "archive", "No session yet", "A session is written by each backup of a scenario to this media."
        )
        self.nothing = EmptyState(
            "hard-drive",
            "No device yet",
            "A device is a directory that holds media: a disk, a share, a NAS.",
            "New device…",
        )
        self.nothing.pressed.connect(partial(self.actions_.start, "new_device"))
        self.choose_first = EmptyState(
            "hard-drive", "Nothing is chosen", "Choose a device group, a device or a media at the left."
        )
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.refresh)
        self._pages = QStackedWidget()
        for page in (self.session_table, self.media_table, self.empty, self.nothing, self.choose_first):
            self._pages.addWidget(page)
        self.body.addWidget(self._toolbar())
        self.body.addWidget(Line())
        self.body.addWidget(self.problem)
        self.body.addWidget(self._panes(), 1)
        self._reader = StorageReader(context.services)
        self._poll = self.poll(self._reader.read, _POLL_MS)
        self._poll.answered.connect(self._on_storage)
        self._poll.failed.connect(self._on_failed)
        self._poll.stale.connect(self._on_stale)

    def _table(self, name: str, model: SessionModel | MediaModel) -> CellTable:
        table = CellTable()
        table.setAccessibleName(name)
        table.set_source(model)
        table.set_columns(model.columns)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(partial(self._on_table_menu, table))
        return table

    def _toolbar(self) -> ToolRow:
        self._more = icon_button("ellipsis", "More actions")
        self._more.clicked.connect(self._on_more)
        known = self.actions_.actions
        return ToolRow([known[name] if name else None for name in TOOLBAR], self._more)

    def _panes(self) -> QSplitter:
        head = PaneHeader("Devices")
        again = icon_button("refresh-cw", "Read anew (F5)")
        again.clicked.connect(self.refresh)
        head.add(again)
        strip = QFrame()
        strip.setProperty("kind", "pane")
        row = QHBoxLayout(strip)
        row.setContentsMargins(16, 6, 12, 6)
        row.setSpacing(12)
        row.addWidget(self.counted)
        row.addWidget(self.filter)
        row.addWidget(self.frees, 1)
        self.copy = button("Copy…", "small", "copy")
        self.copy.clicked.connect(partial(self.actions_.start, "copy"))
        self.purge = button("Purge…", "small", "trash-2")
        self.purge.clicked.connect(partial(self.actions_.start, "purge"))
        row.addWidget(self.copy)
        row.addWidget(self.purge)
        self._strip = strip
        self._right = column(self.damage, self.overview, Line(), strip, Line(), self._pages)
        splitter = QSplitter()
        splitter.addWidget(column(head, Line(), self.tree))
        splitter.addWidget(self._right)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([theme().px(262), 968])
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        return splitter

    # what is shown

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Device menu."""
        return "&Device", [self.actions_.actions[name] if name else None for name in MENU]

    def show_request(self, **request: Any) -> None:
        """`media`: choose that serial; `device`: the device of that name; `keys`: the recovery kit."""
        self._keys_wanted = bool(request.get("keys"))
        if self._keys_wanted and self._known:
            self._show_keys()
        if "media" in request:
            self._choose_media(str(request["media"]))
        elif "device" in request:
            self._choose(("device", str(request["device"])))

    def _show_keys(self) -> None:
        self._keys_wanted = False
        self.actions_.start("keys")

    def activate(self) -> None:
        """The keyboard works in the tree at once."""
        super().activate()
        self.tree.setFocus()

    def _refresh_soon(self) -> None:
        self._reader = StorageReader(self.context.services)
        self._poll.refresh()

    @property
    def target(self) -> Target | None:
        """What is chosen in the tree."""
        found = self.tree.current_object()
        return found if isinstance(found, Target) else None

    def chosen_sessions(self) -> list[SessionInfo]:
        """The sessions chosen in the table of a media."""
        target = self.target
        if target is None or target.kind is not Kind.MEDIA:
            return []
        return [one for one in self.session_table.selected_objects() if isinstance(one, SessionInfo)]

    def _on_storage(self, storage: Storage) -> None:
        first, self._known = not self._known, True
        self._storage = storage
        self.problem.hide()
        self.header.subtitle.setText(counts_text(storage))
        proven = proven_text(storage)
        good = proven.startswith("All")
        self.pill.set_pill(proven, "shield-check" if good else "info", "ok" if good else "info")
        rows = device_rows(storage)
        self.model.set_rows(rows)
        if first:
            for keys in expanded_keys(rows):
                self.tree.setExpanded(self.model.find(*keys), True)
        if self._wanted is not None:
            self._choose_media(self._wanted)
        elif not self.tree.currentIndex().isValid() and rows:
            newest = max(
                (one for one in storage.media if one.online and one.sessions),
                key=lambda one: one.last_written_at or one.created_at,
                default=None,
            )
            if newest is not None:
                self._choose_media(newest.serial)
            else:
                self.tree.select_row(self.model.index(0, 0))
        self._show_target()
        if self._keys_wanted:
            self._show_keys()

    def _on_failed(self, error: Exception) -> None:
        if not self._known:
            self.problem.show_error(error)

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.header.subtitle.setText(f"Last answer {formats.clock(at)}")

    def _choose(self, key: tuple[str, str]) -> bool:
        pending = [self.model.index(row, 0) for row in range(self.model.rowCount())]
        while pending:
            index = pending.pop(0)
            if index.data(ItemRole.KEY) == key:
                self.tree.select_row(index)
                return True
            pending += [self.model.index(row, 0, index) for row in range(self.model.rowCount(index))]
        return False

    def _choose_media(self, serial: str) -> None:
        found = self._choose(("media", serial))
        self._wanted = None if found or self._known else serial

    def _on_target_changed(self, _index: QModelIndex) -> None:
        self._show_target()

    def _show_target(self) -> None:
        storage, target = self._storage, self.target
        self.overview.show_subject(subject(storage, target))
        media = target.media if target is not None else None
        self.overview.offer_verify(media is not None)
        sessions = storage.sessions_of(media.serial) if media is not None else ()
        self._show_damage(media, [one for one in sessions if one.damaged])
        if media is not None:
            self.sessions.set_items(sessions)
            self._pages.setCurrentIndex(0 if sessions else 2)
            self.counted.setText(formats.counted(len(sessions), "session"))
        elif target is not None and (storage.devices or storage.media):
            self.media.tiers = storage.tiers
            self.media.set_items(self._media_of(target))
            self.media.touch()
            self._pages.setCurrentIndex(1)
            self.counted.setText(f"{len(self.media.items):,} media")
        else:
            self._pages.setCurrentIndex(4 if storage.devices or storage.media else 3)
        for widget in (self.filter, self.copy, self.purge, self.frees):
            widget.setVisible(media is not None)
        self._strip.setVisible(target is not None)
        self._offer()

    def _media_of(self, target: Target) -> list[MediaInfo]:
        storage = self._storage
        if target.kind is Kind.DEVICE:
            return list(storage.on_device(target.name))
        if target.kind is Kind.GROUP:
            devices = [device.name for device in storage.devices if device.group == target.name]
            return [one for name in devices for one in storage.on_device(name)]
        return [one for one in storage.media if not one.online]

    def _show_damage(self, media: MediaInfo | None, damaged: list[SessionInfo]) -> None:
        self.damage.setVisible(bool(damaged))
        if media is None or not damaged:
            return
        numbers = ", ".join(str(one.number) for one in damaged[:5]) + (" …" if len(damaged) > 5 else "")
        one = len(damaged) == 1
        self.damage.show_banner(
            "error",
            f"Session {numbers} is damaged" if one else f"{len(damaged):,} sessions are damaged: {numbers}",
            f"Found by the check of {formats.moment(max(s.verified_at or s.finished_at for s in damaged))}. "
            "What is whole in it can still be restored.",
            "First aid…",
        )

    # what is chosen

    def _on_filtered(self, text: str) -> None:
        proxy = self.session_table.model()
        proxy.set_text(text)  # type: ignore[attr-defined] # a SortProxy, made by set_source
        shown, held = proxy.rowCount(), len(self.sessions.items)
        all_ = formats.counted(held, "session")
        self.counted.setText(all_ if shown == held else f"{shown:,} of {all_}")

    def _on_sessions_changed(self, *_selection: object) -> None:
        self._offer()
        sessions = self.chosen_sessions()
        if not sessions:
            self.frees.setText("")
            return
        self.frees.setText(f"{len(sessions):,} selected: counting what that would free…")
        self._ask_frees.put(tuple(one.number for one in sessions))

    def _on_ask_frees(self, numbers: tuple[int, ...]) -> None:
        target = self.target
        if target is None or target.media is None or not target.media.online:
            self.frees.setText(f"{len(numbers):,} selected")
            return
        self.context.tasks.run(
            self,
            partial(self.context.services.media.plan_purge, target.media.serial, numbers),
            partial(self._on_frees, numbers),
            partial(self._on_frees_failed, numbers),
            key="frees",
        )

    def _on_frees(self, numbers: tuple[int, ...], plan: PurgePlan) -> None:
        chosen = tuple(one.number for one in self.chosen_sessions())
        if chosen == numbers and plan.media_serial == self.session_serial:
            self.frees.setText(f"{len(numbers):,} selected: would free {formats.size(plan.frees_bytes)}")

    def _on_frees_failed(self, numbers: tuple[int, ...], _error: Exception) -> None:
        if tuple(one.number for one in self.chosen_sessions()) == numbers:
            self.frees.setText(f"{len(numbers):,} selected: what that frees is not known now")

    @property
    def session_serial(self) -> str:
        """The serial of the media whose sessions are shown."""
        target = self.target
        return target.media.serial if target is not None and target.media is not None else ""

    def _offer(self) -> None:
        self.actions_.offer(Chosen(self._storage, self.target, self.chosen_sessions()))
        for made, name in ((self.copy, "copy"), (self.purge, "purge")):
            action = self.actions_.actions[name]
            made.setEnabled(action.isEnabled())
            made.setToolTip(action.toolTip())

    def _on_media_activated(self, index: QModelIndex) -> None:
        found = index.data(ItemRole.OBJECT)
        if isinstance(found, MediaInfo):
            self._choose_media(found.serial)

    def _on_more(self) -> None:
        pop_actions(self, self.menu()[1], self._more.mapToGlobal(QPoint(0, self._more.height())))

    def _on_tree_menu(self, position: QPoint) -> None:
        pop_actions(self, self.menu()[1], self.tree.viewport().mapToGlobal(position))

    def _on_table_menu(self, table: CellTable, position: QPoint) -> None:
        pop_actions(self, self.menu()[1], table.viewport().mapToGlobal(position), table)
