"""Files that were read together, done in C: as in Python, and nothing else is taken for one."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from app.backup import contents as of_contents
from app.media.node import PIECE
from app.model.archive import CatalogRow
from app.model.entry import EntryKind
from tests.support.archived_both_ways import archived_both_ways, small_files
from tests.support.capabilities import native_or_report

_EMPTY = "nothing"
_DOUBTFUL = 1000


@pytest.fixture(scope="module")
def gathering() -> Any:
    return native_or_report("gathering")


def _step(
    into: list[Any], size: int, /, *, changed: int = 500, linked: int = 700, **other: Any
) -> tuple[Any, ...]:
    entry = [b"n", 0, 0o644, 1, 2, size, -5, changed, 9, None, b"?"]
    wanted = (b"d/n", size, -5, linked)
    found = {
        "kind": 1,
        "entry": entry,
        "path": b"/d/n",
        "base": None,
        "into": into,
        "wanted": wanted,
        **other,
    }
    return tuple(found.values())


def _done(gathering: Any, steps: list[Any], data: bytes, good: bytes, *begin: int) -> tuple[Any, ...]:
    known: set[bytes] = set()
    new: list[tuple[bytes, bytes]] = []
    rows: list[CatalogRow] = []

    def is_new(chunk_id: bytes) -> bool:
        known_before = chunk_id in known
        known.add(chunk_id)
        return not known_before

    def add(chunk_id: bytes, content: memoryview) -> None:
        new.append((chunk_id, bytes(content)))

    found = gathering.whole_files(
        *(steps, begin[0] if begin else 0, memoryview(data), good, *(begin[1:] or (0, 0)), blake3, is_new),
        *(add, _DOUBTFUL, rows, CatalogRow, "file", _EMPTY),
    )
    return found, new, rows


def test_entries_rows_and_new_contents_are_as_in_python(gathering: Any) -> None:
    into: list[Any] = []
    parts = [b"one", b"", b"two!", b"one", random.Random(1).randbytes(70_000)]
    times = [(500, 700), (500, 700), (1000, 0), (1001, 700), (0, 700)]
    steps = [_step(into, len(part), changed=c, linked=k) for part, (c, k) in zip(parts, times, strict=True)]
    data = b"".join(parts)
    found, new, rows = _done(gathering, steps, data, b"\1" * 5)
    assert found == (5, 5, len(data), len(data), len(data) - 3)
    ids = [blake3(part).digest() for part in parts]
    assert new == [(ids[0], parts[0]), (ids[2], parts[2]), (ids[4], parts[4])]
    assert [entry[10] for entry in into] == [
        PIECE.pack(one, len(part)) if part else b"" for one, part in zip(ids, parts, strict=True)
    ]
    assert [entry[7] for entry in into] == [700, 700, 1000, 0, 0]
    assert rows == [
        CatalogRow(b"/d/n", EntryKind.FILE, len(part), -5, one[:16].hex() if part else _EMPTY)
        for one, part in zip(ids, parts, strict=True)
    ]
    assert all(type(row) is CatalogRow for row in rows)


def test_it_ends_before_what_python_is_to_do(gathering: Any) -> None:
    into: list[Any] = []
    wanted = (b"d/n", 3, -5, 7)
    odd: list[Any] = [
        _step(into, 3, kind=2), _step(into, 3, kind=None), _step(into, 3, base=[1]), _step(into, 3, entry=()),
        _step(into, 3, entry=[b"n"]), _step(into, 3, wanted=wanted[:-1]), _step(into, 3, wanted=[*wanted]),
        None, (), [], _step(into, 3, into=()), _step(into, -1), _step(into, 1 << 70), _step(into, 4),
        _step(into, 3, entry=[b"n", 0, 0, 0, 0, 3, 1, 1, 1, {"x": []}, b""]), _step(into, True),
        _step(into, 3, linked=1 << 64),
    ]  # fmt: skip
    for one in odd:
        into.clear()
        found, new, rows = _done(gathering, [_step(into, 2), one, _step(into, 2)], b"aabbb", b"\1\1\1")
        assert found == (1, 1, 2, 2, 2)
        assert (len(new), len(rows), len(into)) == (1, 1, 1)
    steps = [_step(into, 2), _step(into, 3)]
    assert _done(gathering, steps, b"aabbb", b"\1\0")[0] == (1, 1, 2, 2, 2)
    assert _done(gathering, steps, b"aabbb", b"\1")[0] == (1, 1, 2, 2, 2)
    assert _done(gathering, steps, b"aabbb", b"\1\1", 1, 1, 2)[0] == (2, 2, 5, 3, 3)
    assert _done(gathering, steps, b"aabbb", b"\1\1", 9, 0, 0)[0] == (9, 0, 0, 0, 0)
    for begin in ((-1, 0, 0), (0, -1, 0), (0, 0, -1)):
        with pytest.raises(ValueError, match="no such steps"):
            _done(gathering, steps, b"aabbb", b"\1\1", *begin)


def test_what_is_called_may_raise(gathering: Any) -> None:
    def full(*_: object) -> bool:
        raise OSError("full")

    step = _step([], 2)
    with pytest.raises(OSError, match="full"):
        gathering.whole_files(
            [step], 0, memoryview(b"aa"), b"\1", 0, 0, blake3, full, full, 0, [], CatalogRow, "file", ""
        )


def test_a_whole_archive_is_the_same_without(
    gathering: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del gathering
    root = tmp_path / "source"
    small_files(root, {"a": 40, "a/b": 40, "a/c": 40, "d": 40})
    os.link(root / "a/1", root / "d/linked")
    os.symlink("a", root / "d/symbolic")
    assert len(archived_both_ways(root, tmp_path, of_contents, monkeypatch)) > 160
