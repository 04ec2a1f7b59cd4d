"""Calls that need no token have a time for their message; all others need their token first."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import grpc
import pytest

from app.agent.accounts import Accounts, Role
from app.agent.calls import Calls
from app.agent.errors import from_rpc_error
from app.agent.gate import Gate
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.home import AgentHome
from app.agent.sessions import Sessions

generated: Any = agent_pb2_grpc
_SERVICE = "/arcxo.agent.v1.AgentControl/"


def handlers(calls: Calls) -> Any:
    log_in = calls.open("LogIn", lambda request, _: pb.LogInReply(token=request.user))
    hello = calls.quick("Hello", lambda _, __: pb.HostInfo(version="here"))
    found = {
        "LogIn": grpc.unary_unary_rpc_method_handler(
            log_in, pb.LogInRequest.FromString, pb.LogInReply.SerializeToString
        ),
        "Hello": grpc.unary_unary_rpc_method_handler(
            hello, pb.Empty.FromString, pb.HostInfo.SerializeToString
        ),
    }
    return grpc.method_handlers_generic_handler("arcxo.agent.v1.AgentControl", found)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[grpc.Channel]:
    home = AgentHome(str(tmp_path))
    accounts = Accounts(home)
    accounts.add("looks", "on", Role.MONITOR)
    calls = Calls(Sessions(accounts, "the owner's"))
    gate = Gate(calls, wait_s=0.2)
    pool = ThreadPoolExecutor(2)
    server = grpc.server(pool, interceptors=[gate])
    server.add_generic_rpc_handlers((handlers(calls),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    made = grpc.insecure_channel(f"127.0.0.1:{port}")
    yield made
    made.close()
    server.stop(0).wait()
    gate.close()
    calls.close()
    pool.shutdown()


def silent_call(channel: grpc.Channel, method: str) -> Any:
    return channel.stream_unary(f"{_SERVICE}{method}", bytes, bytes)


def code(call: Any) -> str:
    return from_rpc_error(cast("grpc.RpcError", call.exception(10)), "h", "x", 10).code


def test_a_log_in_whose_message_does_not_come_is_hung_up_on(channel: grpc.Channel) -> None:
    end = threading.Event()

    def silent() -> Iterator[bytes]:
        end.wait(10)
        yield from ()

    call = silent_call(channel, "LogIn").future(silent())
    try:
        assert code(call) in ("AE1008", "AE1099")
    finally:
        end.set()
    reply = generated.AgentControlStub(channel).LogIn(pb.LogInRequest(user="me"), timeout=10)
    assert reply.token == "me"


def test_a_log_in_without_a_message_is_refused(channel: grpc.Channel) -> None:
    assert code(silent_call(channel, "LogIn").future(iter(()))) == "AE1007"


@pytest.mark.parametrize("token", ["", "guess"])
def test_without_a_token_no_message_is_needed_to_be_refused(channel: grpc.Channel, token: str) -> None:
    never = threading.Event()

    def silent() -> Iterator[bytes]:
        never.wait(10)
        yield from ()

    metadata = (("authorization", token),)
    call = silent_call(channel, "Hello").future(silent(), metadata=metadata)
    try:
        assert code(call) == "AE1015"
    finally:
        never.set()


def test_with_one_the_call_is_made(channel: grpc.Channel) -> None:
    stub = generated.AgentControlStub(channel)
    reply = stub.Hello(pb.Empty(), timeout=10, metadata=(("authorization", "the owner's"),))
    assert reply.version == "here"


def test_calls_that_nobody_knows_are_not_there(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(f"{_SERVICE}Nothing", bytes, bytes)(b"", timeout=10)
    found: Any = caught.value
    assert found.code() is grpc.StatusCode.UNIMPLEMENTED
