"""A session's names, from its media into the catalog: what is as in the newest state is not written."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from app.catalog.api import Catalog
from app.catalog.merge_api import LineageKey, MergeStaging, Source
from app.catalog.sessions_api import SessionEntry
from app.jobs.ahead import ahead
from app.jobs.session_records import session_info
from app.media.api import Label, SessionHeader
from app.media.differences import Difference, NodeReader, Tree, differences
from app.media.listing import listed
from app.media.mediaset import open_set
from app.media.node import MTIME, SIZE
from app.model.errors import ArcxoError
from app.model.media import SessionInfo

_AT_ONCE = 4000
_DAMAGE = frozenset({"E4122", "E4124", "E4125"})

Whereabouts = Callable[[Source], tuple[str, SessionHeader, bytes | None] | None]
"""Where a session can be read: its media's path, header and data key; None when it cannot be."""


def is_damage(error: ArcxoError) -> bool:
    """Whether an error says that what is on the media is not as it was written."""
    return error.code in _DAMAGE


def lineage_key(header: SessionHeader) -> LineageKey:
    """The sessions that a session is one of."""
    return LineageKey(header.machine, header.entity, header.set_id, header.roots)


class SessionReading:
    """Reads sessions of one media. Node tables are loaded once per key. Used by one thread."""

    def __init__(
        self,
        catalog: Catalog,
        media_path: str,
        label: Label,
        whereabouts: Whereabouts,
        *,
        job_id: int | None = None,
        fence: int = 0,
    ) -> None:
        self.entries = 0
        """Names looked at so far; what is shared with the session before is not looked at."""
        self._catalog = catalog
        self._path = media_path
        self._label = label
        self._whereabouts = whereabouts
        self._job_id = job_id
        self._fence = fence
        self._readers: dict[tuple[str, str], NodeReader] = {}

    def read(
        self,
        header: SessionHeader,
        data_key: bytes | None,
        checkpoint: Callable[[], None],
        info: SessionInfo | None = None,
    ) -> SessionInfo:
        """Stage and publish a session; `info` is what to record of it.

        What was staged is kept when `checkpoint` raises, and gone on with next time; it is dropped when the
        media turns out to be damaged.

        Raises:
            ArcxoError: media faults 41xx; E6020 somebody else has published it.
            BusyError: E6003, E6004, E6001.
        """
        key = lineage_key(header)
        source = Source(header.media_serial, header.number)
        tree = Tree(self._reader(self._path, header, data_key), header.root_id)
        staging = self._catalog.merging.begin(key, source, job_id=self._job_id, fence=self._fence)
        info = info or session_info(header, self._label)
        try:
            self._stage(staging, tree, self._base(staging, header), header, checkpoint)
            staging.publish(info)
        except ArcxoError as error:
            if is_damage(error):
                staging.discard()
            else:
                staging.leave()
            raise
        except BaseException:
            staging.leave()
            raise
        return info

    def _stage(
        self,
        staging: MergeStaging,
        tree: Tree,
        base: Tree | None,
        header: SessionHeader,
        checkpoint: Callable[[], None],
    ) -> None:
        whole = base is None and not staging.base.empty
        if whole:
            staging.expect_all()
        after = b"" if whole else staging.position
        if base is None:
            found = _all_new(listed(tree, header.roots, SessionEntry, after))
        else:
            found = _batches(differences(tree, base, header.roots, after))
        with ahead(found) as batches:
            for batch in batches:
                checkpoint()
                batch.put(staging)
                self.entries += batch.count
                if batch.count == _AT_ONCE and not whole:
                    staging.note_position(batch.last)
        checkpoint()

    def _base(self, staging: MergeStaging, header: SessionHeader) -> Tree | None:
        """The tree of the session that the catalog's newest rows are of, where it can be compared with."""
        if staging.base.session is None:
            return None
        found = self._whereabouts(staging.base.session)
        if found is None:
            return None
        path, base, data_key = found
        # Ids of another domain tell nothing of what is the same.
        if base.key_id != header.key_id or (base.key_id and base.set_id != header.set_id):
            return None
        try:
            return Tree(self._reader(path, base, data_key), base.root_id)
        except ArcxoError:
            return None

    def _reader(self, path: str, header: SessionHeader, data_key: bytes | None) -> NodeReader:
        known = self._readers.get((path, header.key_id))
        if known is None:
            known = NodeReader(open_set(path), header.key_id, data_key)
            self._readers[path, header.key_id] = known
        return known


@dataclass
class _Batch:
    """Differences on their way: what is gone, and what is there."""

    count: int = 0
    last: bytes = b""
    names: list[bytes] = field(default_factory=list)
    trees: list[bytes] = field(default_factory=list)
    entries: list[SessionEntry] = field(default_factory=list)

    def put(self, staging: MergeStaging) -> None:
        """Stage them: first what goes, as another may come in its place."""
        if self.names:
            staging.remove_names(self.names)
        if self.trees:
            staging.remove(self.trees)
        if self.entries:
            staging.add(self.entries)


def _batches(found: Iterator[Difference]) -> Iterator[_Batch]:
    while items := list(itertools.islice(found, _AT_ONCE)):
        batch = _Batch(len(items), items[-1].path)
        for one in items:
            if one.replaces_tree:
                batch.trees.append(one.path)
            elif one.entry is None:
                batch.names.append(one.path)
            if one.entry is not None:
                batch.entries.append(
                    SessionEntry(one.path, one.kind, one.entry[SIZE], one.entry[MTIME], one.content_id)
                )
        yield batch


def _all_new(found: Iterator[list[SessionEntry]]) -> Iterator[_Batch]:
    """Batches of names that nothing was there of before."""
    waiting: list[SessionEntry] = []
    for some in found:
        waiting += some
        start = 0
        while len(waiting) - start >= _AT_ONCE:
            part = waiting[start : start + _AT_ONCE]
            yield _Batch(len(part), part[-1].path, entries=part)
            start += _AT_ONCE
        if start:
            del waiting[:start]
    if waiting:
        yield _Batch(len(waiting), waiting[-1].path, entries=waiting)
