"""`arcxo scenario preview`: what filters take and leave out, before anything is replicated."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app.cli.arguments import MasterPath
from app.cli.context import current
from app.cli.table import size_text, table
from app.model.errors import ExitCode, UsageError
from app.model.filters import FilterExample, FilterPreview
from app.model.paths import shown
from app.model.scenario import Filters

_HELP = """Show what filters take and what they leave out. Nothing is changed.

Either of the scenario NAME (with its own filters unless some are given), or of directories given with --root.

\b
*.tmp       a name, anywhere            cache/      a directory with everything beneath, anywhere
/old        right in the root           docs/*.txt  a path from the root; * stops at a slash
a/**/b      ** = any directories        [a-c]? [!x] one character of a set, any one, none of a set

Exclude beats include. With --include only files that match one of them are taken. Capital letters differ.
What is excluded later stays on the replica as it is, and is no longer touched; it goes with its directory
when that is removed on the master.
"""


@click.command(help=_HELP)
@click.argument("name", required=False, default="")
@click.option("--root", "roots", multiple=True, type=MasterPath(), metavar="DIR", help="May be repeated.")
@click.option("--master", default="localhost", show_default=True, metavar="HOST", help="With --root.")
@click.option("--include", multiple=True, metavar="PATTERN", help="May be repeated.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="May be repeated.")
@click.option(
    "--limit", type=click.IntRange(0, 200), default=10, show_default=True, help="Examples of each kind."
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1, 86_400),
    default=5.0,
    show_default=True,
    help="Answer with what was seen until then.",
)
@click.option("--complete", is_flag=True, help="However long it takes, see everything.")
def preview(
    *,
    name: str,
    roots: Sequence[bytes],
    master: str,
    include: Sequence[str],
    exclude: Sequence[str],
    limit: int,
    seconds: float,
    complete: bool,
) -> int:
    """Count; exit 3 when not everything was seen."""
    if bool(name) == bool(roots):
        raise UsageError("E1151")
    context = current()
    service = context.services.scenarios
    filters = Filters(tuple(include), tuple(exclude))
    if name:
        scenario = service.show(name).scenario
        roots, master = [root.master_path for root in scenario.roots], scenario.master
        if not (include or exclude):
            filters = scenario.filters

    def tell(part: FilterPreview) -> None:
        context.note(f"{part.included_files + part.excluded_files:,} files seen …")

    seen = service.preview(
        roots,
        filters,
        master=master,
        examples=limit,
        seconds=0.0 if complete else seconds,
        on_progress=tell if complete else None,
    )
    more = "These are the counts so far: not everything was seen. --complete takes the time it needs."
    context.show(seen, lambda: preview_text(seen, more))
    return int(ExitCode.DONE if seen.complete else ExitCode.INCOMPLETE)


def preview_text(seen: FilterPreview, unless_complete: str) -> str:
    """A preview for people; the sentence is added when not everything was seen."""
    sums = (
        ("Taken", seen.included_files, seen.included_directories, seen.included_bytes),
        ("Left out", seen.excluded_files, seen.excluded_directories, seen.excluded_bytes),
    )
    rows = [[title, f"{files:,}", f"{folders:,}", size_text(size)] for title, files, folders, size in sums]
    parts = [table(["", "Files", "Directories", "Size"], rows, right=(1, 2, 3))]
    if seen.patterns:
        uses = [
            [
                "exclude" if use.excludes else "include",
                use.pattern or "(no include pattern)",
                f"{use.entries:,}",
                size_text(use.size_bytes),
            ]
            for use in seen.patterns
        ]
        parts.append(table(["Filter", "Pattern", "Entries", "Size"], uses, right=(2, 3)))
    for title, examples in (("Taken, for example", seen.included), ("Left out, for example", seen.excluded)):
        if examples:
            parts.append("\n".join([f"{title}:", *map(_example_text, examples)]))
    if seen.problems:
        parts.append(f"{seen.problems:,} directories cannot be read.")
    if seen.mounts:
        places = "\n".join(f"  {shown(place)}" for place in seen.mounts)
        parts.append(f"Other file systems, replicated like any directory unless left out:\n{places}")
    if not seen.complete:
        parts.append(unless_complete)
    return "\n\n".join(parts)


def _example_text(example: FilterExample) -> str:
    path = shown(example.path) + ("/" if example.directory else "")
    return f"  {path}" + (f"  ({example.pattern})" if example.pattern else "")
