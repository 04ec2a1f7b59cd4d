"""Two agents with homes of their own on this machine: what opens between them, and what does not."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from app.agent.accounts import Accounts, Role
from app.agent.api import Agent, Peer
from app.agent.channel import open_channel
from app.agent.client import connect
from app.agent.connector import AgentConnector, open_stream_link
from app.agent.errors import from_rpc_error
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.home import AgentHome
from app.agent.run import spawn_agent, stop_agent
from app.agent.signing import sign_definition
from app.agent.tls import Identity, load_identity, load_or_make_identity
from app.model.errors import ArcxoError, CredentialsError, UsageError
from app.model.job import Credentials
from app.model.scenario import NewScenario, ReplicaSpec, Root, Scenario, ScenarioState
from app.replication.definition import to_xml
from app.replication.frame_codec import decode_frame, encode_frame
from app.replication.frames import PROTOCOL_VERSION, Hello, Welcome
from tests.support.agent_processes import children_of, wait_until

generated: Any = agent_pb2_grpc


class Host:
    """An agent with three accounts, and its client as administrator."""

    def __init__(self, base: Path, name: str) -> None:
        self.name = name
        self.home = AgentHome(str(base / name))
        accounts = Accounts(self.home)
        for role in Role:
            accounts.add(role.label, "secret", role)
        self.info = spawn_agent(self.home.path)
        self.identity: Identity = load_identity(self.home)
        self.agent = self.as_("administrator")

    def as_(self, user: str) -> Agent:
        return connect(
            self.info.address, Credentials(user, "secret"), self.info.fingerprint, 30, name=self.name
        )

    def stub(self) -> Any:
        self.channel = open_channel(self.info.address, self.identity.certificate)
        return generated.AgentControlStub(self.channel)

    def stop(self) -> None:
        self.agent.close()
        stop_agent(self.home.path)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Host]]:
    base = tmp_path_factory.mktemp("hosts")
    made = Host(base, "hq"), Host(base, "branch")
    made[0].agent.set_name("hq")
    yield made
    for host in made:
        host.stop()


@pytest.fixture
def shared(hosts: tuple[Host, Host], tmp_path: Path) -> Iterator[Scenario]:
    """A scenario from hq to branch, let in and with its way told."""
    hq, branch = hosts
    for name in ("data", "copy"):
        (tmp_path / name).mkdir()
    spec = ReplicaSpec("branch", (bytes(tmp_path / "copy"),))
    new = NewScenario("shared", "hq", (spec,), (Root(bytes(tmp_path / "data")),))
    made = hq.agent.create_scenario(new)
    admit(hosts, made)
    yield made
    branch.agent.dismiss_scenario(made.id)
    hq.agent.stop(made.id)
    hq.agent.delete_scenario(made.id)


def admit(hosts: tuple[Host, Host], scenario: Scenario) -> str:
    hq, branch = hosts
    xml = hq.agent.export_scenario(scenario.id)
    given = branch.agent.admit_scenario(xml, "branch", hq.agent.peers(scenario.id)[1])
    hq.agent.set_peer(Peer(scenario.id, "branch", branch.info.address, given.certificate, given.key))
    return given.key


def ask(host: Host, scenario: Scenario, right_key: str, master: Identity, **other: Any) -> Any:
    """What a master asks the replica's host for."""
    xml = to_xml(scenario)
    fields: dict[str, Any] = {
        "scenario_id": scenario.id,
        "replica": "branch",
        "key": right_key,
        "definition_xml": xml,
        "signature": sign_definition(master.key, xml),
        "protocol": 2,
        "protocol_oldest": 2,
    }
    stub = host.stub()
    try:
        return stub.OpenScenarioStream(pb.ScenarioStreamRequest(**(fields | other)), timeout=10)
    except grpc.RpcError as error:
        raise from_rpc_error(error, "branch", "OpenScenarioStream", 10) from None
    finally:
        host.channel.close()


def greeted(host: Host, scenario: Scenario, token: str, address: str, master: Identity) -> bool:
    """Whether a stream with that token and this greeting is taken by the replica."""
    try:
        link = open_stream_link("branch", address, host.identity.certificate, token, 3, master)
    except ArcxoError:
        return False
    try:
        link.send(encode_frame(Hello(PROTOCOL_VERSION, to_xml(scenario), "branch", "e", 1, 0)))
        answer = link.receive(10)
        return answer is not None and isinstance(decode_frame(answer), Welcome)
    except ArcxoError:
        return False
    finally:
        link.close()


