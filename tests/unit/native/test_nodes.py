"""Directory nodes read in C: the same tuples as in Python, and nothing of what no writer makes."""

from __future__ import annotations

import random
from typing import Any

import msgpack
import pytest

from app.catalog.sessions_api import SessionEntry
from app.media.counting import count_entries, count_node
from app.media.listing import _EMPTY, _odd_content_id, decoded
from app.media.node import KINDS, decode_node, encode_node
from tests.support.capabilities import native_or_report

_EXTRAS: tuple[Any, ...] = (
    None, None, None, {}, {"x": [[b"user.a", b"1"]]}, {"h": [1, 2]}, {"s": [[0, 1]]}, {"t": b"target"},
    {"d": 5},
)  # fmt: skip


@pytest.fixture(scope="module")
def nodes() -> Any:
    return native_or_report("nodes")


def _read(nodes: Any, data: bytes, path: bytes = b"/p") -> Any:
    return nodes.entries(data, path, SessionEntry, KINDS, _EMPTY, _odd_content_id)


def _entry(chance: random.Random, name: bytes) -> list[Any]:
    kind = chance.choice((0, 0, 0, 1, 2, 3, 4, 5))
    extra = chance.choice(_EXTRAS)
    if kind == 2:
        extra = {"t": b"there"}
    size = chance.choice((1, 127, 128, 1 << 15, 1 << 16, 1 << 31, 1 << 32, (1 << 63) - 1))
    content = b""
    if kind == 0:
        content = chance.randbytes(36 * chance.choice((0, 1, 1, 1, 2)))
    elif kind == 1:
        content = chance.randbytes(32)
    at = chance.choice((0, -1, -32, -33, -129, -40_000, -(1 << 40), -(1 << 63), (1 << 63) - 1, 1_700_000_000))
    inode = chance.choice((0, 200, (1 << 64) - 1))
    return [name, kind, 0o644, 0, (1 << 32) - 2, size, at, at, inode, extra, content]


def _names(chance: random.Random, count: int) -> list[bytes]:
    found: set[bytes] = set()
    while len(found) < count:
        name = bytes(chance.choice(range(1, 256)) for _ in range(chance.choice((1, 3, 20, 255, 4095))))
        if b"/" not in name and name not in (b".", b".."):
            found.add(name)
    return sorted(found)


@pytest.mark.parametrize("seed", range(4))
def test_entries_are_those_read_in_python(nodes: Any, seed: int) -> None:
    chance = random.Random(seed)
    for count in (0, 1, 2, 15, 16, 200):
        names = _names(chance, count)
        data = encode_node([_entry(chance, name) for name in names])
        path = chance.choice((b"", b"/a", b"/a/" + b"b" * 3000))
        found = _read(nodes, data, path)
        assert found == decoded(data, path, SessionEntry)
        assert all(type(one) is SessionEntry and type(one.path) is bytes for one in found[0])
        assert count_node(data) == count_entries(decode_node(data))


def test_a_directory_of_very_many_is_read(nodes: Any) -> None:
    some: list[list[Any]] = [
        [b"%06d" % number, 0, 0, 0, 0, 0, 0, 0, 0, None, b""] for number in range(66_000)
    ]
    found = _read(nodes, encode_node(some))
    assert [one.path for one in found[0]] == [b"/p/" + one[0] for one in some]


def test_bytes_that_were_changed_or_cut_are_read_as_in_python_or_not_at_all(nodes: Any) -> None:
    chance = random.Random(7)
    whole = encode_node([_entry(chance, name) for name in _names(chance, 12)])
    for _ in range(6000):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 1, 2, 5))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        try:
            expected = decoded(bytes(data), b"/p", SessionEntry)
        except ValueError:
            expected = None
        try:
            found = _read(nodes, bytes(data))
        except ValueError:
            found = None
        # What it leaves to Python may be right; what it reads is.
        assert found is None or found == expected
        if expected is None:
            with pytest.raises(ValueError, match=r"entry|node|link"):
                count_node(bytes(data))
        else:
            assert count_node(bytes(data)) == count_entries(decode_node(bytes(data)))


