"""Which role each call of the control port needs."""

from __future__ import annotations

from app.agent.accounts import Role

REQUIRED_ROLE = {
    "Hello": Role.MONITOR,
    "ListScenarios": Role.MONITOR,
    "GetScenario": Role.MONITOR,
    "ListEvents": Role.MONITOR,
    "ListRewindPoints": Role.MONITOR,
    "GetRewindDensity": Role.MONITOR,
    "Browse": Role.OPERATOR,
    "PreviewFilters": Role.OPERATOR,
    "CheckScenario": Role.OPERATOR,
    "ExportScenario": Role.OPERATOR,
    "RunScenario": Role.OPERATOR,
    "StopScenario": Role.OPERATOR,
    "SuspendReplica": Role.OPERATOR,
    "ResumeReplica": Role.OPERATOR,
    "SynchronizeReplica": Role.OPERATOR,
    "SetBookmark": Role.OPERATOR,
    "Barrier": Role.OPERATOR,
    "ReviewBrake": Role.OPERATOR,
    "ListDrift": Role.MONITOR,
    "CompareReplica": Role.OPERATOR,
    "GetComparison": Role.MONITOR,
    "ListReports": Role.MONITOR,
    "GetReport": Role.MONITOR,
    "AuditNow": Role.OPERATOR,
    "PlanRewind": Role.OPERATOR,
    "BeginBackup": Role.OPERATOR,
    "Archive": Role.OPERATOR,
    "EndBackup": Role.OPERATOR,
    # These write to directories that the caller names, or decide which directories are written.
    "MakeDirectory": Role.ADMINISTRATOR,
    "CreateScenario": Role.ADMINISTRATOR,
    "ImportScenario": Role.ADMINISTRATOR,
    "UpdateScenario": Role.ADMINISTRATOR,
    "DeleteScenario": Role.ADMINISTRATOR,
    "AcceptBrake": Role.ADMINISTRATOR,
    "RejectBrake": Role.ADMINISTRATOR,
    "Rewind": Role.ADMINISTRATOR,
    "ReplicateBack": Role.ADMINISTRATOR,
    "Restore": Role.ADMINISTRATOR,
    "OpenStream": Role.ADMINISTRATOR,
    # Between hosts.
    "CheckRoots": Role.OPERATOR,
    "Preflight": Role.OPERATOR,
    "ListPeers": Role.OPERATOR,
    "GetReplica": Role.MONITOR,
    "SetName": Role.ADMINISTRATOR,
    "AdmitScenario": Role.ADMINISTRATOR,
    "DismissScenario": Role.ADMINISTRATOR,
    "SetPeer": Role.ADMINISTRATOR,
}
"""A call that is not in this table is refused to everybody."""
