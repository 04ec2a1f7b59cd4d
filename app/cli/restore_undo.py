"""`arcxo restore undo JOB` and `restore pending`: the way back, and what waits for a program to end."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from app.cli.context import current
from app.cli.job import finish_submission
from app.cli.table import size_text, table, time_text
from app.model.errors import ExitCode
from app.model.paths import shown
from app.model.restore import UndoPlan

HOST = click.option("--host", default="localhost", show_default=True, metavar="HOST", help="On this host.")


@click.command(help="Take back what the restore JOB did, but for what was changed since.")
@click.argument("job", type=int, required=False)
@click.option("--list", "listed", is_flag=True, help="List the restores that can be undone.")
@click.option("--force", is_flag=True, help="Take back what was changed since, too: those changes are lost.")
@click.option("--plan", is_flag=True, help="Print exactly what it would do; change nothing.")
@click.option("--items", type=click.IntRange(1), default=1000, show_default=True, metavar="N")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its last result.")
@HOST
def undo(*, job: int | None, listed: bool, force: bool, plan: bool, items: int, wait: bool, host: str) -> int:
    """Undo a restore, say what that would do, or list what can be undone."""
    context = current()
    restores = context.services.restores
    if listed:
        context.show_list(
            restores.kept(host),
            [
                ("Job", lambda item: str(item.job_id)),
                ("Until", lambda item: time_text(_moment(item.until_ns))),
                ("Kept", lambda item: size_text(item.kept_bytes)),
                ("Waiting", lambda item: str(item.pending)),
            ],
            empty="There is no restore that can be undone",
            right=(0, 2, 3),
        )
        return int(ExitCode.DONE)
    if job is None:
        raise click.UsageError("Give the number of the restore's job; --list shows those that can be undone")
    if plan:
        preview = restores.plan_undo(job, force=force, limit=items)
        context.show(preview, lambda: undo_text(preview))
        return int(ExitCode.DONE)
    return finish_submission(restores.undo(job, force=force), wait=wait)


@click.command(help="List restored files that wait for a program to let go of the ones they replace.")
@HOST
def pending(*, host: str) -> None:
    """What waits as .TMP beside files that are open."""
    current().show_list(
        current().services.restores.pending(host),
        [
            ("Job", lambda item: str(item.job_id)),
            ("Since", lambda item: time_text(_moment(item.since_ns))),
            ("Replaces", lambda item: shown(item.target)),
            ("Waits as", lambda item: shown(item.waiting)),
            ("Why", lambda item: item.reason),
        ],
        empty="No restored file waits",
        right=(0,),
    )


def undo_text(plan: UndoPlan) -> str:
    """What an undo would do, for people."""
    back = f"bring back {plan.brought_back:,} ({size_text(plan.size_bytes)}), remove {plan.removed:,}"
    lines = [f"The undo would {back} and leave {plan.changed:,} that were changed since"]
    if plan.items:
        rows = [[item.action.value.replace("_", " "), shown(item.target), item.reason] for item in plan.items]
        lines += ["", table(["Action", "Path", "Reason"], rows)]
    if plan.truncated:
        lines.append("…")
    return "\n".join(lines)


def _moment(time_ns: int) -> datetime:
    return datetime.fromtimestamp(time_ns / 1e9, UTC)
