"""Column widths, hidden columns, sorting and splitters of a manager, kept per user between starts."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QHeaderView, QSplitter, QTreeView, QWidget


def keep_sizes(settings: QSettings, name: str, root: QWidget) -> None:
    """Write the sizes of everything in `root` under `name`."""
    for key, part in _parts(root):
        settings.setValue(f"sizes/{name}/{key}", part.saveState())


def restore_sizes(settings: QSettings, name: str, root: QWidget) -> None:
    """Bring back what `keep_sizes` wrote. What does not fit any more is left as it is."""
    for key, part in _parts(root):
        kept = settings.value(f"sizes/{name}/{key}")
        if isinstance(kept, QByteArray):
            part.restoreState(kept)


def restore_columns(settings: QSettings, name: str, root: QWidget) -> None:
    """The columns alone, of a part of what `keep_sizes` wrote that is made later than the rest."""
    for key, part in _parts(root):
        kept = settings.value(f"sizes/{name}/{key}")
        if isinstance(part, QHeaderView) and isinstance(kept, QByteArray):
            part.restoreState(kept)


def _parts(root: QWidget) -> Iterator[tuple[str, QHeaderView | QSplitter]]:
    for position, splitter in enumerate(root.findChildren(QSplitter)):
        yield f"splitter-{position}-of-{splitter.count()}", splitter
    for tree in root.findChildren(QTreeView):
        name = tree.accessibleName()
        if name and tree.model() is not None and not tree.isHeaderHidden():
            # The number of columns is part of the key: after an update with others nothing is mixed up.
            yield f"columns-{tree.model().columnCount()}-{name}", tree.header()
