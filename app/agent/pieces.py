"""Frames, or pieces of them, as messages of the stream: the bytes of `Frame` in agent.proto, copied once.

What the generated class does costs two more copies of all that is sent, and of all that comes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import grpc

from app.agent.generated import agent_pb2 as pb

WHOLE, MORE, LAST = range(3)
_SERVICE = "arcxo.agent.v1.ReplicaData"
REPLICATE = f"/{_SERVICE}/Replicate"
_DATA = b"\x0a"
_PARTS = (b"", b"\x10\x01", b"\x10\x02")


class Piece(NamedTuple):
    """A whole frame, or a part of one; what is to be sent may be in several parts of memory."""

    data: bytes | memoryview | tuple[memoryview, ...]
    part: int = WHOLE


def packed(piece: Piece) -> bytes:
    """The message."""
    data = piece.data
    if isinstance(data, tuple):
        return b"".join((_DATA, _varint(sum(map(len, data))), *data, _PARTS[piece.part]))
    return b"".join((_DATA, _varint(len(data)), data, _PARTS[piece.part]))


def unpacked(message: bytes) -> Piece:
    """What `packed` packed, its data a view of the message. Raises what protobuf raises for no message."""
    if message[:1] == _DATA:
        at, end = _extent(message)
        rest = message[end : end + 3]
        if end and len(message) == end + len(rest) and rest in _PARTS:
            return Piece(memoryview(message)[at:end], _PARTS.index(rest))
    # As another version may write it.
    found = pb.Frame.FromString(message)
    return Piece(found.data, found.part)


def handlers_of(replicate: Callable[[Any, grpc.ServicerContext], Iterator[Piece]]) -> Any:
    """What a server calls for `Replicate`."""
    handler = grpc.stream_stream_rpc_method_handler(
        replicate, request_deserializer=unpacked, response_serializer=packed
    )
    return grpc.method_handlers_generic_handler(_SERVICE, {"Replicate": handler})


def _extent(message: bytes) -> tuple[int, int]:
    """Where the data begins and ends; (0, 0) for a length that is none."""
    length = 0
    for number, byte in enumerate(message[1:6]):
        length |= (byte & 0x7F) << 7 * number
        if byte < 0x80:
            return number + 2, number + 2 + length
    return 0, 0


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
