"""Chunk ids and their numbers kept in C: found as in a dictionary."""

from __future__ import annotations

import gc
import random
from typing import Any

import pytest

from app.media.index import Ids
from tests.support.capabilities import native_or_report


@pytest.fixture(scope="module")
def ids() -> Any:
    return native_or_report("ids")


@pytest.mark.parametrize("seed", range(3))
def test_ids_are_found_as_in_python(ids: Any, seed: int) -> None:
    chance = random.Random(seed)
    ours, python = ids.Ids(), Ids()
    every = [b"\0" * 32, b"\xff" * 32]
    first = 0
    for count in (0, 1, 7, 3000, 0, 1500, 5):
        some = [chance.choice(every) if chance.random() < 0.2 else chance.randbytes(32) for _ in range(count)]
        every += some
        data = bytearray(b"".join(some))
        assert ours.add(data, first) == python.add(data, first)
        assert len(ours) == len(python)
        first += count + chance.randrange(9)
    gc.collect()
    assert sorted(ours) == sorted(python)
    for one in [*every, *(chance.randbytes(32) for _ in range(500))]:
        assert ours.get(one) == python.get(one)
        assert (one in ours) == (one in python)
        if one in ours:
            assert ours[one] == python[one]
    with pytest.raises(KeyError):
        ours[b"\x01" * 32]


@pytest.mark.parametrize("expected", [0, 10, 2000, 50_000])
def test_what_is_expected_changes_nothing_of_what_is_found(ids: Any, expected: int) -> None:
    chance = random.Random(expected)
    ours, python = ids.Ids(), Ids()
    some = [chance.randbytes(32) for _ in range(4000)]
    for first in range(0, 4000, 1000):
        # The last ones come a second time with the next.
        data = b"".join(some[first : first + 1100])
        ours.expect(expected)
        python.expect(expected)
        assert ours.add(data, 2 * first) == python.add(data, 2 * first)
    assert {one: ours.get(one) for one in some} == dict(python)
    with pytest.raises(OverflowError):
        ours.expect(-1)


def test_ids_that_differ_in_a_byte_anywhere_are_told_apart(ids: Any) -> None:
    ours = ids.Ids()
    some = [
        bytes(value if at == place else 0 for at in range(32)) for place in range(32) for value in (1, 128)
    ]
    assert ours.add(b"".join(some), 5) == []
    assert [ours.get(one) for one in some] == list(range(5, 5 + len(some)))
    assert ours.get(bytes(32)) is None


def test_bytes_in_use_cannot_be_changed_in_their_size(ids: Any) -> None:
    ours = ids.Ids()
    data = bytearray(64)
    ours.add(data, 0)
    with pytest.raises(BufferError):
        data += b"more"
    del ours
    data += b"more"


def test_what_are_no_ids_is_refused_and_changes_nothing(ids: Any) -> None:
    ours = ids.Ids()
    ours.add(b"a" * 64, 8)
    with pytest.raises(ValueError, match="32"):
        ours.add(b"b" * 33, 100)
    for first in (0, 9):
        with pytest.raises(ValueError, match="others"):
            ours.add(b"b" * 32, first)
    with pytest.raises(OverflowError):
        ours.add(b"b" * 32, (1 << 32) - 1)
    with pytest.raises(OverflowError):
        ours.add(b"b" * 32, -1)
    with pytest.raises(OverflowError):
        ours.add(bytes(32) + b"x" * 32, (1 << 64) - 1)
    with pytest.raises(TypeError):
        ours.add("text", 100)
    with pytest.raises(TypeError):
        ours.get("text")
    assert len(ours) == 1
    assert ours.get(b"b" * 32) is None
    assert ours.get(b"a" * 31) is None
    assert ours.get(b"a" * 32) == ours.get(memoryview(b"a" * 32)) == ours.get(bytearray(b"a" * 32)) == 8
