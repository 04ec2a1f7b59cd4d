"""The walk in C fills the shadow with what the one of the interpreter does."""

from __future__ import annotations

import errno
import os
import random
import shutil
import socket
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.model.scenario import Filters
from app.replication.master import quick_fill
from app.replication.master.compare import ComparedRoot
from app.replication.master.filler import walk_beneath
from app.replication.master.filling import fill
from app.replication.master.filters import RESERVED_PREFIX, PathFilter
from app.replication.master.shadow import Shadow, ShadowReader, ShadowRow
from app.replication.metadata import _XATTR_EXCLUDED
from tests.support.capabilities import native_or_report


def grow(place: Path, chance: random.Random, depth: int = 0) -> None:
    """A tree with something of everything."""
    for number in range(chance.randint(0, 8)):
        name = chance.choice(("a", "a!", "b", "\udcff", "x" * 200, "c.tmp")) + str(number)
        path, what = place / name, chance.random()
        if what < 0.35 and depth < 3:
            path.mkdir()
            grow(path, chance, depth + 1)
        elif what < 0.4:
            path.symlink_to("nowhere")
        elif what < 0.45:
            os.mkfifo(path)
        else:
            path.write_bytes(b"x" * chance.randint(0, 100))
            if what > 0.9:
                os.link(path, place / (name + " other"))
        if what > 0.3 and chance.random() < 0.1 and path.is_file():
            os.setxattr(path, b"user.a", b"b")
        if path.is_dir() and chance.random() < 0.1:
            os.setxattr(path, b"user.d", b"e")
        if chance.random() < 0.05:
            (place / (os.fsdecode(RESERVED_PREFIX) + name)).touch()


def change(place: Path, chance: random.Random) -> None:
    for folder, folders, files in os.walk(os.fsencode(place)):
        for name in files:
            path, what = os.path.join(folder, name), chance.random()
            if what < 0.1:
                os.unlink(path)
            elif what < 0.2 and stat.S_ISREG(os.lstat(path).st_mode):
                Path(os.fsdecode(path)).write_bytes(b"changed")
            elif what < 0.25:
                os.unlink(path)
                os.mkdir(path)
                Path(os.fsdecode(path + b"/in it")).touch()
        if folders and chance.random() < 0.1:
            shutil.rmtree(os.path.join(folder, folders.pop()))


class Filled:
    def __init__(self, directory: Path, tree: Path, filters: Filters) -> None:
        self.shadow = Shadow(str(directory))
        self.root = ComparedRoot(2, os.fsencode(tree))
        self.root.identify()
        self.filters = PathFilter(filters)
        self.reported: list[bytes] = []

    def fill(self) -> tuple[list[ShadowRow], list[ShadowRow], list[bytes]]:
        """Rows, rows passed on, directories armed."""
        passed: list[ShadowRow] = []
        armed: list[bytes] = []
        keys: list[bytes] = []

        def told(root: int, key: bytes, rows: Sequence[ShadowRow]) -> None:
            assert root == 2
            assert not keys or key >= keys[-1]
            assert not rows or rows[-1][0] <= key
            keys.append(key)
            passed.extend(rows)

        counts = fill(
            self.root, self.shadow, self.filters, lambda path, _error: self.reported.append(path),
            lambda: False, lambda path, _device, _inode: armed.append(path), told,
        )  # fmt: skip
        self.shadow.commit()
        assert counts == self.shadow.counts(2)[1:]
        reader = ShadowReader(self.shadow.path)
        rows = list(reader.rows(2))
        reader.close()
        return rows, passed, armed


@pytest.mark.parametrize("seed", range(8))
def test_rows_are_those_of_the_interpreter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    native_or_report("walking")
    chance = random.Random(seed)
    monkeypatch.setattr("app.replication.master.filler._PASS_FIRST", 3 + 5 * seed)
    monkeypatch.setattr("app.replication.master.filler._PASS_MOST", 20 + 5 * seed)
    monkeypatch.setattr("app.replication.master.filler._TICK_NS", 0)
    monkeypatch.setattr("app.replication.master.shadow.PART_ROWS", 1 + 3 * seed)
    tree = tmp_path / "tree"
    tree.mkdir()
    grow(tree, chance)
    with socket.socket(socket.AF_UNIX) as one:
        monkeypatch.chdir(tree)
        one.bind("socket")
    filters = Filters(exclude=("*.tmp*",)) if seed % 3 == 0 else Filters()
    both = [Filled(tmp_path / name, tree, filters) for name in ("python", "c")]
    for _ in range(3):
        results = []
        for native, filled in zip(("off", ""), both, strict=True):
            monkeypatch.setenv("ARCXO_NATIVE", native)
            results.append(filled.fill())
        assert results[0][0] == results[1][0] == results[1][1] == results[0][1]
        # The way by the interpreter may watch one twice, which changes nothing.
        assert set(results[0][2]) == set(results[1][2])
        change(tree, chance)
    for filled in both:
        assert filled.reported == []
        filled.shadow.close()


