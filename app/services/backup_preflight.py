"""What stands between a backup and its success, told before it is submitted; nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from app.model.errors import ArcxoError
from app.model.host import CheckOutcome, CheckResult
from app.model.job import BackupScript
from app.model.scenario import ScenarioState
from app.services.connections import Connections
from app.services.hosts import LocalHosts
from app.services.scenarios import LocalScenarios
from app.services.storage import LocalStorage, with_space

_MOST_HOSTS_AT_ONCE = 8


def check_backup(connections: Connections, script: BackupScript) -> Sequence[CheckResult]:
    """The findings, errors first. Never raises for what is wrong: that is a finding."""
    found = [_server(connections), *_group(connections, script), *_scenarios(connections, script)]
    found += [
        CheckResult(script.device_group, CheckOutcome.WARNING, one.code, dict(one.params))
        for one in LocalStorage(connections).destination_warnings(script)
    ]
    hosts = dict.fromkeys([*_replicas(connections, script), *(one.host for one in script.sources)])
    with ThreadPoolExecutor(_MOST_HOSTS_AT_ONCE) as pool:
        for results in pool.map(lambda host: _host(connections, script, host), hosts):
            found += results
    if script.scenario_ids:
        found.append(CheckResult("Masters", CheckOutcome.OK, "I5775"))
    order = (CheckOutcome.ERROR, CheckOutcome.WARNING, CheckOutcome.OK)
    return sorted(found, key=lambda one: order.index(one.outcome))


def _server(connections: Connections) -> CheckResult:
    from app.jobs.process import is_running

    runs = is_running(connections.home)
    outcome = CheckOutcome.OK if runs else CheckOutcome.WARNING
    return CheckResult("Backup server", outcome, "I5770" if runs else "W5771")


def _group(connections: Connections, script: BackupScript) -> list[CheckResult]:
    group = script.device_group
    devices = [one for one in connections.catalog.media.devices() if one.group == group]
    usable = [one for one in map(with_space, devices) if one.online]
    if not usable:
        return [CheckResult(group, CheckOutcome.ERROR, "E5773", {"group": group})]
    free = sum(one.free_bytes or 0 for one in usable)
    params = {"group": group, "devices": str(len(usable)), "free": f"{free / 2**30:,.1f} GiB"}
    return [CheckResult(group, CheckOutcome.OK, "I5772", params)]


def _scenarios(connections: Connections, script: BackupScript) -> list[CheckResult]:
    found = []
    scenarios = LocalScenarios(connections)
    for number, name in zip(script.scenario_ids, script.scenario_names, strict=True):
        try:
            status = scenarios.show(str(number))
        except ArcxoError as error:
            found.append(CheckResult(name, CheckOutcome.ERROR, error.code, dict(error.params)))
            continue
        if status.state is ScenarioState.REPLICATING:
            found.append(CheckResult(name, CheckOutcome.OK, "I5776", {"scenario": name}))
        else:
            params = {"scenario": name, "state": status.state.value.replace("_", " ")}
            found.append(CheckResult(name, CheckOutcome.ERROR, "E5777", params))
    return found


def _replicas(connections: Connections, script: BackupScript) -> list[str]:
    if script.replica:
        return [script.replica] if script.scenario_ids else []
    wanted = set(script.scenario_ids)
    registrations = connections.catalog.registrations.list()
    return [one.replicas[0] for one in registrations if one.id in wanted and one.replicas]


def _host(connections: Connections, script: BackupScript, host: str) -> list[CheckResult]:
    """One line for a host that is fine, else all that is wrong with it."""
    hosts = LocalHosts(connections)
    results = list(hosts.preflight(host))
    for source in script.sources:
        if source.host == host and not any(one.outcome is CheckOutcome.ERROR for one in results):
            try:
                hosts.browse(host, source.path)
            except ArcxoError as error:
                results.append(CheckResult(source.label, CheckOutcome.ERROR, error.code, dict(error.params)))
    wrong = [one for one in results if one.outcome is not CheckOutcome.OK]
    fine = CheckResult(host, CheckOutcome.OK, "I5774", {"host": host})
    return wrong if any(one.outcome is CheckOutcome.ERROR for one in wrong) else [*wrong, fine]
