"""The properties of a scenario as people see them: groups, titles, units, help. Qt-free.

The names are those of `scenario set NAME KEY=VALUE`; defaults, limits and which may differ by replica come
from the model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from app.model.events import NotifyTrigger, parse_triggers
from app.model.properties import LIMITS, PER_REPLICA, check_override, offered_value, property_text
from app.model.scenario import (
    DriftHandling,
    Override,
    ReplicaSpec,
    Scenario,
    ScenarioProperties,
    SyncMethod,
)


@dataclass(frozen=True, slots=True)
class PropertyField:
    """One property."""

    name: str
    group: str
    title: str
    unit: str = ""
    help: str = ""

    @property
    def limits(self) -> tuple[int, int]:
        """Least and most of a whole number."""
        return LIMITS[self.name]

    @property
    def by_replica(self) -> bool:
        """Whether a replica may have a value of its own."""
        return self.name in PER_REPLICA


_SCRIPT = "Program and arguments"

FIELDS = (
    PropertyField(
        "sync", "Replication", "Synchronization type", "", "Compare whole files, or blocks of files"
    ),
    PropertyField("ignore_same_size_time", "Replication", "Ignore files of same size and time"),
    PropertyField(
        "block_whole_file_percent", "Replication", "Send whole file from", "%", "Of its blocks different"
    ),
    PropertyField("run_after_reboot", "Replication", "Run after reboot"),
    PropertyField("stop_if_spool_full", "Replication", "Stop scenario if any spool is full"),
    PropertyField("sweep_minutes", "Replication", "Sweep interval", "minutes", "0 = never"),
    PropertyField("audit_minutes", "Replication", "Audit interval", "minutes", "0 = never"),
    PropertyField("timeout_seconds", "Replication", "Time-out", "seconds"),
    PropertyField(
        "script_before_sync",
        "Master",
        "Run script before synchronization",
        "",
        f"{_SCRIPT}; the synchronization waits for exit code 0",
    ),
    PropertyField(
        "script_after_sync", "Master", "Run script after synchronization", "", f"{_SCRIPT}; nothing waits"
    ),
    PropertyField("trigger_file", "Master", "Trigger file", "", "Whole path, or from a root directory on"),
    PropertyField(
        "script_on_trigger", "Master", "Run script upon trigger file", "", "When it appears or changes"
    ),
    PropertyField("script_timeout_seconds", "Master", "Time limit of scripts", "seconds"),
    PropertyField("bookmark_minutes", "Master", "Scheduled bookmarks", "minutes", "0 = never"),
    PropertyField("spool_max_mb", "Spool", "Maximum size", "MB", "0 = no limit"),
    PropertyField("spool_min_free_mb", "Spool", "Minimum disk free", "MB"),
    PropertyField("spool_threshold_percent", "Spool", "Threshold", "%", "An event is raised above it"),
    PropertyField("spool_directory", "Spool", "Spool directory", "", "Empty = in the engine's directory"),
    PropertyField("keep_deleted_during_sync", "Replica", "Keep deleted files during synchronization"),
    PropertyField("keep_deleted_during_replication", "Replica", "Keep deleted files during replication"),
    PropertyField("compress_transfer", "Replica", "Compress data during transfer"),
    PropertyField("bandwidth", "Replica", "Bandwidth limit", "", "Kbps by hour of the week"),
    PropertyField("drift", "Replica", "Changes by others", "", "Files changed on the replica itself"),
    PropertyField(
        "replica_script_before_sync",
        "Replica",
        "Run script before synchronization",
        "",
        f"{_SCRIPT}, on the replica",
    ),
    PropertyField(
        "replica_script_after_sync",
        "Replica",
        "Run script after synchronization",
        "",
        f"{_SCRIPT}, on the replica",
    ),
    PropertyField("suspend_enabled", "Replica", "Suspending allowed"),
    PropertyField("snapshots_to_keep", "Replica", "Snapshots to keep"),
    PropertyField("rewind_enabled", "Recovery", "Data rewind"),
    PropertyField("rewind_minutes", "Recovery", "Rewind retention", "minutes", "10,080 = 7 days"),
    PropertyField("rewind_mb", "Recovery", "Rewind log, maximum", "MB"),
    PropertyField("brake_percent", "Safety brake", "Deletes or rewrites", "%", "0 = off"),
    PropertyField("notify_on", "Event notification", "Tell of"),
    PropertyField("notify_script", "Event notification", "Execute script", "", _SCRIPT),
    PropertyField("notify_os_log", "Event notification", "Write to the log of the system"),
)

TRIGGERS = {
    NotifyTrigger.LOST_CONNECTION: "Lost connection",
    NotifyTrigger.QUEUE_OVERFLOW: "Queue overflow",
    NotifyTrigger.ERROR: "Other errors",
    NotifyTrigger.SIGNIFICANT: "Significant information",
}

_WORDS = {
    SyncMethod.FILE: "File level",
    SyncMethod.BLOCK: "Block level",
    DriftHandling.REPORT: "Report",
    DriftHandling.REVERT: "Report and revert",
}
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
    if value in _WORDS:
        return _WORDS[value]
    return f"{value:,}" if isinstance(value, int) else str(value)


def default_note(field: PropertyField) -> str:
    """The help and the default in one line."""
    default = default_of(field)
    if field.name == "notify_on":
        said = "Default " + ", ".join(TRIGGERS[trigger].lower() for trigger in parse_triggers(default))
    elif field.name == "bandwidth":
        said = "Default unlimited"
    else:
        said = f"Default {shown_value(default)}" if default != "" else ""
    return " · ".join(part for part in (field.help, said) if part)


def with_value(scenario: Scenario, name: str, value: Any) -> Scenario:
    """The scenario with another value of one property."""
    return replace(scenario, properties=replace(scenario.properties, **{name: value}))


def with_own_value(scenario: Scenario, host: str, name: str, value: Any) -> Scenario:
    """The scenario with a replica's own value of one property; None = the scenario's again."""

    def changed(spec: ReplicaSpec) -> ReplicaSpec:
        if spec.host != host:
            return spec
        rest = tuple(own for own in spec.overrides if own.name != name)
        if value is None:
            return replace(spec, overrides=rest)
        return replace(spec, overrides=(*rest, Override(name, check_override(name, property_text(value)))))

    return replace(scenario, replicas=tuple(changed(spec) for spec in scenario.replicas))


def own_names(scenario: Scenario, host: str) -> frozenset[str]:
    """The properties for which the replica on `host` has values of its own."""
    return frozenset(own.name for spec in scenario.replicas if spec.host == host for own in spec.overrides)


def checked(name: str, text: str) -> Any:
    """The value that a text says. Raises ValueError with what is possible."""
    return offered_value(name, text)
