"""The properties of scenarios as text: limits, choices, and which of them may differ by replica.

`scenario set NAME KEY=VALUE`, the definition file and a replica's overrides use the same text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any

from app.model.bandwidth import clean_bandwidth
from app.model.events import clean_triggers
from app.model.paths import check_directory
from app.model.scenario import ReplicaSpec, Scenario, ScenarioProperties, ServerType, SyncMethod
from app.model.scripts import check_command, check_trigger_file

PER_REPLICA = (
    "keep_deleted_during_sync",
    "keep_deleted_during_replication",
    "compress_transfer",
    "bandwidth",
    "drift",
    "rewind_enabled",
    "rewind_minutes",
    "rewind_mb",
    "replica_script_before_sync",
    "replica_script_after_sync",
)
"""Properties that a replica may have a value of its own for."""

LIMITS: dict[str, tuple[int, int]] = {
    "rewind_minutes": (1, 5_256_000),
    "rewind_mb": (1, 10_000_000),
    "spool_max_mb": (0, 10_000_000),
    "spool_min_free_mb": (0, 10_000_000),
    "spool_threshold_percent": (1, 100),
    "brake_percent": (0, 100),
    "sweep_minutes": (0, 10_080),
    "timeout_seconds": (1, 86_400),
    "snapshots_to_keep": (0, 1000),
    "block_whole_file_percent": (10, 100),
    "audit_minutes": (0, 525_600),
    "bookmark_minutes": (0, 525_600),
    "script_timeout_seconds": (1, 86_400),
}
"""Least and most of whole numbers."""

TEXT_MAX = 4096
_TRUTHS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}
_NUMBER_DIGITS = 12
NOT_OFFERED = {"assured_recovery": "this version has no Assured Recovery"}
"""Properties of definitions that are read and written, but do nothing; and why they cannot be chosen."""
_DEFAULTS = ScenarioProperties()
TEXT_CHECKS: dict[str, Callable[[str], str]] = {
    "bandwidth": clean_bandwidth,
    "spool_directory": check_directory,
    "script_before_sync": check_command,
    "script_after_sync": check_command,
    "replica_script_before_sync": check_command,
    "replica_script_after_sync": check_command,
    "script_on_trigger": check_command,
    "notify_script": check_command,
    "trigger_file": check_trigger_file,
    "notify_on": clean_triggers,
}
"""Per text property: the text as it is kept, or ValueError with what is allowed."""


def property_value(name: str, text: str) -> Any:
    """The value of property `name` that `text` says.

    Raises:
        KeyError: there is no such property.
        ValueError: it cannot take this value; the message is what it can take.
    """
    if name not in ScenarioProperties.__dataclass_fields__:
        raise KeyError(name)
    default = getattr(_DEFAULTS, name)
    word = text.strip().lower()
    if isinstance(default, bool):
        if word not in _TRUTHS:
            raise ValueError("true or false")
        return _TRUTHS[word]
    if isinstance(default, StrEnum):
        kind = type(default)
        if word not in set(kind):
            raise ValueError(" or ".join(kind))
        return kind(word)
    if isinstance(default, int):
        return _number(name, word)
    return _text(name, text)


def offered_value(name: str, text: str) -> Any:
    """As `property_value`, for what people choose: without what a definition may say and nothing acts on."""
    value = property_value(name, text)
    if name in NOT_OFFERED and value != getattr(_DEFAULTS, name):
        raise ValueError(f"{property_text(getattr(_DEFAULTS, name))}: {NOT_OFFERED[name]}")
    return value


def property_text(value: Any) -> str:
    """A property's value as `property_value` takes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def properties_on(scenario: Scenario, host: str) -> ScenarioProperties:
    """The properties as they hold for the replica on `host`: the scenario's, with that replica's own."""
    for spec in scenario.replicas:
        if spec.host == host:
            return properties_of(scenario, spec)
    return scenario.properties


def default_properties(server_type: ServerType) -> ScenarioProperties:
    """What a new scenario of this type begins with.

    Databases are compared by blocks and by content, as they keep size and time while they change, and get a
    bookmark every two hours.
    """
    if server_type is ServerType.FILE_SERVER:
        return ScenarioProperties()
    return ScenarioProperties(sync=SyncMethod.BLOCK, ignore_same_size_time=False, bookmark_minutes=120)


def properties_of(scenario: Scenario, spec: ReplicaSpec) -> ScenarioProperties:
    """The properties as they hold for the replica `spec` of `scenario`."""
    own = {item.name: property_value(item.name, item.value) for item in spec.overrides}
    return replace(scenario.properties, **own) if own else scenario.properties


def check_override(name: str, text: str) -> str:
    """The text to keep for a replica's own value of `name`. Raises as `property_value`."""
    if name not in PER_REPLICA:
        raise KeyError(name)
    return property_text(property_value(name, text))


def check_properties(properties: ScenarioProperties) -> None:
    """Check values that did not come through `property_value`.

    Raises:
        ValueError: names the property and what it can take.
    """
    for field in fields(properties):
        value = getattr(properties, field.name)
        try:
            again = property_value(field.name, property_text(value))
        except ValueError as error:
            raise ValueError(f"{field.name}: {error}") from error
        if again != value:
            raise ValueError(f"{field.name}: {property_text(value)!r}")


def _number(name: str, word: str) -> int:
    if name == "brake_percent" and word == "off":
        return 0
    least, most = LIMITS[name]
    if not (
        word.isdecimal() and word.isascii() and len(word) <= _NUMBER_DIGITS and least <= int(word) <= most
    ):
        raise ValueError(f"a whole number from {least:,} to {most:,}")
    return int(word)


def _text(name: str, text: str) -> str:
    kept = text.strip()
    if len(kept) > TEXT_MAX or not (kept.isprintable() or not kept):
        raise ValueError(f"at most {TEXT_MAX:,} printable characters")
    check = TEXT_CHECKS.get(name)
    return check(kept) if check is not None and kept else kept
