"""`arcxo scenario template …`: what new scenarios may begin with."""

from __future__ import annotations

import click

from app.cli.context import current


@click.group(help="Templates: all that a scenario has but hosts and directories.")
def template() -> None:
    """Commands for templates."""


@template.command(name="list", help="List the templates.")
def list_templates() -> None:
    """All of them."""
    context = current()
    context.show_list(
        context.services.scenarios.templates(),
        [
            ("Template", lambda item: item.name),
            ("Type", lambda item: item.server_type.value),
            ("Group", lambda item: item.group),
            ("Excludes", lambda item: ", ".join(item.filters.exclude) or "-"),
        ],
        empty="There is no template.",
    )


@template.command(help="Save what the scenario SCENARIO has as the template NAME; an older one is replaced.")
@click.argument("name")
@click.argument("scenario")
def save(*, name: str, scenario: str) -> None:
    """Make or replace a template."""
    context = current()
    made = context.services.scenarios.save_template(name, scenario)
    context.show(made, f"Template {made.name} is saved")


@template.command(help="Remove the template NAME. Scenarios made with it stay as they are.")
@click.argument("name")
def remove(*, name: str) -> None:
    """Forget a template."""
    context = current()
    context.services.scenarios.remove_template(name)
    context.show_done(f"Template {name} is removed", name=name)
