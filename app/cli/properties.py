"""Properties of a scenario as text: KEY=VALUE of `scenario set` and `scenario get`."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from app.cli.jsonform import json_value
from app.model.errors import UsageError
from app.model.properties import PER_REPLICA, offered_value, property_text
from app.model.scenario import Filters, Override, ReplicaSpec, Scenario, ScenarioProperties

GENERAL = ("name", "group", "include", "exclude")


def split_assignments(assignments: Sequence[str]) -> dict[str, str]:
    """KEY=VALUE texts as a dict. Raises UsageError E1112 for one without `=`."""
    result = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        if not equals or not key:
            raise UsageError("E1112", argument=assignment)
        host, colon, name = key.strip().rpartition(":")
        result[host + colon + name.replace("-", "_")] = value
    return result


def properties_from(values: Mapping[str, str], base: ScenarioProperties) -> ScenarioProperties:
    """`base` with the named properties changed.

    Raises:
        UsageError: E1113 no such property, E1114 a value it cannot take.
    """
    return dataclasses.replace(base, **{key: _value(key, text) for key, text in values.items()})


def scenario_with(scenario: Scenario, values: Mapping[str, str]) -> Scenario:
    """`scenario` with the named properties, name, group or filters changed. Raises as `properties_from`.

    `HOST:KEY` sets a property of the replica on HOST alone; an empty value makes it the scenario's again.
    """
    rest = {key: value for key, value in values.items() if key not in GENERAL and ":" not in key}
    filters = scenario.filters
    if "include" in values:
        filters = Filters(_patterns("include", values["include"]), filters.exclude)
    if "exclude" in values:
        filters = Filters(filters.include, _patterns("exclude", values["exclude"]))
    replicas = scenario.replicas
    for key, value in values.items():
        if ":" in key:
            replicas = _with_override(replicas, key, value)
    return dataclasses.replace(
        scenario,
        name=values.get("name", scenario.name),
        group=values.get("group", scenario.group),
        filters=filters,
        properties=properties_from(rest, scenario.properties),
        replicas=replicas,
    )


def _with_override(replicas: tuple[ReplicaSpec, ...], key: str, text: str) -> tuple[ReplicaSpec, ...]:
    host, _, raw = key.rpartition(":")
    name = raw.replace("-", "_")
    if host not in {spec.host for spec in replicas}:
        raise UsageError("E1149", host=host, known=", ".join(spec.host for spec in replicas))
    if name not in PER_REPLICA:
        raise UsageError("E1113", key=key, known=", ".join(f"{host}:{item}" for item in PER_REPLICA))
    kept = property_text(_value(name, text)) if text.strip() else ""
    return tuple(
        dataclasses.replace(
            spec,
            overrides=tuple(item for item in spec.overrides if item.name != name)
            + ((Override(name, kept),) if kept else ()),
        )
        if spec.host == host
        else spec
        for spec in replicas
    )


def property_values(scenario: Scenario) -> dict[str, Any]:
    """Every key of `scenario set` with its value now, as JSON values."""
    return {
        "name": scenario.name,
        "group": scenario.group,
        "include": list(scenario.filters.include),
        "exclude": list(scenario.filters.exclude),
        **json_value(scenario.properties),
        **{f"{spec.host}:{own.name}": own.value for spec in scenario.replicas for own in spec.overrides},
    }


def value_text(value: Any) -> str:
    """A property's value as `scenario set` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(_quoted, value)) if isinstance(value, list) else str(value)


def _quoted(pattern: str) -> str:
    """A pattern as one of several with commas between them."""
    plain = pattern == pattern.strip() and not any(char in pattern for char in ',"')
    return pattern if plain else '"' + pattern.replace('"', '""') + '"'


def _value(key: str, text: str) -> Any:
    try:
        return offered_value(key, text)
    except KeyError as error:
        known = (*GENERAL, *(field.name for field in dataclasses.fields(ScenarioProperties)))
        raise UsageError("E1113", key=key, known=", ".join(known)) from error
    except ValueError as error:
        raise UsageError("E1114", key=key, value=text, allowed=error) from error


def _patterns(key: str, text: str) -> tuple[str, ...]:
    """The patterns between commas; what stands in double quotes is one, whatever is in it."""
    try:
        rows = list(csv.reader([text], skipinitialspace=True, strict=True))
    except csv.Error as error:
        allowed = "patterns with commas between them, one with a comma or quote in double quotes"
        raise UsageError("E1114", key=key, value=text, allowed=allowed) from error
    return tuple(part.strip() for part in (rows[0] if rows else ()) if part.strip())
