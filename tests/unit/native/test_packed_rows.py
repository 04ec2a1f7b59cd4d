"""Catalog rows packed and opened in C: the same as in Python."""

from __future__ import annotations

import random
from typing import Any

import msgpack
import pytest

from app.agent import row_packing
from app.catalog.sessions_api import SessionEntry
from app.model import packed_rows as reference
from app.model.archive import CatalogRow, CatalogRows
from app.model.entry import EntryKind
from tests.support.capabilities import native_or_report

_KINDS = {kind.value: kind for kind in EntryKind}
_NUMBERS = (0, 1, 127, 128, 255, 256, 1 << 16, 1 << 32, (1 << 63) - 1)


@pytest.fixture(scope="module")
def packing() -> Any:
    return native_or_report("packed_rows")


def _rows(seed: int, count: int) -> tuple[CatalogRow, ...]:
    chance = random.Random(seed)
    return tuple(
        CatalogRow(
            b"/" + chance.randbytes(chance.choice((1, 30, 255, 256, 4000))),
            chance.choice(list(EntryKind)),
            chance.choice(_NUMBERS),
            chance.choice((1, -1)) * chance.choice(_NUMBERS),
            chance.choice(("", "0" * 31, "a" * 32, "f" * 255)),
            chance.random() < 0.2,
        )
        for _ in range(count)
    )


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_the_same_whoever_packs_and_opens_them(packing: Any, seed: int) -> None:
    rows = _rows(seed, 300)
    data, beyond = packing.pack(rows, 0, 1 << 23)
    assert beyond == len(rows)
    theirs = b"".join(part.data for part in reference.pack_rows(CatalogRows(rows, incremental=False)))
    assert msgpack.unpackb(data) == msgpack.unpackb(theirs)
    for packed in (data, theirs):
        opened = packing.unpack(packed, CatalogRow, _KINDS)
        assert tuple(opened) == rows
        assert all(type(row) is CatalogRow and type(row.kind) is EntryKind for row in opened)
        assert reference.unpack_rows(reference.PackedRows(packed, incremental=False)).rows == rows


def test_parts_follow_each_other_and_have_a_row_at_least(packing: Any) -> None:
    rows = _rows(1, 100)
    at, found = 0, []
    while at < len(rows):
        data, at = packing.pack(rows, at, 3000)
        found += packing.unpack(data, CatalogRow, _KINDS)
    assert tuple(found) == rows
    assert packing.pack(rows, 7, 0)[1] == 8
    assert packing.pack(rows, len(rows), 10) == (b"\xdd\0\0\0\0", len(rows))


@pytest.mark.parametrize(
    "row",
    [
        None,
        (b"/a",),
        ("/a", EntryKind.FILE, 1, 1, "", False),
        (b"/a", 7, 1, 1, "", False),
        (b"/a", EntryKind.FILE, 1 << 63, 1, "", False),
        (b"/a", EntryKind.FILE, 1, 1, "x" * 256, False),
        (b"/a", EntryKind.FILE, 1, 1, "", 0),
    ],
)
def test_what_is_no_row_is_left_to_python(packing: Any, row: Any) -> None:
    assert packing.pack((row,), 0, 100) is None


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_taken_of_what_is_damaged_that_python_would_not_take(packing: Any, seed: int) -> None:
    chance = random.Random(seed)
    data, _ = packing.pack(_rows(seed, 5), 0, 1 << 20)
    for _ in range(3000):
        damaged = bytearray(data)
        for _ in range(chance.randrange(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        del damaged[len(damaged) - chance.choice((0, 0, 1, 7, chance.randrange(len(damaged)))) :]
        opened = packing.unpack(bytes(damaged), CatalogRow, _KINDS)
        if opened is not None:
            packed = reference.PackedRows(bytes(damaged), incremental=False)
            assert reference.unpack_rows(packed).rows == tuple(opened)


def test_damage_is_told_as_ever() -> None:
    with pytest.raises(ValueError, match="rows"):
        row_packing.unpack_rows(reference.PackedRows(b"\x91\x96", incremental=True))


@pytest.mark.parametrize("size", [0, 3])
def test_rows_pass_through_both_ways(size: int) -> None:
    rows = CatalogRows(_rows(9, size), incremental=True)
    (packed,) = row_packing.pack_rows(rows)
    assert row_packing.unpack_rows(packed) == rows


def test_an_odd_row_among_others_is_packed_in_python() -> None:
    odd = CatalogRow(b"/x", EntryKind.FILE, 1, 1, "y" * 300)
    rows = CatalogRows((*_rows(3, 4), odd), incremental=False)
    parts = row_packing.pack_rows(rows)
    assert [row for part in parts for row in row_packing.unpack_rows(part).rows] == list(rows.rows)


def test_only_plain_paths_are_passed_over(packing: Any) -> None:
    beneath = (b"/a/", b"/b/c/")
    good = [(b"/a/x",), (b"/a/x/y.z",), (b"/b/c/\xff",)]
    assert packing.first_unusual(good, 0, beneath) == len(good)
    for odd in (
        b"", b"/", b"/a", b"/a/", b"/b/x", b"/a//x", b"/a/x//y", b"/a/./x", b"/a/..", b"/a/.x", b"/a/x/",
        b"/a/x\0", b"a/x",
    ):  # fmt: skip
        assert packing.first_unusual([*good, (odd,), *good], 0, beneath) == len(good)
        assert packing.first_unusual([*good, (odd,), *good], 4, beneath) == 2 * len(good) + 1
    assert packing.first_unusual([None], 0, beneath) == 0
    assert packing.first_unusual(good, 0, ()) == 0


def test_entries_are_cut_from_rows(packing: Any) -> None:
    rows = list(_rows(4, 20))
    made = packing.cut(rows, 3, 9, 5, SessionEntry)
    assert made == [SessionEntry(*row[:5]) for row in rows[3:9]]
    assert all(type(entry) is SessionEntry for entry in made)
    for first, beyond in ((0, 21), (-1, 2), (3, 2)):
        with pytest.raises(ValueError, match="no such rows"):
            packing.cut(rows, first, beyond, 5, SessionEntry)
    with pytest.raises(TypeError):
        packing.cut([None], 0, 1, 5, SessionEntry)
