"""Hosts of other versions: what an old one does not know is named, what it knew is never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from app.agent.abilities import KNOWS, needed_by
from app.agent.channel import SERVER_OPTIONS, server_credentials
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.grpc_client import GrpcAgent
from app.agent.handlers import ControlHandlers
from app.agent.home import AgentHome
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST
from app.agent.tls import load_or_make_identity
from app.model.errors import ArcxoError, UsageError
from app.model.job import Credentials
from app.model.scenario import ScenarioState, ScenarioStatus
from tests.unit.agent.test_agent_convert import SCENARIO

generated: Any = agent_pb2_grpc
GOLDEN = json.loads((Path(__file__).parents[2] / "golden/agent-protocol-2.json").read_text())
MESSAGES = pb.DESCRIPTOR.message_types_by_name
CALLS = pb.DESCRIPTOR.services_by_name["AgentControl"].methods_by_name
TOMORROW = datetime(2026, 12, 1, tzinfo=UTC)
_WORDS = {
    getattr(FieldDescriptor, name): name[5:].lower()
    for name in dir(FieldDescriptor)
    if name.startswith("TYPE_")
}


def described(field: Any) -> str:
    kind = field.message_type.name if field.message_type is not None else _WORDS[field.type]
    return f"{field.number} {'repeated ' if field.is_repeated else ''}{kind}"


def test_no_call_or_field_of_the_first_release_is_gone_or_means_something_else() -> None:
    for call, form in GOLDEN["calls"].items():
        if call == "Replicate":
            continue
        taken, given = (words.removeprefix("stream ") for words in form.split(" -> "))
        method = CALLS[call]
        # A request may have got a type of its own that has all the fields of the old one.
        assert method.output_type.name == given, call
        assert set(GOLDEN["messages"][taken].items()) <= {
            (field.name, described(field)) for field in method.input_type.fields
        }, call
    for name, known in GOLDEN["messages"].items():
        now = {field.name: described(field) for field in MESSAGES[name].fields if field.name in known}
        # (entries of maps are nested types, not messages of the file)
        assert now == known, name


def test_every_newer_call_and_field_of_a_request_is_one_that_hosts_say_they_know() -> None:
    left = [method.input_type for method in CALLS.values()]
    requests: dict[str, Any] = {}
    while left:
        kind = left.pop()
        if kind.name not in requests:
            requests[kind.name] = kind
            left += [field.message_type for field in kind.fields if field.message_type is not None]
    newer = {name for name in CALLS if name not in GOLDEN["calls"]}
    of_newer_calls = {CALLS[name].input_type.name for name in newer}
    for name, kind in requests.items():
        if name in of_newer_calls or kind.GetOptions().map_entry:
            continue
        known = GOLDEN["messages"].get(name, {})
        newer |= {f"{name}.{field.name}" for field in kind.fields if field.name not in known}
    assert newer == set(KNOWS)


def test_only_what_is_set_is_needed() -> None:
    plain = pb.ReplicaRequest(scenario_id=1, replica="r")
    assert needed_by("SuspendReplica", plain) == []
    plain.until.microseconds = 5
    assert needed_by("SuspendReplica", plain) == ["ReplicaRequest.until"]
    assert needed_by("RenewBackup", pb.RenewBackupRequest(point_id="p")) == ["RenewBackup"]
    assert needed_by("ListScenarios", pb.ListScenariosRequest(tag=b"t")) == []


class _Played:
    """An agent of a version that knows `knows`; what it does not play is unimplemented, as in an old one."""

    def __init__(self, knows: tuple[str, ...]) -> None:
        self.knows = knows
        self.suspended: list[Any] = []
        self.hellos = 0
        self.status = ScenarioStatus(SCENARIO, ScenarioState.STOPPED)
        self.lists: list[Any] = []
        self.names: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(_request: Any, context: grpc.ServicerContext) -> None:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")

        return refuse

    def LogIn(self, _request: Any, _context: Any) -> Any:  # noqa: N802  # the name of the call
        return pb.LogInReply(
            token="t",
            seconds=900,
            protocol_oldest=PROTOCOL_OLDEST,
            protocol=PROTOCOL,
            version="0.0.9",
            knows=self.knows,
        )

    def Hello(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        self.hellos += 1
        return pb.HostInfo(version="0.0.9", knows=self.knows)

    def ListScenarios(self, request: Any, _context: Any) -> Any:  # noqa: N802
        handlers: Any = SimpleNamespace(_host=SimpleNamespace(scenarios=lambda _: [self.status]))
        self.lists.append(ControlHandlers._list_scenarios(handlers, request, 1.0))
        return self.lists[-1]

    def Browse(self, _request: Any, context: grpc.ServicerContext) -> Iterator[Any]:  # noqa: N802
        if not self.names:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
        items = [pb.DirectoryEntry(name=name, kind="file") for name in self.names]
        while context.is_active():
            yield pb.DirectoryEntries(items=items)
            if len(items) == 1:
                return

    def SuspendReplica(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self.suspended.append(request)
        return pb.Empty()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[_Played, str, bytes]]:
    identity = load_or_make_identity(AgentHome(str(tmp_path_factory.mktemp("played"))))
    agent = _Played(())
    server = grpc.server(ThreadPoolExecutor(2), options=SERVER_OPTIONS)
    generated.add_AgentControlServicer_to_server(agent, server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(identity.key, identity.certificate))
    server.start()
    yield agent, f"127.0.0.1:{port}", identity.certificate
    server.stop(None)


@pytest.fixture(params=["owner", "account"])
def client(
    played: tuple[_Played, str, bytes], request: pytest.FixtureRequest
) -> Iterator[tuple[_Played, GrpcAgent]]:
    agent, address, certificate = played
    agent.knows, agent.suspended, agent.hellos, agent.names = (), [], 0, []
    if request.param == "owner":
        made = GrpcAgent("branch", address, certificate, 10.0, token="t")
    else:
        made = GrpcAgent("branch", address, certificate, 10.0, credentials=Credentials("caroot", "x"))
    yield agent, made
    made.close()


def test_an_older_host_is_named_before_it_leaves_a_part_of_a_request_out(
    client: tuple[_Played, GrpcAgent],
) -> None:
    agent, branch = client
    branch.suspend(1, "r")
    assert agent.hellos == 0
    with pytest.raises(ArcxoError, match="AE1039") as refused:
        branch.suspend(1, "r", TOMORROW)
    assert refused.value.params == {"host": "branch", "version": "0.0.9", "what": "suspending until a time"}
    assert [one.HasField("until") for one in agent.suspended] == [False]


def test_a_host_that_knows_is_asked(client: tuple[_Played, GrpcAgent]) -> None:
    agent, branch = client
    agent.knows = tuple(KNOWS)
    branch.suspend(1, "r", TOMORROW)
    assert [one.HasField("until") for one in agent.suspended] == [True]


def test_a_call_that_an_older_host_does_not_know_is_named(client: tuple[_Played, GrpcAgent]) -> None:
    _, branch = client
    for call, what in (
        (lambda: branch.renew_backup("p"), KNOWS["RenewBackup"]),
        (lambda: branch.audit_now(1), "AuditNow"),
        (lambda: branch.browse(b"/"), "Browse"),
    ):
        with pytest.raises(ArcxoError, match="AE1039") as refused:
            call()
        assert refused.value.params["what"] == what


def test_a_list_that_is_as_it_was_is_not_sent_again(client: tuple[_Played, GrpcAgent]) -> None:
    agent, branch = client
    agent.status = ScenarioStatus(SCENARIO, ScenarioState.REPLICATING)
    agent.lists = []
    assert [list(branch.scenarios()) for _ in range(3)] == [[agent.status]] * 3
    assert [len(one.items) for one in agent.lists] == [1, 0, 0]
    agent.status = ScenarioStatus(SCENARIO, ScenarioState.STOPPED)
    assert list(branch.scenarios()) == [agent.status]
    assert list(branch.scenarios()) == [agent.status]
    assert [len(one.items) for one in agent.lists] == [1, 0, 0, 1, 0]


@pytest.mark.parametrize("name", [b"", b".", b"..", b"../../etc/shadow", b"a/b", b"a\0b"])
def test_a_listing_with_what_is_no_name_is_refused(client: tuple[_Played, GrpcAgent], name: bytes) -> None:
    agent, branch = client
    agent.names = [name]
    with pytest.raises(UsageError, match="AE1007"):
        branch.browse(b"/")
    agent.names = [b"..hidden"]
    assert [one.name for one in branch.browse(b"/")] == [b"..hidden"]


def test_a_listing_without_an_end_is_ended(
    client: tuple[_Played, GrpcAgent], monkeypatch: pytest.MonkeyPatch
) -> None:
    agent, branch = client
    monkeypatch.setattr("app.agent.grpc_client._BROWSED_MOST", 1000)
    agent.names = [b"again", b"and again"]
    with pytest.raises(UsageError, match="AE1007"):
        branch.browse(b"/")
