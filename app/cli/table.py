"""Figures and aligned plain tables for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime

_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_UNITS = ("B", "KB", "MB", "GB", "TB", "PB")


def size_text(size_bytes: int | None) -> str:
    """A size in units of 1,024 bytes, or a dash when it is not known."""
    if size_bytes is None:
        return "-"
    amount = float(size_bytes)
    for unit in _UNITS:
        if abs(amount) < 1024 or unit == _UNITS[-1]:
            return f"{size_bytes:,} B" if unit == "B" else f"{amount:,.1f} {unit}"
        amount /= 1024
    return ""


def duration_text(seconds: float | None) -> str:
    """A duration as `0.4 s`, `52 min` or `13 h 47 min`; a dash when it is not known."""
    if seconds is None:
        return "-"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def time_text(moment: datetime | None) -> str:
    """Local date and time to the second; a dash when there is none."""
    return "-" if moment is None else moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def printable(text: str) -> str:
    """`text` on one line: control characters (a terminal could obey them) are shown as escapes."""
    return "".join(
        char
        if unicodedata.category(char) not in {"Cc", "Cs"}
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def harmless(text: str) -> str:
    """`text` of any lines, its control characters shown as escapes: what other hosts say may hold some."""
    return _CONTROLS.sub(lambda found: printable(found[0]), text)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns aligned with two spaces between; columns whose index is in `right` are right-aligned."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max([len(heading), *(len(row[i]) for row in cells)]) for i, heading in enumerate(headings)]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.rjust(widths[i]) if i in right else cell.ljust(widths[i]) for i, cell in enumerate(row)
        ).rstrip()

    return "\n".join([line(headings), *(line(row) for row in cells)])


def fields_table(fields: Sequence[tuple[str, str]]) -> str:
    """One `name  value` line per field, values aligned."""
    width = max((len(name) for name, _ in fields), default=0)
    return "\n".join(f"{name.ljust(width)}  {printable(value)}".rstrip() for name, value in fields)
