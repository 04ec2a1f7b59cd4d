"""Find what to restore, plan it exactly, submit it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from app.model.content import FileContent
from app.model.errors import CredentialsError, UsageError
from app.model.folder_comparison import FolderComparison
from app.model.job import Destination, Job, RestoreScript, RestoreSelection
from app.model.media import CatalogEntry, FileVersion
from app.model.restore import KeptRestore, PendingReplacement, RestoreItem, RestorePlan, UndoPlan
from app.model.search import Machine, Query
from app.services.api import RestoreRequest
from app.services.connections import Connections
from app.services.restore_destination import check_destination, must_be_confirmed, replica_at


class LocalRestores:
    """`RestoreService` on the catalog, the media and the queue."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def submit(self, request: RestoreRequest) -> Job:
        """Queue a restore; its secrets are sealed. Passwords of encrypted sessions are tried first.

        Raises:
            CredentialsError: E1133 an encrypted session without a password, E1134 a wrong one.
            UsageError: E5303 exact from a session with a filter, E4243 E5187 nothing may be restored there,
                E5185 exact with another rule than to overwrite, E5186 E5188 E5199 it must be confirmed.
            NotFoundError: E6012 no such host.
        """
        from app.jobs.credentials import JobSecrets
        from app.jobs.submission import submit_restore

        request = self._named(request)
        self._check(request)
        must_be_confirmed(self._connections, request)
        logins = [
            (0, role, credentials)
            for role, credentials in (
                ("master", request.master_credentials),
                ("replica", request.replica_credentials),
            )
            if credentials is not None
        ]
        return submit_restore(
            self._connections.catalog,
            self._connections.secrets,
            request.script,
            request.schedule,
            name=request.name,
            hold=request.hold,
            secrets=JobSecrets(logins=tuple(logins), session_passwords=request.session_passwords),
        )

    def plan(
        self,
        request: RestoreRequest,
        *,
        limit: int = 1000,
        on_item: Callable[[RestoreItem], None] | None = None,
    ) -> RestorePlan:
        """Exactly what the restore would do now; changes nothing. Raises as `submit`, nothing to confirm."""
        from app.services.restore_plan import plan_restore

        self._check(request)
        plan = plan_restore(self._connections, request, limit, on_item)
        return replace(plan, into_replica=replica_at(self._connections, request.script))

    def undo(self, job_id: int, *, force: bool = False) -> Job:
        """Queue an undo of a restore job.

        Raises NotFoundError when there is no such job, UsageError E5183 when it is not a restore.
        """
        from app.jobs.submission import submit_restore_undo

        connections = self._connections
        return submit_restore_undo(connections.catalog, connections.secrets, job_id, force=force)

    def plan_undo(self, job_id: int, *, force: bool = False, limit: int = 1000) -> UndoPlan:
        """What an undo would do now; changes nothing. Raises as `undo`, and NotFoundError E4240."""
        from app.jobs.restore_undo import hosts_of, sessions_of
        from app.jobs.submission import restore_job
        from app.services.restore_plan import plan_undo

        script = restore_job(self._connections.catalog, job_id).script
        assert isinstance(script, RestoreScript)
        hosts = hosts_of(script, sessions_of(self._connections.catalog, script))
        agents = [self._connections.agent_of(host) for host in hosts]
        return plan_undo(agents, job_id, limit, force=force)

    def kept(self, host: str = "localhost") -> Sequence[KeptRestore]:
        """The restores that can be undone on a host."""
        return self._connections.agent_of(host).kept_restores()

    def pending(self, host: str = "localhost") -> Sequence[PendingReplacement]:
        """Restored files that wait for a program to end."""
        return self._connections.agent_of(host).pending_replacements()

    def machines(self) -> Sequence[Machine]:
        """Machines with sessions."""
        return self._connections.catalog.browsing.machines()

    def browse_tree(
        self, machine: str, path: bytes, *, as_of: datetime | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        """The folder `path` as last backed up (or as of a time), folders first, then by name."""
        from app.services.session_names import list_unnamed, with_unnamed

        catalog = self._connections.catalog
        unnamed = list_unnamed(catalog, machine, path, as_of, offset + limit)
        if not unnamed:
            return catalog.browsing.browse_tree(machine, path, as_of=as_of, limit=limit, offset=offset)
        named = catalog.browsing.browse_tree(machine, path, as_of=as_of, limit=offset + limit)
        return with_unnamed(named, unnamed, limit, offset)

    def browse_session(
        self, media_serial: str, session: int, path: bytes, *, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        """The folder `path` in one session; read from its media where the catalog does not have the names."""
        from app.services.session_names import list_folder

        catalog = self._connections.catalog
        known = catalog.sessions.show(media_serial, session)
        if not known.detail:
            return list_folder(catalog, known, path, limit, offset)
        return catalog.browsing.browse_session(media_serial, session, path, limit=limit, offset=offset)

    def versions(self, machine: str, path: bytes) -> Sequence[FileVersion]:
        """Distinct contents of a path, newest first."""
        return self._connections.catalog.browsing.versions(machine, path)

    def compare_folders(
        self, machine: str, path: bytes, older: tuple[str, int], newer: tuple[str, int], *, limit: int = 1000
    ) -> FolderComparison:
        """What differs beneath a folder between two sessions."""
        return self._connections.catalog.browsing.compare_folders(machine, path, older, newer, limit=limit)

    def query(self, query: Query) -> Sequence[CatalogEntry]:
        """Names in all sessions that match."""
        return self._connections.catalog.browsing.query(query)

    def read_file(
        self,
        media_serial: str,
        session: int,
        path: bytes,
        *,
        offset: int = 0,
        limit: int = 1 << 20,
        session_password: str = "",
    ) -> FileContent:
        """A part of one file as it was backed up."""
        from app.services.file_contents import read_file

        return read_file(self._connections, media_serial, session, path, offset, limit, session_password)

    def check_session_password(self, media_serial: str, session: int, password: str) -> bool:
        """Whether `password` opens a session."""
        from app.services.restore_plan import unlock_session

        try:
            unlock_session(self._connections.catalog, media_serial, session, password)
        except CredentialsError:
            return False
        return True

    def _named(self, request: RestoreRequest) -> RestoreRequest:
        """With a host that means the same to whichever server takes the job."""
        script = request.script
        if script.destination is not Destination.DIRECTORY:
            return request
        return replace(request, script=replace(script, host=self._connections.named(script.host)))

    def _check(self, request: RestoreRequest) -> None:
        """The destination and the passwords."""
        check_destination(self._connections, request.script)
        for selection in request.script.selections:
            self._check_session(request, selection)

    def _check_session(self, request: RestoreRequest, selection: RestoreSelection) -> None:
        session = self._connections.catalog.sessions.show(selection.media_serial, selection.session)
        if (
            session.filters
            and request.script.exact
            and request.script.destination is not Destination.DIRECTORY
        ):
            raise UsageError("E5303", session=session.number)
        if not session.encrypted:
            return
        password = password_of(request, selection)
        if not password:
            raise CredentialsError("E1133", session=session.number, media=session.media_name)
        if not self.check_session_password(session.media_serial, session.number, password):
            raise CredentialsError("E1134", session=session.number, media=session.media_name)


def password_of(request: RestoreRequest, selection: RestoreSelection) -> str:
    """The password given for a selection's session ("" = none)."""
    for serial, number, password in request.session_passwords:
        if (serial, number) == (selection.media_serial, selection.session):
            return password
    return ""
