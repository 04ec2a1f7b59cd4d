"""The limit of bandwidth on a real connection: bytes are counted on their way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.agent.admission import StreamTicket
from app.agent.connector import open_stream_link
from app.agent.data_server import DataServer, StreamTokens
from app.agent.home import AgentHome
from app.agent.stream_link import StreamLink
from app.agent.tls import Identity, load_or_make_identity
from app.model.bandwidth import parse_bandwidth
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.definition import to_xml
from app.replication.frame_codec import encode_frame
from app.replication.frames import PROTOCOL_VERSION, Hello
from app.replication.link import Link
from app.replication.throttle import Throttle
from tests.support.tcp_proxy import TcpProxy

KBPS = 2_048
BUDGET = KBPS * 125
Opener = Callable[[], StreamLink]


class Sink:
    """Takes what comes and answers each frame with its length."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def serve(self, link: Link) -> None:
        while True:
            frame = link.receive(60)
            if frame is None:
                return
            self.sizes.append(len(frame))
            link.send(b"%d" % len(frame))


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def ends(tmp_path: Path, sink: Sink) -> Iterator[tuple[TcpProxy, Opener]]:
    identity: Identity = load_or_make_identity(AgentHome(str(tmp_path)))
    tokens = StreamTokens()
    server = DataServer(identity, tokens, sink.serve)
    proxy = TcpProxy(server.start("127.0.0.1:0"))
    links: list[StreamLink] = []

    def opened() -> StreamLink:
        link = open_stream_link(
            "h", proxy.address, identity.certificate, tokens.issue(StreamTicket(7)), 5, identity
        )
        links.append(link)
        link.send(_hello())
        assert link.receive(10) is not None
        proxy.passed.clear()
        return link

    yield proxy, opened
    for link in links:
        link.close()
    proxy.close()
    server.stop()


def _hello() -> bytes:
    scenario = Scenario(
        7,
        "files",
        ServerType.FILE_SERVER,
        ProductType.DR,
        "localhost",
        (Root(b"/m"),),
        (ReplicaSpec("localhost", (b"/r",)),),
    )
    return encode_frame(Hello(PROTOCOL_VERSION, to_xml(scenario), "localhost", "e", 1, 0))


def test_a_frame_larger_than_seconds_of_the_limit_keeps_it_in_every_second(
    ends: tuple[TcpProxy, Opener], sink: Sink
) -> None:
    proxy, opened = ends
    link = opened()
    link.pace(Throttle(parse_bandwidth(f"daily 00-24 {KBPS}")))
    for _ in range(4):
        proxy.passed.clear()
        link.send(bytes(int(BUDGET * 2.5)))
        assert link.receive(20) == b"%d" % int(BUDGET * 2.5)
        most, least = proxy.fullest_and_emptiest()
        # Where the machine itself stood still for a moment, the counting is late, not the limit broken.
        if BUDGET * 0.95 <= least <= most <= BUDGET * 1.05:
            break
    else:
        pytest.fail(f"{least:,} to {most:,} bytes in a second, not {BUDGET:,}")


def test_signs_of_life_overtake_what_waits_for_the_limit(ends: tuple[TcpProxy, Opener], sink: Sink) -> None:
    _, opened = ends
    link = opened()
    link.pace(Throttle(parse_bandwidth("daily 00-24 64")))
    link.send(bytes(1_000_000))
    began = time.monotonic()
    link.send(b"alive", urgent=True)
    assert link.receive(10) == b"5"
    assert time.monotonic() - began < 5.0
    assert sink.sizes[-1] == 5


def test_one_limited_stream_leaves_the_others_alone_and_the_hour_lifts_it(
    ends: tuple[TcpProxy, Opener],
) -> None:
    _, opened = ends
    base = datetime(2026, 1, 5, 7, 0, tzinfo=UTC)
    later = threading.Event()
    slow, fast = opened(), opened()
    slow.pace(
        Throttle(
            parse_bandwidth("mon 07-08 256"),
            now=lambda: base + timedelta(hours=1 if later.is_set() else 0),
        )
    )
    slow.send(bytes(4_000_000))
    began = time.monotonic()
    fast.send(bytes(4_000_000))
    assert fast.receive(10) == b"4000000"
    assert slow.receive(0.5) is None
    later.set()
    assert slow.receive(10) == b"4000000"
    assert time.monotonic() - began < 10
