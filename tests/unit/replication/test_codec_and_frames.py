from datetime import UTC, datetime

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.model.scenario import ReplicaState
from app.replication import codec, frames
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.inspect_frames import INSPECTED_MOST, Inquiry, Inspected, InspectRequest
from app.replication.link import FRAME_MAX_BYTES
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Mark,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.sync_frames import (
    NO_FILE,
    BlockHashes,
    HashedPart,
    HashItem,
    HashRequest,
    ListedEntry,
    Listing,
    ListingEnd,
    ListRequest,
)

FILE = Metadata(EntryKind.FILE, 0o4755, 1, 2, 10, -5, ((b"user.a", b"\0\xff"),))
LINK = Metadata(EntryKind.SYMLINK, 0o777, 0, 0, 0, 3, (), b"tar\xffget")
DIRECTORY = Metadata(EntryKind.DIRECTORY, 0o700, 0, 0, 0, 1)
RECORDS = [
    StageContent(3, 0, b"abc"),
    ReplaceFile(0, b"a/b\xff", FILE, (Extent(0, 4), Extent(6, 4)), b"12345678"),
    ReplaceFile(0, b"a", FILE, (Extent(0, 10),), None, 9),
    WriteBlocks(1, b"a", FILE, (Extent(2, 1),), b"x"),
    WriteBlocks(1, b"a", FILE, (), b"", 0, (Extent(0, 4), Extent(8, 2))),
    MakeEntry(0, b"link", LINK),
    MakeEntry(0, b"", DIRECTORY),
    MakeLink(0, b"x", b"y"),
    Remove(2, b"gone"),
    Rename(0, b"x", b"z/y"),
    SetMetadata(0, b"x", FILE),
    Mark(PointKind.BOOKMARK, "id", "täxt", datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)),
]
LISTED = ListedEntry(b"l", EntryKind.SYMLINK, 0o777, 1, 2, 0, -3, b"d" * 16, b"to", 0, 4, 5, 6)
FRAMES = [
    frames.Hello(1, b"<scenario/>", "localhost", "epoch", 1, 20),
    frames.Welcome("inc", "epoch", 5, 77, "reserved name inside the root"),
    frames.Refused("ER00203", {"host": "x"}),
    ListRequest(0),
    Listing(0, (LISTED,)),
    ListingEnd(0),
    HashRequest(1, 0, (HashItem(b"a", 0, 1), HashItem(b"b", 1 << 40, 1 << 29))),
    HashRequest(2, 0, (HashItem(b"", 65536, 1 << 30),), stage=1 << 62),
    BlockHashes(7, (HashedPart(NO_FILE, b""), HashedPart(5, b"0" * 16))),
    frames.Batch(frames.BatchKind.STREAM, "epoch", 4, (codec.encode(RECORDS[0]),)),
    frames.Committed(frames.BatchKind.SYNC, 4, 5),
    frames.Trouble(0, b"x", "ER00310", {"a": "b"}, final=True),
    frames.Fault("ER00320", {}),
    frames.Note(ReplicaState.REWINDING, "why"),
    frames.Ping(1),
    frames.Pong(1),
    Inquiry(1, 7, "localhost"),
    InspectRequest(0, True, b"", 5_000),
    InspectRequest(1, False, b"a/b", 2_000, (b"", b"x")),
    Inspected(0, (LISTED,), True, (b"x", b"y/z")),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda r: type(r).__name__)
def test_a_record_survives_the_trip_through_bytes(record):
    assert codec.decode(codec.encode(record)) == record


@pytest.mark.parametrize("frame", FRAMES, ids=lambda f: type(f).__name__)
def test_a_frame_survives_the_trip_through_bytes(frame):
    assert decode_frame(encode_frame(frame)) == frame


@pytest.mark.parametrize(
    "record",
    [
        Remove(0, b"../x"),
        Remove(0, b"/etc"),
        Rename(0, b"a", b"b//c"),
        MakeEntry(0, b"x" * 256, DIRECTORY),
        ReplaceFile(0, b"a", FILE, (Extent(0, 4),), b"12345"),
        ReplaceFile(0, b"a", FILE, (Extent(4, 4), Extent(2, 1)), b"12345"),
        ReplaceFile(0, b"a", FILE, (Extent(4, 40),), b"1" * 40),
        WriteBlocks(0, b"a", FILE, (), b"", 0, (Extent(4, 40),)),
        WriteBlocks(0, b"a", FILE, (), b"", 0, (Extent(4, 4), Extent(2, 1))),
        ReplaceFile(0, b"a", DIRECTORY, (), b""),
        ReplaceFile(0, b"a", FILE, (), None),
        MakeEntry(0, b"a", Metadata(EntryKind.SYMLINK, 0, 0, 0, 0, 0)),
    ],
)
def test_a_record_that_breaks_the_rules_is_refused(record):
    with pytest.raises(ArcxoError) as caught:
        codec.decode(codec.encode(record))
    assert caught.value.code in {"ER00301", "E1010"}


def test_a_frame_that_no_link_takes_is_not_made():
    with pytest.raises(ArcxoError, match="ER00301"):
        encode_frame(frames.Batch(frames.BatchKind.STREAM, "", 1, (b"x" * FRAME_MAX_BYTES,)))


@given(st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_random_bytes_are_refused_with_a_code(data):
    refused = []
    for decode in (codec.decode, decode_frame):
        try:
            decode(data)
        except ArcxoError as error:
            refused.append(error.code)
    assert set(refused) <= {"ER00301", "E1010"}


@given(st.sampled_from([codec.encode(r) for r in RECORDS]), st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_records_are_refused_or_still_valid(encoded, data):
    damaged = bytearray(encoded)
    damaged[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        again = codec.decode(bytes(damaged))
    except ArcxoError:
        return
    assert codec.decode(codec.encode(again)) == again


@pytest.mark.parametrize(
    "fields",
    [
        [18, 1, -1, "x"],
        [18, 1, 2],
        [19, 0, 1, b"", 5, []],
        [19, 0, True, b"../up", 5, []],
        [19, 0, True, b"", 0, []],
        [19, 0, True, b"", INSPECTED_MOST + 1, []],
        [19, 0, False, b"", 5, [b"/absolute"]],
        [19, 0, False, b"", 5, [b"x"] * (INSPECTED_MOST + 1)],
        [20, 0, [], 2, []],
        [20, 0, [[b"x"]], True, []],
        [20, 0, [], True, ["text"]],
        [21],
    ],
)
def test_a_strange_frame_of_a_link_that_looks_is_refused(fields):
    with pytest.raises(ArcxoError):
        decode_frame(msgpack.packb(fields))


@pytest.mark.parametrize("size", [0, 10, 8_192, 8_193, 65_535, 65_536, 1 << 20])
def test_what_is_joined_for_speed_is_what_msgpack_makes(size):
    metadata = Metadata(EntryKind.FILE, 0o644, 0, 0, size, 17)
    extents = (Extent(0, size),) if size else ()
    record = codec.encode(ReplaceFile(0, b"a/b", metadata, extents, bytes(size), 5))
    flat = [0, size] if size else []

    assert record == msgpack.packb(
        [2, 0, b"a/b", codec.pack_metadata(metadata), flat, bytes(size), 5], use_bin_type=True
    )
    for count in (0, 1, 15, 16, 70):
        batch = frames.Batch(frames.BatchKind.SYNC, "e", 7, (record,) * min(count, 3) + (b"x",) * (count - 3))
        packed = msgpack.packb([7, 1, "e", 7, batch.records], use_bin_type=True)
        assert encode_frame(batch) == packed
