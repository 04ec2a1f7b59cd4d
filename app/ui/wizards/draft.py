"""The draft of a scenario: what was typed in a canceled wizard, kept until it is made or discarded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace

from PySide6.QtCore import QSettings

from app.model.properties import property_text, property_value
from app.model.scenario import Override, ScenarioProperties
from app.ui.wizards.flow import Answers, Further

_KEY = "wizard/scenario_draft"


def keep_draft(settings: QSettings, answers: Answers) -> None:
    """Write the answers (paths as hex, so that names of any bytes survive)."""
    properties = {name: property_text(value) for name, value in asdict(answers.properties).items()}
    kept = {
        "name": answers.name,
        "master": answers.master,
        "replica": answers.replica,
        "roots": [root.hex() for root in answers.roots],
        "targets": {root.hex(): target for root, target in answers.targets.items()},
        "exclude": answers.exclude,
        "include": list(answers.include),
        "group": answers.group,
        "properties": properties,
        "overrides": [[one.name, one.value] for one in answers.overrides],
        "further": [
            {
                "host": one.host,
                "targets": {root.hex(): target for root, target in one.targets.items()},
                "overrides": [[own.name, own.value] for own in one.overrides],
            }
            for one in answers.further
        ],
    }
    settings.setValue(_KEY, json.dumps(kept))


def discard_draft(settings: QSettings) -> None:
    """Forget it."""
    settings.remove(_KEY)


def read_draft(settings: QSettings) -> Answers | None:
    """The kept answers; None when there are none, or when they can't be read any more."""
    try:
        kept = json.loads(str(settings.value(_KEY) or ""))
        known = {field.name for field in fields(ScenarioProperties)}
        values = {
            name: property_value(name, text) for name, text in kept["properties"].items() if name in known
        }
        return Answers(
            name=str(kept["name"]),
            master=str(kept["master"]),
            replica=str(kept["replica"]),
            roots=[bytes.fromhex(root) for root in kept["roots"]],
            targets={bytes.fromhex(root): str(target) for root, target in kept["targets"].items()},
            exclude=str(kept["exclude"]),
            include=tuple(str(pattern) for pattern in kept.get("include", ())),
            group=str(kept.get("group", "Scenarios")),
            properties=replace(ScenarioProperties(), **values),
            overrides=_overrides(kept.get("overrides", ())),
            further=[
                Further(
                    str(one["host"]),
                    {bytes.fromhex(root): str(target) for root, target in one["targets"].items()},
                    _overrides(one["overrides"]),
                )
                for one in kept.get("further", ())
            ],
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _overrides(kept: Iterable[Sequence[str]]) -> tuple[Override, ...]:
    """One replica's own values; a property that is not known any more is left out."""
    names = {field.name for field in fields(ScenarioProperties)}
    return tuple(Override(str(name), str(value)) for name, value in kept if name in names)
