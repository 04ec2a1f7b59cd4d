"""Properties of a scenario as text: KEY=VALUE of `scenario set` and `scenario get`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from app.cli.jsonform import json_value
from app.model.errors import UsageError
from app.model.scenario import Filters, Scenario, ScenarioProperties, SyncMethod

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
GENERAL = ("name", "group", "include", "exclude")


def split_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE texts as a dict. Raises UsageError E1112 for one without `=`."""
    result = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise UsageError("E1112", argument=assignment)
        result[key.strip().replace("-", "_")] = value
    return result


def properties_from(values: Mapping[str, str], base: ScenarioProperties) -> ScenarioProperties:
    """`base` with the named properties changed.

    Raises:
        UsageError: E1113 no such property, E1114 a value it cannot take.
    """
    known = {field.name: getattr(base, field.name) for field in dataclasses.fields(base)}
    changed: dict[str, Any] = {}
    for key, text in values.items():
        if key not in known:
            raise UsageError("E1113", key=key, known=", ".join((*GENERAL, *known)))
        changed[key] = _value(key, text, known[key])
    return dataclasses.replace(base, **changed)


def scenario_with(scenario: Scenario, values: Mapping[str, str]) -> Scenario:
    """`scenario` with the named properties, name, group or filters changed. Raises as `properties_from`."""
    rest = {key: value for key, value in values.items() if key not in GENERAL}
    filters = scenario.filters
    if "include" in values:
        filters = Filters(_patterns(values["include"]), filters.exclude)
    if "exclude" in values:
        filters = Filters(filters.include, _patterns(values["exclude"]))
    return dataclasses.replace(
        scenario,
        name=values.get("name", scenario.name),
        group=values.get("group", scenario.group),
        filters=filters,
        properties=properties_from(rest, scenario.properties),
    )


def property_values(scenario: Scenario) -> dict[str, Any]:
    """Every key of `scenario set` with its value now, as JSON values."""
    return {
        "name": scenario.name,
        "group": scenario.group,
        "include": list(scenario.filters.include),
        "exclude": list(scenario.filters.exclude),
        **json_value(scenario.properties),
    }


def value_text(value: Any) -> str:
    """A property's value as `scenario set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)


def _value(key: str, text: str, current: Any) -> Any:
    lowered = text.strip().lower()
    if key == "brake_percent" and lowered == "off":
        return 0
    if isinstance(current, bool):
        if lowered in _TRUE | _FALSE:
            return lowered in _TRUE
        raise UsageError("E1114", key=key, value=text, allowed="true or false")
    if isinstance(current, Enum):
        try:
            return SyncMethod(lowered)
        except ValueError as error:
            allowed = " or ".join(method.value for method in SyncMethod)
            raise UsageError("E1114", key=key, value=text, allowed=allowed) from error
    if lowered.isdecimal() and lowered.isascii():
        return int(lowered)
    raise UsageError("E1114", key=key, value=text, allowed="a whole number, 0 or more")


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
