"""New entries read and encoded in C are the records that the interpreter makes of them."""

from __future__ import annotations

import os
import random
import stat
from pathlib import Path
from typing import Any

import pytest

from app.model.entry import EntryKind
from app.replication.codec import KIND_NUMBER, bin_header, encode, encode_file
from app.replication.content import data_extents
from app.replication.metadata import metadata_of
from app.replication.records import MakeEntry
from tests.support.capabilities import native_or_report

KINDS = (KIND_NUMBER[EntryKind.FILE], KIND_NUMBER[EntryKind.DIRECTORY])
Row = tuple[Any, ...]


def row_of(place: Path, path: bytes, **other: Any) -> Row:
    status = os.lstat(os.fsencode(place) + b"/" + path)
    fields = {
        "key": path.replace(b"/", b"\0"), "kind": status.st_mode >> 12, "permissions": 0, "uid": 0, "gid": 0,
        "size": status.st_size, "modified": 0, "xattrs": b"", "target": b"", "rdev": 0, "links": 1,
        "device": 0, "inode": status.st_ino, "changed": status.st_ctime_ns, "mode": status.st_mode,
        "hashes": None,
    }  # fmt: skip
    return tuple((fields | other).values())


def record_of(place: Path, path: bytes, root: int) -> bytes:
    whole = os.fsencode(place) + b"/" + path
    status = os.lstat(whole)
    if stat.S_ISDIR(status.st_mode):
        record = encode(MakeEntry(root, path, metadata_of(status, (), b"")))
    else:
        fd = os.open(whole, os.O_RDONLY)
        data = os.read(fd, 1 << 21)
        record = encode_file(root, path, status, (), data_extents(fd, status), data)
        os.close(fd)
    return bin_header(len(record)) + record


def read(place: Path, rows: list[Row], first: int = 0, root: int = 3, most: int = 1 << 20) -> Any:
    module = native_or_report("sending")
    device = os.lstat(place).st_dev
    return module.new_entries(os.fsencode(place), root, device, *KINDS, rows, first, most)


@pytest.mark.parametrize("root", [0, 127, 128, 9_999])
def test_the_records_are_those_of_the_interpreter(tmp_path: Path, root: int) -> None:
    chance = random.Random(root)
    paths = []
    for number in range(120):
        path = b"n" * chance.choice((1, 5, 200, 245)) + b"%d" % number
        if number % 5 == 0:
            (tmp_path / os.fsdecode(path)).mkdir()
        else:
            size = chance.choice((0, 1, 127, 128, 255, 256, 8191, 8192, 8193, 65535, 65536, 70_000))
            (tmp_path / os.fsdecode(path)).write_bytes(chance.randbytes(size))
        whole = os.fsencode(tmp_path) + b"/" + path
        os.chmod(whole, chance.choice((0o600, 0o644, 0o777, 0o4755)))
        if os.geteuid() == 0:
            os.chown(whole, chance.choice((0, 127, 128, 255, 256, 65_536)), chance.choice((0, 70_000)))
        time = chance.choice((0, -1, -32, -33, -129, -40_000, -(1 << 40), 5, 1 << 33, 1 << 60))
        os.utime(whole, ns=(time, time))
        paths.append(path)
    rows = [row_of(tmp_path, path) for path in paths]
    records, entries, files, content, passed = read(tmp_path, rows, root=root)
    assert (entries, files) == (120, 96)
    assert records == b"".join(record_of(tmp_path, path, root) for path in paths)
    sizes = [os.lstat(os.fsencode(tmp_path) + b"/" + path).st_size for path in paths]
    assert content == passed == sum(size for number, size in enumerate(sizes) if number % 5)
    assert read(tmp_path, rows, first=100)[1] == 20
    assert read(tmp_path, rows, first=120) == (b"", 0, 0, 0, 0)


def test_what_is_not_as_recorded_ends_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b" * 100)
    (tmp_path / "d").mkdir()
    (tmp_path / "l").symlink_to("a")
    os.mkfifo(tmp_path / "p")
    with (tmp_path / "s").open("wb") as file:
        file.truncate(1 << 19)
    good = row_of(tmp_path, b"a")
    changed = os.lstat(tmp_path / "b").st_ctime_ns
    for other in (
        row_of(tmp_path, b"b", inode=1), row_of(tmp_path, b"b", mode=stat.S_IFREG),
        row_of(tmp_path, b"b", size=99),
        row_of(tmp_path, b"b", size=101), row_of(tmp_path, b"b", changed=changed + 1),
        row_of(tmp_path, b"b", changed=0), row_of(tmp_path, b"b", xattrs=b"x" * 16),
        row_of(tmp_path, b"b", device=7), row_of(tmp_path, b"b", hashes=b""), row_of(tmp_path, b"d", inode=1),
        row_of(tmp_path, b"b", key=b"gone"), row_of(tmp_path, b"b", key=b"d"),
        row_of(tmp_path, b"b", key=b"l"),
        row_of(tmp_path, b"b", key=b"p"), row_of(tmp_path, b"b", key=b"a\0b"), row_of(tmp_path, b"l"),
        row_of(tmp_path, b"p"), row_of(tmp_path, b"s"), row_of(tmp_path, b"d", key=b""),
        row_of(tmp_path, b"d", key=b"a"), row_of(tmp_path, b"b", key=b"n" * 300),
    ):  # fmt: skip
        assert read(tmp_path, [other, good])[:2] == (b"", 0), other
        assert read(tmp_path, [good, other, good])[:2] == (record_of(tmp_path, b"a", 3), 1), other
    assert read(tmp_path, [row_of(tmp_path, b"b")], most=99)[1] == 0
    assert read(tmp_path, [row_of(tmp_path, b"b", changed=-changed)])[1] == 1


def test_what_is_no_row_is_refused_and_nothing_stays_open(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    good = row_of(tmp_path, b"a")
    before = len(os.listdir("/proc/self/fd"))
    for bad in (good[:-1], (*good, 1), (None, *good[1:]), ("a", *good[1:]), (*good[:5], 1 << 70, *good[6:])):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            read(tmp_path, [good, bad])
    with pytest.raises(ValueError, match="beyond"):
        read(tmp_path, [good], first=2)
    with pytest.raises(ValueError, match="beyond"):
        read(tmp_path, [good], first=-1)
    for _ in range(20):
        read(tmp_path, [good, row_of(tmp_path, b"a", inode=1)])
    assert len(os.listdir("/proc/self/fd")) == before