def test_a_directory_that_goes_or_becomes_something_else_while_it_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_or_report("walking")
    monkeypatch.delenv("ARCXO_NATIVE", raising=False)
    for name in ("gone/in", "file/in", "link/in", "stays/in"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    filled = Filled(tmp_path / "shadow", tmp_path / "tree", Filters())

    def arm(path: bytes, _device: int, _inode: int) -> None:
        if path in (b"gone", b"file", b"link"):
            place = tmp_path / "tree" / os.fsdecode(path)
            if not place.is_dir() or place.is_symlink():
                return
            shutil.rmtree(place)
            if path == b"file":
                place.write_bytes(b"x")
            if path == b"link":
                place.symlink_to("stays")

    rows: list[ShadowRow] = []
    fill(
        filled.root, filled.shadow, filled.filters, lambda path, _error: filled.reported.append(path),
        lambda: False, arm, lambda _root, _key, found: rows.extend(found),
    )  # fmt: skip
    assert [(row[0], row[1]) for row in rows] == [
        (b"", 4), (b"file", 8), (b"link", 10), (b"stays", 4), (b"stays\0in", 4),
    ]  # fmt: skip
    assert filled.reported == []
    filled.shadow.close()


def test_a_directory_that_cannot_be_read_is_reported_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_or_report("walking")
    monkeypatch.delenv("ARCXO_NATIVE", raising=False)
    (tmp_path / "tree/d/in").mkdir(parents=True)
    filled = Filled(tmp_path / "shadow", tmp_path / "tree", Filters())

    def refused(root: ComparedRoot, path: bytes, *rest: object) -> object:
        monkeypatch.setattr("app.replication.master.walker.os.scandir", denied)
        return walk_beneath(root, path, *rest)  # type: ignore[arg-type]

    def denied(path: bytes) -> None:
        raise PermissionError(13, "denied", path)

    monkeypatch.setattr("app.replication.master.quick_fill.walk_beneath", refused)
    monkeypatch.setattr(quick_fill.QuickFill, "_distant", lambda self: self._walk.path()[0] == b"d")
    monkeypatch.setattr(quick_fill.QuickFill, "_top", lambda self: self._walk.top() and self._looked_at(b""))
    rows, _, _ = filled.fill()
    assert [row[0] for row in rows] == [b"", b"d"]
    assert filled.reported == [b"d"]
    filled.shadow.close()


@pytest.mark.parametrize("native", ["off", ""])
def test_what_is_too_deep_to_be_named_is_reported_and_the_rest_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, native: str
) -> None:
    native_or_report("walking")
    monkeypatch.setenv("ARCXO_NATIVE", native)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/z").touch()
    name = "d" * 250
    above = os.open(tmp_path / "tree", os.O_RDONLY)
    for _ in range(17):
        os.mkdir(name, dir_fd=above)
        inside = os.open(name, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = inside
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=above))
    os.close(above)
    filled = Filled(tmp_path / "shadow", tmp_path / "tree", Filters())
    rows, _, _ = filled.fill()
    reported = set(filled.reported)
    (above,) = {path.rpartition(b"/")[0] for path in reported}
    depth = above.count(b"/") + 1
    assert 10 < depth < 17
    # What no call takes is left out, and nothing that is beside it.
    assert above + b"/" + name.encode() in reported
    assert len(rows) == 2 + 2 * depth - (above + b"/file" in reported)
    assert rows[-1][0] == b"z"
    filled.shadow.close()


def test_times_beyond_what_is_kept_are_recorded_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_or_report("walking")
    monkeypatch.setattr("app.replication.master.filler._TICK_NS", 0)
    # Memory keeps any time, other file systems what they have room for.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        for name, seconds in (("a", 13_569_465_600), ("b", 1 << 35), ("c", -(1 << 35)), ("d", 0)):
            Path(place, name).touch()
            os.utime(Path(place, name), ns=(0, seconds * 10**9))
        results = []
        for native in ("off", ""):
            monkeypatch.setenv("ARCXO_NATIVE", native)
            filled = Filled(tmp_path / f"shadow{native}", Path(place), Filters())
            results.append(filled.fill()[0])
            again, passed, _ = filled.fill()
            assert again == passed == results[-1]
            filled.shadow.close()
        assert results[0] == results[1]
        assert [row[6] for row in results[0]][1:] == [(1 << 63) - 1, (1 << 63) - 1, 1 - (1 << 63), 0]


def test_what_cannot_be_looked_at_again_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    native_or_report("walking")
    monkeypatch.delenv("ARCXO_NATIVE", raising=False)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/b").touch()
    (tmp_path / "tree/link").symlink_to("nowhere")
    filled = Filled(tmp_path / "shadow", tmp_path / "tree", Filters())
    look = os.lstat

    def broken(path: bytes) -> os.stat_result:
        if path.endswith(b"/link"):
            raise OSError(errno.EIO, "broken", path)
        return look(path)

    monkeypatch.setattr("app.replication.master.quick_fill.os.lstat", broken)
    rows, _, _ = filled.fill()
    assert [row[0] for row in rows] == [b"", b"b"]
    assert filled.reported == [b"link"]
    filled.shadow.close()


def test_the_attribute_that_is_passed_over_is_not_replicated() -> None:
    assert quick_fill._USUAL_ATTRIBUTE in _XATTR_EXCLUDED
