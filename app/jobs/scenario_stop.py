"""Stopping a scenario before a restore writes where it replicates."""

from __future__ import annotations

from app.catalog.api import Catalog
from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.jobs.credentials import JobSecrets
from app.model.errors import ArcxoError, NotFoundError
from app.model.scenario import ScenarioState

_STOP_POLL_S = 0.2


def stop_scenario(
    control: JobControl,
    catalog: Catalog,
    scenario_id: int | None,
    secrets: JobSecrets,
    agents: JobConnections,
    *,
    go_on: bool,
) -> None:
    """Stop a scenario that runs over what will be written; it stays stopped.

    Raises:
        ArcxoError: AE0464 when it can't be stopped; with `go_on` that is a warning of the job.
    """
    if scenario_id is None:
        return
    try:
        registration = catalog.registrations.show(str(scenario_id))
    except NotFoundError:
        return  # deleted: nothing replicates over the restored files
    name = registration.name
    try:
        agent = agents.to(registration.master, secrets.login(scenario_id, "master"))
        status = agent.scenario(scenario_id)
        if status.state is ScenarioState.STOPPED:
            return
        agent.stop(scenario_id)
        patience = float(status.scenario.properties.timeout_seconds)

        def stopped() -> bool:
            return agent.scenario(scenario_id).state is ScenarioState.STOPPED

        if not control.wait_for(f"scenario {name} to stop", stopped, timeout_s=patience, poll_s=_STOP_POLL_S):
            raise _too_slow(name, scenario_id, patience)
    except NotFoundError:
        return
    except ArcxoError as error:
        control.check_cancelled()
        refusal = ArcxoError("AE0464", name=name, id=scenario_id, reason=error.code)
        if not go_on:
            control.error(error, scenario=name)
            raise refusal from error
        control.warn("AE0464", scenario=name, name=name, id=scenario_id, reason=error.code)
        return
    control.note("N5051", scenario=name)


def _too_slow(name: str, scenario_id: int, patience_s: float) -> ArcxoError:
    return ArcxoError(
        "AE0469",
        name=name,
        id=scenario_id,
        scenario=name,
        host="The master",
        call="stopping",
        seconds=round(patience_s),
    )
