"""A whole snapshot that has a manifest: the tree is what the manifest lists, in its order.

Nothing is looked up and no directory is read: the manifest says what there is, and files are opened for their
contents alone. That is most of what a backup of very many small files costs.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from app.backup.manifests import KIND, LINKED, PATH, SnapshotManifest
from app.backup.tree import Entries, TreeArchiver
from app.media import node
from app.media.node import CONTENT, CTIME, DIRECTORY, EXTRA, FILE, INODE, NAME, SIZE, Entry, encode_node
from app.model.entry import EntryKind
from app.model.errors import ArcxoError
from app.model.paths import shown

_DIRECTORY = "directory"
Row = tuple[Any, ...]


class ListedTree(TreeArchiver):
    """Archives one root by its manifest; by a change list as any other."""

    def archive(self, base: Entry | None) -> Entry:
        """As any other; of the whole the directory is not looked at, which need not be there yet."""
        if self._root.changes is not None and base is not None:
            return super().archive(base)
        return self._listed_whole(self._root.master_path if self._root.master_path != b"/" else b"", base)

    def _whole(self, path: bytes, found: os.stat_result, base: Entry | None) -> Entry:
        del found
        return self._listed_whole(path, base)

    def _listed_whole(self, path: bytes, base: Entry | None) -> Entry:
        assert isinstance(self._manifest, SnapshotManifest)
        self._listing = self._manifest
        self._rows: Iterator[Row] = self._manifest.rows()
        top = next(self._rows)
        self._row: Row | None = next(self._rows, None)
        if top[PATH] != b"" or top[KIND] != _DIRECTORY:
            raise self._damaged(top)
        entry = self._listed(top, path, base)
        if self._row is not None:
            raise self._damaged(self._row)
        return entry

    def _listed(self, row: Row, path: bytes, base: Entry | None) -> Entry:
        """A directory with all beneath it; the next row is the one after those."""
        known = self._children(base)
        relative = row[PATH]
        skip = len(relative) + 1 if relative else 0
        entries: list[Entry] = []
        while (following := self._row) is not None and following[PATH].rpartition(b"/")[0] == relative:
            name = following[PATH][skip:]
            if not name:
                raise self._damaged(following)
            self._row = next(self._rows, None)
            child_path = path + b"/" + name
            child_base = known.pop(name, None)
            if self._leaves_row_out(following, child_path):
                if child_base is not None:
                    self._removed(child_path, child_base)
                continue
            if following[KIND] == _DIRECTORY:
                self._ledger.tick(child_path)
                directory = self._listed(following, child_path, child_base)
                directory[NAME] = name
                entries.append(directory)
                continue
            child = self._listed_leaf(following, name, child_path, child_base)
            if child is not None:
                entries.append(child)
            elif child_base is not None:
                self._removed(child_path, child_base)
        self._end_others(path, known)
        entry = self._listing.node_entry(row, b"", self._devices)
        entry[NAME] = os.path.basename(path) if base is None else base[NAME]
        entries.sort(key=lambda one: one[NAME])
        entry[CONTENT] = self._contents.node(encode_node(entries))
        self._finish(path or b"/", entry, base)
        return entry

    def _leaves_row_out(self, row: Row, path: bytes) -> bool:
        """Whether the filter leaves out what a row names; the rows beneath a directory are passed over."""
        if self._filter is None:
            return False
        directory = row[KIND] == _DIRECTORY
        is_file = row[KIND] == EntryKind.FILE.value
        size = int(self._listing.node_entry(row, b"", self._devices)[SIZE]) if is_file else 0
        if not self._leaves_out(path, size, directory=directory):
            return False
        beneath = row[PATH] + b"/"
        while directory and self._row is not None and self._row[PATH].startswith(beneath):
            self._ledger.tick(path)
            self._row = next(self._rows, None)
        return True

    def _end_others(self, path: bytes, known: Entries) -> None:
        for name, gone in known.items():
            self._removed(path + b"/" + name, gone)

    def _listed_leaf(self, row: Row, name: bytes, path: bytes, base: Entry | None) -> Entry | None:
        ledger = self._ledger
        ledger.tick(path)
        if row[KIND] not in _ARCHIVED:
            ledger.problem("I4212", path, counts=False, kind=row[KIND])
            return None
        if base is not None and base[node.KIND] == DIRECTORY:
            self._removed(path, base, beneath_only=True)
        entry = self._listing.node_entry(row, name, self._devices)
        if entry[node.KIND] == FILE:
            if (
                base is not None
                and base[node.KIND] == FILE
                and base[CTIME]
                and base[SIZE : INODE + 1] == entry[SIZE : INODE + 1]
                and self._contents.share(base)
            ):
                entry[CONTENT] = base[CONTENT]
                if base[EXTRA] and "s" in base[EXTRA]:
                    entry[EXTRA] = {**(entry[EXTRA] or {}), "s": base[EXTRA]["s"]}
            else:
                try:
                    source = self._root.directory + b"/" + row[PATH]
                    self._contents.file(source, path, entry, frozen=True, stamp_ns=row[LINKED])
                except OSError as error:
                    ledger.problem("E4211", path, reason=error.strerror or str(error))
                    return None
            self._settle(entry, row[LINKED] or entry[CTIME])
        self._finish(path, entry, base)
        return entry

    def _damaged(self, row: Row) -> ArcxoError:
        return ArcxoError("E4190", manifest=shown(self._root.directory + b"/" + row[PATH]))


_ARCHIVED = frozenset(kind.value for kind in node.KINDS)
