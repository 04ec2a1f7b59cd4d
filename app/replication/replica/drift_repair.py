"""Which operations put back what others had changed: a rewind must not take those back.

A change by others is in no undo record. Were its reverting taken back like any operation, a rewind across
both would give the foreign edit for what the master had, and write older blocks into it.
"""

from __future__ import annotations

import stat

from app.model.entry import EntryKind, Metadata
from app.replication.metadata import xattr_digest
from app.replication.records import MakeEntry, MakeLink, Record, Remove, ReplaceFile, SetMetadata
from app.replication.replica.drift_states import TreeStates, file_type
from app.replication.replica.steps import Operation


def over_others(states: TreeStates, record: Record) -> Operation | None:
    """What applying `record` is where others are known to have changed its path; None where they have not.

    REPAIR: it leaves what the applier had left there, so that the replica has been equal to the master all
    along as far as a rewind is concerned. OVERWRITE: the master has something else by now, and what it had
    at the time of the edit is nowhere any more.
    """
    if not states.drifting or not isinstance(
        record, ReplaceFile | MakeEntry | MakeLink | Remove | SetMetadata
    ):
        return None
    if not states.has_drifted(record.root, record.path):
        return None
    return Operation.REPAIR if _puts_back(states, record) else Operation.OVERWRITE


def _puts_back(states: TreeStates, record: ReplaceFile | MakeEntry | MakeLink | Remove | SetMetadata) -> bool:
    row = states.get(record.root, record.path)
    if isinstance(record, Remove) or row is None:
        return isinstance(record, Remove) and row is None
    if isinstance(record, MakeLink):
        other = states.get(record.root, record.existing)
        return other is not None and other.inode == row.inode
    return (row.mode, row.uid, row.gid, row.xattrs) == (
        _mode(record.metadata),
        record.metadata.uid,
        record.metadata.gid,
        xattr_digest(record.metadata.xattrs),
    ) and (stat.S_ISDIR(row.mode) or _same_content(row.size, row.modified_ns, record.metadata))


def _mode(metadata: Metadata) -> int:
    return file_type(metadata.kind) | metadata.permissions


def _same_content(size: int, modified_ns: int, metadata: Metadata) -> bool:
    expected = metadata.size_bytes if metadata.kind is EntryKind.FILE else 0
    return (size, modified_ns) == (expected, metadata.modified_ns)
