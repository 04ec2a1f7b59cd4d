"""How this host's master reaches replicas: asks the replica's agent for a stream and opens it."""

from __future__ import annotations

import time
from typing import Any

import grpc

from app.agent.channel import open_channel
from app.agent.errors import from_rpc_error
from app.agent.generated import agent_pb2_grpc
from app.agent.grpc_client import GrpcAgent
from app.agent.home import AgentHome
from app.agent.host import LOCAL_NAMES
from app.agent.stream_link import StreamLink, start_reading
from app.agent.tls import load_identity
from app.model.errors import ArcxoError, CredentialsError
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.link import Link

generated: Any = agent_pb2_grpc

_RETRY_S = 0.05


class AgentConnector:
    """A `ReplicaConnector`. Knows the agent of its own home; asks it each time where its data port is."""

    def __init__(self, home: AgentHome) -> None:
        self._home = home

    def connect(self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> Link:
        """Open a stream for `scenario`. Blocks up to `timeout_s`.

        Raises:
            ArcxoError: ER00202 unreachable, AE0459 not authorised.
        """
        if replica.host not in LOCAL_NAMES:
            raise ArcxoError("ER00202", host=replica.host, reason="this host is not known here")
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                return self._open(scenario, replica, max(0.1, deadline - time.monotonic()))
            except ArcxoError as error:
                # An agent that is just starting, or starts its replica again, will answer in a moment.
                if error.code not in ("AE1001", "AE1016") or time.monotonic() + _RETRY_S > deadline:
                    raise _as_replication_error(error, scenario, replica.host) from error
                time.sleep(_RETRY_S)

    def _open(self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> Link:
        identity = load_identity(self._home)
        info = self._home.running()
        if info is None:
            raise ArcxoError("AE1001", host=replica.host, reason="its agent is not ready")
        agent = GrpcAgent(
            replica.host, info.address, identity.certificate, timeout_s, token=self._home.owner_token
        )
        try:
            data_address, token = agent.open_stream(scenario.id, replica.host)
        finally:
            agent.close()
        return open_stream_link(replica.host, data_address, identity.certificate, token, timeout_s)


def open_stream_link(
    host: str, data_address: str, certificate: bytes, token: str, timeout_s: float
) -> StreamLink:
    """A link to a data port; blocks until the connection stands. Raises ArcxoError AE1001."""
    channel = open_channel(data_address, certificate)
    try:
        grpc.channel_ready_future(channel).result(timeout_s)
    except grpc.FutureTimeoutError:
        channel.close()
        raise ArcxoError("AE1001", host=host, reason=f"{data_address} does not answer") from None
    stub: Any = generated.ReplicaDataStub(channel)
    link = StreamLink(host, on_end=channel.close)
    try:
        call = stub.Replicate(link.outgoing(), metadata=(("authorization", token),))
    except grpc.RpcError as error:
        channel.close()
        raise from_rpc_error(error, host, "Replicate", timeout_s) from None
    start_reading(link, call, f"link-{host}")
    return link


def _as_replication_error(error: ArcxoError, scenario: Scenario, host: str) -> ArcxoError:
    if error.code in ("AE1001", "AE1016", "AE1027", "AE1030", "AE0469"):
        return ArcxoError("ER00202", host=host, reason=error.params.get("reason", error.code))
    if isinstance(error, CredentialsError):
        return CredentialsError("AE0459", name=scenario.name, id=scenario.id, host=host)
    return error
