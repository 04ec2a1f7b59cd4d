"""What is told of a session's size: what it holds, what of that was new, and what that took on the media."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.cli.context import with_fields
from app.cli.table import size_text
from app.model.backup_filters import filters_of, left_out_of, rule_words
from app.model.media import MediaInfo, SessionInfo


def ratio(whole_bytes: int, part_bytes: int) -> float | None:
    """How many times smaller a part is; None where nothing was stored."""
    return round(whole_bytes / part_bytes, 2) if part_bytes > 0 else None


def ratio_text(whole_bytes: int, part_bytes: int) -> str:
    """The ratio for people: `3.2 : 1`."""
    found = ratio(whole_bytes, part_bytes)
    return "-" if found is None else f"{found:,.1f} : 1"


def sequences(media: Sequence[MediaInfo]) -> dict[str, int]:
    """Sequence by serial."""
    return {one.serial: one.sequence for one in media}


def document(item: SessionInfo, media: Sequence[MediaInfo]) -> dict[str, Any]:
    """A session with its media's sequence and the ratios of its size, for JSON.

    `compression` is new data to what was stored of it, `reduction` all of its data to what was stored.
    """
    return with_fields(
        item,
        sequence=sequences(media).get(item.media_serial),
        compression=ratio(item.new_bytes, item.stored_bytes),
        reduction=ratio(item.size_bytes, item.stored_bytes),
    )


def filter_fields(item: SessionInfo) -> list[tuple[str, str]]:
    """What a session was written with, and what that left out; nothing for one without a filter."""
    filters = filters_of(item.filters)
    if not filters.include and not filters.exclude:
        return []
    told = (("include", filters.include), ("exclude", filters.exclude))
    parts = [f"{word} {', '.join(rules)}" for word, rules in told if rules]
    lines = [("Filter", "; ".join(parts))]
    for one in left_out_of(item.left_out):
        files = f"{one.files:,} files ({size_text(one.size_bytes)})"
        counts = f"{files}, {one.directories:,} directories with all in them"
        lines.append(("Left out", f"{rule_words(one.rule)}: {counts}"))
    return lines


def size_fields(item: SessionInfo, media: Sequence[MediaInfo]) -> list[tuple[str, str]]:
    """The lines about size and place, for people."""
    sequence = sequences(media).get(item.media_serial)
    compressed = ratio_text(item.new_bytes, item.stored_bytes)
    reduced = ratio_text(item.size_bytes, item.stored_bytes)
    lines = [
        ("Media sequence", "-" if sequence is None else str(sequence)),
        ("Files", f"{item.files:,} in {item.directories:,} directories"),
        ("Size", f"{size_text(item.size_bytes)} ({item.size_bytes:,} bytes)"),
        ("New data", f"{size_text(item.new_bytes)}, stored as {size_text(item.stored_bytes)}"),
        ("Ratio", f"{compressed} of the new data, {reduced} of all"),
        ("Names", "in the catalog" if item.detail else "on the media alone; `arcxo media merge` reads them"),
    ]
    lines += filter_fields(item)
    if item.origin_serial:
        lines.append(("Copy of", f"session {item.origin_number} of media with serial {item.origin_serial}"))
    return lines
