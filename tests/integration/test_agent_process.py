from __future__ import annotations

import os
import signal
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.agent.accounts import Accounts, Role
from app.agent.api import Agent
from app.agent.client import connect, connect_local, fetch_fingerprint
from app.agent.connector import open_stream_link
from app.agent.grpc_client import GrpcAgent
from app.agent.home import AgentHome
from app.agent.run import run_agent, spawn_agent
from app.agent.tls import load_identity, load_or_make_identity
from app.model.errors import ArcxoError, BusyError, CredentialsError, ExitCode, NotFoundError, UsageError
from app.model.job import Credentials
from app.model.scenario import NewScenario
from tests.support.agent_processes import children_of, kill_agent, running_agent, wait_until


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("agent-home")


@pytest.fixture(scope="module")
def agent(home: Path) -> Iterator[Agent]:
    with running_agent(home) as client:
        yield client


def test_the_owner_is_answered_without_a_password(agent: Agent, home: Path) -> None:
    hello = agent.hello()
    assert hello.home_id == AgentHome(str(home)).id
    assert hello.fingerprint == load_identity(AgentHome(str(home))).fingerprint


def test_a_second_agent_of_the_home_is_refused(agent: Agent, home: Path) -> None:
    with pytest.raises(BusyError) as caught:
        run_agent(str(home))
    assert caught.value.code == "AE1002"
    running = AgentHome(str(home)).running()
    assert spawn_agent(str(home)) == running


def test_errors_arrive_as_what_was_raised(agent: Agent) -> None:
    with pytest.raises(NotFoundError) as caught:
        agent.browse(b"/there/is/no/such")
    assert caught.value.code == "AE1020"
    assert caught.value.params == {"path": "/there/is/no/such"}
    assert caught.value.exit_code is ExitCode.NOT_FOUND
    with pytest.raises(UsageError):
        agent.browse(b"relative")
    with pytest.raises(ArcxoError):
        agent.scenario(4711)


def test_a_directory_with_many_and_odd_names_is_browsed_whole(agent: Agent, tmp_path: Path) -> None:
    for number in range(6_000):
        (tmp_path / f"f{number}").touch()
    os.mkdir(os.fsencode(tmp_path) + b"/z\xff")
    found = agent.browse(os.fsencode(tmp_path))
    assert len(found) == 6_001
    assert found[0].name == b"z\xff"


def test_account_log_in_is_pinned_to_the_certificate(agent: Agent, home: Path, tmp_path: Path) -> None:
    Accounts(AgentHome(str(home))).add("anna", "right", Role.MONITOR)
    info = AgentHome(str(home)).running()
    assert info is not None
    assert fetch_fingerprint(info.address) == info.fingerprint
    client = connect(info.address, Credentials("anna", "right"), info.fingerprint)
    try:
        assert client.hello().fingerprint == info.fingerprint
        with pytest.raises(CredentialsError) as caught:
            client.make_directory(os.fsencode(tmp_path) + b"/x")
        assert caught.value.code == "AE1018"
        assert not (tmp_path / "x").exists()
    finally:
        client.close()
    with pytest.raises(CredentialsError) as caught:
        connect(info.address, Credentials("anna", "wrong"), info.fingerprint)
    assert caught.value.code == "AE1026"
    with pytest.raises(CredentialsError) as caught:
        connect(info.address, Credentials("anna", "right"), "00" * 32)
    assert caught.value.code == "AE1006"


def test_a_client_that_trusts_another_certificate_is_not_connected(
    agent: Agent, home: Path, tmp_path: Path
) -> None:
    info = AgentHome(str(home)).running()
    assert info is not None
    other = load_or_make_identity(AgentHome(str(tmp_path)))
    token = AgentHome(str(home)).owner_token
    client = GrpcAgent("h", info.address, other.certificate, 5.0, token=token)
    try:
        with pytest.raises(ArcxoError) as caught:
            client.hello()
        assert caught.value.code == "AE1006"
    finally:
        client.close()


