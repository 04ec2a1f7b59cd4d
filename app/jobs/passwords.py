"""Passwords of jobs that wait: a changed one takes the place of the sealed one."""

from __future__ import annotations

from dataclasses import replace

from app.catalog.api import Catalog
from app.jobs.credentials import JobSecrets
from app.jobs.secrets import SecretStore
from app.model.errors import ArcxoError, UsageError
from app.model.job import BackupScript, Credentials, Job


def set_session_password(catalog: Catalog, store: SecretStore, job_id: int, password: str) -> Job:
    """Replace the password with which a job encrypts, or opens, sessions.

    Raises:
        NotFoundError: E6008. UsageError: E5748 the job needs none. BusyError: E6014 it is active.
    """
    job = catalog.jobs.show(job_id)
    secrets = _secrets(catalog, store, job_id)
    encrypts = isinstance(job.script, BackupScript) and job.script.encrypt
    if not password or not (encrypts or secrets.session_password or secrets.session_passwords):
        raise UsageError("E5748", job=job_id)
    if encrypts or secrets.session_password:
        changed = replace(secrets, session_password=password)
    else:
        opened = tuple((serial, number, password) for serial, number, _ in secrets.session_passwords)
        changed = replace(secrets, session_passwords=opened)
    catalog.jobs.set_credentials(job_id, changed.seal(store))
    return catalog.jobs.show(job_id)


def set_login(catalog: Catalog, store: SecretStore, job_id: int, login: Credentials, role: str = "") -> Job:
    """Replace the log-ins of a job: those of a role ("master", "replica", "source HOST"), or all ("").

    Raises:
        NotFoundError: E6008. UsageError: E5748 it has none of that role. BusyError: E6014 it is active.
    """
    secrets = _secrets(catalog, store, job_id)
    if not any(role in ("", known) for _, known, _ in secrets.logins):
        raise UsageError("E5748", job=job_id)
    logins = tuple(
        (number, known, login if role in ("", known) else before) for number, known, before in secrets.logins
    )
    catalog.jobs.set_credentials(job_id, replace(secrets, logins=logins).seal(store))
    return catalog.jobs.show(job_id)


def _secrets(catalog: Catalog, store: SecretStore, job_id: int) -> JobSecrets:
    try:
        return JobSecrets.unseal(store, catalog.jobs.credentials(job_id))
    except ArcxoError as error:
        if error.code != "E5121":
            raise
        # Sealed with the key of an installation that is lost: what is given now takes its place.
        return JobSecrets()
