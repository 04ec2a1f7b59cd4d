"""Which paths of a root take part, by the scenario's filters."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Sequence

from app.model.scenario import Filters

RESERVED_PREFIX = b".arcxo-"
"""Names that begin so are the product's own and never replicated."""


class PathFilter:
    """Compiled filters. Patterns without a slash match names, others whole relative paths."""

    def __init__(self, filters: Filters) -> None:
        self._exclude_names, self._exclude_paths = _compile(filters.exclude)
        self._include_names, self._include_paths = _compile(filters.include)
        self._includes = bool(filters.include)
        self.by_path = bool(self._exclude_paths or self._include_paths)

    def leaves_out_directory(self, path: bytes) -> bool:
        """Whether a directory, and with it all beneath it, is left out by itself or a directory above."""
        if not path:
            return False
        names = path.split(b"/")
        for depth, name in enumerate(names, 1):
            if name.startswith(RESERVED_PREFIX) or _matches(self._exclude_names, name):
                return True
            if self._exclude_paths and _matches(self._exclude_paths, b"/".join(names[:depth])):
                return True
        return False

    def leaves_out(self, path: bytes, *, directory: bool) -> bool:
        """Whether the entry at `path` is left out. Include patterns speak of files, not of directories."""
        if self.leaves_out_directory(path):
            return True
        if directory or not self._includes:
            return False
        name = path.rpartition(b"/")[2]
        return not (_matches(self._include_names, name) or _matches(self._include_paths, path))


def _compile(patterns: Sequence[str]) -> tuple[re.Pattern[bytes] | None, re.Pattern[bytes] | None]:
    names: list[str] = []
    paths: list[str] = []
    for pattern in patterns:
        (paths if "/" in pattern else names).append(fnmatch.translate(pattern.strip("/")))
    return _one(names), _one(paths)


def _one(parts: list[str]) -> re.Pattern[bytes] | None:
    return re.compile(b"|".join(os.fsencode(part) for part in parts)) if parts else None


def _matches(pattern: re.Pattern[bytes] | None, text: bytes) -> bool:
    return pattern is not None and pattern.match(text) is not None
