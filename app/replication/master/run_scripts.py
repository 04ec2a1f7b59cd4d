"""The scripts of one run of a scenario on its master: around synchronisations, and on the trigger file."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from app.model.errors import UsageError
from app.model.host import CheckOutcome, CheckResult
from app.model.scenario import NewScenario, Scenario
from app.model.scripts import parse_command
from app.replication.scripts.around_sync import AroundSync
from app.replication.scripts.running import Scripts, refusal
from app.replication.scripts.trigger import TriggerWatch

_REPLICA_SCRIPTS = ("replica_script_before_sync", "replica_script_after_sync")
_MASTER_SCRIPTS = ("script_before_sync", "script_after_sync", "script_on_trigger", "notify_script")


class RunScripts:
    """`around` for the senders; the trigger file is watched from `start` to `close`."""

    def __init__(
        self, scripts: Scripts, scenario: Scenario, directory: str, tell: Callable[..., None]
    ) -> None:
        properties = scenario.properties
        variables = {
            "ARCXO_SCENARIO": scenario.name,
            "ARCXO_SCENARIO_ID": str(scenario.id),
            "ARCXO_MASTER": scenario.master,
            "ARCXO_ROLE": "master",
        }
        timeout_s = properties.script_timeout_seconds
        self.around = AroundSync(
            scripts,
            properties.script_before_sync,
            properties.script_after_sync,
            timeout_s,
            variables,
            tell,
        )
        self._trigger: TriggerWatch | None = None
        if properties.trigger_file and properties.script_on_trigger:
            self._trigger = TriggerWatch(
                scripts,
                directory,
                properties.trigger_file,
                [root.master_path for root in scenario.roots],
                properties.script_on_trigger,
                timeout_s,
                variables,
                tell,
            )

    def start(self) -> None:
        """Watch the trigger file."""
        if self._trigger is not None:
            self._trigger.start()

    def close(self) -> None:
        """Watch it no more; blocks until its script has ended. The one after a synchronisation goes on."""
        if self._trigger is not None:
            self._trigger.close()


def refuse_unrunnable(before: Scenario, after: Scenario, local: frozenset[str]) -> None:
    """Refuse to save a script that is new in `after` and cannot be run on this host, which is to run it.

    Raises UsageError ER00125.
    """
    names = list(_MASTER_SCRIPTS)
    if any(spec.host in local for spec in after.replicas):
        names += _REPLICA_SCRIPTS
    for name in names:
        command = getattr(after.properties, name)
        if not command or command == getattr(before.properties, name):
            continue
        with contextlib.suppress(ValueError):
            if cause := refusal(parse_command(command)[0]):
                raise UsageError("ER00125", property=name, cause=cause)


def check_scripts(scenario: NewScenario | Scenario) -> list[CheckResult]:
    """A warning for each script of the master that could not be run now."""
    results = []
    for name in _MASTER_SCRIPTS:
        command = getattr(scenario.properties, name)
        try:
            cause = refusal(parse_command(command)[0]) if command else ""
        except ValueError:
            # That is an error of its own, told with the properties.
            continue
        if cause:
            results.append(
                CheckResult(command, CheckOutcome.WARNING, "WR00505", {"cause": cause, "property": name})
            )
    return results
