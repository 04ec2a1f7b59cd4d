"""A whole snapshot that has a manifest: the tree is what the manifest lists, in its order.

Nothing is looked up and no directory is read: the manifest says what there is, and files are opened for their
contents alone. That is most of what a backup of very many small files costs.
"""

from __future__ import annotations

import operator
import os
from typing import Any

from app.backup.manifest_rows import Row
from app.backup.manifests import KIND, LINKED, PATH, SnapshotManifest
from app.backup.small_files import GROUP_BYTES, GROUP_FILES, SmallFiles, Wanted
from app.backup.source import SMALL_FILE_BYTES
from app.backup.tree import Entries, TreeArchiver
from app.media import node
from app.media.node import (
    CONTENT,
    CTIME,
    DIRECTORY,
    EXTRA,
    FILE,
    INODE,
    MTIME,
    NAME,
    SIZE,
    Entry,
    encode_node,
)
from app.model.entry import EntryKind
from app.model.errors import ArcxoError
from app.model.paths import shown

_DIRECTORY = "directory"
_DONE, _TOGETHER, _ALONE, _END = range(4)
"""What is to be done with an entry: nothing more; reading it with others, by itself; it ends a directory."""
_Step = tuple[int, Entry, bytes, Entry | None, list[Entry], Any]
_name = operator.itemgetter(NAME)


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
        self._rows = self._manifest.read()
        top = self._rows.next
        if top is None or top[PATH] != b"" or top[KIND] != _DIRECTORY:
            raise self._damaged(top)
        self._rows.skip()
        self._steps: list[_Step] = []
        self._wanted: list[Wanted] = []
        self._wanted_bytes = 0
        self._files = SmallFiles(self._root.directory)
        found: list[Entry] = []
        try:
            self._listed(top, path, base, found)
            self._flush()
        finally:
            self._files.close()
        if self._rows.next is not None:
            raise self._damaged(self._rows.next)
        return found[0]

    def _listed(self, row: Row, path: bytes, base: Entry | None, into: list[Entry]) -> None:
        """A directory with all beneath it; the next row is the one after those.

        Its entry is in `into` once what was found is flushed: files are read many at a time.
        """
        known = self._children(base)
        relative = row[PATH]
        skip = len(relative) + 1 if relative else 0
        entries: list[Entry] = []
        while True:
            if not known and self._filter is None and self._files.can_read:
                self._small_files(relative, path, entries)
            following = self._rows.next
            if following is None or following[PATH].rpartition(b"/")[0] != relative:
                break
            name = following[PATH][skip:]
            if not name:
                raise self._damaged(following)
            self._rows.skip()
            child_path = path + b"/" + name
            child_base = known.pop(name, None) if known else None
            if self._filter is not None and self._leaves_row_out(following, child_path):
                if child_base is not None:
                    self._removed(child_path, child_base)
                continue
            self._ledger.tick(child_path)
            if following[KIND] == _DIRECTORY:
                self._listed(following, child_path, child_base, entries)
            else:
                self._listed_leaf(following, name, child_path, child_base, entries)
        name = os.path.basename(path) if base is None else base[NAME]
        entry = self._listing.node_entry(row, name, self._devices)
        self._steps.append((_END, entry, path, base, into, (known, entries)))

    def _small_files(self, relative: bytes, path: bytes, into: list[Entry]) -> None:
        """Take the small plain files that come next in a directory, of which the base has none."""
        while True:
            count, size_bytes = self._rows.files(
                *(relative, path, into, self._steps, self._wanted, _TOGETHER),
                *(GROUP_FILES, GROUP_BYTES - self._wanted_bytes, SMALL_FILE_BYTES),
            )
            if not count:
                return
            self._wanted_bytes += size_bytes
            self._ledger.tick(path, count)
            self._flush_when_full()

    def _flush_when_full(self) -> None:
        if self._wanted_bytes >= GROUP_BYTES or len(self._steps) >= GROUP_FILES:
            self._flush()

    def _leaves_row_out(self, row: Row, path: bytes) -> bool:
        """Whether the filter leaves out what a row names; the rows beneath a directory are passed over."""
        directory = row[KIND] == _DIRECTORY
        is_file = row[KIND] == EntryKind.FILE.value
        size = int(self._listing.node_entry(row, b"", self._devices)[SIZE]) if is_file else 0
        if not self._leaves_out(path, size, directory=directory):
            return False
        beneath = row[PATH] + b"/"
        while directory and self._rows.next is not None and self._rows.next[PATH].startswith(beneath):
            self._ledger.tick(path)
            self._rows.skip()
        return True

    def _listed_leaf(self, row: Row, name: bytes, path: bytes, base: Entry | None, into: list[Entry]) -> None:
        if row[KIND] not in _ARCHIVED:
            self._ledger.problem("I4212", path, counts=False, kind=row[KIND])
            if base is not None:
                self._removed(path, base)
            return
        if base is not None and base[node.KIND] == DIRECTORY:
            self._removed(path, base, beneath_only=True)
        entry = self._listing.node_entry(row, name, self._devices)
        kind = _DONE
        wanted = (row[PATH], entry[SIZE], entry[MTIME], row[LINKED])
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
            elif (
                self._files.can_read
                and row[LINKED]
                and entry[SIZE] <= SMALL_FILE_BYTES
                and not (entry[EXTRA] and "h" in entry[EXTRA])
            ):
                kind = _TOGETHER
                self._wanted.append(wanted)
                self._wanted_bytes += entry[SIZE]
            else:
                kind = _ALONE
        self._steps.append((kind, entry, path, base, into, wanted))
        self._flush_when_full()

    def _flush(self) -> None:
        """Read what is wanted, and finish in their order what was found since the last time."""
        steps, wanted = self._steps, self._wanted
        contents, good = self._files.read(wanted)
        at = position = number = 0
        while at < len(steps):
            at, number, position = self._contents.whole_files(
                steps, at, contents, good, number, position, self._doubtful_ns
            )
            if at == len(steps):
                break
            kind, entry, path, base, into, more = steps[at]
            at += 1
            alone = kind == _ALONE
            if kind == _END:
                self._listed_end(entry, path, base, *more)
            elif entry[node.KIND] == FILE:
                if kind == _TOGETHER:
                    start, position = position, position + entry[SIZE]
                    if good[number]:
                        self._contents.whole(entry, contents[start:position])
                    else:
                        alone = True
                    number += 1
                if alone and not self._alone(entry, path, base, more):
                    continue
                self._settle(entry, more[-1] or entry[CTIME])
                self._finish(path, entry, base)
            else:
                self._finish(path, entry, base)
            into.append(entry)
        steps.clear()
        wanted.clear()
        self._wanted_bytes = 0

    def _alone(self, entry: Entry, path: bytes, base: Entry | None, wanted: Wanted) -> bool:
        """Read one file by itself; False when it cannot be read."""
        relative, _, _, stamp_ns = wanted
        try:
            source = self._root.directory + b"/" + relative
            self._contents.file(source, path, entry, frozen=True, stamp_ns=stamp_ns)
        except OSError as error:
            self._ledger.problem("E4211", path, reason=error.strerror or str(error))
            if base is not None:
                self._removed(path, base)
            return False
        return True

    def _listed_end(
        self, entry: Entry, path: bytes, base: Entry | None, known: Entries, entries: list[Entry]
    ) -> None:
        """All that is in a directory is known."""
        for name, gone in known.items():
            self._removed(path + b"/" + name, gone)
        entries.sort(key=_name)
        entry[CONTENT] = self._contents.node(encode_node(entries))
        self._finish(path or b"/", entry, base)

    def _damaged(self, row: Row | None) -> ArcxoError:
        path = b"/" + row[PATH] if row is not None else b""
        return ArcxoError("E4190", manifest=shown(self._root.directory + path))


_ARCHIVED = frozenset(kind.value for kind in node.KINDS)
