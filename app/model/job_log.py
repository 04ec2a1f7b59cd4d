"""How much a job notes: its log level, and lines of files and directories packed into few rows of the log."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class LineCodes:
    """The messages of rows that hold lines of files, or of directories, and of how many lines are in none."""

    files: str
    directories: str
    left_out: str


READ = LineCodes("N5045", "N5046", "N5047")
"""Of a backup."""
RESTORED = LineCodes("N5062", "N5063", "N5064")
FILES_CODE = READ.files
LEFT_OUT_CODES = (READ.left_out, RESTORED.left_out)
PACKED_CODES = (READ.files, READ.directories, RESTORED.files, RESTORED.directories)
"""Rows of the log that hold many lines; only who asks for one job's log gets them."""
MOST_LINES = 100_000
"""Lines of files or directories that one run of a job notes; further ones are counted."""
ROW_LINES = 200
ROW_CHARACTERS = 60_000


class JobLogLevel(StrEnum):
    """What a job's log holds.

    None: that it began and how it ended, with every warning and error. Summary: its steps and its summary,
    too. Detail: besides, each directory with what was read of it, or restored in it. All: each file, instead.
    """

    NONE = "none"
    SUMMARY = "summary"
    DETAIL = "detail"
    ALL = "all"


def packed(lines: Sequence[str]) -> dict[str, str]:
    """The parameters of one row that holds lines, of which there is at least one."""
    return {
        "count": str(len(lines)),
        "first": lines[0],
        "last": lines[-1],
        "lines": json.dumps(list(lines), ensure_ascii=False),
    }


def unpacked(params: Mapping[str, str]) -> list[str]:
    """The lines of a row; none where it has none, or they cannot be read."""
    try:
        found = json.loads(params.get("lines", "[]"))
    except ValueError:
        return []
    return [str(one) for one in found] if isinstance(found, list) else []