def test_a_master_reaches_the_replica_of_another_home(hosts: tuple[Host, Host], shared: Scenario) -> None:
    data, copy = Path(shared.roots[0].master_path.decode()), Path(shared.replicas[0].paths[0].decode())
    (data / "file").write_text("content")
    hosts[0].agent.run(shared.id)
    wait_until((copy / "file").exists)
    hosts[0].agent.barrier(shared.id, 20)
    assert (copy / "file").read_text() == "content"
    assert hosts[1].agent.replica_status(shared.id).rewind_oldest_at is not None


def test_a_token_opens_one_stream_of_that_definition_for_that_master(
    hosts: tuple[Host, Host], shared: Scenario, tmp_path: Path
) -> None:
    hq, branch = hosts
    key = admit(hosts, shared)
    thief = load_or_make_identity(AgentHome(str(tmp_path / "thief")))
    wider = replace(shared, replicas=(ReplicaSpec("branch", (b"/etc",)),))

    def opened() -> Any:
        return ask(branch, shared, key, hq.identity)

    reply = opened()
    assert not greeted(branch, shared, reply.token, reply.data_address, thief)
    assert not greeted(branch, shared, reply.token, reply.data_address, branch.identity)
    reply = opened()
    assert not greeted(branch, wider, reply.token, reply.data_address, hq.identity)
    reply = opened()
    assert greeted(branch, shared, reply.token, reply.data_address, hq.identity)
    assert not greeted(branch, shared, reply.token, reply.data_address, hq.identity)


def test_the_data_port_shows_nothing_to_who_has_no_certificate(
    hosts: tuple[Host, Host], shared: Scenario
) -> None:
    key = admit(hosts, shared)
    reply = ask(hosts[1], shared, key, hosts[0].identity)
    channel = open_channel(reply.data_address, hosts[1].identity.certificate)
    with pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(1.5)
    channel.close()


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"key": "guess"}, "AE1033"),
        ({"scenario_id": 1}, "AE1033"),
        ({"replica": "hq"}, "AE1033"),
        ({"signature": b"x"}, "AE1038"),
        ({"definition_xml": b"<!DOCTYPE x []><x/>"}, "AE1038"),
        ({"protocol": 0, "protocol_oldest": 0}, "AE1031"),
        ({"protocol": 9, "protocol_oldest": 8}, "AE1031"),
    ],
)
def test_what_does_not_fit_is_refused(
    hosts: tuple[Host, Host], shared: Scenario, other: dict[str, Any], code: str
) -> None:
    key = admit(hosts, shared)
    with pytest.raises(ArcxoError) as caught:
        ask(hosts[1], shared, key, hosts[0].identity, **other)
    assert caught.value.code == code


def test_roles_bound_what_an_account_may_do_between_hosts(hosts: tuple[Host, Host], shared: Scenario) -> None:
    xml, certificate = hosts[0].agent.export_scenario(shared.id), hosts[0].identity.certificate
    for user in ("operator", "monitor"):
        agent = hosts[1].as_(user)
        try:
            for call in (
                lambda: agent.admit_scenario(xml, "branch", certificate),  # noqa: B023  # called at once
                lambda: agent.dismiss_scenario(shared.id),  # noqa: B023  # called at once
                lambda: agent.set_name("mine"),  # noqa: B023  # called at once
            ):
                with pytest.raises(CredentialsError, match="AE1018"):
                    call()
            if user == "monitor":
                with pytest.raises(CredentialsError, match="AE1018"):
                    agent.preflight()
            assert agent.hello().version
        finally:
            agent.close()


@pytest.mark.parametrize("path", [b"", b"relative", b"/a\0b", b"/" + b"a" * 100_000])
def test_what_is_no_path_is_refused(hosts: tuple[Host, Host], path: bytes) -> None:
    for call in (hosts[1].agent.check_roots, hosts[1].agent.preflight):
        with pytest.raises(UsageError, match="AE1019"):
            call([path])


def test_another_certificate_at_the_address_is_named_by_the_master(
    hosts: tuple[Host, Host], shared: Scenario
) -> None:
    hq, branch = hosts
    strange = Peer(shared.id, "branch", branch.info.address, hq.identity.certificate, "key")
    hq.agent.set_peer(strange)
    connector = AgentConnector(hq.home)
    with pytest.raises(CredentialsError, match="AE1006"):
        connector.connect(shared, shared.replicas[0], 5)
    hq.agent.run(shared.id)

    def told() -> bool:
        return branch.info.fingerprint in hq.agent.scenario(shared.id).replicas[0].reason

    wait_until(told)
    admit(hosts, shared)
    hq.agent.barrier(shared.id, 20)


