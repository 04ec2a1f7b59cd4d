"""What the demonstration did and found: one row for each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.cli.comparison import Difference
from app.cli.table import duration_text, size_text, table
from app.model.paths import shown

DIFFERENCES_SHOWN = 20


@dataclass(slots=True)
class Step:
    """One step. `seconds` is the time of the work itself, without that of checking it."""

    step: str
    checked: str = ""
    ok: bool = False
    files: int | None = None
    size_bytes: int | None = None
    seconds: float = 0.0
    check_seconds: float = 0.0
    detail: str = ""
    differences: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        """Bytes a second, where a size was measured."""
        return self.size_bytes / self.seconds if self.size_bytes and self.seconds > 0 else None


def difference_lines(differences: Sequence[Difference]) -> list[str]:
    """The first differences as text, and how many more there are."""
    lines = []
    for item in differences[:DIFFERENCES_SHOWN]:
        values = f": expected {item.expected}, found {item.found}" if item.expected or item.found else ""
        lines.append(f"{shown(item.path) or '.'}: {item.aspect.value}{values}")
    if len(differences) > DIFFERENCES_SHOWN:
        lines.append(f"and {len(differences) - DIFFERENCES_SHOWN:,} more")
    return lines


def report_document(steps: Sequence[Step], directory: str, seconds: float) -> dict[str, object]:
    """The report as JSON values."""
    rows = [
        {
            "step": step.step,
            "checked": step.checked,
            "ok": step.ok,
            "files": step.files,
            "size_bytes": step.size_bytes,
            "seconds": round(step.seconds, 3),
            "check_seconds": round(step.check_seconds, 3),
            "bytes_per_second": None if step.rate is None else round(step.rate),
            "detail": step.detail,
            "differences": step.differences,
        }
        for step in steps
    ]
    return {
        "ok": bool(steps) and all(step.ok for step in steps),
        "directory": directory,
        "seconds": round(seconds, 3),
        "steps": rows,
    }


def report_table(steps: Sequence[Step], seconds: float) -> str:
    """The report for people."""
    rows = [
        [
            step.step,
            step.checked if step.ok else "FAILED",
            "-" if step.files is None else f"{step.files:,}",
            size_text(step.size_bytes),
            f"{step.seconds:.2f}",
            "-" if step.rate is None else f"{step.rate / 2**20:,.0f}",
            step.detail,
        ]
        for step in steps
    ]
    headings = ["Step", "Checked", "Files", "Size", "Seconds", "MB/s", "Detail"]
    lines = [table(headings, rows, right=(2, 3, 4, 5))]
    for step in steps:
        if not step.ok:
            lines += ["", f"{step.step}:", *(f"  {line}" for line in step.differences)]
    good = sum(step.ok for step in steps)
    lines += ["", f"{good} of {len(steps)} steps held, {duration_text(seconds)} in all"]
    return "\n".join(lines)
