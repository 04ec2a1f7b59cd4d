"""What a restore to this machine would do: every path, before anything is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.model.errors import NotFoundError
from app.model.job import Destination, RestoreSelection
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.model.scenario import Scenario, ScenarioState
from app.services.api import RestoreRequest
from app.services.connections import Connections

if TYPE_CHECKING:
    from app.backup.api import RestoreTask
    from app.catalog.api import Catalog

_ITEMS = 1000


def plan_restore(connections: Connections, request: RestoreRequest) -> RestorePlan:
    """The plan of all selections together. Reads the media; changes nothing."""
    from app.backup.api import plan_restore as plan_one

    plans = [
        plan_one(_task(connections, request, selection), _ITEMS) for selection in request.script.selections
    ]
    counts = dict.fromkeys(RestoreAction, 0)
    items: list[RestoreItem] = []
    for one in plans:
        for action, count in one.counts.items():
            counts[action] += count
        items += one.items[: _ITEMS - len(items)]
    return RestorePlan(
        counts=counts,
        size_bytes=sum(one.size_bytes for one in plans),
        items=tuple(items),
        host=request.script.host,
        free_bytes=min((one.free_bytes for one in plans if one.free_bytes is not None), default=None),
        stops_scenario=", ".join(_stopped(connections, request)),
        truncated=any(one.truncated for one in plans) or sum(len(one.items) for one in plans) > len(items),
    )


def unlock_session(catalog: Catalog, media_serial: str, session: int, password: str) -> bytes | None:
    """The data key of a session, None when it is not encrypted. CredentialsError E4131: wrong password."""
    from app.jobs.media_choice import find_media
    from app.media import api as media

    path = find_media(catalog, media_serial).path
    header = media.read_session(path, session)
    if not header.key_id:
        return None
    return media.unlock(path, password, header.key_id).data_key


def _task(connections: Connections, request: RestoreRequest, selection: RestoreSelection) -> RestoreTask:
    from app.backup.api import RestoreTask
    from app.jobs.media_choice import find_media
    from app.services.restores import password_of

    script = request.script
    relocate = script.destination is Destination.DIRECTORY
    data_key = unlock_session(
        connections.catalog, selection.media_serial, selection.session, password_of(request, selection)
    )
    return RestoreTask(
        media_path=find_media(connections.catalog, selection.media_serial).path,
        session=selection.session,
        paths=selection.paths,
        targets=((b"/", script.directory),) if relocate else _targets(connections, request, selection),
        conflict=script.conflict,
        structure=script.structure,
        relocate=relocate,
        data_key=data_key,
        host=script.host,
    )


def _targets(
    connections: Connections, request: RestoreRequest, selection: RestoreSelection
) -> tuple[tuple[bytes, bytes], ...]:
    """Master path → directory, root by root, of the scenario that the session is of."""
    from app.jobs.hosts import is_local
    from app.jobs.media_choice import find_media
    from app.media import api as media

    if request.script.destination is Destination.ORIGINAL_MASTER:
        path = find_media(connections.catalog, selection.media_serial).path
        return tuple((root, root) for root in media.read_session(path, selection.session).roots)
    session = connections.catalog.sessions.show(selection.media_serial, selection.session)
    scenario = _scenario(connections, session.scenario_id)
    wanted = session.replica if is_local(request.script.host) else request.script.host
    spec = next((item for item in scenario.replicas if item.host == wanted), None)
    if spec is None:
        raise NotFoundError("E1132", replica=wanted, name=scenario.name)
    return tuple((root.master_path, path) for root, path in zip(scenario.roots, spec.paths, strict=True))


def _scenario(connections: Connections, scenario_id: int | None) -> Scenario:
    return connections.local_agent().scenario(scenario_id or 0).scenario


def _stopped(connections: Connections, request: RestoreRequest) -> list[str]:
    """The running scenarios that a restore to an original place stops first."""
    if request.script.destination is Destination.DIRECTORY:
        return []
    names = []
    for selection in request.script.selections:
        session = connections.catalog.sessions.show(selection.media_serial, selection.session)
        if session.scenario_id is None:
            continue
        status = connections.local_agent().scenario(session.scenario_id)
        if status.state is not ScenarioState.STOPPED and status.scenario.name not in names:
            names.append(status.scenario.name)
    return names
