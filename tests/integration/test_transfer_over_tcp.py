"""A master's and a replica's engine over real connections that are cut, stalled and slow."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.admission import StreamTicket
from app.agent.connector import open_stream_link
from app.agent.data_server import DataServer, StreamTokens
from app.agent.home import AgentHome
from app.agent.stream_link import StreamLink
from app.agent.tls import load_or_make_identity
from app.model.errors import ArcxoError
from app.model.scenario import ReplicaSpec, ReplicaState, Scenario
from app.replication.link import Link
from app.replication.master import connection
from tests.support.replication_group import Group
from tests.support.replication_pair import until
from tests.support.tcp_proxy import TcpProxy


class TcpGroup(Group):
    """The one replica "far" is behind a proxy."""

    def __init__(self, base: Path) -> None:
        self._identity = load_or_make_identity(AgentHome(str(base / "tls")))
        self._tokens = StreamTokens()
        self._server = DataServer(self._identity, self._tokens, self._serve)
        self.proxy = TcpProxy(self._server.start("127.0.0.1:0"))
        super().__init__(base, "far")

    def _serve(self, link: Link) -> None:
        self.hosts["far"].engine.serve(link)

    def connect(  # type: ignore[override]  # real links instead of those in memory
        self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float
    ) -> StreamLink:
        token = self._tokens.issue(StreamTicket(scenario.id))
        try:
            return open_stream_link(
                replica.host,
                self.proxy.address,
                self._identity.certificate,
                token,
                min(timeout_s, 1.0),
                self._identity,
            )
        except ArcxoError as error:
            raise ArcxoError("ER00202", host=replica.host, reason=error.code) from error

    def close(self) -> None:
        self.engine.close()
        self.proxy.close()
        self._server.stop()
        super().close()


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TcpGroup]:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.5)
    monkeypatch.setattr("app.replication.master.exchange.PING_EVERY_S", 0.5)
    made = TcpGroup(tmp_path)
    yield made
    made.close()


def _churn(group: Group, stop: threading.Event) -> None:
    chance = random.Random(1)
    number = 0
    while not stop.wait(0.005):
        number += 1
        path = group.master / f"file {chance.randrange(40)}"
        if chance.random() < 0.2:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(os.urandom(chance.randrange(60_000)))


def test_connections_that_are_cut_again_and_again_lose_nothing(group: TcpGroup) -> None:
    group.run()
    stop = threading.Event()
    churn = threading.Thread(target=_churn, args=(group, stop))
    churn.start()
    try:
        for _ in range(5):
            before = group.proxy.connections
            stop.wait(0.4)
            group.proxy.cut()
            until(lambda before=before: group.proxy.connections > before)  # type: ignore[misc]
    finally:
        stop.set()
        churn.join()
    group.engine.barrier(group.id, 30)
    assert group.same("far")
    codes = group.codes("far")
    assert codes.count("SR00202") == 1, "nothing was synchronised again"
    assert codes.count("ER00205") == codes.count("SR00206") >= 3


def test_a_half_open_connection_is_given_up_in_time_and_nothing_is_lost(group: TcpGroup) -> None:
    group.run(timeout_seconds=2)
    group.proxy.stall()
    (group.master / "meanwhile").write_bytes(os.urandom(30_000_000))
    group.wait("far", ReplicaState.DISCONNECTED, 15)
    assert "waiting: replica unreachable: far did not finish" in group.status("far").waiting
    group.proxy.go_on()
    group.wait_same("far")
    group.engine.barrier(group.id, 30)
    codes = group.codes("far")
    assert codes.count("SR00202") == codes.count("ER00205") == codes.count("SR00206") == 1


def test_a_connection_that_breaks_during_a_synchronisation_is_no_loss(group: TcpGroup) -> None:
    for number in range(60):
        (group.master / f"large {number}").write_bytes(os.urandom(300_000))
    group.create(bandwidth="daily 00-24 64000")
    group.engine.run(group.id)
    for _ in range(2):
        group.wait("far", ReplicaState.SYNCHRONIZING)
        until(lambda: sum(size for _, size in group.proxy.passed) > 2_000_000)
        group.proxy.passed.clear()
        group.proxy.cut()
    group.wait_same("far")
    group.engine.barrier(group.id, 30)
