"""`arcxo scenario rewind-points` and `rewind`: back to an earlier moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from app.cli.arguments import MasterPath
from app.cli.context import current
from app.cli.table import size_text, table, time_text
from app.model.paths import shown
from app.model.rewind import PointKind, RewindAction, RewindPlan, RewindPoint
from app.services.api import ScenarioService

_NAMED = (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)


@click.command(name="rewind-points", help="List the rewind points of the scenario NAME, newest first.")
@click.argument("name")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([kind.value for kind in PointKind]))
@click.option("--path", type=MasterPath(), default=None, metavar="PATH", help="Only points that change PATH.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
def rewind_points(*, name: str, kinds: Sequence[str], path: bytes | None, limit: int) -> None:
    """All points."""
    context = current()
    points = context.services.scenarios.rewind_points(
        name, kinds=[PointKind(kind) for kind in kinds], path=path or b"", limit=limit
    )
    context.show_list(
        points,
        [
            ("Point", lambda item: item.id),
            ("Kind", lambda item: item.kind.value.replace("_", " ")),
            ("Date", lambda item: time_text(item.at)),
            ("Replica", lambda item: item.replica),
            ("Text", lambda item: item.text or shown(item.path)),
        ],
        empty=f"The scenario {name} has no rewind points.",
    )


@click.command(help="Take the replica of the stopped scenario NAME back to a point.")
@click.argument("name")
@click.option(
    "--to", "point", required=True, metavar="POINT", help="A bookmark's text, a point's id, or a UTC time."
)
@click.option(
    "--path", "paths", multiple=True, type=MasterPath(), metavar="PATH", help="Only this master path."
)
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
@click.option("--plan", is_flag=True, help="Print exactly what it would change; change nothing.")
def rewind(*, name: str, point: str, paths: Sequence[bytes], replica: str, plan: bool) -> None:
    """Rewind, or show what it would do."""
    context = current()
    service = context.services.scenarios
    if plan:
        preview = service.plan_rewind(name, point, paths=paths, replica=replica)
        _note_namesakes(service, name, preview.point)
        context.show(preview, lambda: _plan_text(preview))
        return
    result = service.rewind(name, point, paths=paths, replica=replica)
    _note_namesakes(service, name, result.point)
    undo = (
        f"\nTake it back: arcxo scenario rewind {name} --to {result.undo_point.id}"
        if result.undo_point
        else ""
    )
    context.show(
        result,
        f"Rewound to {_point_text(result.point.text, result.point.id)} of {time_text(result.point.at)}: "
        f"{_counts_text(result.counts)}{undo}",
    )


def _note_namesakes(service: ScenarioService, name: str, point: RewindPoint) -> None:
    """Say so when several bookmarks have the text that was asked for."""
    if not point.text:
        return
    bookmarks = service.rewind_points(name, kinds=_NAMED, limit=100_000)
    others = sum(item.text == point.text and item.id != point.id for item in bookmarks)
    if others:
        current().note(
            f"{others + 1} bookmarks are called {point.text!r}; meant is the newest, of {time_text(point.at)}"
        )


def _plan_text(plan: RewindPlan) -> str:
    head = (
        f"Rewinding to {_point_text(plan.point.text, plan.point.id)} of {time_text(plan.point.at)} "
        f"would change: {_counts_text(plan.counts)} ({size_text(plan.size_bytes)})"
    )
    if not plan.items:
        return head
    rows = [[item.action.value, size_text(item.size_bytes), shown(item.path)] for item in plan.items]
    more = "\n…" if plan.truncated else ""
    return f"{head}\n\n{table(['Action', 'Size', 'Path'], rows, right=(1,))}{more}"


def _point_text(text: str, point_id: str) -> str:
    return repr(text) if text else point_id


def _counts_text(counts: Mapping[RewindAction, int]) -> str:
    parts = [f"{count:,} {action.value}" for action, count in counts.items() if count]
    return ", ".join(parts) if parts else "nothing"
