"""How this host's master reaches replicas: asks the replica's agent for a stream and opens it.

On this host it is the owner's token that opens it, on another one the scenario's key. After that both ways
are one: a token for one stream, over TLS with the certificates of both sides known to each other.
"""

from __future__ import annotations

import time
from typing import Any

import grpc

from app.agent.certificate_faults import check_time, explained
from app.agent.channel import open_channel
from app.agent.errors import from_rpc_error
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.grpc_client import GrpcAgent
from app.agent.home import AgentHome
from app.agent.names import is_masters_own
from app.agent.peers import Peer, Peers
from app.agent.pieces import REPLICATE, packed, unpacked
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST
from app.agent.signing import sign_definition
from app.agent.stream_link import StreamLink, start_reading
from app.agent.tls import Identity, load_identity
from app.messages import render
from app.model.errors import ArcxoError, CredentialsError
from app.model.scenario import ReplicaSpec, Scenario
from app.replication.definition import to_xml
from app.replication.link import Link

generated: Any = agent_pb2_grpc

_RETRY_S = 0.05


class AgentConnector:
    """A `ReplicaConnector`. Asks the replica's agent each time where its data port is."""

    def __init__(self, home: AgentHome) -> None:
        self._home = home
        self._peers = Peers(home)

    def connect(self, scenario: Scenario, replica: ReplicaSpec, timeout_s: float) -> Link:
        """Open a stream for `scenario`. Blocks up to `timeout_s`.

        Raises:
            ArcxoError: ER00202 unreachable, AE0467 it is not known how to reach that host, AE0459 and AE1033
                not authorised, AE1006 another certificate, AE1031 a version that does not fit.
        """
        peer = None
        if not is_masters_own(replica.host, scenario.master):
            peer = self._peers.find(scenario.id, replica.host)
            if peer is None:
                raise ArcxoError("AE0467", master=scenario.master, replica=replica.host)
        deadline = time.monotonic() + timeout_s
        while True:
            left = max(0.1, deadline - time.monotonic())
            try:
                return (
                    self._open(scenario, replica, left) if peer is None else self._reach(scenario, peer, left)
                )
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
        return open_stream_link(replica.host, data_address, identity.certificate, token, timeout_s, identity)

    def _reach(self, scenario: Scenario, peer: Peer, timeout_s: float) -> Link:
        identity = load_identity(self._home)
        definition = to_xml(scenario)
        request = pb.ScenarioStreamRequest(
            scenario_id=scenario.id,
            replica=peer.replica,
            key=peer.key,
            definition_xml=definition,
            signature=sign_definition(identity.key, definition),
            protocol_oldest=PROTOCOL_OLDEST,
            protocol=PROTOCOL,
        )
        channel = open_channel(peer.address, peer.certificate)
        stub: Any = generated.AgentControlStub(channel)
        try:
            reply = stub.OpenScenarioStream(request, timeout=timeout_s)
        except grpc.RpcError as error:
            told = from_rpc_error(error, peer.replica, "OpenScenarioStream", timeout_s)
            raise explained(told, peer.replica, peer.address, peer.certificate) from None
        finally:
            channel.close()
        port = reply.data_address.rpartition(":")[2]
        address = f"{peer.address.rpartition(':')[0]}:{port}"
        return open_stream_link(peer.replica, address, peer.certificate, reply.token, timeout_s, identity)


def open_stream_link(
    host: str, data_address: str, certificate: bytes, token: str, timeout_s: float, own: Identity
) -> StreamLink:
    """A link to a data port, where `own` is shown; blocks until the connection stands.

    Raises:
        ArcxoError: AE1001 it does not answer. CredentialsError: AE1075 a certificate is not valid now.
    """
    channel = open_channel(data_address, certificate, own)
    try:
        grpc.channel_ready_future(channel).result(timeout_s)
    except grpc.FutureTimeoutError:
        channel.close()
        # A port that does not believe what is shown to it hangs up without a word.
        check_time(own.certificate, "this host")
        check_time(certificate, host)
        raise ArcxoError("AE1001", host=host, reason=f"{data_address} does not answer") from None
    replicate = channel.stream_stream(REPLICATE, request_serializer=packed, response_deserializer=unpacked)
    link = StreamLink(host, on_end=channel.close)
    try:
        call = replicate(link.outgoing(), metadata=(("authorization", token),))
    except grpc.RpcError as error:
        channel.close()
        raise from_rpc_error(error, host, "Replicate", timeout_s) from None
    start_reading(link, call, f"link-{host}")
    return link


def _as_replication_error(error: ArcxoError, scenario: Scenario, host: str) -> ArcxoError:
    if error.code in ("AE1001", "AE1009", "AE1016", "AE1027", "AE1030", "AE0469"):
        return ArcxoError("ER00202", host=host, reason=_reason(error))
    if isinstance(error, CredentialsError) and error.code not in ("AE1006", "AE1033", "AE1038", "AE1075"):
        return CredentialsError("AE0459", name=scenario.name, id=scenario.id, host=host)
    return error


def _reason(error: ArcxoError) -> str:
    """Why a host cannot be reached, to stand behind those words."""
    if reason := error.params.get("reason"):
        return reason
    if seconds := error.params.get("seconds"):
        return f"no answer within {seconds} s"
    return render(error.code, error.params).text
