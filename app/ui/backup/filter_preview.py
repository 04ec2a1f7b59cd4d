"""Patterns as they are typed, and a preview of several nodes put together. Qt-free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.model.backup_filters import BackupFilters
from app.model.filters import FilterPreview, PatternUse, pattern_fault
from app.model.paths import shown
from app.model.scenario import Filters
from app.ui import formats

EXAMPLES = 40


@dataclass(slots=True)
class FilterText:
    """Patterns for all nodes or one, each in a line of its own."""

    include: str = ""
    exclude: str = ""

    @classmethod
    def of(cls, filters: Filters) -> FilterText:
        """As a person would have typed them."""
        return cls("\n".join(filters.include), "\n".join(filters.exclude))

    @property
    def empty(self) -> bool:
        """Whether everything is taken."""
        return not self.include.strip() and not self.exclude.strip()

    def filters(self) -> Filters:
        """As the job keeps them."""
        return Filters(_patterns(self.include), _patterns(self.exclude))

    def fault(self) -> str:
        """What is wrong with the first pattern that is none, or ""."""
        for patterns, excludes in ((_patterns(self.include), False), (_patterns(self.exclude), True)):
            for pattern in patterns:
                found = pattern_fault(pattern, excludes=excludes)
                if found:
                    return f"{pattern}: {found}"
        return ""


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def script_filters(
    every: FilterText, nodes: Mapping[str, FilterText], chosen: Sequence[str]
) -> BackupFilters:
    """What a job keeps of them: those of the nodes that it backs up."""
    own = tuple((node, text.filters()) for node, text in nodes.items() if node in chosen and not text.empty)
    return BackupFilters(every.filters(), own)


def together(parts: Sequence[FilterPreview]) -> FilterPreview:
    """Several previews as one: counts added, examples of each in turn."""
    uses: dict[tuple[str, bool], PatternUse] = {}
    for part in parts:
        for use in part.patterns:
            before = uses.get((use.pattern, use.excludes))
            if before is not None:
                use = replace(  # noqa: PLW2901  # the same rule, added up
                    use, entries=use.entries + before.entries, size_bytes=use.size_bytes + before.size_bytes
                )
            uses[use.pattern, use.excludes] = use
    made = FilterPreview(complete=all(part.complete for part in parts), seconds=0.0)
    counts = (
        "seconds", "included_files", "included_directories", "included_bytes", "excluded_files",
        "excluded_directories", "excluded_bytes", "problems",
    )  # fmt: skip
    sums = {name: sum(getattr(part, name) for part in parts) for name in counts}
    return replace(
        made,
        **sums,
        included=tuple(one for part in parts for one in part.included)[:EXAMPLES],
        excluded=tuple(one for part in parts for one in part.excluded)[:EXAMPLES],
        patterns=tuple(uses.values()),
    )


def preview_sentence(seen: FilterPreview, *, counting: bool) -> str:
    """Takes 12 files (3 MB), leaves out 4 (1 MB)."""
    takes = f"Takes {formats.counted(seen.included_files, 'file')} ({formats.size(seen.included_bytes)})"
    leaves = f"leaves out {formats.count(seen.excluded_files)} ({formats.size(seen.excluded_bytes)})"
    end = "" if seen.complete else ", counting…" if counting else " of what was seen so far"
    problems = f". {formats.counted(seen.problems, 'folder')} cannot be read" if seen.problems else ""
    return f"{takes}, {leaves}{end}{problems}"


def rule_rows(seen: FilterPreview) -> list[tuple[str, str, str, str]]:
    """(rule, what it does, entries, size), the rules that decide about most first."""
    ordered = sorted(seen.patterns, key=lambda use: (-use.entries, use.pattern))
    return [
        (
            use.pattern or "No include pattern matches",
            "Leaves out" if use.excludes else "Takes",
            formats.count(use.entries),
            formats.size(use.size_bytes),
        )
        for use in ordered
    ]


def example_rows(seen: FilterPreview) -> list[tuple[str, str, str, str]]:
    """(path, what becomes of it, rule, size): what is left out first."""
    rows = [
        (
            shown(one.path) + ("/" if one.directory else ""),
            word,
            one.pattern,
            "" if one.directory else formats.size(one.size_bytes),
        )
        for word, found in (("Left out", seen.excluded), ("Taken", seen.included))
        for one in found
    ]
    # What two nodes share is shown once.
    return list({row[:2]: row for row in rows}.values())
