"""Scenarios: definitions and state from the masters' agents, registrations in the catalog."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from app.model.bookmarks import check_bookmark
from app.model.brake import BrakeResult, BrakeReview
from app.model.discovery import Discovery
from app.model.drift import DriftReport
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.events import EventRecord, Severity
from app.model.filters import FilterPreview
from app.model.host import CheckOutcome, CheckResult
from app.model.kept_replica import KeptReplica, LeftBehind, LeftoverSearch
from app.model.path_state import DirectoryStates
from app.model.report import ComparisonProgress, Report
from app.model.rewind import (
    RewindPoint,
)
from app.model.scenario import Filters, NewScenario, Scenario, ScenarioStatus, SyncMethod
from app.model.suspending import check_until
from app.model.template import ScenarioTemplate, template_of
from app.services.comparing import following
from app.services.connections import Connections
from app.services.events import find_events
from app.services.finding import Finding, replicas_of
from app.services.leftovers import Leftovers
from app.services.over_restored import refuse_over_restored
from app.services.placing import Placing, far_replicas
from app.services.registrations import (
    find_registration,
    forget_scenario,
    log_scenario,
    register_scenario,
    registration_of,
)
from app.services.scenario_rewinds import ScenarioRewinds
from app.services.scenario_states import ScenarioStates
from app.services.scenario_waiting import ScenarioWaiting


class LocalScenarios(ScenarioRewinds):
    """`ScenarioService` of the home's owner."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections, Finding(connections))
        self._placing = Placing(connections)
        self._states = ScenarioStates(connections, self._finding, self._placing)
        self._waiting = ScenarioWaiting(connections, self._finding)
        self._leftovers = Leftovers(connections)

    def list(self) -> Sequence[ScenarioStatus]:
        """All scenarios, in one call per master's host; where one does not answer, their state is unknown."""
        return self._states.all()

    def show(self, name: str) -> ScenarioStatus:
        """One scenario. Raises NotFoundError E1127."""
        return self._states.show(name)

    def verify(self, scenario: NewScenario) -> Sequence[CheckResult]:
        """What stands against this scenario; errors block `create`."""
        found = self._connections.agent_of(scenario.master).check_scenario(scenario)
        return [*found, *self._placing.check(scenario)]

    def preview(
        self,
        roots: Sequence[bytes],
        filters: Filters,
        *,
        master: str = "localhost",
        examples: int = 20,
        seconds: float = 3.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
    ) -> FilterPreview:
        """What filters would make of directories of a master. Changes nothing.

        Raises:
            UsageError: ER00122 a pattern that is none. ArcxoError: ER00101, ER00102 a root that is none.
        """
        seen = FilterPreview(complete=False, seconds=0.0)
        parts = self._connections.agent_of(master).preview_filters(
            roots, filters, examples=examples, seconds=seconds
        )
        for seen in parts:
            if on_progress is not None and not seen.complete:
                on_progress(seen)
        return seen

    def create(self, scenario: NewScenario) -> Scenario:
        """Check, define on the master's host, register, log.

        Killed in between, the next `list` or `register` completes it.

        Raises:
            UsageError: E1128 the name is taken; what the check found first otherwise.
            NotFoundError: E6012 no such host is known.
        """
        if find_registration(self._connections.catalog, scenario.name) is not None:
            raise UsageError("E1128", name=scenario.name)
        from app.jobs.hosts import is_local

        scenario = self._placing.named(scenario)
        for host in (scenario.master, *(spec.host for spec in scenario.replicas)):
            if not is_local(host):
                self._connections.catalog.hosts.show(host)
        agent = self._connections.agent_of(scenario.master)
        for result in self.verify(scenario):
            if result.outcome is CheckOutcome.ERROR:
                raise UsageError(result.code, exit_code=None, **result.params)
        made = agent.create_scenario(scenario)
        try:
            self._placing.admit(agent, made)
        except ArcxoError:
            self._placing.dismiss(made)
            agent.delete_scenario(made.id)
            raise
        register_scenario(self._connections.catalog, made, "I1150")
        return made

    def update(self, scenario: Scenario) -> Scenario:
        """Save a changed definition."""
        agent = self._finding.agent(str(scenario.id))[1]
        before = agent.scenario(scenario.id).scenario if far_replicas(scenario) else None
        saved = agent.update_scenario(scenario)
        try:
            self._placing.admit(agent, saved)
        except ArcxoError:
            if before is not None:
                agent.update_scenario(before)
            raise
        self._connections.catalog.registrations.put(registration_of(saved))
        log_scenario(self._connections.catalog, "I1153", saved.id, saved.name)
        return saved

    def register(self, name: str) -> Scenario:
        """Register a scenario that its host has. Raises NotFoundError E1127."""
        for host in self._connections.catalog.hosts.list():
            try:
                statuses = self._connections.agent_of(host.name).scenarios()
            except ArcxoError:
                if host.name == "localhost":
                    raise
                continue  # what it has cannot be registered now
            for status in statuses:
                if name in (status.scenario.name, str(status.scenario.id)):
                    register_scenario(self._connections.catalog, status.scenario, "I1150")
                    return status.scenario
        raise NotFoundError("E1127", name=name)

    def templates(self) -> Sequence[ScenarioTemplate]:
        """What new scenarios may begin with, by name."""
        from app.services.templates import templates

        return templates(self._connections.catalog.settings)

    def save_template(self, name: str, scenario: str) -> ScenarioTemplate:
        """Keep what a scenario has but hosts and directories. Raises UsageError E1192."""
        from app.services.templates import save_template

        registration, agent = self._finding.agent(scenario)
        made = template_of(agent.scenario(registration.id).scenario, name)
        save_template(self._connections.catalog.settings, made)
        return made

    def remove_template(self, name: str) -> None:
        """Forget a template. Raises NotFoundError E1193."""
        from app.services.templates import remove_template

        remove_template(self._connections.catalog.settings, name)

    def discover(self) -> Discovery:
        """The scenarios of all known hosts that are not registered here; see `app.services.discovery`."""
        from app.services.discovery import discover

        return discover(self._connections)

    def kept(self, name: str) -> Sequence[KeptReplica]:
        """What the hosts of its replicas keep beside their directories; silent hosts are left out."""
        registration, agent = self._finding.agent(name)
        return self._leftovers.of(registration, agent)[0]

    def leftovers(self) -> LeftoverSearch:
        """What hosts keep of scenarios that this home does not know, and which hosts did not answer."""
        return self._leftovers.everywhere()

    def remove_leftover(self, host: str, scenario_id: int) -> None:
        """Have a host remove it. Raises BusyError E1180 the scenario is not deleted, ER00482 in use."""
        self._leftovers.remove_one(host, scenario_id)

    def delete(
        self, name: str, *, registration_only: bool = False, keep_rewind: bool = False
    ) -> Sequence[LeftBehind]:
        """Delete the definition and the registration, or the registration alone; what remains where.

        What is kept of the replicas goes as well, unless `keep_rewind`; their directories stay.
        """
        if registration_only:
            registration, _ = self._finding.find(name)
            forget_scenario(self._connections.catalog, registration, left_out=True)
            return ()
        registration, agent = self._finding.agent(name)
        known: Scenario | None = None
        # Not found there: a deletion was cut short before, only the registration is left.
        with contextlib.suppress(NotFoundError):
            with contextlib.suppress(ArcxoError):
                known = agent.scenario(registration.id).scenario
            agent.delete_scenario(registration.id)
        if keep_rewind:
            found, left = self._leftovers.of(registration, agent)
            left += [LeftBehind(one.replica, registration.id) for one in found]
        else:
            left = self._leftovers.remove(registration, agent)
        if known is not None:
            self._placing.dismiss(known)
        forget_scenario(self._connections.catalog, registration, left_out=False)
        return left

    def export(self, name: str) -> bytes:
        """The XML definition."""
        registration, agent = self._finding.agent(name)
        return agent.export_scenario(registration.id)

    def import_xml(self, xml: bytes) -> Scenario:
        """Define a scenario from XML and register it. Raises ArcxoError E3370 when it can't be read."""
        agent = self._connections.local_agent()
        try:
            made = agent.import_scenario(xml)
        except ArcxoError as error:
            if error.code != "ER00104":
                raise
            # Its master is another host, which keeps the definition.
            agent = self._connections.agent_of(error.params["master"])
            made = agent.import_scenario(xml)
        self._placing.admit(agent, made)
        register_scenario(self._connections.catalog, made, "I1150")
        return made

    def run(self, name: str, sync: SyncMethod | None = None, *, replace_restored: bool = False) -> None:
        """Start; returns once started. Raises BusyError E5189; see `ScenarioService`."""
        registration, agent = self._finding.agent(name)
        if not replace_restored:
            refuse_over_restored(agent.scenario(registration.id))
        if set(registration.replicas) - {"localhost", registration.master}:
            self._placing.admit(agent, agent.scenario(registration.id).scenario)
        agent.run(registration.id, sync)

    def stop(self, name: str) -> None:
        """Stop; returns when stopped."""
        registration, agent = self._finding.agent(name)
        agent.stop(registration.id)

    def suspend(self, name: str, replica: str = "", *, until: datetime | None = None) -> None:
        """Suspend one replica, or all, until a time or until they are resumed. Raises UsageError ER00244."""
        if until is not None:
            check_until(until)
        registration, agent = self._finding.agent(name)
        for host in replicas_of(registration, replica):
            agent.suspend(registration.id, host, until)

    def resume(self, name: str, replica: str = "") -> None:
        """Resume one replica, or all."""
        registration, agent = self._finding.agent(name)
        for host in replicas_of(registration, replica):
            agent.resume(registration.id, host)

    def synchronize(self, name: str, replica: str = "") -> None:
        """Ask for a synchronisation of one replica, or all."""
        registration, agent = self._finding.agent(name)
        for host in replicas_of(registration, replica):
            agent.synchronize(registration.id, host)

    def wait_synchronized(self, name: str, replica: str = "", *, timeout_s: float) -> Sequence[str]:
        """Wait for the end of what `synchronize` asked for; see `ScenarioService`."""
        return self._waiting.synchronized(name, replica, timeout_s)

    def bookmark(self, name: str, text: str = "") -> RewindPoint:
        """Set a bookmark now; without a text it is named after the time.

        Raises:
            UsageError: ER00123 a text that is too long, or has characters that are not printable.
        """
        check_bookmark(text)
        registration, agent = self._finding.agent(name)
        if not text:
            text = time.strftime("%Y-%m-%d %H:%M:%S")
        return agent.bookmark(registration.id, text)

    def wait(self, name: str, state: str, timeout_s: float) -> ScenarioStatus:
        """Wait for `replicating`, `in-sync` or `stopped`.

        Raises:
            UsageError: E1129 another state. BusyError: E1121 on time-out, naming what waits.
        """
        return self._waiting.until(name, state, timeout_s)

    def brake_review(self, name: str, *, path: bytes = b"", limit: int = 1000) -> BrakeReview:
        """What the safety brake holds back."""
        registration, agent = self._finding.agent(name)
        return agent.brake_review(registration.id, path, limit)

    def brake_accept(self, name: str, *, path: bytes = b"") -> BrakeResult:
        """Let held changes go to the replicas."""
        registration, agent = self._finding.agent(name)
        return agent.brake_accept(registration.id, path)

    def brake_reject(self, name: str, *, path: bytes = b"") -> BrakeResult:
        """Bring what was lost back to the master."""
        registration, agent = self._finding.agent(name)
        return agent.brake_reject(registration.id, path)

    def drift(self, name: str, *, replica: str = "", limit: int = 1000) -> Sequence[DriftReport]:
        """What others changed on one replica, or on all."""
        registration, agent = self._finding.agent(name)
        found = []
        for host in replicas_of(registration, replica):
            here = host in ("localhost", registration.master)
            there = agent if here else self._connections.agent_of(host)
            found.append(replace(there.drift(registration.id, limit), replica=host))
        return found

    def difference(
        self,
        name: str,
        *,
        replica: str = "",
        content: bool = False,
        limit: int = 1000,
        on_progress: Callable[[str, ComparisonProgress], None] | None = None,
    ) -> Sequence[Report]:
        """Compare with one replica, or with all, and return the reports; changes nothing."""
        registration, agent = self._finding.agent(name)
        found = []
        for host in replicas_of(registration, replica):
            with following(agent, registration.id, host, on_progress):
                found.append(agent.difference(registration.id, host, content=content, limit=limit))
        return found

    def reports(self, name: str, *, limit: int = 100) -> Sequence[Report]:
        """The reports kept on the master's host, newest first, without their items."""
        registration, agent = self._finding.agent(name)
        return agent.reports(registration.id, limit)

    def report(self, name: str, report_id: str, *, limit: int = 1000) -> Report:
        """One report with its items. Raises NotFoundError ER00440."""
        registration, agent = self._finding.agent(name)
        return agent.report(registration.id, report_id, limit)

    def audit(self, name: str) -> None:
        """Begin the next audit at once."""
        registration, agent = self._finding.agent(name)
        agent.audit_now(registration.id)

    def events(
        self,
        name: str = "",
        *,
        newer_than: int = 0,
        limit: int = 1000,
        severities: Sequence[Severity] = (),
        host: str = "",
    ) -> Sequence[EventRecord]:
        """Events after `newer_than` (-N: the newest N), oldest first: of all scenarios, or of one.

        Each host numbers its own: they are those of `host`, else of the scenario's master, else of this one.
        """
        scenario_id = None
        if name:
            # Another host can be asked though the master's is away.
            registration, _ = self._finding.find(name) if host else self._finding.agent(name)
            scenario_id, host = registration.id, host or registration.master
        agent = self._connections.agent_of(host) if host else self._connections.local_agent()
        found = find_events(agent, newer_than, limit, scenario_id, severities)
        # Each host calls itself `localhost`.
        return [replace(event, host=host or event.host) for event in found]

    def path_states(self, name: str, path: bytes, *, replica: str = "", limit: int = 5000) -> DirectoryStates:
        """How the entries of a directory of the master stand on a replica ("" = the only one)."""
        registration, agent = self._finding.agent(name)
        return agent.path_states(registration.id, replica, path, limit)
