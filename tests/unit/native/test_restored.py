"""What a restore made, noted and looked at: the same as Python does, and nothing trusted that is told."""

from __future__ import annotations

import contextlib
import os
import random
import stat
from pathlib import Path
from typing import Any

import msgpack
import pytest

from app.backup.journal import Fingerprint, Record, Step, encode
from app.backup.new_files import fingerprint
from app.media.node import FILE
from app.replication.replica.drift_states import state_row
from app.replication.staged import packed_files
from tests.support.capabilities import native_or_report

Told = tuple[bytes, int, int, int, int, int]


@pytest.fixture
def restored() -> Any:
    return native_or_report("restored")


def entry(name: bytes, mode: int, size: int, modified: int, uid: int = 0, gid: int = 0) -> list[Any]:
    return [name, FILE, mode, uid, gid, size, modified, 0, 0, None, b"x" * 40]


@contextlib.contextmanager
def opened(place: Path) -> Any:
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield fd
    finally:
        os.close(fd)


def a_file(place: Path, name: bytes, chance: random.Random) -> Told:
    path = os.fsencode(place) + b"/" + name
    Path(os.fsdecode(path)).write_bytes(chance.randbytes(chance.randrange(300)))
    Path(os.fsdecode(path)).chmod(chance.choice((0o644, 0o600, 0o4755, 0o777)))
    os.utime(path, ns=(0, chance.choice((0, 1, -1_500_000_000, 1_700_000_000_123_456_789))))
    found = os.lstat(path)
    return (
        name, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_size, found.st_mtime_ns
    )  # fmt: skip


def some_files(place: Path, count: int = 60) -> list[Told]:
    chance = random.Random(7)
    return [a_file(place, b"%d " % at + bytes([200 + at % 50]) * (at % 4), chance) for at in range(count)]


def inode(place: Path, name: bytes) -> int:
    return os.lstat(os.fsencode(place) + b"/" + name).st_ino


def test_records_are_those_of_python(restored: Any) -> None:
    chance = random.Random(3)
    numbers = (0, 1, 127, 128, 255, 256, 65_535, 65_536, (1 << 32) - 1)
    for _ in range(300):
        entries = [
            entry(
                chance.randbytes(chance.choice((1, 30, 255))),
                chance.choice((0, 0o644, 0o7777, 0o644 | stat.S_IFDIR)),
                chance.choice((*numbers, 1 << 32, (1 << 63) - 1)),
                chance.choice((*numbers, -1, -32, -33, -129, -40_000, -(1 << 31) - 1, -(1 << 63))),
                chance.choice(numbers),
                chance.choice(numbers),
            )
            for _ in range(chance.randrange(4))
        ]
        inodes = [chance.choice((1, 200, 1 << 33, (1 << 64) - 1)) for _ in entries]
        base = b"/" + chance.randbytes(chance.choice((0, 200, 70_000))) + b"/"
        wanted = b"".join(
            encode(Record(Step.CREATE, base + one[0], after=Fingerprint(*fingerprint(one, number))))
            for one, number in zip(entries, inodes, strict=True)
        )
        assert restored.records(base, entries, inodes) == wanted


@pytest.mark.parametrize(
    ("odd", "number"),
    [
        (entry(b"a", 0o644, -1, 0), 1),
        (entry(b"a", 0o644, 1 << 63, 0), 1),
        (entry(b"a", 0o644, 1, 1 << 63), 1),
        (entry(b"a", 0o644, 1, 0, 1 << 32), 1),
        (entry(b"a", 0o644, 1, 0), -1),
        (entry(b"a", 0o644, 1, 0), 1 << 64),
    ],
)
def test_what_no_file_can_have_is_left_to_python(
    restored: Any, tmp_path: Path, odd: list[Any], number: int
) -> None:
    assert restored.records(b"/a/", [entry(b"good", 0o644, 1, 0), odd], [5, number]) is None
    with opened(tmp_path) as fd:
        assert restored.unequal(fd, [odd], [number]) == [0]


def test_wrong_arguments_are_refused(restored: Any, tmp_path: Path) -> None:
    cases: list[tuple[list[Any], list[Any]]] = [
        ([entry(b"a", 0, 0, 0)], []),
        ([None], [1]),
        ([("a",)], [1]),
        ([[b"a"]], [1]),
        ([[None, *entry(b"a", 0, 0, 0)[1:]]], [1]),
        ([["a", *entry(b"a", 0, 0, 0)[1:]]], [1]),
        ([entry(b"a", 0, 0, 0)], [None]),
    ]
    for wrong in cases:
        with pytest.raises((ValueError, TypeError)):
            restored.records(b"/a/", *wrong)
        with opened(tmp_path) as fd, pytest.raises((ValueError, TypeError)):
            restored.unequal(fd, *wrong)


