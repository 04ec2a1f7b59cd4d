"""Templates of scenarios, kept among the small values of the catalog."""

from __future__ import annotations

from collections.abc import Sequence

from app.catalog.api import Settings
from app.model.errors import NotFoundError
from app.model.template import ScenarioTemplate, read_template, template_text

_KEY = "scenario-template:"


def templates(settings: Settings) -> Sequence[ScenarioTemplate]:
    """All that can be read, by name."""
    found = [
        read_template(key.removeprefix(_KEY), text)
        for key, text in settings.all().items()
        if key.startswith(_KEY)
    ]
    return sorted((one for one in found if one is not None), key=lambda one: one.name.casefold())


def template(settings: Settings, name: str) -> ScenarioTemplate:
    """One of them. Raises NotFoundError E1193."""
    for found in templates(settings):
        if found.name == name:
            return found
    raise NotFoundError("E1193", name=name)


def save_template(settings: Settings, made: ScenarioTemplate) -> None:
    """Keep it; one of the same name is replaced."""
    settings.put(f"{_KEY}{made.name}", template_text(made))


def remove_template(settings: Settings, name: str) -> None:
    """Forget it. Raises NotFoundError E1193."""
    if not settings.get(f"{_KEY}{name}"):
        raise NotFoundError("E1193", name=name)
    settings.remove(f"{_KEY}{name}")
