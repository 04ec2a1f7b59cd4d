"""The wizard's answers to begin with when a scenario is duplicated. Qt-free."""

from __future__ import annotations

from app.model.paths import shown
from app.model.scenario import ReplicaSpec, Scenario
from app.ui.wizards.flow import Answers, Further


def answers_like(scenario: Scenario) -> Answers:
    """All of `scenario` but its name and, as two scenarios may not write one, its Replica directories.

    Every replica is taken, with its own values of properties.
    """
    first, *others = scenario.replicas or (ReplicaSpec(scenario.master, ()),)
    return Answers(
        server_type=scenario.server_type,
        product=scenario.product,
        name=f"{scenario.name} copy",
        group=scenario.group,
        master=scenario.master,
        replica=first.host,
        roots=[root.master_path for root in scenario.roots],
        targets=_targets(scenario, first),
        exclude="\n".join(scenario.filters.exclude),
        include=scenario.filters.include,
        properties=scenario.properties,
        overrides=first.overrides,
        further=[Further(one.host, _targets(scenario, one), one.overrides) for one in others],
    )


def _targets(scenario: Scenario, spec: ReplicaSpec) -> dict[bytes, str]:
    pairs = zip(scenario.roots, spec.paths, strict=False)
    return {root.master_path: f"{shown(path)}-copy" for root, path in pairs}
