"""What `session remove` and `media purge` share: what goes, what that frees, and the question before it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.cli.context import CommandContext
from app.cli.job import finish_submission
from app.cli.table import size_text
from app.model.media import PurgePlan, SessionInfo


def purge(
    context: CommandContext, serial: str, numbers: Sequence[int], *, only_plan: bool, yes: bool, wait: bool
) -> int:
    """Show the plan, or ask and submit the job."""
    service = context.services.media
    if only_plan:
        found = service.plan_purge(serial, numbers)
        context.show(found, plan_text(found))
        return 0
    if not yes:
        found = service.plan_purge(serial, numbers)
        context.note(plan_text(found))
        what = f"{len(found.sessions):,} session(s)" if found.sessions else "what no session uses"
        question = f"Remove {what} of {found.media_name} for good, and free {size_text(found.frees_bytes)}?"
        context.confirm(question, yes=False, action=f"purge {found.media_name}")
    return finish_submission(service.purge(serial, numbers), wait=wait)


def plan_text(found: PurgePlan) -> str:
    """A plan for a person."""
    size = f"{size_text(found.frees_bytes)} ({found.frees_bytes:,} bytes)"
    lines = [
        f"Media {found.media_name}: this frees {size} in {found.frees_packs:,} pack(s).",
        f"Sessions that go: {', '.join(map(str, found.sessions)) or 'none'}; {found.remaining:,} remain.",
    ]
    if found.garbage_bytes:
        lines.append(f"Of it {size_text(found.garbage_bytes)} belong to no session already now.")
    if found.repacks_bytes:
        lines.append(
            f"Of it {size_text(found.repacks_bytes)} come from {found.repacks_packs:,} pack(s) that are "
            "written anew with only what the remaining sessions use."
        )
    if found.waits_bytes:
        lines.append(
            f"{size_text(found.waits_bytes)} of it are freed when the {found.writers:,} backup(s) that run "
            "now are done."
        )
    if found.partly_dead_bytes:
        lines.append(
            f"{size_text(found.partly_dead_bytes)} stay in {found.partly_dead_packs:,} pack(s) of which the "
            "remaining sessions use another part."
        )
    return "\n".join(lines)


def chosen_by_age(sessions: Sequence[SessionInfo], before: datetime, keep: int) -> list[int]:
    """Sessions that finished before a time, but never the newest `keep` of a scenario's volume."""
    kept: dict[tuple[str, str, int | None], int] = {}
    found = []
    for session in sorted(sessions, key=lambda one: (one.finished_at, one.number), reverse=True):
        volume = (session.machine, session.entity, session.scenario_id)
        kept[volume] = kept.get(volume, 0) + 1
        if kept[volume] > keep and session.finished_at < before:
            found.append(session.number)
    return sorted(found)
