"""Carrying out staging policies: migration jobs copy sessions on, purge jobs make room, both by the rules.

A policy only submits jobs, which are checked once more when they run: a purge takes nothing whose copy is not
there to be read (where the policy copies nothing: what is old enough, and never the newest). Submitting twice
does no harm: a copy that is there is not made again.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.catalog.api import Catalog
from app.jobs.copy_times import due_at, written_by, zone_of
from app.jobs.device_space import Space, space_of
from app.jobs.media_choice import OnlineMedia, online_media
from app.jobs.submission import submit_media
from app.media import api as media
from app.model.errors import ArcxoError, UsageError
from app.model.job import Job, JobKind, JobResult, JobStatus
from app.model.media import SessionInfo
from app.model.staging import MB, CopyWhen, StagingPlan, StagingPolicy, size_words

_LOG = logging.getLogger(__name__)
_KEY = "staging."
_AGAIN_AFTER = timedelta(minutes=15)
STAGING = "staging"
"""Names the staging group in the script of a job that its policy made."""


def policies(catalog: Catalog) -> list[StagingPolicy]:
    """The policies of all staging groups, by name."""
    found = []
    for key, value in sorted(catalog.settings.all().items()):
        if key.startswith(_KEY):
            try:
                found.append(_policy(json.loads(value)))
            except (ValueError, TypeError):
                _LOG.warning("the staging policy %s cannot be read", key)
    return found


def _policy(document: dict[str, Any]) -> StagingPolicy:
    """Raises ValueError, TypeError for a document that is no policy of this version."""
    made = StagingPolicy(**document)
    made = replace(made, copy_when=CopyWhen(made.copy_when))
    if made.fault():
        raise ValueError(made.fault())
    zone_of(made)
    return made


def put_policy(catalog: Catalog, policy: StagingPolicy) -> None:
    """Keep a policy. Raises UsageError E5116 a group there is not, E5760 numbers, a chain of groups."""
    groups = catalog.media.groups()
    for name in (policy.group, *([policy.target] if policy.target else [])):
        if name not in groups:
            raise UsageError("E5116", group=name)
    fault = policy.fault() or _zone_fault(policy) or _too_large(catalog, policy)
    others = [one for one in policies(catalog) if one.group != policy.group]
    if policy.target in {one.group for one in others}:
        fault = fault or f"{policy.target} is a staging group itself"
    if policy.group in {one.target for one in others}:
        fault = fault or f"{policy.group} is where another staging group copies to"
    if fault:
        raise UsageError("E5760", group=policy.group, details=fault)
    catalog.settings.put(_KEY + policy.group, json.dumps(asdict(policy)))


def remove_policy(catalog: Catalog, group: str) -> None:
    """The group is no staging group any more; what is in it stays. Raises UsageError E5761."""
    if group not in {one.group for one in policies(catalog)}:
        raise UsageError("E5761", group=group)
    catalog.settings.remove(_KEY + group)


def plan(catalog: Catalog, policy: StagingPolicy, now: datetime) -> StagingPlan:
    """What is to be copied and purged now. Blocks on the devices."""
    places = online_media(catalog, policy.group)
    targets = {one.label.serial: one for one in online_media(catalog, policy.target)}
    by_media = {one.label.serial: catalog.sessions.list(one.label.serial) for one in places}
    every = [session for found in by_media.values() for session in found]
    copied = {_id(one) for one in every if copy_of(catalog, one, targets) is not None}
    newest = _newest(every)
    waiting = [one for one in every if _id(one) not in copied]
    by = written_by(policy, now)
    due = [one for one in waiting if by is not None and one.finished_at <= by]
    aged = [] if policy.purge_after_days is None else _older(every, now, policy.purge_after_days)
    old = [one for one in aged if _id(one) not in newest]
    purge = [one for one in old if not policy.copies or _id(one) in copied]
    if policy.copy_when is CopyWhen.BEFORE_PURGE:
        due = [one for one in old if _id(one) not in copied]
    used: Space | None = None
    full = False
    for device in {one.device.name: one.device for one in places}.values():
        space = space_of(device.path)
        used = space if used is None or space.share > used.share else used
        excess = policy.too_much(space.total, space.used)
        if policy.purges_full and excess is not None:
            here = [one for place in places if place.device.name == device.name for one in
                    by_media[place.label.serial]]  # fmt: skip
            able = [one for one in here if _id(one) not in newest]
            some = _enough([one for one in able if _id(one) in copied], excess)
            purge += [one for one in some if one not in purge]
            coming: list[SessionInfo] = []
            if policy.copy_when is CopyWhen.BEFORE_PURGE:
                lacking = excess - sum(one.stored_bytes for one in some)
                coming = _enough([one for one in able if _id(one) not in copied], lacking)
                due += [one for one in coming if one not in due]
            full = full or not (some or (coming and not policy.paused))
    return StagingPlan(
        policy,
        len(every),
        len(copied),
        len(every) - len(copied),
        None if used is None else round(used.share * 100),
        () if policy.paused else _grouped(due),
        _grouped(purge),
        full,
        None if used is None else used.used,
        None if policy.paused else _next_copy(policy, waiting, newest),
    )


def _next_copy(
    policy: StagingPolicy, waiting: list[SessionInfo], newest: set[tuple[str, int]]
) -> datetime | None:
    """When the first of the sessions that wait is due by time."""
    if policy.copy_when is CopyWhen.BEFORE_PURGE:
        waiting = [one for one in waiting if _id(one) not in newest]
    first = min((one.finished_at for one in waiting), default=None)
    return None if first is None else due_at(policy, first)


def carry_out(catalog: Catalog, now: datetime, report: Callable[..., None]) -> int:
    """Submit the jobs that the policies ask for now. Returns how many."""
    count = 0
    for policy in policies(catalog):
        found = plan(catalog, policy, now)
        busy = _busy(catalog, now)
        for kind, wanted in ((JobKind.MEDIA_COPY, found.copy), (JobKind.MEDIA_PURGE, found.purge)):
            for serial, numbers in wanted:
                if (kind, serial) in busy:
                    continue
                name = catalog.media.show_media(serial).name
                script = {"media": serial, "sessions": ",".join(map(str, numbers)), STAGING: policy.group}
                if kind is JobKind.MEDIA_COPY:
                    script |= {"group": policy.target, "name": policy.media_name}
                copies = kind is JobKind.MEDIA_COPY
                title = f"Migrate {name} to {policy.target}" if copies else f"Purge {name}"
                job = submit_media(catalog, kind, script, name=title)
                code = "N5762" if copies else "N5763" if policy.copies else "N5766"
                report(code, group=policy.group, media=name, count=len(numbers), to=policy.target, job=job.id)
                count += 1
        if found.full and not found.purge:
            report("W5764", group=policy.group, used=found.used, most=policy.most)
    return count


def still_migrated(catalog: Catalog, script: dict[str, str], numbers: Sequence[int]) -> list[int]:
    """Of the sessions that a purge job of a staging group names, those that may go now: their copy can be
    read, or, where the policy copies nothing, they are old enough and not the newest of their volume.
    """
    policy = next((one for one in policies(catalog) if one.group == script[STAGING]), None)
    if policy is None:
        return []
    if not policy.copies:
        due = dict(plan(catalog, policy, datetime.now(UTC)).purge).get(script["media"], ())
        return [number for number in numbers if number in due]
    targets = {one.label.serial: one for one in online_media(catalog, policy.target)}
    known = {one.number: one for one in catalog.sessions.list(script["media"])}
    return [
        number
        for number in numbers
        if number in known and copy_of(catalog, known[number], targets) is not None
    ]


def why_kept(catalog: Catalog, script: dict[str, str]) -> str:
    """The code of the warning for sessions that a purge job of a staging group leaves."""
    found = next((one for one in policies(catalog) if one.group == script[STAGING]), None)
    return "W5765" if found is not None and found.copies else "W5767"


def copy_of(catalog: Catalog, session: SessionInfo, targets: dict[str, OnlineMedia]) -> SessionInfo | None:
    """The copy of a session on the media of the final group that can be read now and is not damaged."""
    for copy in catalog.sessions.copies(session):
        place = targets.get(copy.media_serial)
        if place is None or copy.damaged:
            continue
        with contextlib.suppress(ArcxoError):
            header = media.read_session(place.path, copy.number)
            if header.finished_at == copy.finished_at:
                return copy
    return None


def _zone_fault(policy: StagingPolicy) -> str:
    try:
        zone_of(policy)
    except ValueError as error:
        return str(error)
    return ""


def _too_large(catalog: Catalog, policy: StagingPolicy) -> str:
    """A maximum that no device of the group can reach is a mistake; "" when it is none."""
    if not policy.max_mb or not policy.purges_full:
        return ""
    spaces = [space_of(one.path).total for one in catalog.media.devices() if one.group == policy.group]
    most = max(spaces, default=0)
    if not most or policy.max_mb * MB < most:
        return ""
    return f"the maximum threshold is {policy.most}, and a device of the group holds {size_words(most // MB)}"


def _enough(able: list[SessionInfo], wanted: int) -> list[SessionInfo]:
    """The oldest of them that together take the device down to the lower threshold, as far as is known."""
    some: list[SessionInfo] = []
    for one in sorted(able, key=lambda one: one.finished_at):
        if wanted <= 0:
            break
        some.append(one)
        wanted -= one.stored_bytes
    return some


def _busy(catalog: Catalog, now: datetime) -> set[tuple[JobKind, str]]:
    """Media that a copy or purge job is to work on, works on, or has failed on a short while ago."""
    return {
        (job.kind, job.script["media"])
        for job in catalog.jobs.list()
        if job.kind in (JobKind.MEDIA_COPY, JobKind.MEDIA_PURGE)
        and isinstance(job.script, dict)
        and (job.status is not JobStatus.DONE or _failed_lately(job, now))
    }


def _failed_lately(job: Job, now: datetime) -> bool:
    made_here = isinstance(job.script, dict) and STAGING in job.script
    good = job.last_result in (JobResult.FINISHED, None)
    return made_here and not good and (job.finished_at or now) > now - _AGAIN_AFTER


def _id(session: SessionInfo) -> tuple[str, int]:
    return session.media_serial, session.number


def _newest(sessions: list[SessionInfo]) -> set[tuple[str, int]]:
    last: dict[tuple[str, str], SessionInfo] = {}
    for one in sorted(sessions, key=lambda one: (one.finished_at, one.number)):
        last[one.machine, one.entity] = one
    return {_id(one) for one in last.values()}


def _older(sessions: list[SessionInfo], now: datetime, days: int) -> list[SessionInfo]:
    return [one for one in sessions if one.finished_at + timedelta(days=days) <= now]


def _grouped(sessions: list[SessionInfo]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    found: dict[str, list[int]] = {}
    for one in sessions:
        found.setdefault(one.media_serial, []).append(one.number)
    return tuple((serial, tuple(sorted(set(numbers)))) for serial, numbers in sorted(found.items()))
