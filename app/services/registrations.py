"""Definitions live on the masters' agents, registrations in the catalog: keeping the two together."""

from __future__ import annotations

from collections.abc import Sequence

from app.catalog.api import Catalog, Registration
from app.catalog.form import LEFT_OUT
from app.catalog.quick import Registered
from app.model.errors import ArcxoError, NotFoundError
from app.model.events import Severity
from app.model.scenario import (
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
)


def _left_out(scenario_id: int) -> str:
    return LEFT_OUT.format(id=scenario_id)


def register_scenario(catalog: Catalog, scenario: Scenario, code: str) -> None:
    """Put the registration and write the activity-log line `code`. May be repeated."""
    catalog.registrations.put(registration_of(scenario))
    if catalog.settings.get(_left_out(scenario.id)):
        catalog.settings.put(_left_out(scenario.id), "")
    log_scenario(catalog, code, scenario.id, scenario.name)


def forget_scenario(catalog: Catalog, registration: Registration, *, left_out: bool) -> None:
    """Remove the registration; with `left_out` it does not come back by itself."""
    if left_out:
        catalog.settings.put(_left_out(registration.id), "yes")
    catalog.registrations.remove(registration.id)
    log_scenario(catalog, "I1152" if left_out else "I1151", registration.id, registration.name)


def log_scenario(catalog: Catalog, code: str, scenario_id: int, name: str) -> None:
    """One activity-log line about a scenario."""
    from app.jobs.hosts import server_name

    catalog.log.append(
        code, Severity.INFORMATION, server=server_name(), scenario=name, name=name, id=scenario_id
    )


def reconcile(catalog: Catalog, statuses: Sequence[ScenarioStatus]) -> None:
    """Register what a host has and the catalog lacks: a creation was cut short between the two.

    A definition that changed since is registered anew. What was left out on purpose stays out.
    """
    known = {registration.id: registration for registration in catalog.registrations.list()}
    for status in statuses:
        scenario = status.scenario
        registered = known.get(scenario.id)
        if registered is not None and _same(registered, scenario):
            continue
        if registered is None and catalog.settings.get(_left_out(scenario.id)):
            continue
        try:
            if registered is None:
                register_scenario(catalog, scenario, "I1150")
            else:
                catalog.registrations.put(registration_of(scenario))
        except ArcxoError as error:
            # Another scenario has the name here: the list shows both, `register` says what to do.
            if error.code != "E6005":
                raise


def needs_reconciling(registered: Registered, statuses: Sequence[ScenarioStatus]) -> bool:
    """Whether `reconcile` would find something to do."""
    known = {registration.id: registration for registration in registered.registrations}
    return any(
        not _same(known[scenario.id], scenario)
        if scenario.id in known
        else scenario.id not in registered.left_out
        for scenario in (status.scenario for status in statuses)
    )


def find_registration(catalog: Catalog, name: str) -> Registration | None:
    """The registration of a name (or id as text), or None."""
    try:
        return catalog.registrations.show(name)
    except NotFoundError:
        return None


def registration_of(scenario: Scenario) -> Registration:
    """What the catalog keeps of a scenario."""
    return Registration(
        id=scenario.id,
        name=scenario.name,
        master=scenario.master,
        replicas=tuple(replica.host for replica in scenario.replicas),
        roots=tuple(root.master_path for root in scenario.roots),
        server_type=scenario.server_type,
        product=scenario.product,
    )


def unknown_status(
    registration: Registration, reason: str, state: ScenarioState = ScenarioState.UNKNOWN
) -> ScenarioStatus:
    """A scenario of which only the registration is known now, and why."""
    scenario = Scenario(
        id=registration.id,
        name=registration.name,
        server_type=registration.server_type,
        product=registration.product,
        master=registration.master,
        roots=tuple(Root(path) for path in registration.roots),
        replicas=tuple(ReplicaSpec(host, ()) for host in registration.replicas),
        version=0,
    )
    return ScenarioStatus(
        scenario=scenario,
        state=state,
        reason=reason,
        replicas=tuple(
            ReplicaStatus(host, ReplicaState.DISCONNECTED, reason) for host in registration.replicas
        ),
    )


def _same(registration: Registration, scenario: Scenario) -> bool:
    wanted = registration_of(scenario)
    return (registration.name, registration.master, registration.replicas, registration.roots) == (
        wanted.name,
        wanted.master,
        wanted.replicas,
        wanted.roots,
    )
