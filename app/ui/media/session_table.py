"""The sessions of a media as a table: size, what is new, proof, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Hashable

from app.model.backup_filters import filters_of, left_out_of, rule_words
from app.model.media import SessionInfo
from app.ui import formats
from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel

CONSISTENCY = {"application": "Application", "crash": "Crash", "quiet": "Quiet", "fuzzy": "Fuzzy"}


class SessionModel(RowModel[SessionInfo]):
    """Sessions of one media, newest first."""

    columns = (
        Column("No.", 58),
        Column("Source", 140, stretch=True),
        Column("Backup time", 142),
        Column("Files", 78, right=True),
        Column("Size", 70, right=True),
        Column("New", 70, right=True),
        Column("Stored", 70, right=True),
        Column("Proof", 86),
        Column("Consistency", 92),
        Column("Remarks", 118),
    )

    def key_of(self, item: SessionInfo) -> Hashable:
        """Media and number."""
        return item.media_serial, item.number

    def cell(self, item: SessionInfo, column: int) -> Cell:
        """Paintable content."""
        match column:
            case 0:
                return Cell(str(item.number), sort=item.number)
            case 1:
                icon = "lock" if item.encrypted else "folder"
                beside = item.machine if item.scenario_name else ""
                text = item.scenario_name or item.machine
                return Cell(
                    text, icon=icon, beside=beside, tooltip=f"{text} on {item.machine}, {item.entity}"
                )
            case 2:
                at = item.finished_at
                return Cell(
                    f"{formats.local(at):%Y-%m-%d %H:%M}",
                    tooltip=formats.full_time(at),
                    sort=at.timestamp(),
                )
            case 3:
                return number(formats.count(item.files), item.files)
            case 4:
                return number(formats.size(item.size_bytes), item.size_bytes)
            case 5:
                return number(formats.size(item.new_bytes), item.new_bytes)
            case 6:
                return number(formats.size(item.stored_bytes), item.stored_bytes)
            case 7:
                states = proof(item)
                return Cell("", badges=states, tooltip=proof_words(item), sort=_proof_rank(item))
            case 8:
                word = CONSISTENCY[item.consistency.value]
                role = "warning" if item.consistency.value == "fuzzy" else "text2"
                tip = f"Snapshot: {item.snapshot_provider}" if item.snapshot_provider else ""
                return Cell(word, role=role, tooltip=tip)
            case _:
                return remarks_cell(item)


def proof(session: SessionInfo) -> tuple[tuple[str, str], ...]:
    """The three badges: written, verified, restore-tested."""
    verified = "failed" if session.damaged else "done" if session.verified_at else "none"
    return (
        ("written", "done" if session.written_at else "none"),
        ("shield-check", verified),
        ("rotate-ccw", "done" if session.restore_tested_at else "none"),
    )


def proof_words(session: SessionInfo) -> str:
    """When and what was proven, one line each."""
    lines = [f"Written {formats.timestamp(session.written_at)}" if session.written_at else "Not written"]
    if session.damaged:
        lines.append(f"Damage found {formats.timestamp(session.verified_at)}")
    elif session.verified_at:
        lines.append(f"Verified {formats.timestamp(session.verified_at)}: what was written reads back")
    else:
        lines.append("Not verified yet")
    if session.restore_tested_at:
        lines.append(
            f"Restore-tested {formats.timestamp(session.restore_tested_at)}: "
            f"{session.restore_tested_percent}% of its files restored and compared"
        )
    else:
        lines.append("Not restore-tested yet")
    return "\n".join(lines)


def _proof_rank(session: SessionInfo) -> int:
    if session.damaged:
        return -1
    return bool(session.written_at) + bool(session.verified_at) + 2 * bool(session.restore_tested_at)


def filter_words(session: SessionInfo) -> str:
    """The patterns that a session was written with and what each left out, one line each; "" for none."""
    filters = filters_of(session.filters)
    lines = [f"Takes only {', '.join(filters.include)}"] if filters.include else []
    lines += [f"Leaves out {', '.join(filters.exclude)}"] if filters.exclude else []
    for one in left_out_of(session.left_out):
        folders = f", {formats.counted(one.directories, 'folder')} with all in it" if one.directories else ""
        files = f"{formats.counted(one.files, 'file')} ({formats.size(one.size_bytes)})"
        lines.append(f"{rule_words(one.rule)}: {files}{folders}")
    return "\n".join(lines)


def remarks_cell(session: SessionInfo) -> Cell:
    """What a person must know of a session; the worst in its colour."""
    words = []
    words += ["damaged"] if session.damaged else []
    words += ["incomplete"] if session.incomplete else []
    words += ["encrypted"] if session.encrypted else []
    words += [f"copy of session {session.origin_number}"] if session.origin_serial else []
    words += [] if session.detail else ["names on the media only"]
    words += ["filtered"] if session.filters else []
    if not words:
        return Cell(formats.NONE, role="muted", sort="")
    text = ", ".join(words)
    text = text[:1].upper() + text[1:]
    if session.damaged:
        return Cell(text, icon="octagon-alert", icon_role="error", role="error", sort=text)
    if session.incomplete:
        return Cell(text, icon="triangle-alert", icon_role="warning", role="warning", sort=text)
    return Cell(text, role="text2", sort=text, tooltip=filter_words(session))
