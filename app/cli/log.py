"""`arcxo log`: the activity log."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.arguments import UtcTime
from app.cli.context import current, with_fields
from app.cli.table import table, time_text
from app.model.events import ActivityRecord, Severity
from app.model.job_log import unpacked


@click.command(help="The activity log, oldest of the chosen lines first.")
@click.option("--job", "job_id", type=int, metavar="N", help="Only lines of job N.")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=click.Choice(["information", "warning", "error", "warnings", "errors"]),
    help="Only lines of this type; may be repeated.",
)
@click.option("--text", default="", metavar="TEXT", help="Only lines that contain TEXT.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--older-than", type=int, default=0, metavar="N", help="Only lines older than that with id N.")
@click.option(
    "--purge-before",
    type=UtcTime(),
    default=None,
    metavar="TIME",
    help="Delete the lines older than TIME for good; shows nothing.",
)
@click.option("--yes", is_flag=True, help="Do not ask before lines are deleted.")
def log(
    *,
    job_id: int | None,
    types: tuple[str, ...],
    text: str,
    limit: int,
    older_than: int,
    purge_before: datetime | None,
    yes: bool,
) -> None:
    """Show the newest lines of the activity log, or delete old ones."""
    context = current()
    if purge_before is not None:
        if job_id is not None or types or text:
            raise click.UsageError("--purge-before deletes all lines older than a time, not a choice of them")
        question = f"Delete all lines of the activity log older than {time_text(purge_before)}?"
        context.confirm(question, yes=yes, action="purge the activity log")
        deleted = context.services.log.purge(purge_before)
        context.show({"deleted": deleted}, f"{deleted:,} line(s) deleted.")
        return
    records = context.services.log.list(
        job_id=job_id,
        severities=[Severity(kind.removesuffix("s")) for kind in types],
        older_than=older_than,
        text=text,
        limit=limit,
    )
    records = sorted(records, key=lambda record: record.id)

    def human() -> str:
        if not records:
            return "The activity log has no such lines."
        rows = [
            [
                record.severity.value,
                time_text(record.at),
                "" if record.job_id is None else str(record.job_id),
                "" if record.session is None else str(record.session),
                text,
            ]
            for record in records
            for text in (_text(record), *(f"  {line}" for line in unpacked(record.params)))
        ]
        return table(["Type", "Date", "Job", "Session", "Message"], rows, right=(2, 3))

    context.show([with_fields(record, text=_text(record)) for record in records], human)


def _text(record: ActivityRecord) -> str:
    from app.messages import render

    return render(record.code, record.params).line
