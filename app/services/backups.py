"""Backups are jobs: checked, sealed, queued."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.model.errors import UsageError
from app.model.estimate import BackupEstimate
from app.model.filters import FilterPreview
from app.model.host import CheckResult
from app.model.job import BackupScript, Job
from app.model.job_script import SavedBackup, for_file, from_file, to_file
from app.services.api import BackupRequest
from app.services.connections import Connections


class LocalBackups:
    """`BackupService` on the queue."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def check_password(self, script: BackupScript, password: str) -> None:
        """CredentialsError E1164 when the newest encrypted session of a scenario has another password."""
        from app.services.backup_password import check_backup_password

        check_backup_password(self._connections, script, password)

    def submit(self, request: BackupRequest) -> Job:
        """Queue a backup; its secrets are sealed with the home's installation key."""
        from app.jobs.credentials import JobSecrets
        from app.jobs.submission import submit_backup

        script = request.script
        named = [replace(one, host=self._connections.named(one.host)) for one in script.sources]
        replica = self._connections.named(script.replica) if script.replica else ""
        labels = {old.label: new.label for old, new in zip(script.sources, named, strict=True)}
        return submit_backup(
            self._connections.catalog,
            self._connections.secrets,
            replace(script, sources=tuple(named), replica=replica, **_relabelled(script, labels)),
            request.schedule,
            name=request.name,
            hold=request.hold,
            replaces=request.replaces,
            secrets=JobSecrets(session_password=request.session_password, logins=request.credentials),
        )

    def estimate(self, script: BackupScript) -> BackupEstimate:
        """What it will look at, store and take, by the last backups of what it names."""
        from app.jobs.estimating import estimate_backup

        return estimate_backup(self._connections.catalog, script)

    def preview(
        self,
        script: BackupScript,
        node: str,
        *,
        examples: int = 20,
        seconds: float = 0.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
        canceled: Callable[[], bool] = lambda: False,
    ) -> FilterPreview:
        """What its filters take and leave out of one node now."""
        from app.services.backup_filters import preview_backup

        return preview_backup(
            self._connections,
            script,
            node,
            examples=examples,
            seconds=seconds,
            on_progress=on_progress,
            canceled=canceled,
        )

    def preflight(self, script: BackupScript) -> Sequence[CheckResult]:
        """What stands between this backup and its success, errors first."""
        from app.services.backup_preflight import check_backup

        return check_backup(self._connections, script)

    def script_of(self, job_id: int) -> bytes:
        """A backup job as a job script file. Raises UsageError E5754, NotFoundError."""
        job = self._connections.catalog.jobs.show(job_id)
        if not isinstance(job.script, BackupScript):
            raise UsageError("E5754", job=job_id)
        return to_file(SavedBackup(for_file(job.script), job.schedule, job.name))

    def open_script(self, content: bytes) -> SavedBackup:
        """What a job script file says, its scenarios by the numbers they have here."""
        saved = from_file(content)
        known = {one.id: one.name for one in self._connections.catalog.registrations.list()}
        return replace(saved, script=resolved(saved.script, known))


def _relabelled(script: BackupScript, labels: Mapping[str, str]) -> dict[str, Any]:
    """What a script says of single nodes, with their new names for the old ones."""
    commands = tuple((labels.get(node, node), one) for node, one in script.node_commands)
    return {"node_commands": commands, "filters": script.filters.renamed(labels)}


def resolved(script: BackupScript, known: Mapping[int, str]) -> BackupScript:
    """The script with the names and numbers that its scenarios have now: by number, else by name."""
    numbers = {name: number for number, name in known.items()}
    pairs = []
    for number, name in zip(script.scenario_ids, script.scenario_names, strict=True):
        found = number if number in known else numbers.get(name, number)
        pairs.append((found, known.get(found, name)))
    names = tuple(name for _, name in pairs)
    return replace(
        script,
        scenario_ids=tuple(one for one, _ in pairs),
        scenario_names=names,
        **_relabelled(script, dict(zip(script.scenario_names, names, strict=True))),
    )