def test_files_that_are_others_or_gone_are_told(restored: Any, tmp_path: Path) -> None:
    told = some_files(tmp_path)
    entries = [entry(name, mode, size, time, uid, gid) for name, mode, uid, gid, size, time in told]
    inodes = [inode(tmp_path, one[0]) for one in told]
    with opened(tmp_path) as fd:
        assert restored.unequal(fd, entries, inodes) == []
        inodes[1] += 1
        for number, at in ((4, 2), (7, 5), (9, 6), (11, 3), (13, 4)):
            entries[number][at] += 1
        (tmp_path / os.fsdecode(told[20][0])).unlink()
        entries[30][0] = b"../" + entries[30][0]
        entries[31][0] = b""
        entries[32][0] = b"a\0b"
        entries[33][0] = b"n" * 5000
        assert restored.unequal(fd, entries, inodes) == [1, 4, 7, 9, 11, 13, 20, 30, 31, 32, 33]
    assert restored.unequal(-1, entries[:1], inodes[:1]) == [0]


def test_rows_are_those_of_python(restored: Any, tmp_path: Path) -> None:
    told = some_files(tmp_path)
    with opened(tmp_path) as fd:
        parts = [packed_files(told[:20]), packed_files(told[20:])]
        rows, others, count = restored.rows(fd, parts, 3, b"a\0b\0")
    wanted = []
    for name in sorted(one[0] for one in told):
        status = os.lstat(os.fsencode(tmp_path) + b"/" + name)
        wanted.append(state_row(3, b"a/b/" + name, status, status.st_ctime_ns, b""))
    assert (rows, others, count) == (wanted, [], len(told))


def test_what_is_not_exactly_as_told_is_left_to_python(restored: Any, tmp_path: Path) -> None:
    told = some_files(tmp_path, 20)
    (tmp_path / "directory").mkdir()
    (tmp_path / "more").write_bytes(b"")
    os.symlink("nowhere", tmp_path / "link")
    changed: list[list[Any]] = [list(one) for one in told]
    for number in range(1, 6):
        changed[number][number] += 1
    changed.append([b"link", 0o777, 0, 0, 7, 0])
    changed.append([b"not there", 0o644, 0, 0, 0, 0])
    packed = msgpack.packb(changed)
    with opened(tmp_path) as fd:
        rows, others, count = restored.rows(fd, [packed], 0, b"")
    assert others == sorted([b"directory", b"more", b"link", *(told[number][0] for number in range(1, 6))])
    assert [row[1] for row in rows] == sorted(one[0] for one in (told[0], *told[6:]))
    assert count == len(changed)


def test_hostile_bytes_are_left_to_python(restored: Any, tmp_path: Path) -> None:
    good = packed_files([(b"a", 1, 2, 3, 4, 5), (b"b", 1, 2, 3, 4, -5)])
    chance = random.Random(11)
    with opened(tmp_path) as fd:
        for end in range(len(good)):
            assert restored.rows(fd, [good[:end]], 0, b"") is None
        for bad in (
            good + b"\0", b"\xdd\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff" + good[1:],
            packed_files([(b"", 1, 2, 3, 4, 5)]), packed_files([(b"n" * 300, 1, 2, 3, 4, 5)]),
            packed_files([(b"a", -1, 2, 3, 4, 5)]), packed_files([(b"a", 1, 1 << 32, 3, 4, 5)]),
            packed_files([(b"a", 1, 2, 3, 1 << 63, 5)]), packed_files([(b"a", 1, 2, 3, 4, 1 << 63)]),
            packed_files([(b"a", 1, 2, 3, 4, 5), (b"a", 1, 2, 3, 4, 5)]),
            msgpack.packb([["a", 1, 2, 3, 4, 5]]), msgpack.packb([[b"a", 1, 2, 3, 4]]), msgpack.packb({}),
        ):  # fmt: skip
            assert restored.rows(fd, [bad], 0, b"") is None
        for _ in range(3000):
            data = bytearray(good)
            data[chance.randrange(len(data))] = chance.randrange(256)
            restored.rows(fd, [bytes(data)], 0, b"")
        with pytest.raises(OSError, match="Bad file"):
            restored.rows(-1, [good], 0, b"")


def test_looking_keeps_nothing_open(restored: Any, tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    told = some_files(tmp_path, 5)
    with opened(tmp_path) as fd:
        for _ in range(20):
            restored.rows(fd, [packed_files(told)], 0, b"")
            restored.rows(fd, [b"bad"], 0, b"")
    assert len(os.listdir("/proc/self/fd")) == before