@pytest.mark.slow
def test_a_host_that_was_set_up_anew_is_refused_until_it_is_confirmed_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    hosts = Host(tmp_path, "hq"), Host(tmp_path, "branch")
    hq, branch = hosts
    try:
        hq.agent.set_name("hq")
        (tmp_path / "data").mkdir()
        spec = ReplicaSpec("branch", (bytes(tmp_path / "copy"),))
        made = hq.agent.create_scenario(NewScenario("s", "hq", (spec,), (Root(bytes(tmp_path / "data")),)))
        admit(hosts, made)
        hq.agent.run(made.id)
        hq.agent.barrier(made.id, 20)
        stop_agent(branch.home.path)
        (Path(branch.home.directory("tls")) / "agent.pem").unlink()
        (tmp_path / "data/meanwhile").write_text("kept")
        branch.info = spawn_agent(branch.home.path, branch.info.address)
        wait_until(lambda: branch.info.fingerprint in hq.agent.scenario(made.id).replicas[0].reason)
        assert not (tmp_path / "copy/meanwhile").exists()
        branch.agent.close()
        branch.agent = branch.as_("administrator")
        admit(hosts, made)
        wait_until((tmp_path / "copy/meanwhile").exists)
        hq.agent.barrier(made.id, 20)
    finally:
        for host in hosts:
            host.stop()


def test_work_with_media_of_the_caller_takes_no_paths_of_the_host(hosts: tuple[Host, Host]) -> None:
    host = hosts[1]
    stub = host.stub()
    token = stub.LogIn(pb.LogInRequest(user="administrator", password="secret"), timeout=10).token

    def code(name: str, request: Any) -> str:
        try:
            list(getattr(stub, name)(request, timeout=10, metadata=(("authorization", token),)))
        except grpc.RpcError as error:
            return from_rpc_error(error, "h", name, 10).code
        return ""

    archive = pb.ArchiveOrder(point_id="p", entity="/", media_path="/etc", verify="none")
    restore = pb.RestoreOrder(media_path="/etc", conflict="skip", structure="none")
    try:
        for name in ("ArchiveFar", "RestoreFar"):
            assert code(name, iter(())) == "AE1007"
            assert code(name, iter([pb.FarOrder(answer=pb.MediaAnswer(number=1))])) == "AE1007"
        assert code("ArchiveFar", iter([pb.FarOrder(archive=archive)])) == "AE1007"
        assert code("RestoreFar", iter([pb.FarOrder(restore=restore)])) == "AE1007"
        archive.media_path = restore.media_path = "far:/etc"
        assert code("Archive", archive) == "AE1007"
        assert code("Restore", restore) == "AE1007"
        assert code("ArchiveFar", iter([pb.FarOrder(archive=archive)])) == "AE1024"
    finally:
        host.channel.close()


def test_a_replica_nobody_told_the_way_to_is_named(hosts: tuple[Host, Host], shared: Scenario) -> None:
    other = replace(shared, replicas=(ReplicaSpec("nowhere", (b"/copy",)),))
    with pytest.raises(ArcxoError, match="AE0467"):
        AgentConnector(hosts[0].home).connect(other, other.replicas[0], 1)


def test_a_host_that_is_taken_for_the_replica_is_named_with_its_master(
    hosts: tuple[Host, Host], shared: Scenario
) -> None:
    # The address of one host was given to the other's name: the master is asked for the replica's backup.
    with pytest.raises(ArcxoError) as caught:
        hosts[0].agent.begin_backup(shared.id, "branch", 1, 1)
    assert (caught.value.code, caught.value.params) == ("AE0467", {"master": "hq", "replica": "branch"})


