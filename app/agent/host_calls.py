"""The client's calls between hosts: naming, checking, letting scenarios in. Part of `GrpcAgent`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from app.agent.api import Admission, AnyPoint, SourcePoint
from app.agent.convert import from_message, to_message
from app.agent.generated import agent_pb2 as pb
from app.agent.peers import Peer
from app.model.host import CheckResult
from app.model.scenario import ReplicaStatus
from app.model.source import DirectSource


class HostCalls:
    """What `app.agent.api.Agent` has for hosts, on top of a client's `_call`."""

    _call: Callable[..., Any]
    _points: dict[str, AnyPoint]

    def begin_source_backup(self, source: DirectSource, job_id: int, fence: int) -> SourcePoint:
        """Make a directory there ready to be archived."""
        request = pb.BeginSourceRequest(
            source=to_message(source, pb.DirectSource), job_id=job_id, fence=fence
        )
        point = from_message(self._call("BeginSourceBackup", request), SourcePoint)
        self._points[point.id] = point
        return point

    def renew_backup(self, point_id: str) -> None:
        """The point is still needed."""
        self._call("RenewBackup", pb.RenewBackupRequest(point_id=point_id))

    def set_name(self, name: str) -> None:
        """Tell the host that a server knows it as `name`."""
        self._call("SetName", pb.NameRequest(name=name))

    def check_roots(self, paths: Sequence[bytes], scenario_id: int = 0) -> Sequence[CheckResult]:
        """What there is to say of directories there as a scenario's replica roots."""
        reply = self._call("CheckRoots", pb.CheckRootsRequest(paths=paths, scenario_id=scenario_id))
        return [from_message(item, CheckResult) for item in reply.items]

    def preflight(self, paths: Sequence[bytes] = ()) -> Sequence[CheckResult]:
        """What the host says of itself, and of directories as roots."""
        reply = self._call("Preflight", pb.PreflightRequest(paths=paths))
        return [from_message(item, CheckResult) for item in reply.items]

    def admit_scenario(self, definition_xml: bytes, replica: str, master_certificate: bytes) -> Admission:
        """Let a scenario of another host's master write its directories there."""
        request = pb.AdmitRequest(
            definition_xml=definition_xml, replica=replica, master_certificate=master_certificate
        )
        reply = self._call("AdmitScenario", request)
        return Admission(reply.key, reply.certificate)

    def dismiss_scenario(self, scenario_id: int) -> None:
        """Let it in no more; its open stream ends."""
        self._call("DismissScenario", pb.ScenarioRequest(scenario_id=scenario_id))

    def set_peer(self, peer: Peer) -> None:
        """Tell a master's host how one of its replicas is reached."""
        request = pb.Peer(
            scenario_id=peer.scenario_id,
            replica=peer.replica,
            address=peer.address,
            certificate=peer.certificate,
            key=peer.key,
        )
        self._call("SetPeer", request)

    def peers(self, scenario_id: int) -> tuple[Sequence[Peer], bytes]:
        """(the replicas the master's host can reach, without their keys; the certificate it shows)."""
        reply = self._call("ListPeers", pb.ScenarioRequest(scenario_id=scenario_id))
        known = [Peer(item.scenario_id, item.replica, item.address, item.certificate) for item in reply.items]
        return known, reply.certificate

    def replica_status(self, scenario_id: int) -> ReplicaStatus:
        """The own figures of the replica that the host is."""
        reply = self._call("GetReplica", pb.ScenarioRequest(scenario_id=scenario_id))
        return from_message(reply, ReplicaStatus)
