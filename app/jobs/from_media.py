"""A home is made from bare media: what they hold, the devices they lie on, and the jobs that read them.

For the day on which a server is lost with its catalog. Looking changes nothing; the devices and the merge
jobs are put into the new home before it counts as made, so whoever is killed in between begins again.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from app.catalog.api import Catalog
from app.jobs.credentials import JobSecrets
from app.jobs.home_content import bring_back
from app.jobs.home_record import look_for_home
from app.jobs.media_choice import media_of_directory, online_media
from app.jobs.secrets import SecretStore
from app.jobs.submission import submit_media
from app.media import api as media
from app.media.api import KeyInfo, MediaFound, SessionHeader
from app.media.device import look_at_device, make_device
from app.media.mediaset import membership
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, UsageError
from app.model.job import Job, JobKind
from app.model.media import Device
from app.model.recovery import RECOVERED_GROUP, FoundMedia, HeldData, RecoveryPlan

GROUP = RECOVERED_GROUP
_NOT_WRITABLE = ("E4163", "E4164")


def plan_from_media(home: str, directories: Sequence[str], secrets: Sequence[str]) -> RecoveryPlan:
    """What the media in these directories hold. A directory is that of a media, or holds such.

    Blocks for argon2id at each secret and key slot.

    Raises:
        NotFoundError: E5230 no media in a directory. UsageError: E5221 a directory that cannot be a device,
            E4140 a mistyped recovery key.
        CredentialsError: E4131 a secret opens nothing.
        ArcxoError: E4104 a directory that cannot be read, E4106, E4107 a label that cannot.
    """
    places: dict[str, list[MediaFound]] = {}
    for directory in directories:
        device, found = _found_in(directory)
        _check_place(device, [home, *places])
        places.setdefault(device, []).extend(one for one in found if one not in places.get(device, ()))
    used: set[str] = set()
    listed: list[FoundMedia] = []
    held: dict[tuple[str, str, str], HeldData] = {}
    missing: set[str] = set()
    present = {one.label.serial for found in places.values() for one in found if one.label is not None}
    for device, found in places.items():
        for one in found:
            if one.label is None:
                listed.append(_unreadable(one, device))
                continue
            keys = _opened(one.path, secrets, used)
            headers = list(media.sessions(one.path))
            listed.append(_described(one, device, headers, keys))
            for header in headers:
                _count(held, header, one, keys)
            missing.update(_missing(one, present))
    found_home, _, opener = look_for_home([one.path for one in listed if not one.problem], secrets)
    wrong = [secret for secret in secrets if secret not in used and secret != opener]
    if wrong and any(_has_slots(one.path) for found in places.values() for one in found):
        raise CredentialsError("E4131", media=", ".join(places))
    order = sorted(held.values(), key=lambda one: (one.machine, one.entity))
    return RecoveryPlan(home, tuple(places), tuple(listed), tuple(order), tuple(sorted(missing)), found_home)


def open_found_home(plan: RecoveryPlan, secrets: Sequence[str]) -> tuple[RecoveryPlan, bytes]:
    """The plan with what the lost home knew, and that content; b"" when the media hold no home.

    Raises:
        CredentialsError: E5231 none of the secrets opens it.
        ArcxoError: E4181, E5233 it cannot be read.
    """
    if plan.found_home is None:
        return plan, b""
    given = [secret for secret in dict.fromkeys(secrets) if secret]
    found, content, _ = look_for_home([one.path for one in plan.media if not one.problem], given)
    if found is None or not content:
        server, at = plan.found_home.server, plan.found_home.made_at
        raise CredentialsError("E5231", server=server, at=at.isoformat(timespec="minutes"))
    return replace(plan, found_home=found), content


def recover(
    catalog: Catalog,
    store: SecretStore,
    plan: RecoveryPlan,
    secrets: Sequence[str],
    content: bytes = b"",
) -> list[Job]:
    """Put the devices and media of a plan into a new catalog, what the lost home knew (`content`, b"" = it
    stays on the media), and queue the merging of each media, whose jobs are returned.
    """
    catalog.media.put_group(GROUP)
    for number, path in enumerate(plan.devices, 1):
        catalog.media.put_device(Device(f"found{number}", path, GROUP, identity=_identity(path)))
    wanted = {one.serial for one in plan.media if not one.problem}
    jobs = []
    for one in sorted(online_media(catalog), key=lambda item: (item.label.created_at, item.label.sequence)):
        if one.label.serial not in wanted:
            continue
        wanted.discard(one.label.serial)
        catalog.media.put_media(one.info)
        # Those that open sessions here: a job with a password that opens nothing is refused.
        fitting = [secret for secret in secrets if media.open_slots(one.path, secret)]
        passwords = tuple((one.label.serial, number, secret) for number, secret in enumerate(fitting))
        given = JobSecrets(session_passwords=passwords)
        parameters = {"media": one.label.serial}
        jobs.append(submit_media(catalog, JobKind.MEDIA_MERGE, parameters, store=store, secrets=given))
    if content:
        bring_back(plan.home, catalog, store, content)
    return jobs


def _identity(path: str) -> str:
    """What the device says it is; a disk that is read-only or full is used without being told apart."""
    try:
        return make_device(os.path.basename(path), path)
    except ArcxoError as error:
        if error.code not in _NOT_WRITABLE:
            raise
        return ""


def _found_in(directory: str) -> tuple[str, list[MediaFound]]:
    """(device, its media): the directory of a media itself, with its set, or one that holds media."""
    path = os.path.realpath(directory)
    state = look_at_device(directory, path)
    if not state.readable and state.fault is not None:
        raise state.fault
    try:
        one = media_of_directory(path)
    except NotFoundError:
        found = list(media.list_media(path))
        if not found:
            raise NotFoundError("E5230", path=directory) from None
        return path, found
    device = os.path.dirname(path)
    beside = [
        item
        for item in media.list_media(device)
        if item.label is not None and item.label.set_id == one.label.set_id and item.path != path
    ]
    return device, [MediaFound(path, one.label), *beside]


def _check_place(device: str, others: Sequence[str]) -> None:
    for other in others:
        real = os.path.realpath(other)
        if device != real and os.path.commonpath((device, real)) in (device, real):
            why = "The new home, and each device, needs a directory of its own."
            raise UsageError("E5221", path=device, other=other, why=why)
    if device == os.path.realpath(others[0]):
        raise UsageError("E5221", path=device, other=others[0], why="A home keeps its own files there.")


def _opened(path: str, secrets: Sequence[str], used: set[str]) -> dict[str, KeyInfo]:
    """The keys of a media that the secrets open, by key id."""
    keys: dict[str, KeyInfo] = {}
    for secret in secrets:
        opened = media.open_slots(path, secret)
        if opened:
            used.add(secret)
        keys.update((one.key_id, one) for one in opened)
    return keys


def _has_slots(path: str) -> bool:
    try:
        return bool(media.list_slots(path))
    except ArcxoError:
        return False


def _described(
    one: MediaFound, device: str, headers: Sequence[SessionHeader], keys: dict[str, KeyInfo]
) -> FoundMedia:
    assert one.label is not None
    label = one.label
    return FoundMedia(
        path=one.path,
        name=label.name,
        media_id=label.media_id,
        serial=label.serial,
        sequence=label.sequence,
        set_id=label.set_id,
        device=device,
        sessions=len(headers),
        damaged_sessions=len(media.unreadable_sessions(one.path)),
        size_bytes=media.used_bytes(one.path),
        opened=all(_is_open(header, keys) for header in headers),
    )


def _unreadable(one: MediaFound, device: str) -> FoundMedia:
    name = os.path.basename(one.path)
    return FoundMedia(one.path, name, "", "", 0, "", device, 0, 0, 0, opened=True, problem=one.problem)


def _is_open(header: SessionHeader, keys: dict[str, KeyInfo]) -> bool:
    return not header.encrypted or header.key_id in keys


def _count(
    held: dict[tuple[str, str, str], HeldData],
    header: SessionHeader,
    one: MediaFound,
    keys: dict[str, KeyInfo],
) -> None:
    """Add a session to those of its volume; the newest one is told of."""
    assert one.label is not None
    key = (header.machine, header.entity, header.scenario_name)
    before = held.get(key)
    newest = before is None or (header.taken_at, header.number) >= (before.last_at, before.number)
    sessions = 1 + (before.sessions if before else 0)
    first = min(header.taken_at, before.first_at) if before else header.taken_at
    if before is not None and not newest:
        held[key] = replace(before, sessions=sessions, first_at=first)
        return
    held[key] = HeldData(
        machine=header.machine,
        entity=header.entity,
        scenario_name=header.scenario_name,
        replica=header.replica,
        server=header.server,
        sessions=sessions,
        first_at=first,
        last_at=header.taken_at,
        media_name=one.label.name,
        media_serial=one.label.serial,
        number=header.number,
        files=header.files,
        directories=header.directories,
        size_bytes=header.size_bytes,
        encrypted=header.encrypted,
        opened=_is_open(header, keys),
        incomplete=header.incomplete,
        path=header.roots[0] if header.roots else b"/",
    )


def _missing(one: MediaFound, present: set[str]) -> list[str]:
    """What of the set is not among what was found."""
    try:
        found = membership(one.path)
    except ArcxoError:
        return []
    gone = [serial for serial in found.missing if serial not in present]
    elsewhere = [path for serial, path in found.paths.items() if serial not in present]
    return [f"{found.label.name}: {what}" for what in (*gone, *elsewhere)]
