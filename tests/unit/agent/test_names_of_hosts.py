"""A host calls itself `localhost`; who is told of its faults hears the name that it is known by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import grpc
import pytest

from app.agent.client_calls import ClientCalls
from app.agent.errors import abort
from app.agent.generated import agent_pb2 as pb
from app.agent.home import AgentHome
from app.agent.tls import load_or_make_identity
from app.model.errors import ArcxoError, BusyError


class _Aborted(grpc.RpcError):
    """A call that its host ended with an error, as both sides of gRPC have it."""

    def __init__(self, error: ArcxoError) -> None:
        self._metadata: Any = ()
        with pytest.raises(AssertionError):
            abort(self, error)  # type: ignore[arg-type] # the part of a context that it uses

    def set_trailing_metadata(self, metadata: Any) -> None:
        self._metadata = metadata

    def abort(self, *_: object) -> None: ...

    def trailing_metadata(self) -> Any:
        return self._metadata

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.FAILED_PRECONDITION


def test_what_a_host_says_of_itself_names_it(tmp_path: Path) -> None:
    identity = load_or_make_identity(AgentHome(str(tmp_path)))
    calls = ClientCalls("branch", "127.0.0.1:9", identity.certificate, 5.0, "token", None)

    def late(*_: object, **__: object) -> None:
        raise _Aborted(BusyError("AE0469", name="files", id=7, host="localhost", call="Stop", seconds="5"))

    try:
        calls._stub.StopScenario = late
        with pytest.raises(BusyError) as told:
            calls.call("StopScenario", pb.ScenarioRequest(scenario_id=7))
    finally:
        calls.close()
    assert (told.value.code, told.value.params["host"]) == ("AE0469", "branch")
