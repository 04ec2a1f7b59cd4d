"""The options of `arcxo backup` that leave files out, and the preview of what they do."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import click

from app.cli.context import CommandContext, with_fields
from app.cli.scenario_preview import preview_text
from app.model.backup_filters import BackupFilters
from app.model.errors import ExitCode, UsageError
from app.model.filters import FilterPreview
from app.model.job import BackupScript
from app.model.scenario import Filters

_SECONDS = 10.0
_EXAMPLES = 10
_MORE = "These are the counts of the first 10 s: not everything was seen."
_OPTIONS = (
    click.option(
        "--include",
        multiple=True,
        metavar="PATTERN",
        help="Take matching files only; may be repeated. See `scenario preview --help`.",
    ),
    click.option(
        "--exclude", multiple=True, metavar="PATTERN", help="Leave matching entries out; may be repeated."
    ),
    click.option(
        "--node-include",
        multiple=True,
        metavar="NAME=PATTERN",
        help="The same for one scenario, or one --source as HOST:/PATH.",
    ),
    click.option("--node-exclude", multiple=True, metavar="NAME=PATTERN", help="The same."),
    click.option(
        "--preview",
        "only_preview",
        is_flag=True,
        help="Count what is taken and left out, 10 s for each node at most; submit nothing.",
    ),
)


def filter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options; it gets them as `filters` and `only_preview`."""

    @functools.wraps(command)
    def wrapped(
        *,
        include: Sequence[str],
        exclude: Sequence[str],
        node_include: Sequence[str],
        node_exclude: Sequence[str],
        **values: Any,
    ) -> Any:
        takes, leaves = _by_node(node_include), _by_node(node_exclude)
        nodes = tuple(
            (node, Filters(tuple(takes.get(node, ())), tuple(leaves.get(node, ()))))
            for node in dict.fromkeys((*takes, *leaves))
        )
        return command(filters=BackupFilters(Filters(tuple(include), tuple(exclude)), nodes), **values)

    decorated: Callable[..., Any] = wrapped
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def show_preview(context: CommandContext, script: BackupScript) -> int:
    """Count for each node; exit 3 when not everything was seen."""
    found: list[tuple[str, FilterPreview]] = []
    for node in (*script.scenario_names, *(one.label for one in script.sources)):

        def tell(part: FilterPreview, node: str = node) -> None:
            context.note(f"{node}: {part.included_files + part.excluded_files:,} files seen …")

        found.append(
            (
                node,
                context.services.backups.preview(
                    script, node, examples=_EXAMPLES, seconds=_SECONDS, on_progress=tell
                ),
            )
        )
    context.show(
        [with_fields(seen, node=node) for node, seen in found],
        lambda: "\n\n".join(f"{node}\n{preview_text(seen, _MORE)}" for node, seen in found),
    )
    return int(ExitCode.DONE if all(seen.complete for _, seen in found) else ExitCode.INCOMPLETE)


def _by_node(items: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item in items:
        # A path may have an equals sign in it, a pattern seldom has: the last one divides.
        node, equals, pattern = item.rpartition("=")
        if not equals or not node or not pattern:
            raise UsageError("E5308", option=item)
        found.setdefault(node, []).append(pattern)
    return found
