"""The properties of a scenario as people see them: groups, titles, units, help. Qt-free.

The names are those of `scenario set NAME KEY=VALUE`; defaults come from the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.model.scenario import Scenario, ScenarioProperties, SyncMethod


@dataclass(frozen=True, slots=True)
class PropertyField:
    """One property. `most` bounds whole numbers."""

    name: str
    group: str
    title: str
    unit: str = ""
    help: str = ""
    least: int = 0
    most: int = 10_000_000


FIELDS = (
    PropertyField(
        "sync", "Replication", "Synchronization type", "", "Compare whole files, or blocks of files"
    ),
    PropertyField("ignore_same_size_time", "Replication", "Ignore files of same size and time"),
    PropertyField("run_after_reboot", "Replication", "Run after reboot"),
    PropertyField("keep_deleted_during_sync", "Replication", "Keep deleted files during synchronization"),
    PropertyField("sweep_minutes", "Replication", "Sweep interval", "minutes", "0 = never", 0, 10_080),
    PropertyField("timeout_seconds", "Replication", "Time-out", "seconds", "", 1, 86_400),
    PropertyField("suspend_enabled", "Replica", "Suspending allowed"),
    PropertyField("assured_recovery", "Replica", "Assured Recovery"),
    PropertyField("snapshots_to_keep", "Replica", "Snapshots to keep", "", "", 0, 1000),
    PropertyField("rewind_enabled", "Recovery", "Data rewind"),
    PropertyField(
        "rewind_minutes", "Recovery", "Rewind retention", "minutes", "10,080 = 7 days", 1, 5_256_000
    ),
    PropertyField("rewind_mb", "Recovery", "Rewind log, maximum", "MB", "", 1),
    PropertyField("spool_max_mb", "Spool", "Maximum size", "MB", "0 = no limit"),
    PropertyField("spool_min_free_mb", "Spool", "Minimum disk free", "MB"),
    PropertyField(
        "spool_threshold_percent", "Spool", "Threshold", "%", "An event is raised above it", 1, 100
    ),
    PropertyField("brake_percent", "Safety brake", "Deletes or rewrites", "%", "0 = off", 0, 100),
)

_DEFAULTS = ScenarioProperties()


def value_of(scenario: Scenario, field: PropertyField) -> Any:
    """The value now."""
    return getattr(scenario.properties, field.name)


def default_of(field: PropertyField) -> Any:
    """The default."""
    return getattr(_DEFAULTS, field.name)


def shown_value(value: Any) -> str:
    """A value in words."""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, SyncMethod):
        return {"file": "File level", "block": "Block level"}[value.value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def with_values(scenario: Scenario, values: dict[str, Any]) -> Scenario:
    """The scenario with other property values."""
    return replace(scenario, properties=replace(scenario.properties, **values))
