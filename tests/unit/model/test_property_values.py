"""Properties as text: what they take, what they refuse, and what a replica has of its own."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from app.model.properties import (
    LIMITS,
    PER_REPLICA,
    check_override,
    check_properties,
    properties_on,
    property_text,
    property_value,
)
from app.model.scenario import (
    DriftHandling,
    Override,
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioProperties,
    ServerType,
)
from app.replication.definition import from_xml, to_xml

SCENARIO = Scenario(
    id=1,
    name="files",
    server_type=ServerType.FILE_SERVER,
    product=ProductType.DR,
    master="localhost",
    roots=(Root(b"/srv/a"),),
    replicas=(
        ReplicaSpec("one", (b"/replica/a",), (Override("rewind_minutes", "60"), Override("drift", "revert"))),
        ReplicaSpec("two", (b"/replica/a",)),
    ),
)


def test_every_default_is_a_value_its_own_text_gives_back() -> None:
    for field in fields(ScenarioProperties):
        assert property_value(field.name, property_text(field.default)) == field.default


def test_every_number_has_limits() -> None:
    for field in fields(ScenarioProperties):
        whole = isinstance(field.default, int) and not isinstance(field.default, bool)
        assert whole == (field.name in LIMITS), field.name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("timeout_seconds", "0"),
        ("timeout_seconds", "-1"),
        ("timeout_seconds", "9" * 400),
        ("timeout_seconds", "\uff11\uff10"),
        ("rewind_enabled", "maybe"),
        ("sync", "bytes"),
        ("script_after_sync", "a\nb"),
        ("script_after_sync", "x" * 5000),
    ],
)
def test_a_value_it_cannot_take_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        property_value(name, text)


def test_an_unknown_property_is_told() -> None:
    with pytest.raises(KeyError):
        property_value("no_such", "1")
    with pytest.raises(KeyError):
        check_override("brake_percent", "3")


def test_a_replica_has_its_own_values_and_the_other_the_scenarios() -> None:
    one, two = properties_on(SCENARIO, "one"), properties_on(SCENARIO, "two")
    assert (one.rewind_minutes, one.drift) == (60, DriftHandling.REVERT)
    assert two == SCENARIO.properties
    assert set(PER_REPLICA) <= set(ScenarioProperties.__dataclass_fields__)


def test_a_replicas_own_values_are_in_the_definition_file() -> None:
    assert from_xml(to_xml(SCENARIO)) == SCENARIO


def test_values_made_elsewhere_are_checked() -> None:
    check_properties(SCENARIO.properties)
    with pytest.raises(ValueError, match="brake_percent"):
        check_properties(replace(SCENARIO.properties, brake_percent=101))
