"""`arcxo scenario brake NAME show|accept|reject`: what the safety brake holds, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from app.cli.arguments import MasterPath
from app.cli.context import current
from app.cli.table import size_text, table, time_text
from app.model.brake import BrakeChange, BrakeDecision, BrakeResult, BrakeReview
from app.model.errors import ArcxoError, ExitCode
from app.model.paths import shown

_HELP = """Review and decide what the safety brake of the scenario NAME holds back.

The brake stops the replicas of a scenario when a master directory is emptied, vanishes or is another one
than before, or when too many of its files are removed or rewritten within a minute (property
brake_percent). The replicas keep what they have; changes go on being recorded.

\b
show    what is held: counts, and the entries by path
accept  it was meant: it goes to the replicas
reject  it was not: files come back to the master from a replica. What stands there now is never
        overwritten: it stays beside as NAME.rejected-TIME. The held changes never reach the replicas

With --path only that folder or file is decided about. The replicas go on once everything is decided.
Of a directory that vanished or is another one, accept takes it as it is now; reject holds what is
missing in it, to be decided then.
"""
_KINDS = ("files", "folders", "others")


@click.command(help=_HELP)
@click.argument("name")
@click.argument("action", type=click.Choice(["show", "accept", "reject"]))
@click.option("--path", type=MasterPath(), default=None, metavar="PATH", help="Only this master path.")
@click.option("--limit", type=click.IntRange(0, 10_000), default=200, show_default=True, help="For show.")
def brake(*, name: str, action: str, path: bytes | None, limit: int) -> None:
    """Show or decide."""
    context = current()
    service = context.services.scenarios
    if action == "show":
        review = service.brake_review(name, path=path or b"", limit=limit)
        context.show(review, lambda: _review_text(name, review))
        return
    decide = service.brake_accept if action == "accept" else service.brake_reject
    result = decide(name, path=path or b"")
    context.show(result, lambda: _result_text(name, action, result))
    if result.problems:
        raise ArcxoError("E1139", name=name, count=len(result.problems), exit_code=ExitCode.INCOMPLETE)


def _review_text(name: str, review: BrakeReview) -> str:
    if not review.braked:
        return f"The safety brake of {name} holds nothing."
    lines = [review.reason]
    if review.since is not None:
        lines.append(f"Since:   {time_text(review.since)}")
    held = _counts_text(review, [f"{change}_{kind}" for change in BrakeChange for kind in _KINDS])
    lines.append(f"Held:    {held or 'nothing was recorded'} ({size_text(review.size_bytes)})")
    if decisions := _counts_text(review, list(BrakeDecision)):
        lines.append(f"Of them: {decisions}")
    if review.limit_files:
        usual = f"{review.usual_per_minute:,.1f} per minute"
        lines.append(f"Limit:   {review.limit_files:,} files within a minute; usual: {usual}")
    if review.point_id:
        lines.append(f"Before:  rewind point {review.point_id}")
    lines.append(f"Decide:  arcxo scenario brake {name} accept   or   reject   [--path PATH]")
    if review.items:
        rows = [
            [
                item.change.value,
                item.kind.value,
                size_text(item.size_bytes),
                item.decision.value,
                shown(item.path),
            ]
            for item in review.items
        ]
        lines += ["", table(["Change", "Type", "Size", "Decision", "Path"], rows, right=(2,))]
    if review.truncated:
        lines.append("…")
    return "\n".join(lines)


def _counts_text(review: BrakeReview, keys: Sequence[str]) -> str:
    return ", ".join(
        f"{review.counts[key]:,} {key.replace('_', ' ')}" for key in keys if review.counts.get(key)
    )


def _result_text(name: str, action: str, result: BrakeResult) -> str:
    from app.messages import render

    if result.lifted and not result.decided:
        # A directory as a whole: nothing of it was recorded, so nothing was counted.
        taken = "The directory is taken as it is now"
        if action == "accept":
            return f"{taken}; the replicas are made equal to it"
        return f"{taken}; what is missing in it is held, to be decided: arcxo scenario brake {name} show"
    word = "accepted" if action == "accept" else "rejected"
    text = f"{result.decided:,} changes {word}"
    if result.restored:
        text += f"; {result.restored:,} entries ({size_text(result.restored_bytes)}) brought back"
    if result.kept_aside:
        text += f"; {result.kept_aside:,} present versions kept beside as NAME.rejected-TIME"
    lines = [text]
    lines += [render(problem.code, problem.params).text for problem in result.problems]
    if result.lifted:
        lines.append(f"The safety brake of {name} is released")
    else:
        lines.append(f"{result.left:,} changes are still undecided: arcxo scenario brake {name} show")
    return "\n".join(lines)
