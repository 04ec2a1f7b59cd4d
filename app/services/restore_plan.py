"""What a restore or an undo would do: every path, before anything is done."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.messages.catalogue import render
from app.model.errors import ArcxoError
from app.model.job import Credentials, Destination
from app.model.owners import joined
from app.model.paths import shown
from app.model.restore import (
    RestoreAction,
    RestoreItem,
    RestorePlan,
    UndoItem,
    UndoPlan,
    UndoResult,
    Unlisted,
)
from app.model.scenario import ScenarioState
from app.services.api import RestoreRequest
from app.services.connections import Connections

if TYPE_CHECKING:
    from app.agent.api import Agent, RestoreOrder
    from app.catalog.api import Catalog
    from app.jobs.restore_orders import Group
    from app.model.media import SessionInfo


def plan_restore(
    connections: Connections,
    request: RestoreRequest,
    limit: int,
    on_item: Callable[[RestoreItem], None] | None = None,
) -> RestorePlan:
    """The plan of all selections together. Reads the media; changes nothing.

    On this machine it is made here; elsewhere the host's agent makes it.
    """
    from app.jobs.credentials import JobSecrets
    from app.jobs.hosts import is_local
    from app.jobs.restore_orders import RestoreOrders

    secrets = JobSecrets(session_passwords=request.session_passwords)
    orders = RestoreOrders(connections.catalog, request.script, secrets, _Known(connections))
    plans: list[RestorePlan] = []
    told = _Unlisted(connections.catalog)
    items: list[RestoreItem] = []
    groups = orders.groups(0, 0)
    for group in groups:
        room = limit - len(items)
        if is_local(group.host):
            plan = _here(connections, group.order, room, on_item)
        else:
            plan = _there(connections.agent_of(group.host), group.order, room, on_item)
        plan = told.counted(plan, group)
        plans.append(plan)
        items += plan.items
    counts = dict.fromkeys(RestoreAction, 0)
    for one in plans:
        for action, count in one.counts.items():
            counts[action] += count
    script = request.script
    return RestorePlan(
        counts=counts,
        size_bytes=sum(one.size_bytes for one in plans),
        items=tuple(items),
        host=", ".join(dict.fromkeys(group.host for group in groups)) or script.host,
        free_bytes=min((one.free_bytes for one in plans if one.free_bytes is not None), default=None),
        stops_scenario=", ".join(_stopped(connections, request)),
        truncated=sum(counts.values()) > len(items),
        kept_bytes=sum(one.kept_bytes for one in plans) if script.undo_days else 0,
        undo_days=script.undo_days,
        undo_max_bytes=script.undo_max_mb << 20,
        owners=joined(plan.owners for plan in plans),
        out_of_reach=tuple(render(one.code, one.params).text for one in (*orders.absent, *told.lines())),
        unlisted=tuple(one for plan in plans for one in plan.unlisted),
    )


def plan_undo(agents: Sequence[Agent], job_id: int, limit: int, *, force: bool) -> UndoPlan:
    """What undoing a restore job would do on the agents' hosts; up to `limit` paths are listed.

    Raises NotFoundError E4240 when none of them keeps anything of it.
    """
    from app.agent.api import UndoOrder
    from app.jobs.restore_undo import of_those_that_know
    from app.model.archive import UndoItems

    items: list[UndoItem] = []
    told = 0
    order = UndoOrder(0, 0, job_id, force=force, plan_only=True)

    def ask(agent: Agent) -> list[UndoResult]:
        nonlocal told
        found = []
        for event in agent.undo_restore(order):
            if isinstance(event, UndoItems):
                told += len(event.items)
                items.extend(event.items[: max(0, limit - len(items))])
            elif isinstance(event, UndoResult):
                found.append(event)
        return found

    results = of_those_that_know(agents, ask)
    return UndoPlan(
        removed=sum(one.removed for one in results),
        brought_back=sum(one.brought_back for one in results),
        changed=sum(one.changed for one in results),
        size_bytes=sum(one.bytes for one in results),
        items=tuple(items),
        truncated=told > len(items),
    )


def unlock_session(catalog: Catalog, media_serial: str, session: int, password: str) -> bytes | None:
    """The data key of a session, None when it is not encrypted. CredentialsError E4131: wrong password."""
    from app.jobs.copies import readable_session
    from app.media import api as media

    found, one = readable_session(catalog, catalog.sessions.show(media_serial, session))
    header = media.read_session(one.path, found.number)
    if not header.key_id:
        return None
    return media.unlock(one.path, password, header.key_id).data_key


class _Unlisted:
    """What a plan could not list: how much the catalog says lies there, and a line for each session."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._found: dict[tuple[str, int], tuple[SessionInfo, list[Unlisted]]] = {}

    def counted(self, plan: RestorePlan, group: Group) -> RestorePlan:
        """The plan with what the catalog says."""
        if not plan.unlisted:
            return plan
        return replace(plan, unlisted=tuple(self._counted(one, group) for one in plan.unlisted))

    def lines(self) -> list[ArcxoError]:
        """W5308 for each session of which something could not be listed."""
        return [self._line(session, found) for session, found in self._found.values()]

    def _counted(self, one: Unlisted, group: Group) -> Unlisted:
        # A host of an earlier version does not tell of which part it is; it tells nothing at all, then.
        session = group.placed[min(one.part, len(group.placed) - 1)].session
        with contextlib.suppress(ArcxoError):
            files, size_bytes = self._catalog.browsing.beneath(session.media_serial, session.number, one.path)
            one = replace(one, files=files, size_bytes=size_bytes)
        key = (session.media_serial, session.number)
        self._found.setdefault(key, (session, []))[1].append(one)
        return one

    def _line(self, session: SessionInfo, found: list[Unlisted]) -> ArcxoError:
        from app.jobs.summary import size_text

        known = [one for one in found if one.files is not None]
        lying = "files that nobody knows of"
        if known:
            files = sum(one.files or 0 for one in known)
            size = size_text(sum(one.size_bytes or 0 for one in known))
            least = "at least " if len(known) < len(found) else ""
            lying = f"{least}{files:,} files of {size}, by the catalog,"
        return ArcxoError(
            "W5308",
            count="1 directory" if len(found) == 1 else f"{len(found):,} directories",
            session=session.number,
            media=session.media_name,
            serial=session.media_serial,
            sequence=self._sequence(session.media_serial),
            path=shown(found[0].path),
            lying=lying,
            details=found[0].reason,
        )

    def _sequence(self, serial: str) -> str:
        try:
            return str(self._catalog.media.show_media(serial).sequence)
        except ArcxoError:
            return "-"


