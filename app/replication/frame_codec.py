"""The frames of the stream as bytes, and back: every field of what comes is checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack

from app.model.scenario import ReplicaState
from app.replication.codec import (
    array_header,
    bin_header,
    pack_metadata,
    refuse,
    take,
    take_bytes,
    take_int,
    take_path,
    take_root,
    take_text,
    unpack,
    unpack_metadata,
)
from app.replication.frames import (
    BATCH_RECORDS_MAX,
    Batch,
    BatchKind,
    Committed,
    Fault,
    Fetched,
    FetchRequest,
    Frame,
    Hello,
    Note,
    PackedBatch,
    Ping,
    Pong,
    Refused,
    Trouble,
    Welcome,
)
from app.replication.inspect_frames import (
    Inquiry,
    Inspected,
    InspectRequest,
    pack_inspect,
    unpack_inquiry,
    unpack_inspect_request,
    unpack_inspected,
)
from app.replication.link import FRAME_MAX_BYTES, FrameParts
from app.replication.sync_frames import (
    BlockHashes,
    HashRequest,
    Listed,
    Listing,
    ListingEnd,
    ListRequest,
    pack_block_hashes,
    pack_hash_request,
    pack_listing,
    unpack_block_hashes,
    unpack_hash_request,
    unpack_list_request,
    unpack_listing,
)

_PARAMS_MAX = 64
_U63 = (1 << 63) - 1
_U62 = (1 << 62) - 1

(
    _HELLO,
    _WELCOME,
    _REFUSED,
    _LIST,
    _LISTING,
    _LISTING_END,
    _BATCH,
    _COMMITTED,
    _TROUBLE,
    _FAULT,
    _NOTE,
    _PING,
    _PONG,
    _FETCH,
    _FETCHED,
    _HASH_REQUEST,
    _BLOCK_HASHES,
    _INQUIRY,
    _INSPECT,
    _INSPECTED,
) = range(1, 21)

BATCH_TAG = _BATCH


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame. Raises ArcxoError ER00301 when it would be larger than a link takes."""
    packed = _batch_bytes(frame) if isinstance(frame, Batch) else _packed(_fields(frame))
    if len(packed) > FRAME_MAX_BYTES:
        refuse("a frame that is too large")
    return packed


def batch_parts(batch: PackedBatch) -> FrameParts:
    """The bytes of the batch that it stands for. Raises ArcxoError as `encode_frame`."""
    head = _batch_head(BatchKind.SYNC, batch.epoch, batch.first_seq, batch.count)
    frame = FrameParts((head, *batch.packed))
    if len(frame) > FRAME_MAX_BYTES:
        refuse("a frame that is too large")
    return frame


def encode_listing(root: int, entries: tuple[Listed, ...]) -> bytes:
    """The bytes of a `Listing`, of which none was made."""
    return _packed([_LISTING, root, entries])


def encode_packed_listing(root: int, count: int, entries: bytes) -> bytes:
    """The same of `count` entries that are in msgpack already, one behind the other."""
    return b"".join((_packed([_LISTING, root, ()])[:-1], array_header(count), entries))


def _packed(fields: list[Any]) -> bytes:
    packed: bytes = msgpack.packb(fields, use_bin_type=True)
    return packed


def _batch_bytes(batch: Batch) -> bytes:
    """What msgpack makes of a batch; it is large, and joined it is copied once only."""
    parts = [_batch_head(batch.kind, batch.epoch, batch.first_seq, len(batch.records))]
    for record in batch.records:
        parts.append(bin_header(len(record)))
        parts.append(record)
    return b"".join(parts)


def _batch_head(kind: BatchKind, epoch: str, first_seq: int, count: int) -> bytes:
    return _packed([_BATCH, int(kind), epoch, first_seq, ()])[:-1] + array_header(count)


def _fields(frame: Frame) -> list[Any]:
    match frame:
        case Hello(protocol, xml, replica, epoch, first, last):
            return [_HELLO, protocol, xml, replica, epoch, first, last]
        case Welcome(incarnation, epoch, committed, change, side_store):
            return [_WELCOME, incarnation, epoch, committed, change, side_store]
        case Refused(code, params):
            return [_REFUSED, code, params]
        case ListRequest(root, point, paths):
            return [_LIST, root, point, paths]
        case Listing():
            return [_LISTING, *pack_listing(frame)]
        case ListingEnd(root):
            return [_LISTING_END, root]
        case Batch(kind, epoch, first, records):
            return [_BATCH, int(kind), epoch, first, records]
        case Committed(kind, seq, change):
            return [_COMMITTED, int(kind), seq, change]
        case Trouble(root, path, code, params, final):
            return [_TROUBLE, root, path, code, params, final]
        case Fault(code, params):
            return [_FAULT, code, params]
        case Note(state, reason):
            return [_NOTE, state.value, reason]
        case Ping(token):
            return [_PING, token]
        case Pong(token):
            return [_PONG, token]
        case FetchRequest(root, path):
            return [_FETCH, root, path]
        case Fetched(root, path, metadata, data, last):
            return [_FETCHED, root, path, pack_metadata(metadata) if metadata else None, data, last]
        case HashRequest():
            return [_HASH_REQUEST, *pack_hash_request(frame)]
        case BlockHashes():
            return [_BLOCK_HASHES, *pack_block_hashes(frame)]
        case Inquiry():
            return [_INQUIRY, *pack_inspect(frame)]
        case InspectRequest():
            return [_INSPECT, *pack_inspect(frame)]
        case Inspected():
            return [_INSPECTED, *pack_inspect(frame)]


