"""Turning a frozen tree into directory nodes: by walking it beside the base, or by a change list alone."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from app.backup.api import ArchiveRoot, Change, ChangeKind, Manifest
from app.backup.contents import ContentWriter
from app.backup.ledger import Ledger
from app.backup.manifests import LINKED, SnapshotManifest
from app.backup.source import NODE_KIND, node_extra
from app.distant_mounts import Listed, distant
from app.media.node import (
    CONTENT,
    CTIME,
    DIRECTORY,
    EXTRA,
    FILE,
    GID,
    INODE,
    KIND,
    KINDS,
    MTIME,
    NAME,
    PERMISSIONS,
    SIZE,
    UID,
    Entry,
    encode_node,
)
from app.media.reader import ChunkReader, walk
from app.model.entry import Identity, Metadata, kept_ns, kind_of_mode
from app.model.path_filter import PathFilter

Entries = dict[bytes, Entry]


@dataclass(slots=True)
class ChangeTree:
    """A change list as a tree of names."""

    kind: ChangeKind | None = None
    children: dict[bytes, ChangeTree] = field(default_factory=dict)

    @classmethod
    def of(cls, changes: tuple[Change, ...]) -> ChangeTree:
        """The stronger of two entries for a path wins."""
        root = cls()
        for change in changes:
            at = root
            for name in change.path.split(b"/") if change.path else ():
                at = at.children.setdefault(name, cls())
            if at.kind is not ChangeKind.SUBTREE:
                at.kind = change.kind
        return root


def _same_but_stamps(one: Entry, other: Entry) -> bool:
    """Whether the catalog needs no row: all equal but change time, inode and the node of a directory.

    A file whose other name is gone is the same file, too.
    """
    if one[:CTIME] != other[:CTIME] or (
        one[EXTRA] != other[EXTRA] and _without_links(one[EXTRA]) != _without_links(other[EXTRA])
    ):
        return False
    return one[KIND] == DIRECTORY or bool(one[CONTENT] == other[CONTENT])


def _without_links(extra: dict[str, object] | None) -> dict[str, object]:
    return {key: value for key, value in (extra or {}).items() if key != "h"}


class TreeArchiver:
    """Archives one root. `base` gives the nodes compared with; not safe to share between threads."""

    def __init__(
        self,
        root: ArchiveRoot,
        contents: ContentWriter,
        ledger: Ledger,
        reader: ChunkReader | None,
        manifest: Manifest | None,
        devices: dict[int, int],
        doubtful_ns: int,
        path_filter: PathFilter | None = None,
    ) -> None:
        self._root = root
        self._contents = contents
        self._ledger = ledger
        self._reader = reader
        self._manifest = manifest
        self._devices = devices
        self._doubtful_ns = doubtful_ns
        self._skip = len(root.directory) + 1
        self._filter = path_filter
        self._above = len(root.master_path.rstrip(b"/")) + 1
        self._linked_ns = 0

    # -- the whole root -------------------------------------------------------------------------------

    def archive(self, base: Entry | None) -> Entry:
        """The entry of the root directory, named by the caller."""
        found = os.lstat(self._root.directory)
        path = self._root.master_path if self._root.master_path != b"/" else b""
        if self._root.changes is not None and base is not None:
            changes = ChangeTree.of(self._root.changes)
            if changes.kind is not ChangeKind.SUBTREE:
                return self._changed_directory(self._root.directory, path, base, changes, found)
            self._uncount(base)
        return self._whole(path, found, base)

    def _whole(self, path: bytes, found: os.stat_result, base: Entry | None) -> Entry:
        return self._directory(self._root.directory, path, found, base)

    def _children(self, base: Entry | None) -> Entries:
        if base is None or base[KIND] != DIRECTORY or self._reader is None:
            return {}
        return {entry[NAME]: entry for entry in self._reader.node(base[CONTENT])}

    # -- by change list -------------------------------------------------------------------------------

    def _changed_directory(
        self, source: bytes, path: bytes, base: Entry, changes: ChangeTree, found: os.stat_result | None
    ) -> Entry:
        """A directory of which only the paths in `changes` are looked at."""
        entries = self._children(base)
        for name, entry in entries.items():
            if name not in changes.children:
                self._contents.take_over(entry)
        for name, change in changes.children.items():
            child = self._changed_entry(source + b"/" + name, path + b"/" + name, entries.get(name), change)
            if child is None:
                entries.pop(name, None)
            else:
                child[NAME] = name
                entries[name] = child
        entry = list(base)
        if found is not None and stat.S_ISDIR(found.st_mode):
            entry = self._plain_entry(source, found, DIRECTORY, trust_live=self._manifest is None) or list(
                base
            )
        entry[NAME] = base[NAME]
        node = encode_node([entries[name] for name in sorted(entries)])
        entry[CONTENT] = self._contents.node(node)
        if entry[CONTENT] != base[CONTENT]:
            self._contents.loose_bytes += len(node)
        if not _same_but_stamps(entry, base):
            self._ledger.row(path or b"/", entry)
        return entry

    def _changed_entry(
        self, source: bytes, path: bytes, base: Entry | None, change: ChangeTree
    ) -> Entry | None:
        try:
            found = os.lstat(source)
        except (FileNotFoundError, NotADirectoryError):
            if change.kind is None and base is not None and base[KIND] == DIRECTORY:
                return self._changed_directory(source, path, base, change, None)
            if base is not None:
                self._uncount(base)
                self._contents.loosen(base, None)
                self._removed(path, base)
            return None
        except OSError as error:
            self._ledger.problem("E4211", path, reason=error.strerror or str(error))
            if base is not None:
                self._uncount(base)
                self._contents.loosen(base, None)
                self._removed(path, base)
            return None
        if self._leaves_out(path, found.st_size, directory=stat.S_ISDIR(found.st_mode)):
            if base is not None:
                self._uncount(base)
                self._contents.loosen(base, None)
                self._removed(path, base)
            return None
        both = base is not None and base[KIND] == DIRECTORY and stat.S_ISDIR(found.st_mode)
        if both and base is not None and change.kind is not ChangeKind.SUBTREE:
            return self._changed_directory(source, path, base, change, found)
        if base is not None:
            self._uncount(base)
        entry = self._entry(source, path, found, base)
        if base is not None:
            self._contents.loosen(base, entry)
        if entry is None and base is not None:
            self._removed(path, base)
        return entry

    def _uncount(self, base: Entry) -> None:
        self._ledger.count(base, -1)
        if base[KIND] == DIRECTORY and self._reader is not None:
            for _, entry in walk(self._reader, base[CONTENT]):
                self._ledger.count(entry, -1)
                self._contents.loosen(entry, None)

    def _removed(self, path: bytes, base: Entry, *, beneath_only: bool = False) -> None:
        if not beneath_only:
            self._ledger.removed(path, KINDS[base[KIND]])
        if base[KIND] == DIRECTORY and self._reader is not None:
            for beneath, entry in walk(self._reader, base[CONTENT], path):
                self._ledger.removed(beneath, KINDS[entry[KIND]])

    # -- by walking -----------------------------------------------------------------------------------

    def _directory(self, source: bytes, path: bytes, found: os.stat_result, base: Entry | None) -> Entry:
        known = self._children(base)
        entries: list[Entry] = []
        listed: list[tuple[bytes, Listed | OSError]] = []

        def silent(name: bytes, error: OSError) -> None:
            listed.append((name, error))

        try:
            with distant.scan(source, silent) if distant.places() else os.scandir(source) as listing:
                listed += [(one.name, one) for one in listing]
        except OSError as error:
            self._unreadable(path, error)
        for name, item in sorted(listed, key=lambda one: one[0]):
            child_path = path + b"/" + name
            child_base = known.pop(name, None)
            try:
                if isinstance(item, OSError):
                    raise item
                child_found = item.stat(follow_symlinks=False)
            except TimeoutError as error:
                child = self._unanswered(source + b"/" + name, child_path, child_base, error)
            except OSError as error:
                self._unreadable(child_path, error)
                child = None
            else:
                directory = stat.S_ISDIR(child_found.st_mode)
                child = None
                if not self._leaves_out(child_path, child_found.st_size, directory=directory):
                    child = self._entry(source + b"/" + name, child_path, child_found, child_base)
            if child is not None:
                entries.append(child)
            elif child_base is not None:
                self._removed(child_path, child_base)
        for name, gone in known.items():
            self._removed(path + b"/" + name, gone)
        entry = self._plain_entry(source, found, DIRECTORY, trust_live=True)
        entry = entry or [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, None, b""]
        entry[NAME] = os.path.basename(source) if base is None else base[NAME]
        entry[CONTENT] = self._contents.node(encode_node(entries))
        self._finish(path or b"/", entry, base)
        return entry

    def _leaves_out(self, path: bytes, size_bytes: int, *, directory: bool) -> bool:
        """Whether the filter leaves an entry out, with all beneath it; its rule is told to the ledger."""
        if self._filter is None:
            return False
        left_out, rule = self._filter.decide(path[self._above :], directory=directory)
        if left_out:
            self._ledger.leave_out(rule, size_bytes, directory=directory)
        return left_out

    def _unanswered(self, _source: bytes, path: bytes, _base: Entry | None, error: OSError) -> Entry | None:
        """The entry of a directory on which a file system is mounted that does not answer."""
        self._unreadable(path, error)
        return None

    def _unreadable(self, path: bytes, error: OSError) -> None:
        """Something could not be read, and is not in the session."""
        self._ledger.problem("E4211", path, reason=error.strerror or str(error))

    def _finish(self, path: bytes, entry: Entry, base: Entry | None) -> None:
        self._ledger.count(entry)
        if base is None or not _same_but_stamps(entry, base):
            self._ledger.row(path, entry)

    def _entry(self, source: bytes, path: bytes, found: os.stat_result, base: Entry | None) -> Entry | None:
        """One entry with all beneath it; None when it could not be read."""
        ledger = self._ledger
        ledger.tick(path)
        kind = NODE_KIND.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            ledger.problem("I4212", path, counts=False, kind=kind_of_mode(found.st_mode))
            return None
        if kind == DIRECTORY:
            return self._directory(source, path, found, base)
        if base is not None and base[KIND] == DIRECTORY:
            self._removed(path, base, beneath_only=True)
        try:
            entry = self._leaf(source, path, found, kind, base)
        except OSError as error:
            self._unreadable(path, error)
            return None
        self._finish(path, entry, base)
        return entry

    def _leaf(
        self, source: bytes, path: bytes, found: os.stat_result, kind: int, base: Entry | None
    ) -> Entry:
        if (
            self._manifest is None
            and base is not None
            and base[KIND] == kind
            and base[SIZE] == (found.st_size if kind == FILE else 0)
            and base[MTIME] == kept_ns(found.st_mtime_ns)
            and base[CTIME] == found.st_ctime_ns != 0
            and base[INODE] == found.st_ino
            and self._contents.share(base)
        ):
            return base
        entry = self._plain_entry(source, found, kind, trust_live=True)
        if entry is None:
            raise OSError("no metadata")
        if kind != FILE:
            return entry
        if (
            base is not None
            and base[KIND] == FILE
            and base[CTIME]
            and base[SIZE : INODE + 1] == entry[SIZE : INODE + 1]
            and self._contents.share(base)
        ):
            entry[CONTENT] = base[CONTENT]
            if base[EXTRA] and "s" in base[EXTRA]:
                entry[EXTRA] = {**(entry[EXTRA] or {}), "s": base[EXTRA]["s"]}
        else:
            self._contents.file(source, path, entry, frozen=self._manifest is not None)
        self._settle(entry, self._linked_ns or entry[CTIME])
        return entry

    def _settle(self, entry: Entry, stamp_ns: int) -> None:
        """The change time by which the next backup knows the content; 0 when nothing can be known by it."""
        if entry[CTIME]:
            entry[CTIME] = stamp_ns if entry[CTIME] <= self._doubtful_ns else 0

    def _plain_entry(
        self, source: bytes, found: os.stat_result, kind: int, *, trust_live: bool
    ) -> Entry | None:
        """An entry without content; from the manifest where there is one."""
        name = os.path.basename(source)
        self._linked_ns = 0
        if isinstance(self._manifest, SnapshotManifest):
            row = self._manifest.row(source[self._skip :])
            if row is not None:
                self._linked_ns = row[LINKED]
                return self._manifest.node_entry(row, name, self._devices)
            if not trust_live:
                return None
        elif self._manifest is not None:
            recorded = self._manifest.get(source[self._skip :])
            if recorded is not None:
                return self._recorded_entry(name, *recorded)
            if not trust_live:
                return None
        extra = node_extra(source, found, kind)
        if kind != DIRECTORY and found.st_nlink > 1 and self._manifest is None:
            extra = {**(extra or {}), "h": [self._devices.get(found.st_dev, found.st_dev), found.st_ino]}
        return [
            name,
            kind,
            stat.S_IMODE(found.st_mode),
            found.st_uid,
            found.st_gid,
            found.st_size if kind == FILE else 0,
            kept_ns(found.st_mtime_ns),
            found.st_ctime_ns if self._manifest is None else 0,
            found.st_ino,
            extra,
            b"",
        ]

    def _recorded_entry(self, name: bytes, metadata: Metadata, identity: Identity) -> Entry:
        kind = KINDS.index(metadata.kind)
        extra: dict[str, object] = {}
        if metadata.xattrs:
            extra["x"] = [list(pair) for pair in metadata.xattrs]
        if metadata.link_target:
            extra["t"] = metadata.link_target
        if metadata.device:
            extra["d"] = metadata.device
        if kind != DIRECTORY and identity.links > 1:
            extra["h"] = [self._devices.get(identity.device, identity.device), identity.inode]
        entry: Entry = [b""] * 11
        entry[NAME], entry[KIND], entry[PERMISSIONS] = name, kind, metadata.permissions
        entry[UID], entry[GID] = metadata.uid, metadata.gid
        entry[SIZE] = metadata.size_bytes if kind == FILE else 0
        entry[MTIME], entry[CTIME], entry[INODE] = metadata.modified_ns, identity.changed_ns, identity.inode
        entry[EXTRA], entry[CONTENT] = extra or None, b""
        return entry
