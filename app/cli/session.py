"""`arcxo session …`: backup sessions."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.arguments import UtcTime
from app.cli.context import current, read_password_file
from app.cli.job import finish_submission
from app.cli.media_utilities import copy_sessions
from app.cli.session_cat import cat
from app.cli.session_difference import difference
from app.cli.session_report import document, ratio_text, sequences, size_fields
from app.cli.table import size_text, time_text
from app.model.job import Schedule
from app.model.media import SessionInfo


@click.group(help="Backup sessions.")
def session() -> None:
    """Commands for sessions."""


session.add_command(copy_sessions)
session.add_command(cat)
session.add_command(difference)


@session.command(name="list", help="List the sessions of all media, or of MEDIA (name, ID or serial).")
@click.argument("media", required=False)
def list_sessions(*, media: str | None) -> None:
    """Sessions, oldest first."""
    context = current()
    service = context.services.media
    if media:
        from app.cli.media import serials_of

        # The name of a set that spans several media means all of them.
        serials = serials_of(service.media(), media)
        sessions = [item for serial in serials for item in service.sessions(serial)]
    else:
        sessions = list(service.sessions())
    sessions = sorted(sessions, key=lambda item: (item.started_at, item.number))
    known = service.media()
    if context.as_json:
        context.show([document(item, known) for item in sessions], "")
        return
    sequence = sequences(known)
    context.show_list(
        sessions,
        [
            ("Media", lambda item: item.media_name),
            ("ID", lambda item: item.media_id),
            ("Seq", lambda item: str(sequence.get(item.media_serial, "-"))),
            ("Session", lambda item: str(item.number)),
            ("Scenario", lambda item: item.scenario_name or f"{item.machine}:{item.entity}"),
            ("Volume", lambda item: item.entity),
            ("Date", lambda item: time_text(item.started_at)),
            ("Files", lambda item: f"{item.files:,}"),
            ("Folders", lambda item: f"{item.directories:,}"),
            ("Size", lambda item: size_text(item.size_bytes)),
            ("New", lambda item: size_text(item.new_bytes)),
            ("Stored", lambda item: size_text(item.stored_bytes)),
            ("Ratio", lambda item: ratio_text(item.size_bytes, item.stored_bytes)),
            ("Consistency", lambda item: item.consistency.value),
            ("Notes", _notes),
        ],
        empty="No sessions yet. Back up a scenario: arcxo backup --scenario NAME",
        right=(2, 3, 7, 8, 9, 10, 11, 12),
    )


@session.command(help="Show one session. MEDIA is a name, an ID or a serial.")
@click.argument("media")
@click.argument("number", type=int)
def show(*, media: str, number: int) -> None:
    """All that is known of a session."""
    context = current()
    item = context.services.media.session(media, number)
    known = context.services.media.media()
    context.show_fields(
        document(item, known),
        [
            ("Session", f"{item.number} on {item.media_name} [ID {item.media_id}]"),
            ("Machine", item.machine),
            ("Scenario", item.scenario_name or "none: a directory backed up by itself"),
            ("Replica", item.replica),
            ("Volume", item.entity),
            ("Started", time_text(item.started_at)),
            ("Finished", time_text(item.finished_at)),
            *size_fields(item, known),
            ("Consistency", item.consistency.value),
            ("Snapshot", item.snapshot_provider),
            ("Encrypted", "yes" if item.encrypted else "no"),
            ("Written", time_text(item.written_at)),
            ("Verified", ("damage found " if item.damaged else "") + time_text(item.verified_at)),
            ("Restore tested", _tested(item)),
            ("Notes", _notes(item)),
        ],
    )


@session.command(
    name="restore-test",
    help="Restore session NUMBER of MEDIA to a scratch directory and compare. Without NUMBER: the newest of "
    "each volume.",
)
@click.argument("media")
@click.argument("number", type=click.IntRange(1), required=False)
@click.option(
    "--sample",
    type=click.IntRange(1, 100),
    default=100,
    metavar="PERCENT",
    help="Test so many percent of the files, others each time; needs little room.",
)
@click.option("--scratch", default="", metavar="DIR", help="Where to restore to; /var/tmp by default.")
@click.option("--session-password-file", metavar="FILE", help="Password of encrypted sessions.")
@click.option("--run-at", type=UtcTime(), default=None, metavar="TIME", help="ISO 8601, UTC by default.")
@click.option("--repeat", default="", metavar="RRULE", help="Test again by this RFC 5545 recurrence rule.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")
def restore_test(
    *,
    media: str,
    number: int | None,
    sample: int,
    scratch: str,
    session_password_file: str | None,
    run_at: datetime | None,
    repeat: str,
    wait: bool,
) -> int:
    """Submit a restore test."""
    from app.cli.media import find_media

    service = current().services.media
    serial = find_media(service.media(), media, [number] if number else [], service.sessions).serial
    password = read_password_file(session_password_file) if session_password_file else ""
    job = service.restore_test(
        serial,
        number or 0,
        percent=sample,
        scratch=scratch,
        session_password=password,
        schedule=Schedule(run_at, repeat),
    )
    return finish_submission(job, wait=wait)


@session.command(help="Remove sessions from MEDIA (name, ID or serial) and free what only they use.")
@click.argument("media")
@click.argument("numbers", metavar="NUMBER...", type=int, nargs=-1, required=True)
@click.option("--plan", "only_plan", is_flag=True, help="Tell what this frees; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")
def remove(*, media: str, numbers: tuple[int, ...], only_plan: bool, yes: bool, wait: bool) -> int:
    """Submit a job that removes sessions, or tell what it would do."""
    from app.cli.media import find_media
    from app.cli.purging import purge

    context = current()
    service = context.services.media
    serial = find_media(service.media(), media, numbers, service.sessions).serial
    return purge(context, serial, sorted(set(numbers)), only_plan=only_plan, yes=yes, wait=wait)


def _notes(item: SessionInfo) -> str:
    notes = [
        text
        for holds, text in (
            (item.damaged, "damaged"),
            (item.incomplete, "incomplete"),
            (item.encrypted, "encrypted"),
            (bool(item.origin_serial), "copy"),
            (not item.detail, "without names"),
            (bool(item.filters), "filtered"),
            (item.verified_at is not None and not item.damaged, "verified"),
            (item.restore_tested_at is not None, "restore-tested"),
        )
        if holds
    ]
    return ", ".join(notes)


def _tested(item: SessionInfo) -> str:
    sample = f", {item.restore_tested_percent} % of the files" if item.restore_tested_percent < 100 else ""
    return time_text(item.restore_tested_at) + (sample if item.restore_tested_at is not None else "")