class _Known:
    """The agents that the services are connected to already, for whoever wants a job's connections."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def to(self, host: str, _login: Credentials | None) -> Agent:
        return self._connections.agent_of(host)


def _here(
    connections: Connections,
    order: RestoreOrder,
    limit: int,
    on_item: Callable[[RestoreItem], None] | None,
) -> RestorePlan:
    from app.agent.restore_task import restore_task
    from app.backup.api import plan_restore as plan_one

    protected = (os.fsencode(connections.home), *order.protected)
    return plan_one(restore_task(order, "", protected), limit, on_item)


def _there(
    agent: Agent, order: RestoreOrder, limit: int, on_item: Callable[[RestoreItem], None] | None
) -> RestorePlan:
    from app.jobs.restore_orders import as_plan
    from app.model.archive import RestoreItems

    items: list[RestoreItem] = []
    # Without a listener no more than can be kept is sent.
    for event in agent.restore(as_plan(order, 0 if on_item is not None else max(1, limit))):
        if isinstance(event, RestoreItems):
            for item in event.items:
                if on_item is not None:
                    on_item(item)
                if len(items) < limit:
                    items.append(item)
        elif isinstance(event, RestorePlan):
            return replace(event, items=tuple(items))
    raise ArcxoError("AE1025", reason="it ended without a plan")


def _stopped(connections: Connections, request: RestoreRequest) -> list[str]:
    """The running scenarios that a restore to an original place stops first."""
    if request.script.destination is Destination.DIRECTORY:
        return []
    names: list[str] = []
    for selection in request.script.selections:
        session = connections.catalog.sessions.show(selection.media_serial, selection.session)
        if session.scenario_id is None:
            continue
        registration = connections.catalog.registrations.show(str(session.scenario_id))
        status = connections.agent_of(registration.master).scenario(session.scenario_id)
        if status.state is not ScenarioState.STOPPED and status.scenario.name not in names:
            names.append(status.scenario.name)
    return names
