"""What a restore's plan says: items with reasons, amounts in words, and what it needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.messages import render
from app.model.job import Conflict, Destination
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.services.api import RestoreRequest
from app.ui import formats
from app.ui.restore.requests import LoginRow, changed, overlapping
from app.ui.widgets.status import Status

ACTIONS = {
    RestoreAction.CREATE: Status("create", "file-plus", "ok"),
    RestoreAction.OVERWRITE: Status("overwrite", "file-pen", "warning"),
    RestoreAction.RENAME: Status("rename", "copy", "info"),
    RestoreAction.SKIP: Status("skip", "skip-forward", "text2"),
    RestoreAction.DELETE: Status("delete", "trash-2", "error"),
}
_REASONS = {
    RestoreAction.CREATE: "Not there now",
    RestoreAction.OVERWRITE: "Already there, rule: overwrite all",
    RestoreAction.RENAME: "Already there, the restored one gets another name",
    RestoreAction.SKIP: "Stays as it is",
    RestoreAction.DELETE: "Removed",
}
_SAID = {
    "exists": "Already there, rule: skip existing",
    "newer": "As new or newer there, rule: overwrite older",
    "superseded": "A newer session has it, too",
    "open": "A program has it open: waits beside it as .TMP",
    "not in the session": "Not in the session",
}
_TWICE = {
    Conflict.OVERWRITE: "What several of them have comes from the newest.",
    Conflict.RENAME: "What several of them have is restored of each, side by side.",
    Conflict.SKIP: "What several of them have comes from the newest.",
    Conflict.OLDER: "What several of them have comes from the newest.",
}


@dataclass(frozen=True, slots=True)
class PlanInput:
    """What is planned. `files` the chosen paths when only files are chosen, else empty."""

    requests: Sequence[RestoreRequest]
    rows: Sequence[LoginRow]
    where: str
    files: frozenset[bytes] = frozenset()
    when: str = "Runs now"
    name: str = ""


def reason(item: RestoreItem, conflict: Conflict = Conflict.OVERWRITE) -> str:
    """Why this happens to the item, as a sentence part."""
    said = _SAID.get(item.reason, item.reason)
    if said[:1] == "E" and said[1:].isdigit():
        return render(said, {}).text
    if not said and item.action is RestoreAction.OVERWRITE and conflict is Conflict.OLDER:
        return "Older there, rule: overwrite older"
    return said[:1].upper() + said[1:] if said else _REASONS[item.action]


def amount(plan: RestorePlan, files: frozenset[bytes]) -> tuple[str, str]:
    """What is written, for the button, and what the title adds.

    The counts are of files and folders together. Files are told apart only where everything is listed and
    only files were chosen; folders then are those made for them.
    """
    total = changed(plan)
    if not files or plan.truncated:
        return formats.counted(total, "item"), ""
    written = [item for item in plan.items if item.action is not RestoreAction.SKIP]
    of_files = sum(item.source in files for item in written)
    if len(written) != total or not of_files:
        return formats.counted(total, "item"), ""
    made = total - of_files
    return formats.counted(of_files, "file"), f" and make {formats.counted(made, 'folder')}" if made else ""


def _way_back(plan: RestorePlan) -> tuple[str, str, str, str] | None:
    """What is kept of what the restore replaces or removes; None when it does neither."""
    kept = formats.size(plan.kept_bytes)
    if not plan.undo_days:
        lost = plan.counts.get(RestoreAction.OVERWRITE, 0) + plan.counts.get(RestoreAction.DELETE, 0)
        if not lost:
            return None
        finding = "What is replaced or removed is gone for good."
        return "triangle-alert", "warning", "This cannot be undone", finding
    if 0 < plan.undo_max_bytes < plan.kept_bytes:
        finding = (
            f"{kept} would be kept aside, {formats.size(plan.undo_max_bytes)} may be. It will not begin."
        )
        return "triangle-alert", "warning", "Too much to keep aside", finding
    days = formats.counted(plan.undo_days, "day")
    return "circle-check", "ok", "Can be undone", f"{kept} of what is there now is kept aside for {days}."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def busy_check(reasons: Mapping[str, int]) -> list[tuple[str, str, str, str]]:
    """Files whose program is running: they wait beside what they replace."""
    count = reasons.get("open", 0)
    if not count:
        return []
    subject = "1 file is open in a program" if count == 1 else f"{count:,} files are open in programs"
    finding = "They are restored beside as .TMP, and replace the open ones when the programs let go of them."
    return [("triangle-alert", "warning", subject, finding)]


def checks(plan: RestorePlan, planned: PlanInput) -> list[tuple[str, str, str, str]]:
    """Icon, role, subject and finding of what the restore needs before it starts."""
    needed = ("at least " if plan.unlisted else "") + formats.size(plan.size_bytes)
    found = []
    if plan.free_bytes is None:
        found.append(("info", "muted", "Space", f"{_upper(needed)} needed; free space there is not known"))
    elif plan.free_bytes < plan.size_bytes:
        found.append(
            (
                "triangle-alert",
                "warning",
                "Space may not suffice",
                f"{_upper(needed)} needed, {formats.size(plan.free_bytes)} free",
            )
        )
    else:
        found.append(
            ("circle-check", "ok", "Space", f"{_upper(needed)} needed, {formats.size(plan.free_bytes)} free")
        )
    locked = [row.part.session.number for row in planned.rows if row.part.session.encrypted]
    if locked:
        numbers = ", ".join(map(str, sorted(locked)))
        found.append(("circle-check", "ok", "Session password", f"accepted for session {numbers}"))
    scripts = [request.script for request in planned.requests]
    twice = overlapping(planned.rows)
    if twice:
        numbers = ", ".join(map(str, twice))
        finding = f"Sessions {numbers}. {_TWICE[scripts[0].conflict]}"
        found.append(("triangle-alert", "warning", "The same paths from several sessions", finding))
    found += [("triangle-alert", "warning", "A part is out of reach", line) for line in plan.out_of_reach]
    way_back = _way_back(plan)
    if way_back is not None:
        found.append(way_back)
    if plan.stops_scenario:
        finding = "It stays stopped afterwards: run it again in the XOsoft Manager."
        if any(script.continue_if_not_stopped for script in scripts):
            finding += (
                " If it cannot be stopped, the restore goes on and the Master may overwrite restored files."
            )
        else:
            finding += " If it cannot be stopped, the job fails and restores nothing."
        found.append(
            ("triangle-alert", "warning", f"{plan.stops_scenario} is stopped before the restore", finding)
        )
    elif plan.into_replica:
        finding = (
            "The scenario keeps that folder like its Master's: what is restored there goes when it runs, if "
            "not before. Restore to the original location instead, or to another folder."
        )
        subject = f"The folder is in the Replica of {plan.into_replica}"
        found.append(("triangle-alert", "warning", subject, finding))
    elif all(script.destination is Destination.DIRECTORY for script in scripts):
        found.append(("circle-check", "ok", "No scenario is stopped", "The data goes to another folder."))
    else:
        found.append(("circle-check", "ok", "No scenario is stopped", "None of them is running."))
    return found
