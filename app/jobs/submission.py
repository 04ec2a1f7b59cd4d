"""Jobs enter the queue here: checked, their secrets sealed, with the time of their first run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from app.catalog.api import Catalog, NewJob
from app.jobs import scheduler
from app.jobs.credentials import NO_SECRETS, JobSecrets
from app.jobs.filtering import check_script_filters
from app.jobs.hosts import is_local
from app.jobs.operation import check_commands, check_operation
from app.jobs.rotating import ensure_pools
from app.jobs.secrets import SecretStore
from app.model.errors import NotFoundError, UsageError
from app.model.job import BackupScript, Job, JobKind, RestoreScript, Schedule
from app.model.source import check_source_path

MEDIA_KINDS = frozenset(
    {
        JobKind.MEDIA_FORMAT,
        JobKind.MEDIA_ERASE,
        JobKind.MEDIA_VERIFY,
        JobKind.MEDIA_MERGE,
        JobKind.MEDIA_PURGE,
        JobKind.MEDIA_RENAME,
        JobKind.MEDIA_RETIRE,
        JobKind.MEDIA_SCAN,
        JobKind.MEDIA_COMPARE,
        JobKind.MEDIA_COPY,
        JobKind.MEDIA_PRUNE,
        JobKind.RESTORE_TEST,
    }
)


def submit_backup(
    catalog: Catalog,
    store: SecretStore,
    script: BackupScript,
    schedule: Schedule = Schedule(),
    *,
    name: str = "",
    owner: str = "caroot",
    hold: bool = False,
    secrets: JobSecrets = NO_SECRETS,
    replaces: int = 0,
) -> Job:
    """Queue a backup of registered scenarios and of directories of known hosts. Blocks on the catalog.

    `replaces`: the backup job that it takes the place of, under its number.

    Raises:
        UsageError: E5114 nothing to back up, E5115 encryption without a password (or the reverse), E511x
            schedule, AE1060 the path of a directory, E5745 a number out of its range, E5746 a command,
            E5301, E5302 a filter, E5749 what it is to replace is no backup,
            E5756 a part of another job.
        BusyError: E6014 what it is to replace is active.
        NotFoundError: a scenario is not registered, E6012 a host is not known, E5116 the device group does
            not exist.
    """
    named = bool(script.scenario_ids or script.sources)
    if not named or len(script.scenario_ids) != len(script.scenario_names):
        raise UsageError("E5114")
    if script.encrypt != bool(secrets.session_password):
        raise UsageError("E5115")
    check_operation(script)
    check_script_filters(script)
    for scenario_id in script.scenario_ids:
        catalog.registrations.show(str(scenario_id))
    for source in script.sources:
        check_source_path(source.path)
        if not is_local(source.host):
            catalog.hosts.show(source.host)
    if script.device_group not in catalog.media.groups():
        raise UsageError("E5116", group=script.device_group)
    if schedule.rotation is not None:
        scheduler.check(schedule)
        ensure_pools(catalog, schedule.rotation)
    job = NewJob(
        kind=JobKind.BACKUP,
        name=name or _backup_name(script),
        script=script,
        owner=owner,
        device_group=script.device_group,
        hold=hold,
        credentials=secrets.seal(store),
    )
    if not replaces:
        return _submit(catalog, job, schedule)
    replaced = catalog.jobs.show(replaces)
    if replaced.kind is not JobKind.BACKUP:
        raise UsageError("E5749", job=replaces)
    if replaced.parent_id is not None:
        raise UsageError("E5756", job=replaces, parent=replaced.parent_id)
    return catalog.jobs.replace(replaces, _timed(job, schedule))


def submit_restore(
    catalog: Catalog,
    store: SecretStore,
    script: RestoreScript,
    schedule: Schedule = Schedule(),
    *,
    name: str = "",
    owner: str = "caroot",
    hold: bool = False,
    secrets: JobSecrets = NO_SECRETS,
) -> Job:
    """Queue a restore of parts of sessions. Blocks on the catalog.

    Raises:
        UsageError: E5117 nothing selected, E511x schedule, E5745 E5746 a command.
        NotFoundError: a session is not in the catalog.
    """
    if not script.selections:
        raise UsageError("E5117")
    check_commands(script.commands)
    sessions = [
        catalog.sessions.show(selection.media_serial, selection.session) for selection in script.selections
    ]
    what = ", ".join(dict.fromkeys(session.scenario_name or session.machine for session in sessions))
    return _submit(
        catalog,
        NewJob(
            kind=JobKind.RESTORE,
            name=name or f"Restore {what}",
            script=script,
            owner=owner,
            hold=hold,
            credentials=secrets.seal(store),
        ),
        schedule,
    )


def restore_job(catalog: Catalog, job_id: int) -> Job:
    """The restore job of that number. Raises NotFoundError, UsageError E5183 for a job of another kind."""
    job = catalog.jobs.show(job_id)
    if job.kind is not JobKind.RESTORE or not isinstance(job.script, RestoreScript):
        raise UsageError("E5183", job=job_id)
    return job


def submit_restore_undo(
    catalog: Catalog,
    store: SecretStore,
    job_id: int,
    *,
    force: bool = False,
    owner: str = "caroot",
    secrets: JobSecrets = NO_SECRETS,
) -> Job:
    """Queue an undo of a restore job. Blocks on the catalog.

    Raises:
        NotFoundError: there is no such job. UsageError: E5183 it is not a restore.
    """
    undone = restore_job(catalog, job_id)
    return _submit(
        catalog,
        NewJob(
            kind=JobKind.RESTORE_UNDO,
            name=f"Undo {undone.name} (job {job_id})",
            script={"job": str(job_id), **({"force": "1"} if force else {})},
            owner=owner,
            credentials=secrets.seal(store),
        ),
        Schedule(),
    )


def submit_media(
    catalog: Catalog,
    kind: JobKind,
    parameters: dict[str, str],
    *,
    name: str = "",
    owner: str = "caroot",
    store: SecretStore | None = None,
    session_password: str = "",
    secrets: JobSecrets = NO_SECRETS,
    schedule: Schedule = Schedule(),
) -> Job:
    """Queue a media job. `parameters`: format {device, name}; erase or merge {media}; verify {media, full};
    purge {media, sessions} with numbers and commas; scan {media, session, contents}; compare {media, session,
    with}; copy {media, sessions, group or to}; prune {media, sessions, before, keep};
    restore test {media, session, percent, scratch}.

    `media` is a media's serial, or for a merge that is not in the catalog yet its directory.

    Raises:
        UsageError: E5118 not a media job.
    """
    if kind not in MEDIA_KINDS:
        raise UsageError("E5118", kind=kind.value)
    credentials = b""
    if session_password:
        secrets = replace(secrets, session_password=session_password)
    if store is not None:
        credentials = secrets.seal(store)
    title = kind.value.removeprefix("media_").replace("_", " ").capitalize()
    subject = parameters.get("device", "")
    if "media" in parameters:
        subject = _media_name(catalog, parameters["media"])
    return _submit(
        catalog,
        NewJob(
            kind=kind,
            name=name or f"{title} {subject}",
            script=parameters,
            owner=owner,
            credentials=credentials,
        ),
        schedule,
    )


def reschedule(catalog: Catalog, job_id: int, schedule: Schedule) -> Job:
    """Give a job that is not Active another schedule. Raises UsageError E511x."""
    scheduler.check(schedule)
    return catalog.jobs.reschedule(job_id, schedule, scheduler.first_run(schedule, datetime.now(UTC)))


def _submit(catalog: Catalog, job: NewJob, schedule: Schedule) -> Job:
    return catalog.jobs.submit(_timed(job, schedule))


def _timed(job: NewJob, schedule: Schedule) -> NewJob:
    scheduler.check(schedule)
    return replace(job, schedule=schedule, execution_at=_first_run(schedule))


def _first_run(schedule: Schedule) -> datetime | None:
    """None = as soon as possible, by the time of the catalog."""
    if schedule.run_at is None and not schedule.repeat:
        return None
    return scheduler.first_run(schedule, datetime.now(UTC))


def _backup_name(script: BackupScript) -> str:
    labels = [source.label for source in script.sources]
    return f"Backup {', '.join([*script.scenario_names, *labels])}"


def _media_name(catalog: Catalog, media: str) -> str:
    try:
        return catalog.media.show_media(media).name
    except NotFoundError:
        return media  # a directory that is to be merged
