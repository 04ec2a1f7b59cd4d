from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from app.agent.admission import StreamTicket
from app.agent.connector import open_stream_link
from app.agent.data_server import DataServer, StreamTokens
from app.agent.home import AgentHome
from app.agent.tls import Identity, load_or_make_identity
from app.model.errors import ArcxoError
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.definition import to_xml
from app.replication.frame_codec import encode_frame
from app.replication.frames import PROTOCOL_VERSION, Hello, Ping
from app.replication.inspect_frames import Inquiry
from app.replication.link import FRAME_MAX_BYTES, Link


class Echo:
    """A replica that answers each frame with its length."""

    def __init__(self) -> None:
        self.hold = threading.Event()
        self.ended = threading.Event()

    def serve(self, link: Link) -> None:
        try:
            while True:
                if self.hold.is_set():
                    self.ended.wait(0.01)
                    continue
                frame = link.receive(0.2)
                if frame is not None:
                    link.send(b"%d" % len(frame))
        finally:
            self.ended.set()


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Identity:
    return load_or_make_identity(AgentHome(str(tmp_path_factory.mktemp("tls"))))


@pytest.fixture
def echo() -> Echo:
    return Echo()


@pytest.fixture
def port(identity: Identity, echo: Echo) -> Iterator[tuple[str, StreamTokens]]:
    tokens = StreamTokens()
    server = DataServer(identity, tokens, echo.serve)
    yield server.start("127.0.0.1:0"), tokens
    echo.hold.clear()
    server.stop()


def hello(scenario_id: int) -> bytes:
    scenario = Scenario(
        scenario_id,
        "files",
        ServerType.FILE_SERVER,
        ProductType.DR,
        "localhost",
        (Root(b"/m"),),
        (ReplicaSpec("localhost", (b"/r",)),),
    )
    return encode_frame(Hello(PROTOCOL_VERSION, to_xml(scenario), "localhost", "e", 1, 0))


def received(link: Link) -> bytes:
    frame = link.receive(10)
    assert frame is not None
    return frame


def test_frames_of_any_allowed_size_go_both_ways(port: tuple[str, StreamTokens], identity: Identity) -> None:
    address, tokens = port
    link = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    first = hello(7)
    link.send(first)
    assert received(link) == b"%d" % len(first)
    for size in (0, 1, FRAME_MAX_BYTES):
        link.send(bytes(size))
        assert received(link) == b"%d" % size
    link.close()


@pytest.mark.parametrize("token", ["", "guess"])
def test_no_stream_without_a_token(port: tuple[str, StreamTokens], identity: Identity, token: str) -> None:
    link = open_stream_link("h", port[0], identity.certificate, token, 5, identity)
    with pytest.raises(ArcxoError):
        link.receive(10)


def test_a_token_opens_one_stream(port: tuple[str, StreamTokens], identity: Identity) -> None:
    address, tokens = port
    token = tokens.issue(StreamTicket(7))
    first = open_stream_link("h", address, identity.certificate, token, 5, identity)
    first.send(hello(7))
    received(first)
    second = open_stream_link("h", address, identity.certificate, token, 5, identity)
    with pytest.raises(ArcxoError):
        second.receive(10)
    first.close()


def test_a_token_is_for_its_own_scenario_only(port: tuple[str, StreamTokens], identity: Identity) -> None:
    address, tokens = port
    link = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    link.send(hello(8))
    with pytest.raises(ArcxoError):
        link.receive(10)


def test_a_token_opens_an_inquiry_about_its_own_scenario_only(
    port: tuple[str, StreamTokens], identity: Identity
) -> None:
    address, tokens = port
    link = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    link.send(encode_frame(Inquiry(PROTOCOL_VERSION, 7, "localhost")))
    received(link)
    link.close()
    for first in (Inquiry(PROTOCOL_VERSION, 8, "localhost"), Ping(1)):
        other = open_stream_link(
            "h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity
        )
        other.send(encode_frame(first))
        with pytest.raises(ArcxoError):
            other.receive(10)


def test_frames_that_are_garbage_end_their_stream_only(
    port: tuple[str, StreamTokens], identity: Identity
) -> None:
    address, tokens = port
    good = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    good.send(hello(7))
    received(good)
    bad = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    bad.send(b"\xff" * 1000)
    with pytest.raises(ArcxoError):
        bad.receive(10)
    good.send(b"x")
    assert received(good) == b"1"
    good.close()


def test_a_replica_that_takes_nothing_stops_its_master_and_no_memory_grows(
    port: tuple[str, StreamTokens], identity: Identity, echo: Echo
) -> None:
    address, tokens = port
    link = open_stream_link("h", address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity)
    link.send(hello(7))
    received(link)
    echo.hold.set()
    sent = 0
    blocked = threading.Event()

    def flood() -> None:
        nonlocal sent
        try:
            while not blocked.is_set():
                link.send(bytes(1 << 20))
                sent += 1
        except ArcxoError:
            return

    thread = threading.Thread(target=flood)
    thread.start()
    before = -1
    while before != sent:
        before = sent
        thread.join(0.5)
    assert sent < 80
    blocked.set()
    link.close()
    thread.join(10)
    assert not thread.is_alive()