def test_ae0468_what_this_version_has_no_word_for_is_a_wrong_parameter_of_the_scenario(
    hosts: tuple[Host, Host], shared: Scenario
) -> None:
    token = (("authorization", hosts[0].home.owner_token),)
    stub = hosts[0].stub()
    for call, request in (
        (stub.RunScenario, pb.RunRequest(scenario_id=shared.id, sync="mirror")),
        (stub.SetBookmark, pb.BookmarkRequest(scenario_id=shared.id, text="t", kind="of a later version")),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            call(request, timeout=20, metadata=token)
        error = from_rpc_error(caught.value, "hq", "call", 20)
        assert (error.code, error.params["id"]) == ("AE0468", str(shared.id))
    hosts[0].channel.close()
    assert hosts[0].agent.scenario(shared.id).state is ScenarioState.STOPPED


def begin_backup(host: Host, scenario: Scenario, job_id: int = 1) -> str:
    """The code that a backup of the replica there is refused with, or the point's id."""
    try:
        return host.agent.begin_backup(scenario.id, "branch", job_id, 1).id
    except ArcxoError as error:
        return error.code


def test_a_replica_is_backed_up_only_while_it_follows_its_master(
    hosts: tuple[Host, Host], shared: Scenario
) -> None:
    hq, branch = hosts
    assert begin_backup(branch, shared) == "AE0465"
    hq.agent.run(shared.id)
    wait_until(lambda: hq.agent.scenario(shared.id).state is ScenarioState.REPLICATING)
    point = begin_backup(branch, shared)
    assert not point.startswith("AE")
    branch.agent.end_backup(point, keep=False)
    hq.agent.stop(shared.id)
    held = replace(shared.properties, suspend_enabled=False, assured_recovery=False)
    hq.agent.update_scenario(replace(shared, properties=held))
    admit(hosts, shared)
    hq.agent.run(shared.id)
    wait_until(lambda: hq.agent.scenario(shared.id).state is ScenarioState.REPLICATING)
    assert begin_backup(branch, shared) == "AE0471"


@pytest.mark.slow
@pytest.mark.deep
def test_an_engine_that_cannot_hold_the_replica_still_is_told_apart_from_one_that_is_broken(
    tmp_path: Path,
) -> None:
    hosts = Host(tmp_path, "hq"), Host(tmp_path, "branch")
    hq, branch = hosts
    try:
        hq.agent.set_name("hq")
        (tmp_path / "data").mkdir()
        spec = ReplicaSpec("branch", (bytes(tmp_path / "copy"),))
        made = hq.agent.create_scenario(NewScenario("s", "hq", (spec,), (Root(bytes(tmp_path / "data")),)))
        admit(hosts, made)
        hq.agent.run(made.id)
        wait_until(lambda: hq.agent.scenario(made.id).state is ScenarioState.REPLICATING)
        hq.agent.stop(made.id)
        state = Path(branch.home.directory("replica")) / str(made.id)
        shutil.rmtree(tmp_path / "copy")
        kill_role(branch, "replica")
        wait_until(lambda: begin_backup(branch, made) == "AE0457")
        state.parent.rename(state.parent.with_name("aside"))
        state.parent.write_text("no directory")
        kill_role(branch, "replica")
        wait_until(lambda: begin_backup(branch, made) == "AE0472")
        state.parent.unlink()
        state.parent.with_name("aside").rename(state.parent)
    finally:
        for host in hosts:
            host.stop()


def kill_role(host: Host, role: str) -> None:
    (pid,) = children_of(host.info.pid, role)
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: pid not in children_of(host.info.pid, role))


def test_garbage_and_half_open_connections_disturb_nobody(hosts: tuple[Host, Host]) -> None:
    host, _, port = hosts[1].info.address.rpartition(":")
    half_open = [socket.create_connection((host, int(port))) for _ in range(200)]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        for content in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 4096, b"\x16\x03\x01\xff\xff" + b"x" * 60_000):
            with socket.create_connection((host, int(port))) as one:
                one.sendall(content)
        with (
            socket.create_connection((host, int(port))) as one,
            context.wrap_socket(one, server_hostname="x") as inside,
        ):
            inside.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 10_000)
        began = time.monotonic()
        assert hosts[1].agent.hello().version
        assert time.monotonic() - began < 5
    finally:
        for one in half_open:
            one.close()


def test_a_flood_of_log_ins_is_refused_and_those_who_are_in_go_on(tmp_path: Path) -> None:
    flooded = Host(tmp_path, "flooded")
    try:
        codes = _flood(flooded)
    finally:
        flooded.stop()
    assert set(codes) == {"AE1026", "AE1014"}
    assert codes.count("AE1014") >= 990


def _flood(host: Host) -> list[str]:
    stub = host.stub()
    codes: list[str] = []
    guard = threading.Lock()

    def attack() -> None:
        for number in range(250):
            try:
                stub.LogIn(pb.LogInRequest(user=f"user{number}", password="guess"), timeout=30)
            except grpc.RpcError as error:
                with guard:
                    codes.append(from_rpc_error(error, "h", "LogIn", 30).code)

    threads = [threading.Thread(target=attack) for _ in range(4)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    assert host.agent.hello().version
    assert time.monotonic() - began < 5
    for thread in threads:
        thread.join()
    host.channel.close()
    return codes