def decode_frame(data: bytes | memoryview) -> Frame:
    """The frame that `encode_frame` turned into `data`.

    Raises:
        ArcxoError: ER00301 when the bytes are no such frame, E1010 for a path that is not clean.
    """
    fields = unpack(data, FRAME_MAX_BYTES)
    tag = take_int(fields[0] if fields else None, _HELLO, _INSPECTED)
    return _DECODERS[tag](fields[1:])


def listing_root(data: bytes | memoryview) -> int | None:
    """The root whose `Listing` these bytes are (which are not checked further), None for any other frame."""
    reader = msgpack.Unpacker(max_buffer_size=FRAME_MAX_BYTES)
    reader.feed(data[:32])
    try:
        if reader.read_array_header() != 3 or reader.unpack() != _LISTING:
            return None
        return take_root(reader.unpack())
    except (ValueError, msgpack.exceptions.UnpackException):
        return None


def _hello(fields: list[Any]) -> Frame:
    protocol, xml, replica, epoch, first, last = take(fields, 6)
    return Hello(
        take_int(protocol, 1, 1 << 16),
        take_bytes(xml),
        take_text(replica),
        take_text(epoch),
        take_int(first, 0, _U63),
        take_int(last, 0, _U63),
    )


def _welcome(fields: list[Any]) -> Frame:
    incarnation, epoch, committed, change, side_store = take(fields, 5)
    return Welcome(
        take_text(incarnation),
        take_text(epoch),
        take_int(committed, 0, _U63),
        take_int(change, 0, _U63),
        take_text(side_store),
    )


def _refused(fields: list[Any]) -> Frame:
    code, params = take(fields, 2)
    return Refused(take_text(code), _params(params))


def _listing_end(fields: list[Any]) -> Frame:
    return ListingEnd(take_root(take(fields, 1)[0]))


def _batch(fields: list[Any]) -> Frame:
    kind, epoch, first, records = take(fields, 4)
    if not isinstance(records, list) or len(records) > BATCH_RECORDS_MAX:
        refuse("a bad batch")
    return Batch(
        BatchKind(take_int(kind, 0, 1)),
        take_text(epoch),
        take_int(first, 1, _U62),
        tuple(take_bytes(record) for record in records),
    )


def _committed(fields: list[Any]) -> Frame:
    kind, seq, change = take(fields, 3)
    return Committed(BatchKind(take_int(kind, 0, 1)), take_int(seq, 0, _U63), take_int(change, 0, _U63))


def _trouble(fields: list[Any]) -> Frame:
    root, path, code, params, final = take(fields, 5)
    if not isinstance(final, bool):
        refuse("a field that is not a truth value")
    return Trouble(take_root(root), take_path(path), take_text(code), _params(params), final)


def _fault(fields: list[Any]) -> Frame:
    code, params = take(fields, 2)
    return Fault(take_text(code), _params(params))


def _note(fields: list[Any]) -> Frame:
    state, reason = take(fields, 2)
    try:
        return Note(ReplicaState(take_text(state)), take_text(reason))
    except ValueError:
        refuse("an unknown state")


def _ping(fields: list[Any]) -> Frame:
    return Ping(take_int(take(fields, 1)[0], 0, _U63))


def _pong(fields: list[Any]) -> Frame:
    return Pong(take_int(take(fields, 1)[0], 0, _U63))


def _fetch(fields: list[Any]) -> Frame:
    root, path = take(fields, 2)
    return FetchRequest(take_root(root), take_path(path))


def _fetched(fields: list[Any]) -> Frame:
    root, path, metadata, data, last = take(fields, 5)
    if not isinstance(last, bool):
        refuse("a field that is not a truth value")
    known = unpack_metadata(metadata) if metadata is not None else None
    return Fetched(take_root(root), take_path(path), known, take_bytes(data), last)


def _params(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > _PARAMS_MAX:
        refuse("bad parameters")
    return {take_text(key): take_text(text) for key, text in value.items()}


_DECODERS: dict[int, Callable[[list[Any]], Frame]] = {
    _HELLO: _hello,
    _WELCOME: _welcome,
    _REFUSED: _refused,
    _LIST: unpack_list_request,
    _LISTING: unpack_listing,
    _LISTING_END: _listing_end,
    _BATCH: _batch,
    _COMMITTED: _committed,
    _TROUBLE: _trouble,
    _FAULT: _fault,
    _NOTE: _note,
    _PING: _ping,
    _PONG: _pong,
    _FETCH: _fetch,
    _FETCHED: _fetched,
    _HASH_REQUEST: unpack_hash_request,
    _BLOCK_HASHES: unpack_block_hashes,
    _INQUIRY: unpack_inquiry,
    _INSPECT: unpack_inspect_request,
    _INSPECTED: unpack_inspected,
}