@pytest.mark.parametrize(
    "entry",
    [
        [b"..", 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a/b", 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a\0b", 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"", 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"n" * 4096, 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        ["text", 0, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a", 6, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a", 0, 1 << 32, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a", 0, 0, (1 << 32) - 1, 0, 0, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, (1 << 32) - 1, 0, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, -1, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, 1 << 63, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, 0, 1 << 63, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, 0, 0, 1 << 63, 0, None, b""],
        [b"a", 0, 0, 0, 0, 0, 0, 0, -1, None, b""],
        [b"a", 0, 0, 0, 0, 0.0, 0, 0, 0, None, b""],
        [b"a", True, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, 0, 0, 0, 0, None, b"1"],
        [b"a", 1, 0, 0, 0, 0, 0, 0, 0, None, b"short"],
        [b"a", 2, 0, 0, 0, 0, 0, 0, 0, None, b""],
        [b"a", 0, 0, 0, 0, 0, 0, 0, 0, None],
        [b"a", 0, 0, 0, 0, 0, 0, 0, 0, None, b"", 0],
    ],
)
def test_what_no_writer_makes_is_left_to_python_which_refuses_it(nodes: Any, entry: list[Any]) -> None:
    data = msgpack.packb([1, [entry]])
    assert _read(nodes, data) is None
    assert nodes.counted(data, len(KINDS)) is None
    with pytest.raises(ValueError, match=r"entry|node|link"):
        decoded(data, b"/p", SessionEntry)


@pytest.mark.parametrize("extra", [{"unknown": 1}, {"x": [[b"a\0", b""]]}, {"t": "text"}, 5, {"d": [[[]]]}])
def test_impossible_extras_are_refused(nodes: Any, extra: Any) -> None:
    data = msgpack.packb([1, [[b"a", 0, 0, 0, 0, 0, 0, 0, 0, extra, b""]]])
    with pytest.raises(ValueError, match="entry"):
        _read(nodes, data)
    with pytest.raises(ValueError, match="entry"):
        count_node(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x92",
        b"\x92\x02\x90",
        b"\x93\x01\x90\x90",
        b"\x92\x01\x90\x90",
        b"\x92\x01\xdd\xff\xff\xff\xff",
        b"\x92\x01\x91\x9b\xc6\xff\xff\xff\xffab",
        b"\x92\x01\x91\x9b\xc4\x01a\x00\x00\x00\x00\x00\x00\x00\x00\xdf\xff\xff\xff\xff",
        b"\x92\x01\x91\x9b\xc4\x01a\x00\x00\x00\x00\x00\x00\x00\x00" + b"\x91" * 100_000,
    ],
)
def test_lengths_that_are_not_there_are_never_believed(nodes: Any, data: bytes) -> None:
    assert _read(nodes, data) is None
    assert nodes.counted(data, len(KINDS)) is None


def test_sizes_that_are_too_much_together_are_counted_in_python(nodes: Any) -> None:
    sizes = ((1 << 63) - 1, (1 << 63) - 1, 3)
    names = (b"a", b"b", b"c")
    data = encode_node(
        [[name, 0, 0, 0, 0, size, 0, 0, 0, None, b""] for name, size in zip(names, sizes, strict=True)]
    )
    assert nodes.counted(data, len(KINDS)) is None
    assert count_node(data).size_bytes == sum(sizes)


def test_names_out_of_their_order_or_twice_are_left_to_python(nodes: Any) -> None:
    for names in ([b"b", b"a"], [b"a", b"a"], [b"ab", b"a"]):
        data = msgpack.packb([1, [[name, 0, 0, 0, 0, 0, 0, 0, 0, None, b""] for name in names]])
        assert _read(nodes, data) is None