def test_nothing_is_told_without_a_token(agent: Agent, home: Path) -> None:
    info = AgentHome(str(home)).running()
    assert info is not None
    certificate = load_identity(AgentHome(str(home))).certificate
    client = GrpcAgent("h", info.address, certificate, 5.0, token="guess")
    try:
        for call in (
            client.hello,
            client.scenarios,
            lambda: client.browse(b"/"),
            lambda: client.open_stream(1, "localhost"),
        ):
            with pytest.raises(CredentialsError) as caught:
                call()
            assert caught.value.code == "AE1015"
    finally:
        client.close()


@pytest.mark.parametrize("role", ["master", "replica"])
def test_a_killed_role_process_is_started_again_with_an_event(agent: Agent, home: Path, role: str) -> None:
    info = AgentHome(str(home)).running()
    assert info is not None
    before = wait_until(lambda: children_of(info.pid, role))
    newest = max((event.sequence for event in agent.events(0)), default=0)
    os.kill(before[0], signal.SIGKILL)
    after = wait_until(lambda: [pid for pid in children_of(info.pid, role) if pid not in before])
    assert len(after) == 1
    events = wait_until(lambda: [e for e in agent.events(newest) if e.code == "AW1001"])
    assert events[0].params == {"role": role, "reason": "signal 9 (SIGKILL)"}
    wait_until(lambda: role in agent.hello().roles_running)
    assert list(agent.scenarios()) == []


def test_garbage_on_both_ports_does_no_harm(agent: Agent, home: Path) -> None:
    info = AgentHome(str(home)).running()
    assert info is not None
    wait_until(lambda: agent.hello().roles_running == ("master", "replica"))
    roles = children_of(info.pid, "master") + children_of(info.pid, "replica")
    for address in (info.address, info.data_address):
        host, _, port = address.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=5) as plain:
            plain.sendall(os.urandom(4096))
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        with (
            socket.create_connection((host, int(port)), timeout=5) as raw,
            context.wrap_socket(raw) as wrapped,
        ):
            wrapped.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(4096))
            wrapped.recv(65_536)
    assert agent.hello().roles_running == ("master", "replica")
    assert children_of(info.pid, "master") + children_of(info.pid, "replica") == roles


def test_quick_calls_are_answered_while_many_slow_ones_are_made(agent: Agent, home: Path) -> None:
    bad = NewScenario("n", "localhost", (), ())
    client = connect_local(str(home), timeout_s=30.0)
    stop = threading.Event()

    def bother() -> None:
        while not stop.is_set():
            try:
                client.check_scenario(bad)
            except ArcxoError:
                continue

    try:
        with ThreadPoolExecutor(32) as pool:
            for _ in range(32):
                pool.submit(bother)
            try:
                for _ in range(50):
                    assert agent.hello().home_id
            finally:
                stop.set()
    finally:
        client.close()


def test_control_calls_are_answered_while_many_streams_are_open(agent: Agent, home: Path) -> None:
    identity = load_identity(AgentHome(str(home)))
    assert isinstance(agent, GrpcAgent)
    wait_until(lambda: agent.hello().roles_running == ("master", "replica"))
    links = []
    try:
        for _ in range(40):
            address, token = agent.open_stream(1, "localhost")
            links.append(open_stream_link("h", address, identity.certificate, token, 10, identity))
        for _ in range(20):
            assert agent.hello().roles_running == ("master", "replica")
            assert agent.browse(b"/")
    finally:
        for link in links:
            link.close()


def test_a_killed_agent_leaves_nothing_behind_and_the_next_one_starts(tmp_path: Path) -> None:
    with running_agent(tmp_path):
        info = kill_agent(tmp_path)
        assert AgentHome(str(tmp_path)).running() is None
        with pytest.raises(ArcxoError) as caught:
            connect_local(str(tmp_path))
        assert caught.value.code == "AE1001"
        wait_until(lambda: not children_of(info.pid, "master") and not children_of(info.pid, "replica"))
        again = spawn_agent(str(tmp_path))
        assert again.pid != info.pid
        assert again.fingerprint == info.fingerprint
        client = connect_local(str(tmp_path))
        assert client.hello().home_id
        client.close()
