"""`arcxo scenario create/check/set/get/import/export/register`: definitions."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from app.cli.context import current
from app.cli.properties import (
    properties_from,
    property_values,
    scenario_with,
    split_assignments,
    value_text,
)
from app.cli.scenario_roots import roots_and_replicas
from app.cli.table import fields_table, table
from app.model.errors import ArcxoError, ExitCode, NotFoundError, UsageError
from app.model.host import CheckOutcome, CheckResult
from app.model.paths import shown
from app.model.properties import default_properties
from app.model.scenario import (
    Filters,
    NewScenario,
    ServerType,
    SyncMethod,
)
from app.model.template import ScenarioTemplate

Command = Callable[..., Any]

DEFINITION_MOST_BYTES = 1 << 20
"""What the engine takes at most; a larger file is not even sent to it."""


def _definition_options(command: Command) -> Command:
    """The options that `create` and `check` share."""
    options = [
        click.argument("name"),
        click.option("--master", default="localhost", show_default=True, metavar="HOST"),
        click.option(
            "--replica",
            "replicas",
            multiple=True,
            metavar="HOST",
            help="May be repeated [default: localhost].",
        ),
        click.option(
            "--root",
            "roots",
            multiple=True,
            required=True,
            metavar="MASTER_DIR=[HOST:]REPLICA_DIR",
            help="A directory and where its copy goes, on all replicas or on the one HOST; may be repeated.",
        ),
        click.option(
            "--type",
            "server_type",
            type=click.Choice([ServerType.FILE_SERVER.value]),
            default=ServerType.FILE_SERVER.value,
            show_default=True,
        ),
        click.option("--template", default=None, metavar="NAME", help="Begin with what this template has."),
        click.option("--scenario-group", "group", default=None, metavar="GROUP", help="[default: Scenarios]"),
        click.option("--sync", type=click.Choice([method.value for method in SyncMethod]), default=None),
        click.option("--assured-recovery", is_flag=True),
        click.option("--rewind-minutes", type=click.IntRange(0), default=None),
        click.option("--rewind-mb", type=click.IntRange(0), default=None),
        click.option(
            "--include",
            multiple=True,
            metavar="PATTERN",
            help="Take matching files only; may be repeated. See `scenario preview --help`.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="PATTERN",
            help="Leave matching entries out; may be repeated. See `scenario preview --help`.",
        ),
        click.option("--brake", default=None, metavar="off|PERCENT"),
        click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="Any property."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(help="Make the scenario NAME.")
@_definition_options
def create(**options: Any) -> None:
    """Create and register a scenario."""
    context = current()
    made = context.services.scenarios.create(_new_scenario(**options))
    lines = [f"Scenario {made.name} made (id {made.id})"]
    for spec in made.replicas:
        lines += [
            f"  {shown(root.master_path)} -> {spec.host}:{shown(path)}"
            for root, path in zip(made.roots, spec.paths, strict=True)
        ]
    lines.append(f"Start it: arcxo scenario run {shlex.quote(made.name)}")
    context.show(made, "\n".join(lines))


@click.command(help="Check what `create` with the same options would make; changes nothing.")
@_definition_options
def check(**options: Any) -> int:
    """Verify a definition; exit 1 when an error blocks it."""
    context = current()
    results = context.services.scenarios.verify(_new_scenario(**options))

    def human() -> str:
        rows = [[result.outcome.value, result.subject, _check_text(result)] for result in results]
        return table(["Result", "Subject", "Message"], rows) if rows else "Nothing to object to."

    context.show(list(results), human)
    blocked = any(result.outcome is CheckOutcome.ERROR for result in results)
    return int(ExitCode.FAILED if blocked else ExitCode.DONE)


_SET_HELP = """Change properties of the scenario NAME.

