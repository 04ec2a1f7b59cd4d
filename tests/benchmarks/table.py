"""What was measured: rows of work, ours, the peer's, their ratio and the target of the ratio."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line. Figures are medians, in `unit`; `target` is the most `ratio` may be (or, alone, `ours`)."""

    work: str
    ours: float
    unit: str = "s"
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    target: float | None = None
    met: bool | None = None
    note: str = ""


class Table:
    """Rows, printed as they come."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(
        self,
        work: str,
        ours: Sequence[float],
        peer: str = "",
        theirs: Sequence[float] = (),
        *,
        target: float | None = None,
        unit: str = "s",
        note: str = "",
    ) -> None:
        """Add a row of the medians of both; several runs of each show their spread."""
        mine = statistics.median(ours)
        other = statistics.median(theirs) if theirs else None
        ratio = mine / other if other else None
        measured = ratio if other else mine
        met = None if target is None or measured is None else measured <= target
        if len(ours) > 1:
            spread = f"{min(ours):.2f}-{max(ours):.2f}"
            if theirs:
                spread += f", {peer} {min(theirs):.2f}-{max(theirs):.2f}"
            note = f"{note}; of {len(ours)} runs: {spread}" if note else f"of {len(ours)} runs: {spread}"
        row = Row(work, mine, unit, peer, other, ratio, target, met, note)
        self.rows.append(row)
        print(_line(row), flush=True)

    def document(self) -> list[dict[str, object]]:
        """All rows, for JSON."""
        return [asdict(row) for row in self.rows]


def _line(row: Row) -> str:
    beside = ""
    if row.theirs is not None:
        beside = f"  {row.peer} {row.theirs:.2f}  ratio {row.ratio:.3f}"
    wanted = ""
    if row.target is not None:
        wanted = f"  target {row.target:g}: {'met' if row.met else 'MISSED'}"
    return f"{row.work:52} {row.ours:9.3f} {row.unit}{beside}{wanted}  {row.note}"
