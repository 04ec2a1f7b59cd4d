"""Objects of a media that no writer of ours makes are refused as what they are: damaged."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
import zstandard
from blake3 import blake3

from app.media.node import SYMLINK, decode_node, encode_node
from app.media.pack import COMPRESSED, DATA, INDEX_MAGIC, PackCipher, PackHeader, decode_index

PLAIN = PackHeader(DATA, "", bytes(32))


def entry(**changes: Any) -> list[Any]:
    """A small file's entry, with some fields replaced."""
    fields: dict[str, Any] = {
        "name": b"file",
        "kind": 0,
        "permissions": 0o644,
        "uid": 0,
        "gid": 0,
        "size": 0,
        "modified": 0,
        "changed": 0,
        "inode": 1,
        "extra": None,
        "content": b"",
    }
    return list((fields | changes).values())


def test_a_sound_node_is_read_back() -> None:
    assert decode_node(encode_node([entry()])) == [entry()]


@pytest.mark.parametrize(
    "changes",
    [
        {"uid": -1},
        {"gid": (1 << 32) - 1},
        {"size": 1 << 63},
        {"size": -1},
        {"modified": 1 << 63},
        {"inode": -1},
        {"permissions": -1},
        {"extra": {"x": [5]}},
        {"extra": {"x": 5}},
        {"extra": {"h": 5}},
        {"extra": {"s": [["a", 1]]}},
        {"extra": {"s": [[0]]}},
        {"kind": SYMLINK},
        {"name": b".."},
        {"name": b"a/b"},
        {"name": "text"},
    ],
)
def test_an_impossible_entry_is_refused(changes: dict[str, Any]) -> None:
    packed = encode_node([entry(**changes)])
    with pytest.raises(ValueError, match=r"entry|symbolic|values"):
        decode_node(packed)


@pytest.mark.parametrize("document", [[1, 5], [1, {"a": 1}], [1, None], 5, {}, [2, []], [1, [5]]])
def test_a_document_of_another_shape_is_no_node(document: Any) -> None:
    with pytest.raises(ValueError, match=r"node|shape"):
        decode_node(msgpack.packb(document))


def test_a_block_that_would_unpack_to_more_than_it_says_is_refused_before_it_does() -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=True).compress(bytes(64 << 20))
    assert zstandard.frame_content_size(bomb) == 64 << 20
    with pytest.raises(ValueError, match="more than the table says"):
        PackCipher("00" * 16, PLAIN, None).open(0, bomb, 1000, COMPRESSED)


def test_a_block_without_a_size_of_its_own_unpacks_no_further_than_it_says() -> None:
    bomb = zstandard.ZstdCompressor(write_content_size=False).compress(bytes(64 << 20))
    with pytest.raises(ValueError, match="decompression failed"):
        PackCipher("00" * 16, PLAIN, None).open(0, bomb, 1000, COMPRESSED)


def test_a_block_of_an_impossible_size_is_refused() -> None:
    with pytest.raises(ValueError, match="impossible size"):
        PackCipher("00" * 16, PLAIN, None).open(0, b"", 1 << 31, 0)


@pytest.mark.parametrize("length", [0, 4, 8, 60, 70, 75])
def test_an_index_that_is_cut_short_under_a_right_checksum_is_damaged(length: int) -> None:
    body = INDEX_MAGIC + (bytes(8) + PLAIN.encode() + bytes(8))[:length]
    with pytest.raises(ValueError, match=r"short|length|version"):
        decode_index("00" * 16, body + blake3(body).digest())
