"""The wizard's answers to begin with when a scenario is duplicated. Qt-free."""

from __future__ import annotations

from dataclasses import replace

from app.model.paths import shown
from app.model.properties import properties_on
from app.model.scenario import Scenario
from app.ui.wizards.flow import Answers


def answers_like(scenario: Scenario) -> Answers:
    """All of `scenario` but its name and, as two scenarios may not write one, its Replica directories.

    Of several replicas the first is taken, with its own properties.
    """
    first = scenario.replicas[0] if scenario.replicas else None
    targets: dict[bytes, str] = {}
    if first is not None:
        for root, path in zip(scenario.roots, first.paths, strict=False):
            targets[root.master_path] = f"{shown(path)}-copy"
    return Answers(
        server_type=scenario.server_type,
        product=scenario.product,
        name=f"{scenario.name} copy",
        group=scenario.group,
        master=scenario.master,
        replica=first.host if first is not None else scenario.master,
        roots=[root.master_path for root in scenario.roots],
        targets=targets,
        exclude="\n".join(scenario.filters.exclude),
        include=scenario.filters.include,
        properties=replace(properties_on(scenario, first.host) if first is not None else scenario.properties),
    )
