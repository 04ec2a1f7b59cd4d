"""What those who have not logged in can do to an agent: nothing that others notice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from app.agent.accounts import Accounts, Role
from app.agent.api import Agent
from app.agent.calls import STREAMS_MAX
from app.agent.channel import CONTROL_CONNECTIONS, DATA_CONNECTIONS, open_channel
from app.agent.client import connect
from app.agent.errors import from_rpc_error
from app.agent.home import AgentHome, AgentInfo
from app.agent.tls import load_identity
from app.model.errors import ArcxoError
from app.model.job import Credentials
from tests.support.agent_processes import children_of, running_agent, wait_until
from tests.support.tcp_proxy import TcpProxy


class Site:
    """An agent, and a stranger with an address of its own."""

    def __init__(self, home: Path, agent: Agent) -> None:
        self.home = AgentHome(str(home))
        self.agent = agent
        info = self.home.running()
        assert info is not None
        self.info: AgentInfo = info
        self.identity = load_identity(self.home)
        Accounts(self.home).add("caroot", "secret", Role.ADMINISTRATOR)

    def log_in(self) -> None:
        connect(self.info.address, Credentials("caroot", "secret"), self.info.fingerprint, 20).close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("strangers")
    with running_agent(home) as agent:
        yield Site(home, agent)


@pytest.fixture
def stranger(site: Site) -> Iterator[grpc.Channel]:
    proxy = TcpProxy(site.info.address, source="127.0.0.9")
    channel = open_channel(proxy.address, site.identity.certificate)
    try:
        yield channel
    finally:
        channel.close()
        proxy.close()


class Silent:
    """Calls whose message never comes."""

    def __init__(self, channel: grpc.Channel, method: str, count: int) -> None:
        call = channel.stream_unary(f"/arcxo.agent.v1.AgentControl/{method}", bytes, bytes)
        self._end = threading.Event()
        self.calls: list[Any] = [call.future(self._nothing()) for _ in range(count)]

    def _nothing(self) -> Iterator[bytes]:
        self._end.wait(30)
        yield from ()

    def end(self) -> None:
        self._end.set()
        for call in self.calls:
            call.cancel()


@pytest.mark.parametrize("method", ["Hello", "Browse"])
def test_whoever_has_no_token_is_refused_before_its_message_is_waited_for(
    site: Site, stranger: grpc.Channel, method: str
) -> None:
    silent = Silent(stranger, method, STREAMS_MAX + 68)
    try:
        for call in silent.calls:
            assert from_rpc_error(call.exception(20), "h", method, 20).code == "AE1015"
        assert site.agent.hello().home_id
    finally:
        silent.end()


def test_silent_log_ins_hold_up_nobody_else(site: Site, stranger: grpc.Channel) -> None:
    silent = Silent(stranger, "LogIn", 100)
    try:
        refused = wait_until(lambda: [call for call in silent.calls if call.done()])
        assert from_rpc_error(refused[0].exception(), "h", "LogIn", 20).code == "AE1009"
        began = time.monotonic()
        site.log_in()
        assert time.monotonic() - began < 5
    finally:
        silent.end()


def test_connections_that_say_nothing_take_no_files_from_the_replica(site: Site) -> None:
    wait_until(lambda: "replica" in site.agent.hello().roles_running)
    (replica,) = children_of(site.info.pid, "replica")
    for address, pid, most in (
        (site.info.data_address, replica, DATA_CONNECTIONS),
        (site.info.address, site.info.pid, CONTROL_CONNECTIONS),
    ):
        host, _, port = address.rpartition(":")
        idle = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        half_open = [socket.create_connection((host, int(port))) for _ in range(most + 200)]
        try:
            # Those beyond the limit have been hung up on when the last one of them has.
            half_open[-1].settimeout(20)
            assert half_open[-1].recv(1) == b""
            assert len(list(Path(f"/proc/{pid}/fd").iterdir())) <= idle + most + 8
            assert site.agent.hello().home_id
        finally:
            for one in half_open:
                one.close()
    wait_until(lambda: _logs_in(site))


def _logs_in(site: Site) -> bool:
    try:
        site.log_in()
    except ArcxoError:
        return False  # the places are not free yet
    return True
