from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from app.agent.generated import agent_pb2 as pb
from app.agent.piece_sizes import PieceSizes
from app.agent.pieces import WHOLE, packed, unpacked
from app.agent.stream_link import PIECES_MAX, QUEUE_BYTES, QUEUE_FRAMES, StreamLink
from app.model.bandwidth import parse_bandwidth
from app.model.errors import ArcxoError
from app.replication.link import FRAME_MAX_BYTES, FrameParts
from app.replication.throttle import PIECE_MOST_BYTES, Throttle


def test_frames_go_out_in_order_and_a_close_lets_them_out() -> None:
    link = StreamLink("h")
    for number in range(5):
        link.send(b"%d" % number)
    link.close()
    assert [frame.data for frame in link.outgoing()] == [b"0", b"1", b"2", b"3", b"4"]
    with pytest.raises(ArcxoError) as caught:
        link.send(b"late")
    assert caught.value.code == "ER00201"


def test_a_full_queue_blocks_the_sender_until_a_frame_is_taken() -> None:
    link = StreamLink("h")
    for _ in range(QUEUE_FRAMES):
        link.send(b"x")
    sent = threading.Event()
    thread = threading.Thread(target=lambda: (link.send(b"more"), sent.set()))
    thread.start()
    assert not sent.wait(0.1)
    frames = link.outgoing()
    next(frames)
    assert sent.wait(5)
    thread.join()
    link.close()


def test_the_queue_is_bounded_in_bytes() -> None:
    link = StreamLink("h")
    big = bytes(FRAME_MAX_BYTES)
    for _ in range(QUEUE_BYTES // FRAME_MAX_BYTES):
        link.send(big)
    failed = threading.Event()

    def send() -> None:
        try:
            link.send(big)
        except ArcxoError:
            failed.set()

    thread = threading.Thread(target=send)
    thread.start()
    assert not failed.wait(0.1)
    link.close()
    thread.join(5)
    assert failed.is_set()


def test_frames_that_came_before_the_end_are_received_and_then_the_loss_is_told() -> None:
    link = StreamLink("h")
    link.read_from([pb.Frame(data=b"a"), pb.Frame(data=b"b")])
    assert link.receive(1) == b"a"
    assert link.receive(1) == b"b"
    with pytest.raises(ArcxoError) as caught:
        link.receive(1)
    assert caught.value.code == "ER00201"


def test_nothing_within_the_time_is_none() -> None:
    assert StreamLink("h").receive(0.01) is None


def test_a_frame_too_large_ends_the_link() -> None:
    def frames() -> Iterator[pb.Frame]:
        yield pb.Frame(data=bytes(FRAME_MAX_BYTES + 1))

    link = StreamLink("h")
    link.read_from(frames())
    with pytest.raises(ArcxoError):
        link.receive(1)
    with pytest.raises(ArcxoError):
        link.send(bytes(FRAME_MAX_BYTES + 1))


def test_a_large_frame_travels_in_pieces_and_arrives_whole() -> None:
    far, near = StreamLink("far"), StreamLink("near")
    frame = bytes(range(256)) * 10_000
    near.send(frame)
    near.send(b"small")
    near.close()
    pieces = list(near.outgoing())
    assert len(pieces) > 4
    far.read_from(pieces)
    assert far.receive(1) == frame
    assert far.receive(1) == b"small"


def test_a_link_that_takes_much_in_a_moment_gets_whole_frames() -> None:
    link = StreamLink("near")
    frames = [bytes([number]) * 2_000_000 for number in range(4)]
    for frame in frames:
        link.send(frame)
    link.close()
    pieces = list(link.outgoing())
    assert [piece.part for piece in pieces[-2:]] == [WHOLE, WHOLE]
    far = StreamLink("far")
    far.read_from(pieces)
    assert [far.receive(1) for _ in frames] == frames


def test_a_link_that_slows_down_gets_small_pieces_at_once() -> None:
    sizes = PieceSizes()
    for _ in range(3):
        sizes.left(PIECE_MOST_BYTES, 0.001)
    assert sizes.most == PIECE_MOST_BYTES, "buffers took so much"
    sizes.left(PIECE_MOST_BYTES, 0.001)
    assert sizes.most == FRAME_MAX_BYTES
    sizes.left(1_000, 0.001)
    assert sizes.most == FRAME_MAX_BYTES, "a small piece tells nothing"
    sizes.left(FRAME_MAX_BYTES, 0.4)
    assert PIECE_MOST_BYTES < sizes.most <= FRAME_MAX_BYTES // 8
    sizes.left(FRAME_MAX_BYTES // 8, 10.0)
    assert sizes.most == PIECE_MOST_BYTES


def test_an_urgent_frame_goes_between_the_pieces_of_another() -> None:
    far, near = StreamLink("far"), StreamLink("near")
    frame = bytes(2_000_000)
    near.send(frame)
    outgoing = near.outgoing()
    pieces = [next(outgoing)]
    near.send(b"alive", urgent=True)
    near.close()
    pieces += outgoing
    assert pieces[1].data == b"alive"
    far.read_from(pieces)
    assert far.receive(1) == b"alive"
    assert far.receive(1) == frame


def test_an_urgent_frame_never_blocks() -> None:
    link = StreamLink("h")
    for _ in range(QUEUE_FRAMES):
        link.send(b"x")
    for _ in range(1_000):
        link.send(b"alive", urgent=True)
    link.close()
    with pytest.raises(ArcxoError):
        link.send(b"alive", urgent=True)


@pytest.mark.parametrize("case", ["kind", "size", "count"])
def test_pieces_that_make_no_frame_end_the_link(case: str) -> None:
    def pieces() -> Iterator[pb.Frame]:
        if case == "kind":
            yield pb.Frame(data=b"x", part=3)
        elif case == "size":
            for _ in range(20):
                yield pb.Frame(data=bytes(1 << 20), part=1)
        else:
            for _ in range(PIECES_MAX + 10):
                yield pb.Frame(part=1)
        yield pb.Frame(data=b"late", part=2)

    link = StreamLink("h")
    link.read_from(pieces())
    with pytest.raises(ArcxoError):
        link.receive(1)


def test_what_waits_for_a_limit_is_dropped_when_the_link_is_closed() -> None:
    link = StreamLink("h")
    link.pace(Throttle(parse_bandwidth("daily 00-24 8")))
    link.send(bytes(100_000))
    outgoing = link.outgoing()
    next(outgoing)
    threading.Timer(0.1, link.close).start()
    began = time.monotonic()
    assert len(list(outgoing)) < 20
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("sizes", [(5,), (1, 2, 3), (0, 700_000, 0, 600_000, 1), (524_288, 524_288), ()])
def test_a_frame_in_parts_arrives_as_one(sizes: tuple[int, ...]) -> None:
    far, near = StreamLink("far"), StreamLink("near")
    parts = [bytes([number + 1]) * size for number, size in enumerate(sizes)]
    near.send_parts(FrameParts(parts))
    near.send(b"next")
    near.close()
    messages = [packed(piece) for piece in near.outgoing()]
    assert max(map(len, messages)) < 530_000
    far.read_from(map(unpacked, messages))
    assert far.receive(1) == b"".join(parts)
    assert far.receive(1) == b"next"


def test_a_frame_in_parts_may_not_be_too_large() -> None:
    with pytest.raises(ArcxoError):
        StreamLink("h").send_parts(FrameParts([bytes(FRAME_MAX_BYTES), b"x"]))
