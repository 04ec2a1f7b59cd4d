"""Which paths of a root take part, by include and exclude patterns: the one place where all engines ask.

What the patterns mean is told in `app.model.filters`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.model import filters as rules
from app.model.scenario import Filters

RESERVED_PREFIX = b".arcxo-"
"""Names that begin so are the product's own and never replicated."""

NOT_INCLUDED = ""
"""What decides when include patterns are given and none of them matches."""

_RESERVED = ".arcxo-*"


class PathFilter:
    """Compiled filters. Usable from any thread."""

    def __init__(self, filters: Filters, *, reserved: bool = True) -> None:
        """`reserved`: names of the product's own are left out as well."""
        self._reserved = reserved
        self._exclude = _Patterns(filters.exclude)
        self._include = _Patterns(filters.include)
        self._includes = bool(filters.include)
        self.by_path = self._exclude.by_path or self._include.by_path
        self.takes_all = not filters.exclude and not filters.include
        """Whether nothing but names of the product's own is left out."""
        self._clean = b""
        """A directory that is not left out."""

    def leaves_out_directory(self, path: bytes) -> bool:
        """Whether a directory, and with it all beneath it, is left out by itself or a directory above."""
        return bool(path) and self._left_out_at(path, directory=True) != 0

    def leaves_out(self, path: bytes, *, directory: bool) -> bool:
        """Whether the entry at `path` is left out. Include patterns speak of files, not of directories."""
        if path and self._left_out_at(path, directory=directory):
            return True
        if directory or not self._includes:
            return False
        text = _text(path)
        return not self._include.match(text.rpartition("/")[2], text, directory=False)

    def decide(self, path: bytes, *, directory: bool) -> tuple[bool, str]:
        """(whether the entry is left out, the pattern that decided it); agrees with `leaves_out`."""
        depth = self._left_out_at(path, directory=directory) if path else 0
        if depth:
            names = path.split(b"/")
            inner = depth < len(names)
            name, start = _text(names[depth - 1]), _text(b"/".join(names[:depth]))
            found = self._exclude.which(name, start, directory=inner or directory)
            return True, _RESERVED if found is None else found
        if directory or not self._includes:
            return False, ""
        text = _text(path)
        found = self._include.which(text.rpartition("/")[2], text, directory=False)
        return (True, NOT_INCLUDED) if found is None else (False, found)

    def _left_out_at(self, path: bytes, *, directory: bool) -> int:
        """How many components of `path` reach down to what leaves it out; 0 = it is not left out."""
        if not self._exclude and not (self._reserved and RESERVED_PREFIX in path):
            return 0
        names = path.split(b"/")
        last = len(names)
        parent = path.rpartition(b"/")[0]
        # Walks ask for the entries of one directory after the other.
        for depth in range(last if parent == self._clean else 1, last + 1):
            name = names[depth - 1]
            start = path if depth == last else b"/".join(names[:depth])
            if (self._reserved and name.startswith(RESERVED_PREFIX)) or self._exclude.match(
                _text(name), _text(start), directory=directory or depth < last
            ):
                return depth
        self._clean = parent
        return 0


class _Patterns:
    """One list of patterns, by what they are compared with."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._each = tuple((pattern, rules.compiled((pattern,))) for pattern in patterns)
        self._of_names = _compiled(patterns, of_paths=False, of_directories=False)
        self._of_paths = _compiled(patterns, of_paths=True, of_directories=False)
        self._of_directory_names = _compiled(patterns, of_paths=False, of_directories=True)
        self._of_directory_paths = _compiled(patterns, of_paths=True, of_directories=True)
        self.by_path = any(rules.by_path(pattern) for pattern in patterns)

    def __bool__(self) -> bool:
        return bool(self._each)

    def match(self, name: str, path: str, *, directory: bool) -> bool:
        """Whether any matches an entry with this name and relative path."""
        if _matches(self._of_names, name) or _matches(self._of_paths, path):
            return True
        if not directory:
            return False
        return _matches(self._of_directory_names, name) or _matches(self._of_directory_paths, path)

    def which(self, name: str, path: str, *, directory: bool) -> str | None:
        """The first that does, or None."""
        for pattern, expression in self._each:
            if rules.directories_only(pattern) and not directory:
                continue
            if _matches(expression, path if rules.by_path(pattern) else name):
                return pattern
        return None


def _compiled(patterns: Sequence[str], *, of_paths: bool, of_directories: bool) -> re.Pattern[str] | None:
    return rules.compiled(
        [
            pattern
            for pattern in patterns
            if rules.by_path(pattern) is of_paths and rules.directories_only(pattern) is of_directories
        ]
    )


def _matches(expression: re.Pattern[str] | None, text: str) -> bool:
    return expression is not None and expression.match(text) is not None


def _text(path: bytes) -> str:
    # The file system's encoding is UTF-8 wherever an engine runs; other bytes become one character each.
    return path.decode("utf-8", "surrogateescape")
