"""Plans of restores, printed; a long one path by path, so that it never has to be held."""

from __future__ import annotations

import json
from collections.abc import Mapping

from app.cli.context import current
from app.cli.jsonform import json_value
from app.cli.restore_owners import owner_lines
from app.cli.table import printable, size_text, table
from app.model.paths import shown
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.services.api import RestoreRequest, RestoreService

MUST_BE_CONFIRMED = frozenset({"E5186", "E5188", "E5199"})


def show_plan(restores: RestoreService, request: RestoreRequest, items: int) -> None:
    """Print what a restore would do, with up to `items` paths; 0 = all."""
    context = current()
    if items:
        plan = restores.plan(request, limit=items)
        context.show(plan, lambda: plan_text(plan))
    elif context.as_json:
        _stream_json(restores, request)
    else:
        plan = restores.plan(request, limit=0, on_item=lambda item: context.write(item_text(item)))
        show_summary(plan)


def show_summary(plan: RestorePlan) -> None:
    """Tell a person the figures of a plan."""
    current().note("\n".join(summary_lines(plan)))


def _stream_json(restores: RestoreService, request: RestoreRequest) -> None:
    """One JSON document, its paths first: the counts are known when all have been seen."""
    context = current()
    first = True

    def tell(item: RestoreItem) -> None:
        nonlocal first
        context.write(("" if first else ",") + json.dumps(json_value(item), ensure_ascii=True))
        first = False

    context.write('{"items": [')
    plan = restores.plan(request, limit=0, on_item=tell)
    fields = json_value(plan)
    fields.pop("items")
    fields["truncated"] = False
    context.write("], " + json.dumps(fields, ensure_ascii=True)[1:])


def plan_text(plan: RestorePlan) -> str:
    """A restore plan for people."""
    lines = summary_lines(plan)
    if plan.items:
        rows = [
            [item.action.value, size_text(item.size_bytes), shown(item.target), item.reason]
            for item in plan.items
        ]
        lines += ["", table(["Action", "Size", "Path", "Reason"], rows, right=(1,))]
    if plan.truncated:
        lines.append("…")
    return "\n".join(lines)


def item_text(item: RestoreItem) -> str:
    """One path of a plan on one line."""
    reason = f"  ({item.reason})" if item.reason else ""
    return (
        f"{item.action.value:<9}  {size_text(item.size_bytes):>10}  {printable(shown(item.target))}{reason}"
    )


def summary_lines(plan: RestorePlan) -> list[str]:
    """The figures of a plan, and what it means for the way back."""
    where = f" on {plan.host}" if plan.host else ""
    known = ", of what can be listed" if plan.unlisted else ""
    lines = [f"The restore{where} would: {_counts_text(plan.counts)} ({size_text(plan.size_bytes)}){known}"]
    if plan.free_bytes is not None:
        lines.append(f"Free there: {size_text(plan.free_bytes)}")
    replaced = plan.counts.get(RestoreAction.OVERWRITE, 0) + plan.counts.get(RestoreAction.DELETE, 0)
    if plan.undo_days:
        kept = size_text(plan.kept_bytes)
        lines.append(f"Kept aside for {plan.undo_days} days, for an undo: {kept}")
        if 0 < plan.undo_max_bytes < plan.kept_bytes:
            allowed = size_text(plan.undo_max_bytes)
            lines.append(f"More than {allowed} is not allowed: it would not begin (--undo-max-mb, --no-undo)")
    elif replaced:
        lines.append("Nothing is kept aside: it cannot be undone")
    lines += plan.out_of_reach
    lines += owner_lines(plan)
    if plan.stops_scenario:
        lines.append(f"The scenario {plan.stops_scenario} is stopped first, and stays stopped")
    if plan.into_replica:
        name = plan.into_replica
        lines.append(
            f"The directory is in the replica of scenario {name}: what is restored goes when it runs"
        )
    return lines


def _counts_text(counts: Mapping[RestoreAction, int]) -> str:
    parts = [f"{action.value} {count:,}" for action, count in counts.items() if count]
    return ", ".join(parts) if parts else "change nothing"
