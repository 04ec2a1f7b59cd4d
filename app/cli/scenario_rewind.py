"""`arcxo scenario rewind-points` and `rewind`: back to an earlier moment."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import click

from app.cli.arguments import MasterPath, UtcTime
from app.cli.context import current
from app.cli.table import size_text, table, time_text
from app.model.paths import shown
from app.model.rewind import PointKind, ReplicatedBack, RewindAction, RewindItem, RewindPlan, RewindPoint
from app.services.scenarios_api import ScenarioService

_NAMED = (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
_KINDS = [kind.value for kind in PointKind]


@click.command(
    name="rewind-points",
    help="List the rewind points of the scenario NAME, newest first. A file's point is the state just after "
    "its change; `before:` in front of the id is the one just before.",
)
@click.argument("name")
@click.option("--kind", "kinds", multiple=True, type=click.Choice(_KINDS), help="Only points of this kind.")
@click.option("--path", type=MasterPath(), default=None, metavar="PATH", help="Changes of PATH and beneath.")
@click.option("--since", type=UtcTime(), default=None, metavar="TIME", help="Not older than this UTC time.")
@click.option("--until", type=UtcTime(), default=None, metavar="TIME", help="Not younger than this UTC time.")
@click.option("--after", default="", metavar="POINT", help="Go on behind this point of the page before.")
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
@click.option("--limit", type=click.IntRange(1, 20_000), default=200, show_default=True)
def rewind_points(
    *,
    name: str,
    kinds: Sequence[str],
    path: bytes | None,
    since: datetime | None,
    until: datetime | None,
    after: str,
    replica: str,
    limit: int,
) -> None:
    """All points, page by page."""
    context = current()
    points = context.services.scenarios.rewind_points(
        name,
        kinds=[PointKind(kind) for kind in kinds],
        path=path or b"",
        since=since,
        until=until,
        after=after,
        replica=replica,
        limit=limit,
    )
    context.show_list(
        points,
        [
            ("Point", lambda item: item.id),
            ("Kind", lambda item: item.kind.value.replace("_", " ")),
            ("Date", lambda item: time_text(item.at)),
            ("Replica", lambda item: item.replica),
            ("Change", lambda item: item.operation),
            ("Text", _what),
        ],
        empty=f"The scenario {name} has no such rewind points.",
    )
    if len(points) == limit:
        context.note(f"There may be more: --after {points[-1].id}")
    if not replica:
        _note_others(context.services.scenarios, name)


@click.command(
    name="rewind-density", help="Count the changes that a replica applied, in equal parts of a time."
)
@click.argument("name")
@click.option("--since", type=UtcTime(), default=None, metavar="TIME", help="Default: a day before the end.")
@click.option("--until", type=UtcTime(), default=None, metavar="TIME", help="Default: now.")
@click.option("--parts", type=click.IntRange(1, 10_000), default=24, show_default=True)
@click.option("--path", type=MasterPath(), default=None, metavar="PATH", help="Changes of PATH and beneath.")
@click.option("--replica", default="", metavar="HOST", help="Which replica, when there are several.")
def rewind_density(
    *, name: str, since: datetime | None, until: datetime | None, parts: int, path: bytes | None, replica: str
) -> None:
    """When how much changed."""
    context = current()
    until = until or datetime.now(UTC)
    since = since or until - timedelta(days=1)
    if since >= until:
        raise click.BadParameter("it must be before --until", param_hint="--since")
    found = context.services.scenarios.rewind_density(
        name, since=since, until=until, parts=parts, path=path or b"", replica=replica
    )
    width = (until - since) / parts
    rows = [(time_text(since + width * number), f"{count:,}") for number, count in enumerate(found.counts)]
    context.show(found, lambda: table(("From", "Changes"), rows, right=[1]))


@click.command(help="Take the replica of the stopped scenario NAME back to a point.")
@click.argument("name")
@click.option(
    "--to",
    "point",
    required=True,
    metavar="POINT",
    help="A bookmark's text, a point's id, before:ID for the state before a change, or a UTC time.",
)
@click.option(
    "--path", "paths", multiple=True, type=MasterPath(), metavar="PATH", help="Only this master path."
)
@click.option("--replica", default="", metavar="HOST", help="Which replica; needed when there are several.")
@click.option("--plan", is_flag=True, help="Print exactly what it would change; change nothing.")
@click.option(
    "--replicate-back",
    is_flag=True,
    help="Then make the master equal to it. What that replaces or removes is kept there for a while.",
)
def rewind(
    *, name: str, point: str, paths: Sequence[bytes], replica: str, plan: bool, replicate_back: bool
) -> None:
    """Rewind, or show what it would do."""
    context = current()
    service = context.services.scenarios
    if plan:
        preview = service.plan_rewind(
            name, point, paths=paths, replica=replica, replicate_back=replicate_back
        )
        _note_namesakes(service, name, replica, preview.point)
        context.show(preview, lambda: _plan_text(preview))
        return
    result = service.rewind(name, point, paths=paths, replica=replica, replicate_back=replicate_back)
    _note_namesakes(service, name, replica, result.point)
    text = (
        f"Rewound to {_point_text(result.point.text, result.point.id)} of {time_text(result.point.at)}: "
        f"{_counts_text(result.counts)}"
    )
    if result.undo_point:
        where = f" --replica {shlex.quote(replica)}" if replica else ""
        back = f"arcxo scenario rewind {shlex.quote(name)} --to {result.undo_point.id}{where}"
        text += f"\nTake it back: {back}"
    if result.master is not None:
        text += "\n" + _master_text(result.master)
    context.show(result, text)


@click.command(
    name="recover",
    help="Make the master of the stopped scenario NAME equal to what a replica has now; nothing is rewound. "
    "What that replaces or removes is kept on the master for a while.",
)
@click.argument("name")
@click.option(
    "--path", "paths", multiple=True, type=MasterPath(), metavar="PATH", help="Only this master path."
)
@click.option("--replica", default="", metavar="HOST", help="Which replica; needed when there are several.")
@click.option("--plan", is_flag=True, help="Print exactly what it would change; change nothing.")
def recover(*, name: str, paths: Sequence[bytes], replica: str, plan: bool) -> None:
    """Recover, or show what it would do."""
    context = current()
    service = context.services.scenarios
    if plan:
        preview = service.plan_recovery(name, paths=paths, replica=replica)
        context.show(preview, lambda: _would_change(preview))
        return
    result = service.recover(name, paths=paths, replica=replica)
    context.show(result, _master_text(result))


def _note_others(service: ScenarioService, name: str) -> None:
    """Say so when there are replicas whose points were not listed."""
    first, *others = (spec.host for spec in service.show(name).scenario.replicas)
    if others:
        current().note(f"These are the points of {first}. For the others: --replica {', '.join(others)}")


def _note_namesakes(service: ScenarioService, name: str, replica: str, point: RewindPoint) -> None:
    """Say so when several bookmarks have the text that was asked for."""
    if not point.text:
        return
    bookmarks = service.rewind_points(name, kinds=_NAMED, replica=replica, limit=20_000)
    others = sum(item.text == point.text and item.id != point.id for item in bookmarks)
    if others:
        current().note(
            f"{others + 1} bookmarks are called '{point.text}'; meant is the newest, of {time_text(point.at)}"
        )


def _what(point: RewindPoint) -> str:
    if point.text or not point.path:
        return point.text
    return f"{shown(point.path)} → {shown(point.new_path)}" if point.new_path else shown(point.path)


def _plan_text(plan: RewindPlan) -> str:
    head = (
        f"Rewinding to {_point_text(plan.point.text, plan.point.id)} of {time_text(plan.point.at)} "
        f"would change: {_counts_text(plan.counts)} ({size_text(plan.size_bytes)})"
    )
    text = head + _items_text(plan.items, truncated=plan.truncated)
    if plan.master is None:
        return text
    return f"{text}\n\n{_would_change(plan.master)}"


def _would_change(master: ReplicatedBack) -> str:
    return (
        f"Replicating back would change on the master: {_counts_text(master.counts)} "
        f"({size_text(master.size_bytes)})" + _items_text(master.items, truncated=master.truncated)
    )


def _master_text(master: ReplicatedBack) -> str:
    lines = [f"The master was made equal to the replica: {_counts_text(master.counts)}"]
    if master.kept_in:
        places = ", ".join(shown(path) for path in master.kept_in)
        until = time_text(master.kept_until) if master.kept_until is not None else ""
        lines.append(f"What was replaced or removed is kept in {places} until {until}")
    lines += [
        f"Not changed: {shown(item.path)}: {item.params.get('cause', item.code)}" for item in master.problems
    ]
    return "\n".join(lines)


def _items_text(items: Sequence[RewindItem], *, truncated: bool) -> str:
    if not items:
        return ""
    rows = [[item.action.value, size_text(item.size_bytes), _moved(item)] for item in items]
    return f"\n\n{table(['Action', 'Size', 'Path'], rows, right=(1,))}" + ("\n…" if truncated else "")


def _moved(item: RewindItem) -> str:
    return f"{shown(item.from_path)} → {shown(item.path)}" if item.from_path else shown(item.path)


def _point_text(text: str, point_id: str) -> str:
    return f"'{text}'" if text else point_id


def _counts_text(counts: Mapping[RewindAction, int]) -> str:
    parts = [f"{count:,} {action.value}" for action, count in counts.items() if count]
    return ", ".join(parts) if parts else "nothing"
