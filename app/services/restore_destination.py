"""Where nothing may be restored, and where only after someone has agreed."""

from __future__ import annotations

import os

from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import Conflict, Destination, RestoreScript
from app.model.owners import OwnerRule
from app.model.paths import is_beneath, shown
from app.services.api import RestoreRequest
from app.services.connections import Connections

_MADE_BY_THE_KERNEL = (b"/proc", b"/sys")
_MADE_AT_START = (b"/dev", b"/run")
"""What programs of the system make there is theirs; what is mounted in them for people is not: /dev/shm, a
person's /run/user, a disk in /run/media."""
_OF_PROGRAMS = (b"/run/credentials", b"/run/lock", b"/run/systemd")
_SYSTEM = (
    b"/bin",
    b"/boot",
    b"/etc",
    b"/lib",
    b"/lib32",
    b"/lib64",
    b"/sbin",
    b"/snap",
    b"/usr",
)
_SYSTEM_ITSELF = (b"/", b"/home", b"/media", b"/mnt", b"/opt", b"/root", b"/srv", b"/tmp", b"/var")
"""Directories of which only the top must not be a destination unasked."""


def check_destination(connections: Connections, script: RestoreScript) -> None:
    """Raise UsageError for a destination that nothing can be restored to, however much it is wished.

    E4243 the home or a media, E5187 what the running system makes, E5185 an exact restore with a rule,
    E5294 the replica of a directory that was backed up by itself, E5190 E5191 other owners on a replica, or
    ones that cannot be. NotFoundError E6012 for a host that nobody has added.
    """
    if script.exact and script.conflict is not Conflict.OVERWRITE:
        raise UsageError("E5185", conflict=script.conflict.value)
    _check_owners(script)
    if script.destination is Destination.ORIGINAL_REPLICA:
        for one in script.selections:
            session = connections.catalog.sessions.show(one.media_serial, one.session)
            if session.scenario_id is None:
                raise UsageError("E5294", session=session.number, media=session.media_name)
    if script.destination is not Destination.DIRECTORY:
        return
    if script.host != "localhost":
        connections.check_known(script.host)
        return
    from app.jobs.media_choice import online_media

    real = os.path.realpath(script.directory)
    if _is_of_the_system(real):
        raise UsageError("E5187", path=shown(script.directory))
    own = [os.fsencode(connections.home)]
    own += [os.fsencode(one.path) for one in online_media(connections.catalog)]
    if any(is_beneath(real, os.path.realpath(one)) for one in own):
        raise UsageError("E4243", path=shown(script.directory))


def _is_of_the_system(real: bytes) -> bool:
    """Whether what is put at a real path is put into the running system, and not into a file system."""
    from app.agent.source_places import OF_THE_KERNEL, mount_of

    if any(is_beneath(real, one) for one in (*_MADE_BY_THE_KERNEL, *_OF_PROGRAMS)):
        return True
    place, kind = mount_of(real)
    if kind in OF_THE_KERNEL:
        return True
    of_start = [one for one in _MADE_AT_START if is_beneath(real, one)]
    return any(place == one or not is_beneath(place, one) for one in of_start)


def _check_owners(script: RestoreScript) -> None:
    if script.owners is OwnerRule.NUMBER and not script.owner_changes:
        return
    if script.destination is Destination.ORIGINAL_REPLICA:
        raise UsageError("E5190")
    seen: set[tuple[bool, str]] = set()
    for one in script.owner_changes:
        names = (one.source, one.becomes)
        if not all(name and name.isprintable() for name in names) or (one.group, one.source) in seen:
            raise UsageError("E5191", text="=".join(names))
        seen.add((one.group, one.source))


def must_be_confirmed(connections: Connections, request: RestoreRequest) -> None:
    """Raise UsageError E5188, E5186, E5199 for what nobody has agreed to yet, NotFoundError E6012."""
    script = request.script
    if request.confirmed:
        return
    if script.exact:
        raise UsageError("E5188")
    if script.destination is Destination.DIRECTORY and is_system_directory(script.directory):
        raise UsageError("E5186", path=shown(script.directory))
    if replica := replica_at(connections, script):
        raise UsageError("E5199", path=shown(script.directory), scenario=replica)


def replica_at(connections: Connections, script: RestoreScript) -> str:
    """The scenario that keeps a destination like its master's: what is restored there does not stay.

    "" when there is none, or the host does not answer. Raises NotFoundError E6012.
    """
    if script.destination is not Destination.DIRECTORY:
        return ""
    try:
        kept = connections.status_agent_of(script.host).kept_replicas()
    except NotFoundError:
        raise
    except ArcxoError:
        return ""  # the job waits for the host, or says what is wrong with it
    known = {one.id for one in connections.catalog.registrations.list()}
    real = os.path.realpath if connections.is_here(script.host) else bytes
    place = real(script.directory)
    for one in kept:
        if (one.in_use or one.scenario_id in known) and any(is_beneath(place, real(at)) for at in one.paths):
            return one.scenario
    return ""


def is_system_directory(path: bytes) -> bool:
    """Whether what is restored there may replace a part of the running system."""
    real = os.path.realpath(path)
    return real in _SYSTEM_ITSELF or any(is_beneath(real, one) for one in _SYSTEM)
