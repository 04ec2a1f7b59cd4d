"""Backups are jobs: checked, sealed, queued."""

from __future__ import annotations

from app.model.job import BackupScript, Job
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

        return submit_backup(
            self._connections.catalog,
            self._connections.secrets,
            request.script,
            request.schedule,
            name=request.name,
            hold=request.hold,
            replaces=request.replaces,
            secrets=JobSecrets(session_password=request.session_password, logins=request.credentials),
        )
