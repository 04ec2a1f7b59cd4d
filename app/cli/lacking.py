"""What a replica lacks although it is said to be up to date: paths not copied in full, in words."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from app.messages import render
from app.model.errors import Problem
from app.model.scenario import ScenarioStatus

_NAMED_MOST = 5


def lacking(status: ScenarioStatus, replica: str = "") -> tuple[int, Sequence[Problem]]:
    """(how many paths, the first of them) that a replica ("" = any) lacks."""
    others = [one for one in status.problems if replica and one.params.get("replica", replica) != replica]
    mine = [one for one in status.problems if one not in others]
    return status.problem_count - len(others), mine


def counted(count: int) -> str:
    """`count` paths in words."""
    return "1 path" if count == 1 else f"{count:,} paths"


def sentence(name: str, said: str, count: int, problems: Sequence[Problem]) -> str:
    """What was done, and where that is not all, how many paths are lacking and which, and where all are."""
    if not count:
        return said
    lines = [f"{said}, but for {counted(count)} that could not be copied in full:"]
    lines += [f"  {one.code}  {render(one.code, one.params).text}" for one in problems[:_NAMED_MOST]]
    more = count - len(lines) + 1
    if more > 0:
        lines.append(f"  and {more:,} more: arcxo scenario show {shlex.quote(name)}")
    return "\n".join(lines)
