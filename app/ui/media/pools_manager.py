"""Media pools: save and scratch sets, their rules, and what becomes of each media set when and why."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QSplitter, QStackedWidget, QVBoxLayout

from app.model.media import PoolSet
from app.model.storage import PoolInfo
from app.ui import formats, icons
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context, Manager
from app.ui.media.pool_dialogs import AssignDialog, PoolDialog, RemovePoolDialog, ScratchDialog
from app.ui.media.pool_rows import (
    COLUMNS,
    POOL_COLUMNS,
    MediaSet,
    pool_offers,
    pool_rows,
    rules_text,
    set_rows,
)
from app.ui.media.state import Storage, StorageReader
from app.ui.models.cell import ItemRole
from app.ui.models.tree import TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, PaneHeader, column
from app.ui.widgets.menus import pop_actions
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.tool_row import ToolRow
from app.ui.widgets.views import CellTree

_POLL_MS = 2000
_SPEC = (
    ("new", "New pool…", "plus", "Ctrl+Shift+N"),
    ("change", "Rules…", "pencil", "F2"),
    ("remove", "Remove pool…", "trash-2", "Del"),
    ("", "", "", ""),
    ("assign", "Put media into a pool…", "corner-down-right", ""),
    ("to_save", "To the save set", "lock", ""),
    ("to_scratch", "To the scratch set", "rotate-ccw", ""),
    ("take_out", "Out of the pool", "x", ""),
)


class PoolsManager(Manager):
    """Pools at the left, the chosen one's media at the right."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Media pools")
        self._storage = Storage()
        self._known = False
        self.actions_ = self._make_actions()
        self.model = TreeModel(POOL_COLUMNS, self)
        self.list = self._view("Media pools", self.model, POOL_COLUMNS)
        self.list.header().hide()
        self.list.current_row_changed.connect(self._on_pool_changed)
        self.sets = TreeModel(COLUMNS, self)
        self.table = self._view("Media of the pool", self.sets, COLUMNS)
        self.table.current_row_changed.connect(self._on_set_changed)
        self.table.row_activated.connect(self._on_set_activated)
        self.title = Label("", "subject")
        self.rules = Label("", "body", "text2", wrap=True)
        self.empty = EmptyState(
            "layers",
            "No media pool",
            "A pool manages media as one: a save set that is protected, a scratch set that is used again.",
            "New pool…",
        )
        self.empty.pressed.connect(partial(self.start, "new"))
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.refresh)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._panes())
        self._pages.addWidget(self.empty)
        self.body.addWidget(self._toolbar())
        self.body.addWidget(Line())
        self.body.addWidget(self.problem)
        self.body.addWidget(self._pages, 1)
        self._reader = StorageReader(context.services)
        self._poll = self.poll(self._read, _POLL_MS)
        self._poll.answered.connect(self._on_storage)
        self._poll.failed.connect(self._on_failed)
        self._offer()

    def _read(self) -> Storage:
        return self._reader.read()

    def _view(self, name: str, model: TreeModel, columns: tuple[Any, ...]) -> CellTree:
        view = CellTree(indent=14)
        view.flat = True
        view.setRootIsDecorated(False)
        view.setAccessibleName(name)
        view.setModel(model)
        view.set_columns(columns)
        view.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(partial(self._on_menu, view))
        return view

    def _make_actions(self) -> dict[str, QAction]:
        made = {}
        for name, text, icon, key in _SPEC:
            if not name:
                continue
            action = QAction(text, self)
            action.setIconText(f" {text}")
            icons.bind(action, icon)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(partial(self.start, name))
            self.addAction(action)
            made[name] = action
        return made

    def _toolbar(self) -> ToolRow:
        return ToolRow([self.actions_[name] if name else None for name, *_ in _SPEC])

    def _panes(self) -> QSplitter:
        head = QFrame()
        head.setProperty("kind", "pane")
        words = QVBoxLayout(head)
        words.setContentsMargins(16, 12, 16, 10)
        words.setSpacing(2)
        words.addWidget(self.title)
        words.addWidget(self.rules)
        splitter = QSplitter()
        splitter.addWidget(column(PaneHeader("Media pools"), Line(), self.list))
        splitter.addWidget(column(head, Line(), self.table))
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([theme().px(262), 968])
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        return splitter

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Pool menu."""
        return "&Pool", [self.actions_[name] if name else None for name, *_ in _SPEC]

    def activate(self) -> None:
        """The keyboard works in the list at once."""
        super().activate()
        self.list.setFocus()

    @property
    def pool(self) -> PoolInfo | None:
        """The chosen pool; None = the media in no pool, or nothing."""
        found = self.list.current_object()
        return found if isinstance(found, PoolInfo) else None

    @property
    def media_set(self) -> MediaSet | None:
        """The chosen media set."""
        found = self.table.current_object()
        return found if isinstance(found, MediaSet) else None

    def _on_storage(self, storage: Storage) -> None:
        self._known = True
        self._storage = storage
        self.problem.hide()
        due = sum(move.now for move in storage.moves)
        parts = [formats.counted(len(storage.pools), "pool")]
        parts += [f"{formats.counted(due, 'media set')} due to become scratch"] if due else []
        self.header.subtitle.setText(", ".join(parts))
        self._pages.setCurrentIndex(0 if storage.pools else 1)
        self.model.set_rows(pool_rows(storage))
        if not self.list.currentIndex().isValid() and self.model.rowCount():
            self.list.select_row(self.model.index(0, 0))
        self._show_pool()

    def _on_failed(self, error: Exception) -> None:
        if not self._known:
            self.problem.show_error(error)

    def _show_pool(self) -> None:
        info = self.pool
        self.title.setText(info.pool.name if info is not None else "In no pool")
        self.rules.setText(
            rules_text(info.pool)
            if info is not None
            else "Media that no rule makes scratch. Backups append to them, or overwrite them if told to."
        )
        self.sets.set_rows(set_rows(self._storage, info))
        self._offer()

    def _on_pool_changed(self, _index: QModelIndex) -> None:
        self._show_pool()

    def _on_set_changed(self, _index: QModelIndex) -> None:
        self._offer()

    def _on_set_activated(self, index: QModelIndex) -> None:
        found = index.data(ItemRole.OBJECT)
        if isinstance(found, MediaSet):
            self.context.open_manager("media", media=found.first.serial)

    def _offer(self) -> None:
        offered = pool_offers(self._storage, self.pool, self.media_set)
        for name, action in self.actions_.items():
            offer = getattr(offered, name, None)
            action.setEnabled(offer is None or offer.enabled)
            action.setToolTip(
                offer.reason if offer is not None and offer.reason else action.text().rstrip("…")
            )

    def start(self, name: str, _checked: object = None) -> None:
        """What a press of an action does."""
        storage, info, chosen = self._storage, self.pool, self.media_set
        if name == "new":
            self._open(PoolDialog(self.context, storage, None, self))
        elif name == "change" and info is not None:
            self._open(PoolDialog(self.context, storage, info.pool, self))
        elif name == "remove" and info is not None:
            self._open(RemovePoolDialog(self.context, info, self))
        elif name == "assign":
            self._open(AssignDialog(self.context, storage, info.pool.name if info else "", chosen, self))
        elif name == "to_scratch" and chosen is not None:
            self._open(ScratchDialog(self.context, chosen, self))
        elif chosen is not None:
            self._move(name, chosen)

    def _move(self, name: str, chosen: MediaSet) -> None:
        """Into the save set or out of the pool: it can be taken back, so nothing is asked."""
        first = chosen.first
        pool = "" if name == "take_out" else first.pool
        to = PoolSet.SAVE if name == "to_save" else PoolSet.NONE
        assign = self.context.services.storage.assign_pool
        back = partial(self._assign, partial(assign, first.pool, first.serial, first.pool_set), "", None)
        said = f"{first.name} is in the {to.value} set" if pool else f"{first.name} is in no pool"
        self._assign(partial(assign, pool, first.serial, to), said, back)

    def _assign(self, call: Callable[[], object], said: str, back: Callable[[], None] | None) -> None:
        self.context.tasks.run(self, call, partial(self._on_assigned, said, back), self.context.show_error)

    def _on_assigned(self, said: str, back: Callable[[], None] | None, _result: object) -> None:
        if said and back is not None:
            self.context.toast(said, "", "Undo", back)
        self._refresh_now()

    def _open(self, dialog: ActDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._refresh_now)
        dialog.open()

    def _refresh_now(self, _result: object = None) -> None:
        self._reader = StorageReader(self.context.services)
        self._poll.refresh()

    def _on_menu(self, view: CellTree, position: QPoint) -> None:
        pop_actions(self, self.menu()[1], view.viewport().mapToGlobal(position), view)
