"""What a synchronisation reads is what is there now, whatever is recorded of it and not asked again."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from app.model.entry import EntryKind
from app.replication.codec import decode
from app.replication.content import hash_blocks
from app.replication.master.large_files import SyncMode
from app.replication.master.observe import entry_of
from app.replication.master.reading import read_ahead
from app.replication.master.roots import ComparedRoot
from app.replication.master.sends import Send
from app.replication.metadata import read_xattrs
from app.replication.records import INLINE_MAX_BYTES, MakeEntry, Record, ReplaceFile, StageContent

NO_HASHES: Any = None


@pytest.fixture
def master(tmp_path: Path) -> Path:
    (tmp_path / "master").mkdir()
    return tmp_path / "master"


def recorded(master: Path, name: str) -> Send:
    status = os.lstat(master / name)
    whole = os.fsencode(master / name)
    row = entry_of(os.fsencode(name), status, read_xattrs(whole), b"", status.st_dev)
    return Send(row.path, row.size, row)


def read(master: Path, *sends: Send) -> tuple[list[Record], list[bytes], list[bytes]]:
    """The records, the paths in doubt, those that could not be read."""
    doubts: list[bytes] = []
    unread: list[bytes] = []
    root = ComparedRoot(0, os.fsencode(master), os.lstat(master).st_dev)
    found = read_ahead(
        root,
        iter(sends),
        NO_HASHES,
        SyncMode(),
        lambda _root, path, _error: unread.append(path),
        lambda _root, send, _same: doubts.append(send.path),
    )
    return [decode(record) for sent in found for record in sent.records], doubts, unread


def test_a_file_as_recorded_is_read_whole(master: Path) -> None:
    (master / "f").write_bytes(b"content")
    records, doubts, unread = read(master, recorded(master, "f"))
    assert [(type(one), getattr(one, "data", None)) for one in records] == [(ReplaceFile, b"content")]
    assert doubts == unread == []


def test_a_file_recorded_while_young_is_in_doubt_only_when_it_is_not_what_was_recorded(master: Path) -> None:
    sends = []
    for name in ("same", "content", "mode"):
        (master / name).write_bytes(b"content")
        send = recorded(master, name)
        assert send.row is not None
        sends.append(send._replace(row=send.row._replace(changed_ns=0, hashes=hash_blocks(b"content"))))
    before = os.lstat(master / "content")
    (master / "content").write_bytes(b"CONTENT")
    os.utime(master / "content", ns=(before.st_atime_ns, before.st_mtime_ns))
    (master / "mode").chmod(0o600)
    _, doubts, _ = read(master, *sends)
    assert doubts == [b"content", b"mode"]


def test_an_attribute_that_came_after_it_was_recorded_is_sent(master: Path) -> None:
    (master / "f").write_bytes(b"content")
    (master / "d").mkdir()
    sends = [recorded(master, "f"), recorded(master, "d")]
    for send, name in zip(sends, ("f", "d"), strict=True):
        # Where change times are coarse, the first ones may come with the same.
        while send.row is not None and os.lstat(master / name).st_ctime_ns == send.row.changed_ns:
            os.setxattr(master / name, b"user.late", b"1")
    records, _, _ = read(master, *sends)
    assert [one.metadata.xattrs for one in records if isinstance(one, ReplaceFile | MakeEntry)] == [
        ((b"user.late", b"1"),)
    ] * 2


def test_an_attribute_that_was_recorded_is_sent(master: Path) -> None:
    (master / "f").write_bytes(b"content")
    os.setxattr(master / "f", b"user.early", b"1")
    records, _, _ = read(master, recorded(master, "f"))
    assert isinstance(records[0], ReplaceFile)
    assert records[0].metadata.xattrs == ((b"user.early", b"1"),)


@pytest.mark.parametrize("kind", [EntryKind.SYMLINK, EntryKind.FIFO, EntryKind.DIRECTORY, EntryKind.SOCKET])
def test_a_file_that_is_something_else_by_now_is_sent_as_that(master: Path, kind: EntryKind) -> None:
    path = master / "f"
    path.write_bytes(b"content")
    send = recorded(master, "f")
    path.unlink()
    if kind is EntryKind.SYMLINK:
        path.symlink_to("elsewhere")
    elif kind is EntryKind.FIFO:
        os.mkfifo(path)
    elif kind is EntryKind.DIRECTORY:
        path.mkdir()
    else:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(str(path))
    records, doubts, unread = read(master, send)
    made = [] if kind is EntryKind.SOCKET else [kind]
    assert [one.metadata.kind for one in records if isinstance(one, MakeEntry)] == made
    assert doubts == [b"f"]
    assert unread == []


def test_a_file_that_is_gone_or_large_by_now(master: Path) -> None:
    for name in ("gone", "large"):
        (master / name).write_bytes(b"content")
    sends = [recorded(master, "gone"), recorded(master, "large")]
    (master / "gone").unlink()
    (master / "large").write_bytes(b"x" * (INLINE_MAX_BYTES + 1))
    records, doubts, unread = read(master, *sends)
    assert {type(one) for one in records} == {StageContent, ReplaceFile}
    assert doubts[0] == b"gone"
    assert unread == []
