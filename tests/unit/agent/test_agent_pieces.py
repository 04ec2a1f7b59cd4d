"""The messages of a stream: the bytes that the generated class makes and takes."""

from __future__ import annotations

import gc

import pytest
from google.protobuf.message import DecodeError

from app.agent.generated import agent_pb2 as pb
from app.agent.pieces import LAST, MORE, WHOLE, Piece, packed, unpacked
from app.collecting import collect_seldom


@pytest.mark.parametrize("size", [1, 2, 127, 128, 16_383, 16_384, 600_000])
@pytest.mark.parametrize("part", [WHOLE, MORE, LAST])
def test_a_piece_is_packed_as_the_generated_class_packs_it(size: int, part: int) -> None:
    data = bytes(size)

    message = packed(Piece(memoryview(data), part))

    assert message == pb.Frame(data=data, part=part).SerializeToString()
    assert unpacked(message) == Piece(memoryview(data), part)


def test_a_message_of_another_version_is_taken_as_the_generated_class_takes_it() -> None:
    with_more = pb.Frame(data=b"abc").SerializeToString() + b"\x1a\x01x"
    other_order = b"\x10\x02" + pb.Frame(data=b"abc").SerializeToString()

    assert unpacked(with_more) == Piece(b"abc", WHOLE)
    assert unpacked(other_order) == Piece(b"abc", LAST)
    assert unpacked(b"") == Piece(b"", WHOLE)
    assert unpacked(b"\x0a\x01x\x10\x07") == Piece(b"x", 7)


@pytest.mark.parametrize(
    "message",
    [b"\x0a", b"\x0a\x05abc", b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xffx", b"\x0a\x01", b"\x07"],
)
def test_bytes_that_are_no_message_are_refused(message: bytes) -> None:
    with pytest.raises(DecodeError):
        unpacked(message)


def test_garbage_in_cycles_waits_for_many_objects() -> None:
    before = gc.get_threshold()
    try:
        collect_seldom()

        assert gc.isenabled()
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
