"""From the selections of a restore to orders for agents: sessions found, keys fitted, places named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from app.agent.api import Agent, RestoreOrder
from app.catalog.api import Catalog
from app.jobs.copies import readable_session
from app.jobs.credentials import JobSecrets
from app.jobs.hosts import is_local
from app.jobs.media_choice import OnlineMedia, online_media
from app.jobs.media_sets import lacking, out_of_reach
from app.jobs.restored_lines import are_wanted
from app.jobs.summary import size_text
from app.media import api as media
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, UsageError
from app.model.job import Credentials, Destination, RestoreScript, RestoreSelection, Structure
from app.model.media import SessionInfo
from app.model.owners import OwnerRule
from app.model.restore import RestorePart
from app.model.scenario import Scenario

Targets = tuple[tuple[bytes, bytes], ...]


class HostAgents(Protocol):
    """The agents that are talked to meanwhile."""

    def to(self, host: str, login: Credentials | None, /) -> Agent:
        """The agent of a host."""
        ...


@dataclass(frozen=True, slots=True)
class PlacedSelection:
    """One selection with its session, and where it goes."""

    selection: RestoreSelection
    session: SessionInfo
    host: str
    scenario_id: int | None
    part: RestorePart


@dataclass(frozen=True, slots=True)
class Group:
    """Selections that one order carries out: for one host, and one replica there or plain directories."""

    host: str
    scenario_id: int | None
    placed: tuple[PlacedSelection, ...]
    order: RestoreOrder


class RestoreOrders:
    """Makes orders of a script. Every password is tried before the first order exists."""

    def __init__(
        self, catalog: Catalog, script: RestoreScript, secrets: JobSecrets, agents: HostAgents
    ) -> None:
        self._catalog = catalog
        self._script = script
        self._secrets = secrets
        self._agents = agents
        self._absent: dict[tuple[str, int], ArcxoError] = {}
        self._looked: set[tuple[str, int]] = set()

    @property
    def absent(self) -> tuple[ArcxoError, ...]:
        """W5179 for each session of the orders of which a part is on media that cannot be reached."""
        return tuple(self._absent.values())

    def groups(self, job_id: int, fence: int) -> list[Group]:
        """The orders. Raises CredentialsError E5150, ArcxoError E3371 E5155, what media and agents raise."""
        gathered: dict[tuple[str, int | None], list[PlacedSelection]] = {}
        for selection in self._script.selections:
            placed = self._placed(selection)
            gathered.setdefault((placed.host, placed.scenario_id), []).append(placed)
        return [
            Group(host, scenario_id, tuple(placed), self._order(placed, host, scenario_id, job_id, fence))
            for (host, scenario_id), placed in gathered.items()
        ]

    def login(self, session: SessionInfo) -> Credentials | None:
        """The log-in to the host that a session is restored on."""
        role = "master" if self._script.destination is Destination.ORIGINAL_MASTER else "replica"
        return self._secrets.login(session.scenario_id or 0, role)

    def _order(
        self, placed: list[PlacedSelection], host: str, scenario_id: int | None, job_id: int, fence: int
    ) -> RestoreOrder:
        script = self._script
        first, *others = [one.part for one in placed]
        protected: tuple[bytes, ...] = ()
        if is_local(host):
            protected = tuple(os.fsencode(one.path) for one in online_media(self._catalog))
        return RestoreOrder(
            job_id=job_id,
            fence=fence,
            media_path=first.media_path,
            session=first.session,
            paths=first.paths,
            targets=first.targets,
            conflict=script.conflict,
            structure=_structure(script, first.targets),
            scenario_id=scenario_id,
            data_key=first.data_key,
            more=tuple(others),
            exact=script.exact,
            undo_days=script.undo_days,
            undo_max_bytes=script.undo_max_mb << 20,
            protected=protected,
            leave_open=script.destination is not Destination.DIRECTORY,
            left_out=script.left_out,
            owners_by_name=script.owners is OwnerRule.NAME,
            owner_changes=script.owner_changes,
            tell_items=are_wanted(script.job_log),
        )

    def _placed(self, selection: RestoreSelection) -> PlacedSelection:
        asked = self._catalog.sessions.show(selection.media_serial, selection.session)
        # Of several copies the first whose media is at hand.
        session, one = readable_session(self._catalog, asked)
        self._look_for_all(session, one)
        header = media.read_session(one.path, session.number)
        data_key = None
        if header.encrypted:
            password = self._secrets.password_of(asked.media_serial, asked.number)
            if not password:
                raise CredentialsError("E5150", session=session.number, media=session.media_name)
            data_key = media.unlock(one.path, password, header.key_id).data_key
        host, targets, scenario_id = self._targets(session, header.roots)
        part = RestorePart(one.path, session.number, selection.paths, targets, data_key)
        return PlacedSelection(selection, session, host, scenario_id, part)

    def _look_for_all(self, session: SessionInfo, one: OnlineMedia) -> None:
        key = (session.media_serial, session.number)
        found = None if key in self._looked else lacking(self._catalog, one, session.number)
        self._looked.add(key)
        if found is not None:
            self._absent[key] = ArcxoError(
                "W5179",
                session=session.number,
                media=session.media_name,
                size=size_text(found.size_bytes),
                missing=out_of_reach(self._catalog, one.label.set_id, found.missing),
            )

    def _targets(self, session: SessionInfo, roots: Sequence[bytes]) -> tuple[str, Targets, int | None]:
        script = self._script
        if script.exact and session.filters and script.destination is not Destination.DIRECTORY:
            raise UsageError("E5303", session=session.number)
        if script.destination is Destination.DIRECTORY:
            return script.host, ((b"/", script.directory),), None
        if script.destination is Destination.ORIGINAL_MASTER:
            if script.exact and session.scenario_id is not None:
                self._refuse_filtered(session)
            return session.machine, tuple((root, root) for root in roots), None
        if session.scenario_id is None:
            raise UsageError("E5294", session=session.number, media=session.media_name)
        replica = session.replica if is_local(script.host) else script.host
        scenario = self._scenario(session)
        for spec in scenario.replicas:
            if spec.host == replica:
                pairs = zip(scenario.roots, spec.paths, strict=True)
                return replica, tuple((root.master_path, path) for root, path in pairs), scenario.id
        raise ArcxoError("E3371", session=session.number, media=session.media_name, id=session.media_id)

    def _refuse_filtered(self, session: SessionInfo) -> None:
        """What a scenario leaves out is on its master and in no session: it must not count as surplus."""
        filters = self._scenario(session).filters
        if filters.include or filters.exclude:
            raise ArcxoError("E5155", scenario=session.scenario_name)

    def _scenario(self, session: SessionInfo) -> Scenario:
        """The scenario's definition, from its master's agent."""
        try:
            registration = self._catalog.registrations.show(str(session.scenario_id))
        except NotFoundError as error:
            raise ArcxoError(
                "E3371", session=session.number, media=session.media_name, id=session.media_id
            ) from error
        login = self._secrets.login(registration.id, "master")
        return self._agents.to(registration.master, login).scenario(registration.id).scenario


def _structure(script: RestoreScript, targets: Targets) -> Structure:
    """What was all of a file system goes back with whole paths."""
    to_the_top = script.destination is Destination.ORIGINAL_MASTER and targets == ((b"/", b"/"),)
    return Structure.FULL if to_the_top else script.structure


def as_plan(order: RestoreOrder, items_max: int) -> RestoreOrder:
    """The order that only tells what it would do."""
    return replace(order, plan_only=True, items_max=items_max)
