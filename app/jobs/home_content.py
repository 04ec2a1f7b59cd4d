"""What of a home goes with its backups, and how it comes back into a new one.

Jobs (with their schedules and log-ins), accounts, hosts with their pins and log-ins, registrations,
definitions of the scenarios whose Master is this machine, alert targets, pools, groups and settings. What
the media say themselves (devices, media, sessions) and what happened (log, history) is not in it.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

from app.agent.accounts import Accounts
from app.agent.home import AgentHome
from app.alerts.engine import PURPOSE as ALERT_PURPOSE
from app.catalog import rows
from app.catalog.api import Catalog, NewJob, Registration
from app.jobs import scheduler
from app.jobs.credentials import JobSecrets
from app.jobs.durable import replace
from app.jobs.home import OWNER
from app.jobs.host_logins import HostLogins
from app.jobs.secrets import SecretStore
from app.model.alert import AlertEvent, AlertMethod, AlertTarget
from app.model.errors import ArcxoError
from app.model.host import Host
from app.model.job import Credentials, Job, JobKind, JobStatus, Schedule
from app.model.media import Pool, PoolSet
from app.model.recovery import Returned
from app.model.scenario import ProductType, ServerType
from app.model.settings import SETTINGS

_LOG = logging.getLogger(__name__)
_VERSION = 1
_TEMPLATE = "scenario-template:"
_LOCAL = "localhost"
_KINDS = frozenset(
    {
        JobKind.BACKUP,
        JobKind.RESTORE,
        JobKind.RESTORE_TEST,
        JobKind.MEDIA_VERIFY,
        JobKind.MEDIA_SCAN,
        JobKind.MEDIA_COMPARE,
        JobKind.MEDIA_COPY,
    }
)
"""Jobs that come back. What erases or removes does not: nobody should find it waiting in another place."""


def content_of(home: str, catalog: Catalog, store: SecretStore) -> bytes:
    """What the record of a home says, the same bytes as long as nothing of it changes. Secrets are in clear.

    Raises:
        ArcxoError: a secret of the home cannot be opened, its catalog does not answer.
    """
    logins = HostLogins(home, catalog)
    settings = catalog.settings.all()
    document: dict[str, Any] = {
        "version": _VERSION,
        "accounts": Accounts(AgentHome(home)).exported(),
        "hosts": [
            dataclasses.asdict(host) | {"login": _login_to(logins.get(host.name))}
            for host in catalog.hosts.list()
            if host.name != _LOCAL
        ],
        "registrations": [_registration_to(one) for one in catalog.registrations.list()],
        "definitions": _definitions(home),
        "groups": sorted(catalog.media.groups()),
        "pools": [dataclasses.asdict(one) for one in catalog.media.pools()],
        "sets": sorted(
            {(one.set_id, one.pool, one.pool_set.value, one.retired) for one in catalog.media.media()}
        ),
        "jobs": [_job_to(catalog, store, job) for job in reversed(catalog.jobs.list()) if _stays(job)],
        "settings": {
            key: value
            for key, value in sorted(settings.items())
            if key in SETTINGS or key.startswith(_TEMPLATE)
        },
        "alerts": [_alert_to(catalog, store, one) for one in catalog.alerts.targets()],
    }
    return json.dumps(document, sort_keys=True).encode()


def outline(content: bytes) -> Returned:
    """What a content would bring back, in figures. Raises ArcxoError E5233."""
    document = _document(content)
    try:
        return Returned(
            jobs=len(document["jobs"]),
            accounts=len(set(document["accounts"]) - {OWNER}),
            hosts=len(document["hosts"]),
            scenarios=tuple(str(one["name"]) for one in document["registrations"]),
            definitions=len(document["definitions"]),
            alerts=len(document["alerts"]),
            pools=len(document["pools"]),
        )
    except (KeyError, TypeError) as error:
        raise ArcxoError("E5233", reason=str(error)) from error


def bring_back(home: str, catalog: Catalog, store: SecretStore, content: bytes) -> Returned:
    """Put a content into a home that is being made. Jobs wait in Hold; accounts but caroot are as they were.

    Raises:
        ArcxoError: E5233 the content is of another form.
    """
    document = _document(content)
    try:
        _take(home, catalog, store, document)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArcxoError("E5233", reason=repr(error)) from error
    return outline(content)


def _document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError as error:
        raise ArcxoError("E5233", reason="it is not JSON") from error
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise ArcxoError("E5233", reason="it was made by another version")
    return document


def _take(home: str, catalog: Catalog, store: SecretStore, document: dict[str, Any]) -> None:
    Accounts(AgentHome(home)).take(document["accounts"], leaving=OWNER)
    logins = HostLogins(home, catalog)
    for one in document["hosts"]:
        catalog.hosts.put(Host(one["name"], one["address"], one["user"], one["fingerprint"]))
        if one["login"]:
            logins.put(one["name"], Credentials(*one["login"]))
    for one in document["registrations"]:
        catalog.registrations.put(_registration_from(one))
    for name, xml in document["definitions"].items():
        if name.isdecimal():
            replace(
                os.path.join(AgentHome(home).directory("scenarios"), f"{name}.xml"), base64.b64decode(xml)
            )
    for name in document["groups"]:
        catalog.media.put_group(name)
    for one in document["pools"]:
        catalog.media.put_pool(Pool(one["name"], one["retention_days"], one["minimum_save"]))
    for set_id, pool, pool_set, retired in document["sets"]:
        if pool or retired:
            catalog.media.put_set(set_id, pool=pool, pool_set=PoolSet(pool_set), retired=retired)
    for key, value in document["settings"].items():
        if key.startswith(_TEMPLATE) or key in SETTINGS:
            catalog.settings.put(key, SETTINGS[key].checked(value) if key in SETTINGS else value)
    for one in document["alerts"]:
        target = AlertTarget(
            one["name"],
            AlertMethod(one["method"]),
            one["address"],
            tuple(AlertEvent(event) for event in one["events"]),
            tuple(one["codes"]),
            enabled=bool(one["enabled"]),
        )
        catalog.alerts.put_target(target, store.seal(one["target"].encode(), ALERT_PURPOSE))
    if document["alerts"] and catalog.alerts.position() is None:
        catalog.alerts.queue([], position=catalog.alerts.last_line())
    for one in document["jobs"]:
        catalog.jobs.submit(_job_from(store, one))


def _stays(job: Job) -> bool:
    """Jobs that run again; one that runs once, and runs now, is done when anybody reads the record."""
    if job.parent_id is not None or job.kind not in _KINDS or job.status is JobStatus.DONE:
        return False
    again = bool(job.schedule.repeat or job.schedule.rotation)
    return again or job.status in (JobStatus.READY, JobStatus.HOLD)


def _job_to(catalog: Catalog, store: SecretStore, job: Job) -> dict[str, Any]:
    secrets = JobSecrets.unseal(store, catalog.jobs.credentials(job.id))
    return {
        "kind": job.kind.value,
        "name": job.name,
        "owner": job.owner,
        "device_group": job.device_group,
        "schedule": rows.schedule_to_json(_anchored(job)),
        "script": rows.script_to_json(job.script),
        "secrets": secrets.to_document(),
    }


def _job_from(store: SecretStore, one: dict[str, Any]) -> NewJob:
    schedule = rows.schedule_from_json(one["schedule"])
    return NewJob(
        kind=JobKind(one["kind"]),
        name=one["name"],
        script=rows.script_from_json(one["script"], 0),
        owner=one["owner"],
        device_group=one["device_group"],
        schedule=schedule,
        execution_at=_next_run(schedule),
        hold=True,
        credentials=JobSecrets.from_document(one["secrets"]).seal(store),
    )


def _anchored(job: Job) -> Schedule:
    """A rule without a start counts from the job's making, which is another time where it comes back."""
    if job.schedule.repeat and job.schedule.run_at is None:
        return dataclasses.replace(job.schedule, run_at=job.created_at)
    return job.schedule


