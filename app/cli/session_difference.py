"""`arcxo session difference`: what differs beneath a folder between two sessions, path by path."""

from __future__ import annotations

import click

from app.cli.arguments import MasterPath
from app.cli.context import current
from app.cli.table import size_text, table
from app.model.entry import EntryKind
from app.model.folder_comparison import Change, FolderComparison
from app.model.paths import shown

_SHOWN = (Change.ADDED, Change.REMOVED, Change.CHANGED)


@click.command(name="difference", help="What differs from session NUMBER of MEDIA to session OTHER.")
@click.argument("media")
@click.argument("number", type=click.IntRange(min=1))
@click.argument("other", type=click.IntRange(min=1))
@click.option("--with-media", default="", metavar="MEDIA", help="The media of OTHER [default: the same].")
@click.option("--path", type=MasterPath(), default=None, metavar="PATH", help="Beneath this folder alone.")
@click.option("--limit", type=click.IntRange(min=0), default=1000, show_default=True, metavar="N")
def difference(
    *, media: str, number: int, other: int, with_media: str, path: bytes | None, limit: int
) -> None:
    """Compare two sessions of one machine."""
    context = current()
    first = context.services.media.session(media, number)
    second = context.services.media.session(with_media or media, other)
    found = context.services.restores.compare_folders(
        first.machine,
        path or b"/",
        (first.media_serial, first.number),
        (second.media_serial, second.number),
        limit=limit,
    )
    context.show(found, _text(found))


def _text(found: FolderComparison) -> str:
    counts = ", ".join(
        f"{found.files[change]:,} files and {found.folders[change]:,} folders {change.value}"
        for change in _SHOWN
    )
    sizes = f"{size_text(found.size_before)} before, {size_text(found.size_after)} after"
    lines = [f"{counts}; {found.files[Change.SAME]:,} files the same. {sizes}."]
    if found.by_time:
        lines.append("Sizes and times were compared: contents cannot be over media sets and passwords.")
    if found.items:
        rows = [
            [
                one.change.value,
                "folder" if one.kind is EntryKind.DIRECTORY else one.kind.value,
                size_text(one.size_before),
                size_text(one.size_after),
                shown(one.path),
            ]
            for one in found.items
        ]
        lines += ["", table(["Change", "Kind", "Before", "After", "Path"], rows, (2, 3))]
    if found.truncated:
        lines.append(f"Only the first {len(found.items):,} are listed; see --limit.")
    return "\n".join(lines)
