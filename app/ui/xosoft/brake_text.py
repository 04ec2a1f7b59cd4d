"""What the safety brake holds and what a decision about it means, in words. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.model.brake import BrakeChange, BrakeDecision, BrakeItem, BrakeResult, BrakeReview
from app.model.entry import EntryKind
from app.model.paths import is_beneath, shown
from app.ui import formats

CHANGES = {BrakeChange.REMOVED: "Removed", BrakeChange.REWRITTEN: "Rewritten"}
DECISIONS = {
    BrakeDecision.UNDECIDED: "Undecided",
    BrakeDecision.ACCEPTED: "Accepted",
    BrakeDecision.RESTORED: "Brought back",
}
_COUNTS = (
    ("removed_files", "file", "removed"),
    ("removed_folders", "folder", "removed"),
    ("removed_others", "other entry", "removed"),
    ("rewritten_files", "file", "rewritten"),
    ("rewritten_folders", "folder", "replaced"),
    ("rewritten_others", "other entry", "replaced"),
)


def counts_text(review: BrakeReview) -> str:
    """What is held, and what of it is decided."""
    parts = []
    for key, noun, verb in _COUNTS:
        if count := review.counts.get(key, 0):
            counted = formats.counted(count, noun) if noun != "other entry" else f"{count:,} other entries"
            parts.append(f"{counted} {verb}")
    text = f"{', '.join(parts)} ({formats.size(review.size_bytes)})" if parts else "No change was recorded"
    left = review.counts.get("undecided", 0)
    decided = review.counts.get("accepted", 0) + review.counts.get("restored", 0)
    return f"{text}. {left:,} undecided, {decided:,} decided" if decided else text


def topmost(paths: Sequence[bytes]) -> tuple[bytes, ...]:
    """The paths without those that are beneath another one."""
    kept: list[bytes] = []
    for path in sorted(paths):
        if not kept or not is_beneath(path, kept[-1]):
            kept.append(path)
    return tuple(kept)


def undecided_of(items: Sequence[BrakeItem]) -> list[BrakeItem]:
    """Those that nobody has decided about."""
    return [item for item in items if item.decision is BrakeDecision.UNDECIDED]


def summary(items: Sequence[BrakeItem], *, more: bool = False) -> str:
    """`1,204 files and 4 folders removed, 3 files rewritten (2.1 GB)`; `more` = at least."""
    removed = [item for item in items if item.change is BrakeChange.REMOVED]
    files = sum(item.kind is not EntryKind.DIRECTORY for item in removed)
    folders = len(removed) - files
    parts = []
    if files or folders:
        words = [formats.counted(files, "file")] * bool(files) + [formats.counted(folders, "folder")] * bool(
            folders
        )
        parts.append(f"{' and '.join(words)} removed")
    if len(items) > len(removed):
        parts.append(f"{formats.counted(len(items) - len(removed), 'file')} rewritten")
    size = sum(item.size_bytes for item in items)
    return f"{'At least ' if more else ''}{', '.join(parts) or 'nothing'} ({formats.size(size)})"


def question(action: str, scenario: str, what: str, paths: Sequence[bytes]) -> str:
    """The title of the confirmation."""
    verb = "Accept" if action == "accept" else "Reject"
    where = "" if not paths else f" in {shown(paths[0])}" if len(paths) == 1 else f" in {len(paths):,} places"
    return f"{verb} what happened{where} on the master of {scenario}? {what}"


def consequence(action: str, review: BrakeReview) -> str:
    """What will become of files."""
    if review.root_lost:
        if action == "accept":
            return (
                "The directory is taken as it is now, and the replicas are made equal to it: what is missing "
                "there is removed from them."
            )
        return "What is missing in the directory is held then, and can be brought back. Nothing is removed."
    if action == "accept":
        point = " The rewind log of a replica can take it back later." if review.point_id else ""
        return f"The replicas do the same: removed files are removed, rewritten ones overwritten.{point}"
    return (
        "The files come back to the master from a replica. What stands there now is never overwritten: it "
        "stays beside as NAME.rejected-TIME. The held changes never reach the replicas."
    )


def result_text(action: str, result: BrakeResult) -> str:
    """What a decision did."""
    if result.lifted and not result.decided:
        # A directory as a whole: nothing of it was recorded, so nothing was counted.
        then = "the replicas are made equal to it" if action == "accept" else "what is missing in it is held"
        return f"The directory is taken as it is now; {then}"
    text = f"{formats.counted(result.decided, 'change')} {'accepted' if action == 'accept' else 'rejected'}"
    if result.restored:
        text += f", {result.restored:,} brought back ({formats.size(result.restored_bytes)})"
    if result.kept_aside:
        text += f", {result.kept_aside:,} present versions kept beside"
    if result.problems:
        text += f", {formats.counted(len(result.problems), 'entry', 'entries')} could not be brought back"
    if not result.lifted and result.left:
        text += f"; {result.left:,} still undecided"
    return text


def joined(results: Sequence[BrakeResult]) -> BrakeResult:
    """Several decisions, one after the other, as one."""
    last = results[-1]
    return replace(
        last,
        decided=sum(result.decided for result in results),
        restored=sum(result.restored for result in results),
        restored_bytes=sum(result.restored_bytes for result in results),
        kept_aside=sum(result.kept_aside for result in results),
        problems=tuple(problem for result in results for problem in result.problems),
    )
