"""The calls between hosts: naming, checking, letting scenarios in, and their streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.agent.admission import Admission
from app.agent.convert import to_message
from app.agent.generated import agent_pb2 as pb
from app.agent.host import HostEngines
from app.agent.names import Names
from app.agent.peers import Peer, Peers
from app.agent.protocol import check_protocol
from app.agent.signing import only_certificate
from app.model.errors import UsageError
from app.model.paths import PATH_MAX_BYTES, shown

ROOTS_MAX = 1_000
Work = Callable[[Any, float], Any]


class PeerHandlers:
    """`slow` are the calls that need a log-in, by name; `open_stream` needs a scenario's key instead."""

    def __init__(self, host: HostEngines, admission: Admission, names: Names, peers: Peers) -> None:
        self._host = host
        self._admission = admission
        self._names = names
        self._peers = peers
        self.slow: dict[str, Work] = {
            "SetName": self._set_name,
            "CheckRoots": self._check_roots,
            "Preflight": self._preflight,
            "AdmitScenario": self._admit,
            "DismissScenario": self._dismiss,
            "SetPeer": self._set_peer,
            "ListPeers": self._list_peers,
            "GetReplica": self._get_replica,
        }

    def open_stream(self, request: Any, peer: str) -> pb.OpenStreamReply:
        """A token for one stream of a scenario that was let in."""
        ticket = self._admission.open(
            request.scenario_id,
            request.replica,
            request.key,
            request.definition_xml,
            request.signature,
            peer,
        )
        check_protocol(peer, request.protocol_oldest, request.protocol, "")
        address, token = self._host.open_stream(ticket, 30.0)
        return pb.OpenStreamReply(data_address=address, token=token)

    def _set_name(self, request: Any, _left: float) -> pb.Empty:
        self._names.add(request.name)
        return pb.Empty()

    def _check_roots(self, request: Any, left: float) -> pb.CheckResults:
        paths = _absolute(request.paths)
        found = self._host.replica("check_roots", paths, request.scenario_id, timeout_s=left)
        return pb.CheckResults(items=[to_message(result, pb.CheckResult) for result in found])

    def _preflight(self, request: Any, left: float) -> pb.CheckResults:
        found = self._host.preflight(_absolute(request.paths), left)
        return pb.CheckResults(items=[to_message(result, pb.CheckResult) for result in found])

    def _admit(self, request: Any, _left: float) -> pb.Admission:
        key = self._admission.admit(request.definition_xml, request.replica, request.master_certificate)
        return pb.Admission(key=key, certificate=self._admission.certificate)

    def _dismiss(self, request: Any, left: float) -> pb.Empty:
        self._admission.grants.dismiss(request.scenario_id)
        self._host.replica("end_stream", request.scenario_id, timeout_s=left)
        return pb.Empty()

    def _set_peer(self, request: Any, left: float) -> pb.Empty:
        # Raises for a scenario that is not this host's, so that no key is kept for nothing.
        self._host.master("status", request.scenario_id, timeout_s=left)
        self._peers.put(
            Peer(
                request.scenario_id,
                request.replica,
                request.address,
                only_certificate(request.certificate),
                request.key,
            )
        )
        return pb.Empty()

    def _list_peers(self, request: Any, _left: float) -> pb.Peers:
        """The peers without their keys, and the certificate this host shows."""
        items = [
            pb.Peer(
                scenario_id=peer.scenario_id,
                replica=peer.replica,
                address=peer.address,
                certificate=peer.certificate,
            )
            for peer in self._peers.of(request.scenario_id)
        ]
        return pb.Peers(items=items, certificate=self._admission.certificate)

    def _get_replica(self, request: Any, left: float) -> pb.ReplicaStatus:
        status = self._host.replica("status", request.scenario_id, timeout_s=left)
        return to_message(status, pb.ReplicaStatus)


def _absolute(paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """Paths of this host as a caller names them. Raises UsageError AE1019 for what is none."""
    for path in paths:
        if not path.startswith(b"/") or b"\0" in path or len(path) > PATH_MAX_BYTES:
            raise UsageError("AE1019", path=shown(path[:200]))
    return tuple(paths)[:ROOTS_MAX]
