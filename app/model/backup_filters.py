"""What a backup leaves out: patterns for the whole job and for single nodes; how a session keeps them.

The patterns mean what those of scenarios mean (`app.model.filters`); they are relative to each directory that
is backed up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.model.filters import check_filters
from app.model.scenario import Filters

NO_FILTERS = Filters()
REST = ""
"""In place of a pattern: include patterns are given and none of them matches."""
_RULES_MOST = 1000


@dataclass(frozen=True, slots=True)
class BackupFilters:
    """`every` holds for all nodes, `nodes` (by scenario, or label of a source) beside it for one."""

    every: Filters = NO_FILTERS
    nodes: tuple[tuple[str, Filters], ...] = ()

    def of(self, node: str) -> Filters:
        """What holds for one node: both lists put together."""
        own = dict(self.nodes).get(node, NO_FILTERS)
        return Filters(
            include=tuple(dict.fromkeys((*self.every.include, *own.include))),
            exclude=tuple(dict.fromkeys((*self.every.exclude, *own.exclude))),
        )

    def renamed(self, labels: Mapping[str, str]) -> BackupFilters:
        """With other names of nodes, old → new."""
        return BackupFilters(self.every, tuple((labels.get(node, node), one) for node, one in self.nodes))

    def check(self) -> None:
        """Raise ValueError, which names the pattern, when one is none."""
        for filters in (self.every, *(one for _, one in self.nodes)):
            check_filters(filters)


NO_BACKUP_FILTERS = BackupFilters()


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What one rule (a pattern, or `REST`) left out of a session.

    Directories with all beneath them, which is neither counted nor in `size_bytes`.
    """

    rule: str
    files: int = 0
    directories: int = 0
    size_bytes: int = 0


def filters_text(filters: Filters) -> str:
    """Filters as a session keeps them: the same text for the same meaning; "" for none."""
    if not filters.include and not filters.exclude:
        return ""
    document = {"include": sorted(set(filters.include)), "exclude": sorted(set(filters.exclude))}
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def filters_of(text: str) -> Filters:
    """The other way; what cannot be understood is none."""
    try:
        document = json.loads(text) if text else {}
        return Filters(
            include=tuple(str(one) for one in document.get("include", ())),
            exclude=tuple(str(one) for one in document.get("exclude", ())),
        )
    except (ValueError, TypeError, AttributeError):
        return NO_FILTERS


def left_out_text(found: Mapping[str, tuple[int, int, int]]) -> str:
    """(files, directories, bytes) by rule, as a session keeps them; "" for nothing."""
    if not found:
        return ""
    rules = sorted(found.items(), key=lambda one: one[1], reverse=True)[:_RULES_MOST]
    return json.dumps([[rule, *counts] for rule, counts in rules], ensure_ascii=False)


def left_out_of(text: str) -> tuple[LeftOut, ...]:
    """The other way; what cannot be understood is nothing."""
    try:
        rows = json.loads(text) if text else []
        return tuple(LeftOut(str(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in rows)
    except (ValueError, TypeError, IndexError, KeyError):
        return ()


def rule_words(rule: str) -> str:
    """A rule as people read it."""
    return rule or "no include pattern matches"
