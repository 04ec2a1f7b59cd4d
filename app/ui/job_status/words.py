"""How jobs are shown: icon, colour role and word of each status, result, kind and phase. Qt-free."""

from __future__ import annotations

from typing import NamedTuple

from app.model.events import Severity
from app.model.job import JobKind, JobPhase, JobResult, JobStatus


class Look(NamedTuple):
    """Icon, colour role and word; a state is always shown with all three."""

    icon: str
    role: str
    word: str


STATUS = {
    JobStatus.READY: Look("clock", "info", "Ready"),
    JobStatus.ACTIVE: Look("play", "accent", "Active"),
    JobStatus.HOLD: Look("pause", "muted", "Hold"),
    JobStatus.DONE: Look("check", "muted", "Done"),
}

RESULT = {
    JobResult.FINISHED: Look("circle-check", "ok", "Finished"),
    JobResult.INCOMPLETE: Look("triangle-alert", "warning", "Incomplete"),
    JobResult.CANCELED: Look("circle-slash", "muted", "Canceled"),
    JobResult.FAILED: Look("circle-x", "error", "Failed"),
    JobResult.RUN_FAILED: Look("octagon-x", "error", "Run Failed"),
    JobResult.CRASHED: Look("zap", "error", "Crashed"),
}

NEEDS_ATTENTION = frozenset({JobResult.INCOMPLETE, JobResult.FAILED, JobResult.RUN_FAILED, JobResult.CRASHED})

KIND = {
    JobKind.BACKUP: Look("backup", "text2", "Backup"),
    JobKind.RESTORE: Look("history", "text2", "Restore"),
    JobKind.MEDIA_FORMAT: Look("hard-drive", "text2", "Format media"),
    JobKind.MEDIA_ERASE: Look("hard-drive", "text2", "Erase media"),
    JobKind.MEDIA_VERIFY: Look("scan", "text2", "Assure and scan"),
    JobKind.MEDIA_MERGE: Look("merge", "text2", "Merge"),
    JobKind.MEDIA_PURGE: Look("hard-drive", "text2", "Purge"),
}

PHASE = {
    JobPhase.WAITING: "Waiting",
    JobPhase.CONNECT: "Connect",
    JobPhase.STOP_SCENARIO: "Stop scenario",
    JobPhase.SNAPSHOT: "Snapshot",
    JobPhase.BACK_UP: "Back up",
    JobPhase.RESTORE: "Restore",
    JobPhase.VERIFY: "Verify",
    JobPhase.CATALOG: "Catalog",
    JobPhase.FINISH: "Finish",
}

SEVERITY = {
    Severity.INFORMATION: Look("info", "muted", "Information"),
    Severity.SIGNIFICANT: Look("circle-dot", "info", "Information"),
    Severity.WARNING: Look("triangle-alert", "warning", "Warning"),
    Severity.ERROR: Look("circle-x", "error", "Error"),
    Severity.CRITICAL: Look("octagon-alert", "error", "Error"),
}
