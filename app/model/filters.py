r"""What include and exclude patterns mean, what they may be, and what a preview of them says.

A pattern without a slash is compared with the *name* of each entry, anywhere beneath a root. One with a slash
is compared with the whole path *relative to the root* (a leading slash only says so: `/tmp` is the `tmp`
right in the root). One that ends in a slash speaks of directories only.

`*` stands for any characters of a name, `?` for one, `[abc]` `[a-z]` `[!x]` for one of a set; none of them
for a slash. `**` as a whole component stands for any number of directories: `a/**/b`, `**/b`, `a/**`.
Names are compared exactly: capital letters differ, and a byte that is not UTF-8 counts as one character,
which `?` and `*` match.

An excluded directory is left out with everything beneath it. With include patterns only files that one of
them matches take part; directories always do. Exclude beats include.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.model.scenario import Filters

PATTERNS_MOST = 500
PATTERN_MOST_CHARACTERS = 1024
_ANY = "**"


@dataclass(frozen=True, slots=True)
class FilterExample:
    """A path of the master that takes part or is left out; `pattern` decided it, "" = none did."""

    path: bytes
    pattern: str
    directory: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class PatternUse:
    """How much one pattern decided about: entries (with all in an excluded directory) and their bytes."""

    pattern: str
    excludes: bool
    entries: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class FilterPreview:
    """What filters make of the directories: everything (`complete`), or what was seen so far.

    Sizes in bytes. `problems` counts directories that cannot be read. Files include links and devices;
    what is in excluded directories is counted as excluded. Patterns that matched nothing are there, too.
    `mounts`: where other file systems are mounted beneath the roots (the first of them), excluded or not.
    """

    complete: bool
    seconds: float
    included_files: int = 0
    included_directories: int = 0
    included_bytes: int = 0
    excluded_files: int = 0
    excluded_directories: int = 0
    excluded_bytes: int = 0
    included: tuple[FilterExample, ...] = ()
    excluded: tuple[FilterExample, ...] = ()
    patterns: tuple[PatternUse, ...] = ()
    problems: int = 0
    mounts: tuple[bytes, ...] = ()


def check_filters(filters: Filters) -> None:
    """Check both lists of patterns.

    Raises:
        ValueError: names the pattern and what is wrong with it.
    """
    for patterns, excludes in ((filters.include, False), (filters.exclude, True)):
        if len(patterns) > PATTERNS_MOST:
            raise ValueError(f"{len(patterns):,} patterns; at most {PATTERNS_MOST:,} are possible")
        for pattern in patterns:
            fault = pattern_fault(pattern, excludes=excludes)
            if fault:
                raise ValueError(f'"{_shown(pattern)}": {fault}')


def pattern_fault(pattern: str, *, excludes: bool) -> str:
    """What is wrong with a pattern, as the end of a sentence; "" when nothing is."""
    if not pattern.strip():
        return "an empty pattern matches nothing"
    if len(pattern) > PATTERN_MOST_CHARACTERS:
        return f"a pattern has at most {PATTERN_MOST_CHARACTERS:,} characters"
    if any(0xDC80 <= ord(char) <= 0xDCFF or char == "\ufffd" for char in pattern):
        return "a pattern is UTF-8 text; ? matches a byte that is not"
    if not pattern.isprintable():
        return "a pattern has no control characters"
    parts = pattern.strip("/").split("/")
    if any(part in ("", ".", "..") for part in parts):
        return "empty names, . and .. are not possible; patterns begin at the root directory of the scenario"
    if any(_ANY in part and part != _ANY for part in parts):
        return "** stands alone between slashes"
    if any(_is_unclosed(part) for part in parts):
        return "a set in brackets begins and does not end; [[] stands for a bracket itself"
    if excludes and parts in (["*"], [_ANY]):
        return "it would leave everything out"
    if not excludes and pattern.endswith("/"):
        return f"include patterns speak of files; for all in a directory write {pattern}**"
    try:
        pattern_expression(pattern)
    except re.error as error:
        return f"a set in brackets is not possible ({error.msg})"
    return ""


def by_path(pattern: str) -> bool:
    """Whether a pattern is compared with relative paths rather than with names."""
    return "/" in pattern.rstrip("/")


def directories_only(pattern: str) -> bool:
    """Whether a pattern speaks of directories only."""
    return pattern.endswith("/")


def pattern_expression(pattern: str) -> str:
    """A regular expression that matches a whole name or relative path (see `by_path`).

    It never backtracks over more than one star, so that no pattern takes long.
    """
    groups: list[list[str]] = [[]]
    for part in pattern.strip("/").split("/"):
        if part == _ANY:
            groups.append([])
        else:
            groups[-1].append(_name_expression(part))
    first, last = "/".join(groups[0]), "/".join(groups[-1])
    if len(groups) == 1:
        return first + r"\Z"
    made = first + "/" if first else ""
    for group in groups[1:-1]:
        if group:
            # The first place where it fits will do, as after a star within a name.
            made += rf"(?>(?:[^/]+/)*?{'/'.join(group)}(?=/))/"
    return made + (rf"(?:[^/]+/)*{last}\Z" if last else r".+\Z")


def compiled(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """One expression for all patterns; None for none."""
    made = "|".join(f"(?:{pattern_expression(pattern)})" for pattern in patterns)
    return re.compile(made, re.DOTALL) if patterns else None


def _name_expression(part: str) -> str:
    pieces: list[str] = [""]
    position = 0
    while position < len(part):
        char = part[position]
        position += 1
        if char == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        elif char == "?":
            pieces[-1] += "[^/]"
        elif char == "[" and (end := _set_end(part, position)) > 0:
            pieces[-1] += _set_expression(part[position:end])
            position = end + 1
        else:
            pieces[-1] += re.escape(char)
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1])
    return f"{pieces[0]}{middle}[^/]*{pieces[-1]}"


def _set_end(part: str, start: int) -> int:
    """Where the set that begins at `start` ends; -1 = the bracket is a character like others."""
    first = start + (part[start : start + 1] == "!")
    return part.find("]", first + (part[first : first + 1] == "]"))


def _is_unclosed(part: str) -> bool:
    """Whether a set begins in a part of a pattern and does not end there."""
    position = part.find("[")
    while position >= 0:
        end = _set_end(part, position + 1)
        if end < 0:
            return True
        position = part.find("[", end)
    return False


def _set_expression(inner: str) -> str:
    negated = inner.startswith("!")
    said = inner[negated:]
    # A single dash keeps its meaning, all else that a regular expression could take for its own does not.
    text = "".join(char if char == "-" and "--" not in said else re.escape(char) for char in said)
    made = f"[{'^/' if negated else ''}{text}]"
    re.compile(made)
    return made if negated else f"(?!/){made}"


def _shown(pattern: str) -> str:
    text = pattern.encode("utf-8", "replace").decode("utf-8")
    text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return text if len(text) <= 80 else text[:79] + "…"
