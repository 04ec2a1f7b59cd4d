"""`arcxo query` and `arcxo versions`: find files in all sessions."""

from __future__ import annotations

from datetime import datetime

import click

from app.cli.arguments import MasterPath, SizeRange, TimeRange
from app.cli.context import current
from app.cli.table import size_text, time_text
from app.model.entry import EntryKind
from app.model.paths import shown
from app.model.search import Query

Bounds = tuple[int | None, int | None]
Span = tuple[datetime | None, datetime | None]


@click.command(help="Search all sessions for names that match PATTERN (*, ?, […]).")
@click.argument("pattern")
@click.option("--machine", default="", metavar="HOST", help="Only this machine.")
@click.option("--in", "directory", type=MasterPath(), default=None, metavar="DIR", help="Only beneath DIR.")
@click.option(
    "--size", type=SizeRange(), default=None, metavar="MIN-MAX", help="Such as 1K-5M, 10M- or -100K."
)
@click.option("--modified", type=TimeRange(), default=None, metavar="FROM..TO", help="Times in ISO 8601.")
@click.option(
    "--backed-up",
    type=TimeRange(),
    default=None,
    metavar="FROM..TO",
    help="Held by a session that ended between these.",
)
@click.option(
    "--deleted-between", type=TimeRange(), default=None, metavar="FROM..TO", help="Gone between these."
)
@click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
def query(
    *,
    pattern: str,
    machine: str,
    directory: bytes | None,
    size: Bounds | None,
    modified: Span | None,
    backed_up: Span | None,
    deleted_between: Span | None,
    limit: int,
    offset: int,
) -> None:
    """Find names."""
    context = current()
    entries = context.services.restores.query(
        make_query(
            pattern, machine, directory, size, modified, deleted_between, limit, offset, backed_up=backed_up
        )
    )
    context.show_list(
        entries,
        [
            ("Path", lambda item: shown(item.path)),
            ("Kind", lambda item: item.kind.value),
            ("Size", lambda item: size_text(item.size_bytes) if item.kind is EntryKind.FILE else "-"),
            ("Modified", lambda item: _ns_text(item.modified_ns)),
            ("Versions", lambda item: str(item.versions)),
            ("Session", lambda item: str(item.session_number)),
            ("Deleted", lambda item: time_text(item.deleted_after)),
        ],
        empty=f"No name in any session matches {pattern}.",
        right=(2, 4, 5),
    )


def make_query(
    pattern: str,
    machine: str = "",
    directory: bytes | None = None,
    size: Bounds | None = None,
    modified: Span | None = None,
    deleted: Span | None = None,
    limit: int = 200,
    offset: int = 0,
    *,
    backed_up: Span | None = None,
) -> Query:
    """The service's query for these options."""
    size_min, size_max = size or (None, None)
    modified_from, modified_to = modified or (None, None)
    deleted_from, deleted_to = deleted or (None, None)
    backed_up_from, backed_up_to = backed_up or (None, None)
    return Query(
        pattern=pattern,
        machine=machine,
        directory=directory or b"",
        size_min=size_min,
        size_max=size_max,
        modified_from=modified_from,
        modified_to=modified_to,
        backed_up_from=backed_up_from,
        backed_up_to=backed_up_to,
        deleted_from=deleted_from,
        deleted_to=deleted_to,
        limit=limit,
        offset=offset,
    )


@click.command(help="Every version of PATH on the machine HOST.")
@click.argument("host")
@click.argument("path", type=MasterPath())
def versions(*, host: str, path: bytes) -> None:
    """The version history of one path."""
    context = current()
    context.show_list(
        context.services.restores.versions(host, path),
        [
            ("Size", lambda item: size_text(item.size_bytes)),
            ("Modified", lambda item: _ns_text(item.modified_ns)),
            ("First session", lambda item: f"{item.first_session.media_name} {item.first_session.number}"),
            ("Last session", lambda item: f"{item.last_session.media_name} {item.last_session.number}"),
            ("Backed up", lambda item: time_text(item.last_session.started_at)),
        ],
        empty=f"No session holds {shown(path)} of {host}.",
        right=(0,),
    )


def _ns_text(modified_ns: int) -> str:
    from datetime import UTC, timedelta

    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=modified_ns // 1000)
        return time_text(moment)
    except OverflowError:
        return "-"
