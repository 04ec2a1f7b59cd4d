"""Templates: all that a scenario has but hosts and directories."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace

from app.model.errors import UsageError
from app.model.properties import check_properties, default_properties, property_text, property_value
from app.model.scenario import Filters, ProductType, Scenario, ScenarioProperties, ServerType

LONGEST_NAME = 128


@dataclass(frozen=True, slots=True)
class ScenarioTemplate:
    """What a new scenario begins with."""

    name: str
    server_type: ServerType = ServerType.FILE_SERVER
    product: ProductType = ProductType.DR
    group: str = "Scenarios"
    filters: Filters = Filters()
    properties: ScenarioProperties = ScenarioProperties()


def template_of(scenario: Scenario, name: str) -> ScenarioTemplate:
    """What is common to all hosts of a scenario. Raises UsageError E1192 for a name that cannot be one."""
    clean = name.strip()
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise UsageError("E1192", name=name)
    return ScenarioTemplate(
        clean,
        scenario.server_type,
        scenario.product,
        scenario.group,
        scenario.filters,
        # Where the spool is belongs to a host.
        replace(scenario.properties, spool_directory=""),
    )


def template_text(template: ScenarioTemplate) -> str:
    """How it is kept."""
    return json.dumps(
        {
            "server_type": template.server_type.value,
            "product": template.product.value,
            "group": template.group,
            "include": list(template.filters.include),
            "exclude": list(template.filters.exclude),
            "properties": {name: property_text(value) for name, value in asdict(template.properties).items()},
        }
    )


def read_template(name: str, text: str) -> ScenarioTemplate | None:
    """What was kept; None when it cannot be read. Properties of another version are left out."""
    try:
        kept = json.loads(text)
        server_type = ServerType(kept["server_type"])
        known = {field.name for field in fields(ScenarioProperties)}
        values = {
            key: property_value(key, str(value)) for key, value in kept["properties"].items() if key in known
        }
        properties = replace(default_properties(server_type), **values)
        check_properties(properties)
        return ScenarioTemplate(
            name,
            server_type,
            ProductType(kept["product"]),
            str(kept["group"]),
            Filters(tuple(map(str, kept["include"])), tuple(map(str, kept["exclude"]))),
            properties,
        )
    except (ValueError, KeyError, TypeError, AttributeError, UsageError):
        return None
