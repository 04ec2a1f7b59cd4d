"""The archiver: a frozen tree becomes a committed session."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from app.backup.api import ArchiveRoot, ArchiveTask, Canceled, Emit, Manifest
from app.backup.audit import ListAudit
from app.backup.base import Base
from app.backup.check import check_session
from app.backup.contents import ContentWriter
from app.backup.ledger import Ledger
from app.backup.listed import ListedTree
from app.backup.manifests import NOT_SAID, SnapshotManifest
from app.backup.owners import encode_owners, recorded_owners
from app.backup.source_tree import SourceTree
from app.backup.taken_up import taken_up
from app.backup.tree import TreeArchiver
from app.media.api import SessionHeader
from app.media.index import ChunkIndex
from app.media.intents import Intent, sweep_intents
from app.media.label import read_label
from app.media.mediaset import join_set
from app.media.node import CONTENT, DIRECTORY, NAME, Entry, encode_node
from app.media.pack import PackIndex
from app.media.reader import MAX_DEPTH, ChunkReader
from app.media.refs import PackReference
from app.media.reserve import keep_reserve
from app.media.session import commit
from app.media.store import LOOKS, DirectoryMediaStore, MediaStore
from app.media.writer import PackWriter
from app.model.archive import ArchiveResult
from app.model.backup_filters import filters_text, left_out_text
from app.model.errors import ArcxoError, UsageError
from app.model.filters import check_filters
from app.model.job import JobPhase, VerifyMode
from app.model.path_filter import PathFilter
from app.model.paths import check_relative, shown

_IMPLICIT_PERMISSIONS = 0o755
_LOOSE_PER_ENTRY = 1024
"""Bytes that may be freed, per entry of the session, for which a look at all directories pays."""
_BASE_FAULTS = frozenset({"E4121", "E4122", "E4124", "E4125", "E4202", "E4203"})
_FRAMES = 5_000 + 4 * MAX_DEPTH
"""A directory takes up to three calls within each other: what Python allows by itself ends at 330 levels."""
_COARSE_S = 2.0
"""Time stamps are coarse: a file changed this shortly before the snapshot may change again unseen."""


class Archiver:
    """One run of an `ArchiveTask`; see `app.backup.api.archive`."""

    def __init__(
        self, task: ArchiveTask, emit: Emit, canceled: Canceled, manifests: Mapping[bytes, Manifest]
    ) -> None:
        self._task = task
        self._emit = emit
        self._canceled = canceled
        self._manifests = manifests
        self._store = join_set(task.media_path)
        self._started = datetime.now(UTC)
        self._doubtful_ns = int((task.taken_at.timestamp() - _COARSE_S) * 1e9)

    def run(self) -> ArchiveResult:
        """Archive, commit, verify."""
        task = self._task
        sys.setrecursionlimit(max(sys.getrecursionlimit(), _FRAMES))
        if not task.roots:
            raise UsageError("E4204", entity=task.entity)
        try:
            check_filters(task.filters)
        except ValueError as error:
            raise UsageError("E4206", cause=error) from error
        for root in task.roots:
            check_relative(root.master_path.strip(b"/"))
            if not task.following and not os.path.isdir(root.directory):
                raise ArcxoError("E4201", path=shown(root.directory))
        self._store.sweep_temporaries()
        keep_reserve(self._store)  # whoever formatted it may have been killed before that
        sweep_intents(self._store)
        intent = Intent(self._store, task.job_id, task.fence)
        try:
            header, ledger, new = self._write(intent)
        finally:
            intent.withdraw()
        ledger.release()
        verified = False
        self._tell_audit(ledger)
        if task.verify in (VerifyMode.SCAN, VerifyMode.COMPARE):
            ledger.phase = JobPhase.VERIFY
            verified = check_session(task, header, new, ledger)
        result = ArchiveResult(
            session=header.number,
            files=header.files,
            directories=header.directories,
            size_bytes=header.size_bytes,
            new_bytes=header.new_bytes,
            stored_bytes=header.stored_bytes,
            problems=ledger.problems,
            incremental=ledger.incremental,
            verified=verified,
        )
        ledger.tick(b"", now=True)
        self._emit(result)
        return result

    def _tell_audit(self, ledger: Ledger) -> None:
        """Say what came of proving the change list; what is missing in it is in the session all the same."""
        audit = ledger.audit
        if audit is None:
            if self._task.verify is VerifyMode.AUDIT:
                ledger.problem("W4217", b"", counts=False)
            return
        if audit.missed:
            for path in audit.missing:
                ledger.problem("E4215", path, counts=False)
            ledger.problem("E4218", b"", counts=False, count=audit.missed, listed=audit.entries)
        else:
            listed, entries = audit.entries, ledger.files + ledger.directories
            ledger.problem("I4216", b"", counts=False, listed=listed, entries=entries)

    def _write(self, intent: Intent) -> tuple[SessionHeader, Ledger, list[PackIndex]]:
        """With the base; without it when it turns out to be damaged and everything is there to be read."""
        try:
            return self._attempt(intent, self._task.base_session)
        except ArcxoError as error:
            if not self._task.base_session or error.code not in _BASE_FAULTS:
                raise
            if any(root.partial for root in self._task.roots):
                raise ArcxoError("E4202", session=self._task.base_session, reason=error.code) from error
        roots = tuple(replace(root, changes=None) for root in self._task.roots)
        self._task = replace(self._task, roots=roots)
        return self._attempt(intent, 0)

    def _attempt(self, intent: Intent, base_session: int) -> tuple[SessionHeader, Ledger, list[PackIndex]]:
        task = self._task
        label = read_label(task.media_path)
        for _ in range(LOOKS):
            index = ChunkIndex(self._store, task.key_id, sharing=True)
            reader = ChunkReader(self._store, index, task.data_key)
            base = None
            if base_session:
                base = Base(self._base_store(), base_session, task.key_id, index, reader)
            if base is None or base.complete or not base.is_repacked_since():
                break
        read_back = task.verify in (VerifyMode.SCAN, VerifyMode.COMPARE)
        writer = PackWriter(self._store, task.key_id, task.data_key, keep_tables=read_back)

        def asked_to_stop() -> bool:
            intent.renew()
            return self._canceled()

        ledger = Ledger(self._emit, asked_to_stop, lambda: writer.stored_bytes)
        ledger.incremental = base is not None
        if base is not None and all(root.audited is not None for root in task.roots):
            ledger.audit = ListAudit(task.roots)
        try:
            contents = ContentWriter(index, writer, ledger, task.data_key)
            shared = self._shared(base, ledger)
            root_id = self._tree(contents, ledger, base)
            owners_id = self._owners(contents, base)
            loose = 0
            if shared and base is not None:
                if self._finds_own_refs(contents, ledger, base):
                    shared = []
                else:
                    loose = max(0, base.header.loose_bytes) + contents.loose_bytes
            new = writer.finish()
        except BaseException:
            writer.abort()
            raise
        ledger.tick(b"", now=True)
        references = contents.references(new, shared)
        known = {one.pack_id for one in [*new, *(base.references if base is not None else ())]}
        indexes = {one.pack_id: one for one in index.packs}
        earlier = taken_up(self._store, references, known, indexes, task.taken_at)
        header = SessionHeader(
            number=0,
            media_serial=label.serial,
            set_id=label.set_id,
            entity=task.entity,
            machine=task.machine,
            replica=task.replica,
            server=task.server,
            job_id=task.job_id,
            scenario_id=task.scenario_id,
            scenario_name=task.scenario_name,
            started_at=self._started,
            taken_at=task.taken_at,
            finished_at=datetime.now(UTC),
            files=ledger.files,
            directories=ledger.directories,
            size_bytes=ledger.size_bytes,
            new_bytes=ledger.new_bytes + earlier[0],
            stored_bytes=sum(pack.size for pack in new) + earlier[1],
            consistency=task.consistency,
            snapshot_provider=task.provider,
            incarnation=task.incarnation,
            change=task.change,
            base_session=0 if task.base_media else base_session,
            encrypted=task.data_key is not None,
            key_id=task.key_id,
            incomplete=ledger.problems > 0,
            problems=ledger.problems,
            root_id=root_id,
            refs_hash=b"",
            roots=tuple(root.master_path for root in task.roots),
            loose_bytes=loose,
            owners_id=owners_id,
            filters=filters_text(task.filters),
            left_out=self._left_out(ledger, base),
        )
        return commit(self._store, intent, header, references), ledger, new

    def _left_out(self, ledger: Ledger, base: Base | None) -> str:
        """What the filter left out; where only changes were looked at, as it was when all was."""
        if base is not None and all(root.changes is not None for root in self._task.roots):
            return base.header.left_out
        return left_out_text({rule: (one[0], one[1], one[2]) for rule, one in ledger.rules.items()})

    def _base_store(self) -> MediaStore:
        """The media that has the base session: this one, or another of its set."""
        other = self._task.base_media
        return DirectoryMediaStore(other) if other else self._store

    def _finds_own_refs(self, contents: ContentWriter, ledger: Ledger, base: Base) -> bool:
        """Whether the session knows exactly what it uses, and need not take its base's refs over.

        Finding that costs a look at every directory of the base. It is done when so much may be freed by it
        that it costs no more than the changes did.
        """
        known = base.header.loose_bytes
        entries = ledger.files + ledger.directories
        if known >= 0 and known + contents.loose_bytes < _LOOSE_PER_ENTRY * entries:
            return False
        return contents.mark_shared(base.reader, lambda: ledger.tick(b""))

    def _shared(self, base: Base | None, ledger: Ledger) -> list[PackReference]:
        """What is referred to without being looked at: all of the base, when there is a change list."""
        if all(root.changes is None for root in self._task.roots):
            return []
        if base is None or base.header.incomplete or not base.complete:
            reason = "it does not exist" if base is None else "it is incomplete or packs of it are missing"
            raise ArcxoError("E4202", session=self._task.base_session, reason=reason)
        if any(root.changes is None for root in self._task.roots):
            raise ArcxoError("E4202", session=self._task.base_session, reason="only some roots have a list")
        if base.header.filters != filters_text(self._task.filters):
            raise ArcxoError("E4202", session=self._task.base_session, reason="it has another filter")
        if base.header.roots != tuple(root.master_path for root in self._task.roots):
            raise ArcxoError("E4202", session=self._task.base_session, reason="it has other roots")
        ledger.files, ledger.directories = base.header.files, base.header.directories
        ledger.size_bytes = base.header.size_bytes
        return base.references

    def _owners(self, contents: ContentWriter, base: Base | None) -> str:
        """Keep the names of the owners; those of the base where none are known now."""
        owners = self._task.owners
        if not owners and base is not None:
            owners = recorded_owners(base.header, base.reader)
        return contents.node(encode_owners(owners)).hex() if owners else ""

    def _tree(self, contents: ContentWriter, ledger: Ledger, base: Base | None) -> bytes:
        """Archive all roots and make the nodes above them; the id of the node of `/`."""
        top: dict[bytes, object] = {}
        devices: dict[int, int] = {}
        filters = self._task.filters
        chosen = PathFilter(filters, reserved=False) if filters.include or filters.exclude else None
        for ordinal, root in enumerate(self._task.roots):
            if not isinstance(self._manifests.get(root.master_path), SnapshotManifest):
                devices.setdefault(self._device(root), ordinal)
        for ordinal, root in enumerate(self._task.roots):
            manifest = self._manifests.get(root.master_path)
            reader = base.reader if base else None
            kind = ListedTree if isinstance(manifest, SnapshotManifest) else TreeArchiver
            if root.rules is not None:
                kind = SourceTree
            # Inodes of two roots may be those of two file systems; a manifest does not say.
            numbers = {**devices, NOT_SAID: ordinal}
            tree = kind(root, contents, ledger, reader, manifest, numbers, self._doubtful_ns, chosen)
            entry = tree.archive(base.directory(root.master_path) if base else None)
            names = [name for name in root.master_path.split(b"/") if name]
            if not names:
                if len(self._task.roots) > 1:
                    raise UsageError("E4205", path=shown(root.master_path))
                node: bytes = entry[CONTENT]
                return node
            at = top
            for name in names[:-1]:
                beneath = at.setdefault(name, {})
                if not isinstance(beneath, dict):
                    raise UsageError("E4205", path=shown(root.master_path))
                at = beneath
            if names[-1] in at:
                raise UsageError("E4205", path=shown(root.master_path))
            entry[NAME] = names[-1]
            at[names[-1]] = entry
        return _store(top, contents)

    def _device(self, root: ArchiveRoot) -> int:
        manifest = self._manifests.get(root.master_path)
        recorded = manifest.get(b"") if manifest is not None else None
        return recorded[1].device if recorded is not None else os.lstat(root.directory).st_dev


def _store(level: dict[bytes, object], contents: ContentWriter) -> bytes:
    entries: list[Entry] = []
    for name in sorted(level):
        child = level[name]
        if isinstance(child, dict):
            node = _store(child, contents)
            child = [name, DIRECTORY, _IMPLICIT_PERMISSIONS, 0, 0, 0, 0, 0, 0, {"y": True}, node]
        assert isinstance(child, list)
        entries.append(child)
    return contents.node(encode_node(entries))
