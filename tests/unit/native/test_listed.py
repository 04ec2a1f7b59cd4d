"""A manifest read in C: the same steps as in Python, and nothing else is taken for a small plain file."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import msgpack
import pytest

from app.backup import manifest_rows
from app.backup.manifest_rows import ManifestRows
from app.model import manifest
from app.model.errors import ArcxoError
from tests.support.archived_both_ways import archived_both_ways, small_files
from tests.support.capabilities import native_or_report


@pytest.fixture(scope="module")
def listed() -> Any:
    return native_or_report("listed")


def _row(path: bytes, **other: Any) -> list[Any]:
    fields = {
        "path": path, "kind": "file", "permissions": 0o644, "uid": 1, "gid": 1 << 31, "size": 3,
        "modified": -5, "xattrs": [], "target": b"", "device": 0, "inode": 1 << 63, "changed": 1 << 40,
        "links": 1, "linked": 7,
    }  # fmt: skip
    return list({**fields, **other}.values())


def _files(rows: Any, relative: bytes = b"d", **limits: int) -> tuple[Any, list[Any], list[Any], list[Any]]:
    into: list[Any] = []
    steps: list[Any] = []
    wanted: list[Any] = []
    most = {"most_steps": 10, "most_bytes": 100, "largest": 50, **limits}
    found = rows.files(relative, b"/srv/" + relative, into, steps, wanted, 1, *most.values())
    return found, into, steps, wanted


def _fed(listed: Any, *rows: object) -> Any:
    found = listed.Rows()
    found.feed(b"".join(msgpack.packb(row) for row in rows))
    return found


def test_a_small_plain_file_becomes_an_entry_a_step_and_a_wish(listed: Any) -> None:
    rows = _fed(listed, _row(b"d/one"), _row(b"d/two", size=0, changed=-1))
    found, into, steps, wanted = _files(rows)
    assert (found, into, rows.waiting) == ((2, 3), [], 0)
    assert wanted == [(b"d/one", 3, -5, 7), (b"d/two", 0, -5, 7)]
    one = [b"one", 0, 0o644, 1, 1 << 31, 3, -5, 1 << 40, 1 << 63, None, b""]
    two = [b"two", 0, 0o644, 1, 1 << 31, 0, -5, -1, 1 << 63, None, b""]
    assert steps == [
        (1, one, b"/srv/d/one", None, [], wanted[0]),
        (1, two, b"/srv/d/two", None, [], wanted[1]),
    ]
    assert all(step[4] is into for step in steps)


def test_at_the_root_a_name_is_the_whole_path(listed: Any) -> None:
    found, _, steps, _ = _files(_fed(listed, _row(b"one"), _row(b"d/two")), b"")
    assert (found, steps[0][1][0], steps[0][2]) == ((1, 3), b"one", b"/srv//one")


@pytest.mark.parametrize(
    "odd",
    [
        _row(b"d/x", kind="directory"), _row(b"d/x", kind=b"file"), _row(b"d/x", kind="files"),
        _row(b"d/x", size=51),
        _row(b"d/x", xattrs=[[b"a", b"b"]]), _row(b"d/x", target=b"t"), _row(b"d/x", device=1),
        _row(b"d/x", links=2), _row(b"d/x", linked=0), _row(b"d/x", linked=-1), _row(b"d/x", size=-1),
        _row(b"d/x", inode=None), _row(b"d/x", permissions="a"), _row(b"d/x")[:13], [*_row(b"d/x"), 1],
        _row(b"d/"), _row(b"d"), _row(b"d/x/y"), _row(b"e/x"), _row(b"dx/y"), _row(b"x"), {"d/x": 1}, None, 5,
        ["end", 1], _row(b"d/x", gid=1.5), _row(b"d/x", modified=True),
    ],
)  # fmt: skip
def test_what_is_anything_else_is_left(listed: Any, odd: object) -> None:
    rows = _fed(listed, _row(b"d/one"), odd, _row(b"d/two"))
    assert _files(rows)[0] == (1, 3)
    assert _files(rows)[0] == (0, 0)
    assert msgpack.unpackb(rows.take()) == odd
    assert _files(rows)[0] == (1, 3)
    assert rows.take() is None


def test_it_ends_at_the_limits(listed: Any) -> None:
    many = [_row(b"d/%d" % number) for number in range(30)]
    assert _files(_fed(listed, *many))[0] == (10, 30)
    assert _files(_fed(listed, *many), most_bytes=7)[0] == (3, 9)
    assert _files(_fed(listed, *many), most_bytes=0)[0] == (0, 0)


def test_bytes_come_in_any_parts(listed: Any) -> None:
    odd = _row(b"d/x", xattrs=[[b"a" * 300, b"b" * 70_000]])
    whole = b"".join(
        msgpack.packb(row) for row in (_row(b"d/one"), odd, {"a": [None, True, 1.5, -9]}, _row(b"d/two"))
    )
    chance = random.Random(5)
    for _ in range(60):
        rows, taken, at = listed.Rows(), [], 0
        while at < len(whole):
            step = chance.choice((1, 7, 100, 1000, 80_000))
            rows.feed(whole[at : at + step])
            at += step
            while True:
                if _files(rows)[0][0]:
                    continue
                item = rows.take()
                if item is None:
                    break
                taken.append(msgpack.unpackb(item))
        assert rows.waiting == 0
        assert odd in taken


def test_what_is_no_item_is_refused(listed: Any) -> None:
    for data in (b"\xc1", b"\x91\xc1", b"\xc7\x01\x01a", b"\x92\x01\xd4\x01\x01"):
        rows = listed.Rows()
        rows.feed(data)
        with pytest.raises(ValueError, match="not an item"):
            rows.take()
    for wrong in (None, "text", 5):
        with pytest.raises(TypeError):
            listed.Rows().feed(wrong)


def test_any_bytes_are_read_or_refused(listed: Any) -> None:
    chance = random.Random(6)
    good = b"".join(msgpack.packb(_row(b"d/%d" % number)) for number in range(4))
    for _ in range(3000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        rows = listed.Rows()
        rows.feed(bytes(data[: chance.randrange(len(data))]))
        try:
            while _files(rows)[0][0] or rows.take() is not None:
                pass
        except ValueError:
            continue


@pytest.mark.parametrize("way", ["native", "python"])
def test_damage_is_told_in_both_ways(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "python":
        monkeypatch.setattr(manifest_rows, "_native", None)
    good = manifest.header() + msgpack.packb(_row(b"d/x")) + manifest.end(1)
    assert len(list(_all(good))) == 1
    for bad in (
        b"",
        good[:-1],
        good[len(manifest.header()) :],
        manifest.header() + manifest.end(1),
        b"\xc1" * 9,
    ):
        with pytest.raises(ArcxoError, match="E4190"):
            list(_all(bad))


def _all(data: bytes) -> list[Any]:
    rows = ManifestRows((data[at : at + 50] for at in range(0, len(data), 50)), b"m")
    found = []
    while (row := rows.next) is not None:
        found.append(row)
        rows.skip()
    return found


def test_a_whole_archive_is_the_same_without(
    listed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del listed
    root = tmp_path / "source"
    small_files(root, {"a": 40, "a/b": 40, "a/b-c": 40, "a/b/c": 40, "d": 300, "empty": 0})
    (root / "a/large").write_bytes(random.Random(4).randbytes(600_000))
    os.link(root / "a/1", root / "d/linked")
    os.symlink("a", root / "d/100-symbolic")
    assert len(archived_both_ways(root, tmp_path, manifest_rows, monkeypatch)) > 450