`include` and `exclude` take several patterns with commas between them. One that has a comma or a quote itself
stands in double quotes, with a quote in it doubled: exclude='*.tmp,"a,b.txt"'. HOST:KEY=VALUE holds for the
replica on HOST alone.
"""


@click.command(name="set", help=_SET_HELP)
@click.argument("name")
@click.argument("assignments", nargs=-1, required=True, metavar="[HOST:]KEY=VALUE…")
def set_properties(*, name: str, assignments: Sequence[str]) -> None:
    """Save a changed definition."""
    context = current()
    values = split_assignments(assignments)
    scenario = context.services.scenarios.show(name).scenario
    changed = context.services.scenarios.update(scenario_with(scenario, values))
    context.show(changed, f"Scenario {changed.name} saved (version {changed.version})")


@click.command(name="get", help="Show all properties of the scenario NAME, or the one called KEY.")
@click.argument("name")
@click.argument("key", required=False)
def get_properties(*, name: str, key: str | None) -> None:
    """Values of properties."""
    context = current()
    values = property_values(context.services.scenarios.show(name).scenario)
    if key is None:
        context.show(values, fields_table([(item, value_text(value)) for item, value in values.items()]))
        return
    host, colon, last = key.rpartition(":")
    wanted = host + colon + last.replace("-", "_")
    if wanted not in values:
        raise UsageError("E1113", key=key, known=", ".join(values))
    context.show({wanted: values[wanted]}, value_text(values[wanted]))


@click.command(name="import", help="Make a scenario from the XML definition in FILE (- for stdin).")
@click.argument("file")
def import_xml(*, file: str) -> None:
    """Import a definition."""
    context = current()
    xml = _read(file)
    shown_name = "stdin" if file == "-" else file
    if len(xml) > DEFINITION_MOST_BYTES:
        cause = f"it is larger than {DEFINITION_MOST_BYTES >> 20} MiB, which no definition is"
        raise UsageError("E3370", scenario=shown_name, replica="—", cause=cause)
    try:
        made = context.services.scenarios.import_xml(xml)
    except ArcxoError as error:
        if error.code != "E3370":
            raise
        # What was given is no definition: the request is wrong, nothing here has failed.
        raise UsageError("E3370", exit_code=None, **{**error.params, "scenario": shown_name}) from error
    context.show(made, f"Scenario {made.name} made (id {made.id})")


@click.command(help="Print the XML definition of the scenario NAME, or write it to a new file.")
@click.argument("name")
@click.option("--to", "file", metavar="FILE", help="Write to FILE, which must not exist.")
def export(*, name: str, file: str | None) -> None:
    """Export a definition."""
    context = current()
    xml = context.services.scenarios.export(name)
    if file is None:
        context.show({"xml": xml.decode("utf-8")}, xml.decode("utf-8").rstrip("\n"))
        return
    try:
        with open(file, "xb") as stream:
            stream.write(xml)
    except OSError as error:
        raise UsageError("E1115", path=file, reason=error.strerror or str(error)) from error
    context.show_done(f"Scenario {name} written to {file}", name=name, file=file)


@click.command(help="Register the scenario NAME (or its id), which its host has and this home does not list.")
@click.argument("name")
def register(*, name: str) -> None:
    """Register an existing definition."""
    context = current()
    registered = context.services.scenarios.register(name)
    context.show(registered, f"Scenario {registered.name} is registered")


def _new_scenario(
    *,
    name: str,
    master: str,
    replicas: Sequence[str],
    roots: Sequence[str],
    server_type: str,
    template: str | None,
    group: str | None,
    sync: str | None,
    assured_recovery: bool,
    rewind_minutes: int | None,
    rewind_mb: int | None,
    include: Sequence[str],
    exclude: Sequence[str],
    brake: str | None,
    assignments: Sequence[str],
) -> NewScenario:
    directories, specs = roots_and_replicas(roots, replicas or ("localhost",))
    values = split_assignments(assignments)
    named = {
        "sync": sync,
        "rewind_minutes": rewind_minutes,
        "rewind_mb": rewind_mb,
        "brake_percent": brake,
        "assured_recovery": "true" if assured_recovery else None,
    }
    values.update({key: str(value) for key, value in named.items() if value is not None})
    begin = ScenarioTemplate("", properties=default_properties(ServerType(server_type)))
    if template is not None:
        known = {one.name: one for one in current().services.scenarios.templates()}
        if template not in known:
            raise NotFoundError("E1193", name=template)
        begin = known[template]
    filters = Filters(tuple(include) or begin.filters.include, tuple(exclude) or begin.filters.exclude)
    return NewScenario(
        name=name,
        master=master,
        replicas=specs,
        roots=directories,
        server_type=ServerType(server_type),
        group=group or begin.group,
        filters=filters,
        properties=properties_from(values, begin.properties),
    )


def _check_text(result: CheckResult) -> str:
    from app.messages import render

    message = render(result.code, result.params)
    if result.outcome is CheckOutcome.OK:
        return message.text
    return f"{message.line}. {message.action}" if message.action else message.line


def _read(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(DEFINITION_MOST_BYTES + 1)
    try:
        with open(file, "rb") as stream:
            return stream.read(DEFINITION_MOST_BYTES + 1)
    except OSError as error:
        raise NotFoundError("E1116", path=file, reason=error.strerror or str(error)) from error
