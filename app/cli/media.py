"""`arcxo media …`: the media of this home's devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import click

from app.cli.arguments import UtcTime
from app.cli.context import current, read_password_file
from app.cli.job import finish_submission
from app.cli.media_key import key, recovery_kit
from app.cli.media_sets import erase, expire, format_media, rename, retire
from app.cli.media_utilities import compare, copy, merge, prune, scan
from app.cli.table import size_text, time_text
from app.model.errors import NotFoundError, UsageError
from app.model.media import MediaInfo, SessionInfo


@click.group(help="Media.")
def media() -> None:
    """Commands for media."""


media.add_command(key)
media.add_command(recovery_kit)
for utility in (scan, merge, compare, copy, prune):
    media.add_command(utility)


for _verb in (format_media, erase, rename, expire, retire):
    media.add_command(_verb)


@media.command(name="list", help="List the media.")
def list_media() -> None:
    """All media."""
    context = current()
    context.show_list(
        context.services.media.media(),
        [
            ("Media", lambda item: item.name),
            ("ID", lambda item: item.media_id),
            ("Sequence", lambda item: str(item.sequence)),
            ("Serial", lambda item: item.serial),
            ("Device", lambda item: item.device),
            ("Group", lambda item: item.group),
            ("Sessions", lambda item: str(item.sessions)),
            ("Used", lambda item: size_text(item.used_bytes)),
            ("Made", lambda item: time_text(item.created_at)),
            ("Pool", lambda item: f"{item.pool} ({item.pool_set})" if item.pool else "-"),
            ("Expires", lambda item: time_text(item.expires_at) if item.expires_at else "-"),
            ("State", lambda item: "retired" if item.retired else "online" if item.online else "offline"),
        ],
        empty="No media yet. Make one: arcxo media format DEVICE NAME",
        right=(2, 6, 7),
    )


@media.command(help="Read MEDIA (name, ID or serial) and check it; --full checks every byte.")
@click.argument("media_name", metavar="MEDIA")
@click.option("--full", is_flag=True, help="Check every pack, not only the structure.")
@click.option(
    "--heal", is_flag=True, help="Repair damage from what holds the same content; else put it in quarantine."
)
@click.option(
    "--session-password-file", metavar="FILE", help="Password of encrypted sessions, to name their files."
)
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")
def verify(*, media_name: str, full: bool, heal: bool, session_password_file: str | None, wait: bool) -> int:
    """Submit a verification job."""
    service = current().services.media
    find_media(service.media(), media_name)
    password = read_password_file(session_password_file) if session_password_file else ""
    return finish_submission(
        service.verify(media_name, full=full, heal=heal, session_password=password), wait=wait
    )


@media.command(help="Remove sessions of MEDIA (name, ID or serial), and free what no session uses any more.")
@click.argument("media_name", metavar="MEDIA")
@click.option(
    "--session", "numbers", type=int, multiple=True, metavar="N", help="Remove session N; repeatable."
)
@click.option(
    "--before",
    type=UtcTime(),
    default=None,
    metavar="TIME",
    help="Remove sessions older than TIME.",
)
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="With --before: newest sessions of each volume that stay whatever their age.",
)
@click.option("--plan", "only_plan", is_flag=True, help="Tell what this frees; change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--wait", is_flag=True, help="Wait for the job; exit by its result.")
def purge(
    *,
    media_name: str,
    numbers: tuple[int, ...],
    before: datetime | None,
    keep: int,
    only_plan: bool,
    yes: bool,
    wait: bool,
) -> int:
    """Submit a purge job, or tell what it would do."""
    from app.cli.purging import chosen_by_age
    from app.cli.purging import purge as ask_and_purge

    context = current()
    service = context.services.media
    known = service.media()
    serial = find_media(known, media_name, numbers, service.sessions).serial
    chosen = set(numbers)
    if before is not None:
        chosen.update(chosen_by_age(service.sessions(serial), before, keep))
    return ask_and_purge(context, serial, sorted(chosen), only_plan=only_plan, yes=yes, wait=wait)


def find_media(
    items: Sequence[MediaInfo],
    name: str,
    numbers: Sequence[int] = (),
    sessions_of: Callable[[str], Sequence[SessionInfo]] | None = None,
) -> MediaInfo:
    """The media with this serial, or this name or ID where that is unique; of a set, its first media.

    Raises:
        NotFoundError: E1110 no such media. UsageError: E1111 several.
    """
    exact = [item for item in items if item.serial == name]
    found = exact or [item for item in items if name in (item.name, item.media_id)]
    if not found:
        raise NotFoundError("E1110", media=name)
    if len({item.set_id for item in found}) > 1:
        raise UsageError("E1111", media=name, serials=", ".join(item.serial for item in found))
    found = sorted(found, key=lambda item: item.sequence)
    if len(found) > 1 and numbers and sessions_of is not None:
        # Numbers go on over the media of a set: one of them has the session.
        for item in found:
            if numbers[0] in {session.number for session in sessions_of(item.serial)}:
                return item
    return found[0]


def serials_of(items: Sequence[MediaInfo], name: str) -> list[str]:
    """The serial that is named, or those of all media of the set that is. Raises as `find_media`."""
    found = find_media(items, name)
    if name == found.serial:
        return [name]
    return [item.serial for item in items if item.set_id == found.set_id]
