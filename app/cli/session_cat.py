"""`arcxo session cat`: a file of a session, as it was backed up, on standard output."""

from __future__ import annotations

import sys

import click

from app.cli.arguments import MasterPath
from app.cli.context import current, read_password_file
from app.model.entry import EntryKind
from app.model.errors import UsageError

_AT_ONCE = 8 << 20


@click.command(help="Write the file PATH of session NUMBER of MEDIA to standard output; restores nothing.")
@click.argument("media")
@click.argument("number", type=click.IntRange(1))
@click.argument("path", type=MasterPath())
@click.option("--offset", type=click.IntRange(0), default=0, metavar="N", help="Begin at byte N.")
@click.option("--bytes", "count", type=click.IntRange(0), default=None, metavar="N", help="So many at most.")
@click.option("--session-password-file", metavar="FILE", help="Password of an encrypted session.")
def cat(
    *, media: str, number: int, path: bytes, offset: int, count: int | None, session_password_file: str | None
) -> int:
    """Print a file."""
    context = current()
    if context.as_json:
        raise click.UsageError("The content is written as it is; --json does not go with it")
    restores = context.services.restores
    password = read_password_file(session_password_file) if session_password_file else ""
    known = context.services.media.session(media, number)
    left = count
    while left is None or left > 0:
        limit = _AT_ONCE if left is None else min(left, _AT_ONCE)
        part = restores.read_file(
            known.media_serial, number, path, offset=offset, limit=limit, session_password=password
        )
        if part.kind is not EntryKind.FILE:
            raise UsageError("E1185", path=path.decode("utf-8", "replace"), kind=part.kind.value)
        sys.stdout.buffer.write(part.data)
        offset += len(part.data)
        left = None if left is None else left - len(part.data)
        if not part.data or offset >= part.size_bytes:
            break
    sys.stdout.buffer.flush()
    return 0
