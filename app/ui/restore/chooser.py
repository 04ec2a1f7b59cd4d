"""Toggling markers: what needs the catalog is asked on a task thread, then the basket changes at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.model.media import CatalogEntry, FileVersion
from app.model.paths import is_beneath
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Mark, MarkerBox
from app.ui.restore.basket import Basket, SessionSource, Source, all_entries

_Listed = dict[bytes, list[CatalogEntry]]


class Chooser(QObject):
    """The basket with its markers. `changed` after every change, `failed` when siblings could not be read."""

    changed = Signal()
    failed = Signal(object)

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.basket = Basket()

    def box(self, source: Source, path: bytes) -> MarkerBox:
        """The marker of a path."""
        return MarkerBox(self.basket.selection.mark(source, path))

    def toggle(self, source: Source, path: bytes) -> None:
        """A click on a marker."""
        selection = self.basket.selection
        if selection.mark(source, path) is not Mark.FULL:
            selection.choose(source, path)
            self.changed.emit()
            return
        self.drop(source, path)

    def drop(self, source: Source, path: bytes) -> None:
        """Take a path out; what is beside it in a chosen folder stays chosen."""
        folders = self._folders_above(source, path)
        if not folders:
            self._on_listed(source, path, {})
            return
        services = self._context.services
        self._context.tasks.run(
            self,
            lambda: {folder: all_entries(services, source, folder) for folder in folders},
            partial(self._on_listed, source, path),
            self.failed.emit,
        )

    def choose_version(self, version: FileVersion, machine_source: Source) -> None:
        """Put one version of a path in place of whatever version was chosen."""
        source = SessionSource(version.last_session.media_serial, version.last_session.number)
        entry = CatalogEntry(
            version.path,
            version.kind,
            version.size_bytes,
            version.modified_ns,
            source.session,
            source.media_serial,
            machine=version.machine,
        )
        self.basket.learn(source, [entry])
        self.basket.drop_elsewhere(version.path, source)
        self.basket.selection.choose(source, version.path)
        if self.basket.selection.mark(machine_source, version.path) is Mark.FULL:
            self.drop(machine_source, version.path)
        self.changed.emit()

    def clear(self) -> None:
        """Choose nothing."""
        self.basket.clear()
        self.changed.emit()

    def empty(self) -> None:
        """Choose nothing, as a person asks for; what was chosen can be brought back."""
        chosen = [(item.source, item.path) for item in self.basket.items()]
        self.clear()
        if chosen:
            said = formats.counted(len(chosen), "entry", "entries")
            again = partial(self._bring_back, chosen)
            self._context.toast("Basket cleared", f"{said} taken out.", "Bring back", again)

    def _bring_back(self, chosen: Sequence[tuple[Source, bytes]]) -> None:
        for source, path in chosen:
            self.basket.selection.choose(source, path)
        self.changed.emit()

    def _folders_above(self, source: Source, path: bytes) -> list[bytes]:
        """From the chosen folder down to the parent of `path`; empty when `path` itself is chosen."""
        for known, paths in self.basket.selection.chosen():
            above = next((one for one in paths if one != path and is_beneath(path, one)), None)
            if known == source and above is not None:
                names = path[len(above.rstrip(b"/")) :].strip(b"/").split(b"/")
                folders = [above]
                for name in names[:-1]:
                    folders.append(folders[-1].rstrip(b"/") + b"/" + name)
                return folders
        return []

    def _on_listed(self, source: Source, path: bytes, listed: _Listed) -> None:
        for entries in listed.values():
            self.basket.learn(source, entries)
        children = {folder: [entry.path for entry in entries] for folder, entries in listed.items()}
        self.basket.selection.drop(source, path, lambda folder: children.get(folder, ()))
        self.changed.emit()
