"""What the vocabulary of states leaves to the job panes: kinds, phases, and what needs attention."""

from __future__ import annotations

from app.model.job import JobKind, JobPhase, JobResult
from app.ui.widgets.status import Status

NEEDS_ATTENTION = frozenset({JobResult.INCOMPLETE, JobResult.FAILED, JobResult.RUN_FAILED, JobResult.CRASHED})

KIND = {
    JobKind.BACKUP: Status("Backup", "hard-drive-upload", "text2"),
    JobKind.RESTORE: Status("Restore", "history", "text2"),
    JobKind.RESTORE_UNDO: Status("Undo restore", "undo-2", "text2"),
    JobKind.MEDIA_FORMAT: Status("Format media", "hard-drive", "text2"),
    JobKind.MEDIA_ERASE: Status("Erase media", "hard-drive", "text2"),
    JobKind.MEDIA_RENAME: Status("Rename media", "hard-drive", "text2"),
    JobKind.MEDIA_RETIRE: Status("Retire media", "hard-drive", "text2"),
    JobKind.MEDIA_VERIFY: Status("Assure and scan", "scan", "text2"),
    JobKind.MEDIA_MERGE: Status("Merge", "merge", "text2"),
    JobKind.MEDIA_PURGE: Status("Purge", "hard-drive", "text2"),
    JobKind.MEDIA_SCAN: Status("Scan", "scan", "text2"),
    JobKind.MEDIA_COMPARE: Status("Compare", "scan", "text2"),
    JobKind.MEDIA_COPY: Status("Copy", "hard-drive", "text2"),
    JobKind.RESTORE_TEST: Status("Restore test", "history", "text2"),
    JobKind.MEDIA_PRUNE: Status("Prune", "hard-drive", "text2"),
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
