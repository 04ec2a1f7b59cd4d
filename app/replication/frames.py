"""The frames of the stream between master and replica: what each side says, as values and as bytes.

The order of a stream:

1. Master `Hello`. Replica `Welcome` or `Refused`.
2. If the replica's (epoch, committed) does not fit the spool: a synchronisation. Per root a `ListRequest`,
   answered by `Listing`s in the order of `order_key` and a `ListingEnd` (several roots may be asked for at
   once; they are answered in turn). Then `Batch`es of kind SYNC: the first record of the first one is
   `Mark(SYNCHRONIZATION, id, "begin")`, the last record of the last one `Mark(SYNCHRONIZATION, id, "end")`.
   From the begin mark on until the end mark is durable the replica has no valid position (its `Welcome`
   says epoch ""); with the end mark it durably takes (batch.epoch, batch.first_seq - 1) as its position.
3. `Batch`es of kind STREAM: records first_seq, first_seq + 1, … Numbers have no gaps.

A `FetchRequest` may come whenever no synchronisation runs; `Fetched`s answer it until the last part.
`HashRequest`s may come at any time and are answered in any order, past whatever else waits.

Batches are pipelined; each is answered by `Committed` in order once it is durable, later ones may cover
several batches of the same kind. `Trouble`, `Fault`, `Note` and `Pong` may come in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any

import msgpack

from app.model.entry import Metadata
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
from app.replication.inspect_frames import (
    Inquiry,
    Inspected,
    InspectRequest,
    pack_inspect,
    unpack_inquiry,
    unpack_inspect_request,
    unpack_inspected,
)
from app.replication.link import FRAME_MAX_BYTES
from app.replication.sync_frames import (
    BlockHashes,
    HashRequest,
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

PROTOCOL_VERSION = 2
BATCH_RECORDS_MAX = 50_000
_PARAMS_MAX = 64
_U63 = (1 << 63) - 1
_U62 = (1 << 62) - 1


class BatchKind(IntEnum):
    """Where a batch's records come from."""

    STREAM = 0
    SYNC = 1


@dataclass(frozen=True, slots=True)
class Hello:
    """Master's first frame. `first_seq`..`last_seq` is what its spool still has (last < first: nothing)."""

    protocol: int
    definition_xml: bytes
    replica: str
    epoch: str
    first_seq: int
    last_seq: int


@dataclass(frozen=True, slots=True)
class Welcome:
    """Replica's answer. `epoch` "" means it has no valid position and must be synchronised.

    `change` is the newest replica-local change number; `side_store` says where and how files are staged.
    """

    incarnation: str
    epoch: str
    committed_seq: int
    change: int
    side_store: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Replica will not take this stream; the code and parameters say why. The link ends."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Encoded records, to be applied in order and made durable together.

    STREAM: `first_seq` numbers the first record. SYNC: `first_seq` is where the stream goes on after the
    synchronisation (the same in all its batches).
    """

    kind: BatchKind
    epoch: str
    first_seq: int
    records: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """Replica: durable up to here. STREAM: `seq` of the last record. SYNC: number of batches since begin.

    `change` is the replica's newest change number then.
    """

    kind: BatchKind
    seq: int
    change: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Replica could not carry out a record at `path` (the rest went on): send its full state again.

    `code` is the cause. `final` means that sending it again will not help (not permitted, …): just report.
    """

    root: int
    path: bytes
    code: str
    params: dict[str, str] = field(default_factory=dict)
    final: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Replica stops applying (disk full, brake, …) and ends the link; try again later."""

    code: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """Replica's state changed (rewinding, braked, …); the stream itself goes on or waits."""

    state: ReplicaState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Ping:
    """Master: are you there? Answered by `Pong` with the same token, ahead of any queued work."""

    token: int


@dataclass(frozen=True, slots=True)
class Pong:
    """Replica: here."""

    token: int


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Master asks for an entry as the replica has it, to bring it back. Answered by `Fetched`s."""

    root: int
    path: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """A part of an entry asked for: bytes of a file in order. `metadata` None: nothing is there."""

    root: int
    path: bytes
    metadata: Metadata | None
    data: bytes
    last: bool


Frame = (
    Hello
    | Welcome
    | Refused
    | ListRequest
    | Listing
    | ListingEnd
    | Batch
    | Committed
    | Trouble
    | Fault
    | Note
    | Ping
    | Pong
    | FetchRequest
    | Fetched
    | HashRequest
    | BlockHashes
    | Inquiry
    | InspectRequest
    | Inspected
)

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


def encode_frame(frame: Frame) -> bytes:
    """The bytes of a frame. Raises ArcxoError ER00301 when it would be larger than a link takes."""
    packed = _batch_bytes(frame) if isinstance(frame, Batch) else _packed(_fields(frame))
    if len(packed) > FRAME_MAX_BYTES:
        refuse("a frame that is too large")
    return packed


def _packed(fields: list[Any]) -> bytes:
    packed: bytes = msgpack.packb(fields, use_bin_type=True)
    return packed


def _batch_bytes(batch: Batch) -> bytes:
    """What msgpack makes of a batch; it is large, and joined it is copied once only."""
    head = _packed(_fields(replace(batch, records=())))
    parts = [head[:-1], array_header(len(batch.records))]
    for record in batch.records:
        parts.append(bin_header(len(record)))
        parts.append(record)
    return b"".join(parts)


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


def decode_frame(data: bytes) -> Frame:
    """The frame that `encode_frame` turned into `data`.

    Raises:
        ArcxoError: ER00301 when the bytes are no such frame, E1010 for a path that is not clean.
    """
    fields = unpack(data, FRAME_MAX_BYTES)
    tag = take_int(fields[0] if fields else None, _HELLO, _INSPECTED)
    return _DECODERS[tag](fields[1:])


def listing_root(data: bytes) -> int | None:
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
