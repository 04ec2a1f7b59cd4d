"""The frames of the stream between master and replica: what each side says, as values.

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

from dataclasses import dataclass, field
from enum import IntEnum

from app.model.entry import Metadata
from app.model.scenario import ReplicaState
from app.replication.inspect_frames import (
    Inquiry,
    Inspected,
    InspectRequest,
)
from app.replication.sync_frames import (
    BlockHashes,
    HashRequest,
    Listing,
    ListingEnd,
    ListRequest,
)

PROTOCOL_VERSION = 2
BATCH_RECORDS_MAX = 50_000
UNSET_METADATA = "WR00236"
"""The code of a `Trouble` at a path that has all but some of its metadata; `cause` says which, and why."""
MOVED_TROUBLE = "moved"
"""A parameter of a `Trouble` that was told of before, at a path that a rename has taken elsewhere since."""


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
class PackedBatch:
    """A `Batch` of a synchronisation only sent; `packed`: its `count` records behind their headers."""

    epoch: str
    first_seq: int
    count: int
    packed: tuple[bytes, ...]


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