def _next_run(schedule: Schedule) -> datetime | None:
    """The next time by its rule; None for what ran its last time: it waits in Hold for a person anyway."""
    now = datetime.now(UTC)
    try:
        return scheduler.next_run(schedule, now, now) if schedule.repeat else schedule.run_at
    except ArcxoError:
        return None


def _login_to(login: Credentials | None) -> list[str] | None:
    return None if login is None else [login.user, login.password]


def _registration_to(one: Registration) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "master": one.master,
        "replicas": list(one.replicas),
        "roots_b64": [rows.encode_bytes(root) for root in one.roots],
        "server_type": one.server_type.value,
        "product": one.product.value,
    }


def _registration_from(one: dict[str, Any]) -> Registration:
    return Registration(
        int(one["id"]),
        one["name"],
        one["master"],
        tuple(one["replicas"]),
        tuple(rows.decode_bytes(root) for root in one["roots_b64"]),
        ServerType(one["server_type"]),
        ProductType(one["product"]),
    )


def _alert_to(catalog: Catalog, store: SecretStore, one: AlertTarget) -> dict[str, Any]:
    return {
        "name": one.name,
        "method": one.method.value,
        "address": one.address,
        "events": [event.value for event in one.events],
        "codes": list(one.codes),
        "enabled": one.enabled,
        "target": store.open(catalog.alerts.sealed(one.name), ALERT_PURPOSE).decode(),
    }


def _definitions(home: str) -> dict[str, str]:
    """The definitions that lie on this machine, by id, as they are."""
    directory = AgentHome(home).directory("scenarios")
    found = {}
    for name in sorted(os.listdir(directory)):
        number, dot, ending = name.rpartition(".")
        if not number.isdecimal() or (dot, ending) != (".", "xml"):
            continue
        try:
            with open(os.path.join(directory, name), "rb") as file:
                found[number] = base64.b64encode(file.read()).decode()
        except FileNotFoundError:
            continue  # deleted since it was listed
        except OSError as error:
            _LOG.info("definition %s left out: %s", name, error)
    return found
