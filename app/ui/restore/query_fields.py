"""From the typed fields of Restore by Query to a query, with what is wrong in them. Qt-free."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app.model.search import Query

_SIZE = re.compile(r"^\s*([0-9]+(?:[.,][0-9]+)?)\s*(bytes?|b|kb|mb|gb|tb)?\s*$", re.IGNORECASE)
_UNITS = {"b": 0, "byte": 0, "bytes": 0, "kb": 1, "mb": 2, "gb": 3, "tb": 4}
PAGE = 200


class FieldError(Exception):
    """One field cannot be used: which, and why."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def parse_size(field: str, text: str) -> int | None:
    """Bytes of "40 GB"; None when empty. Raises FieldError."""
    if not text.strip():
        return None
    found = _SIZE.match(text)
    if found is None:
        raise FieldError(field, "Not a size. Write a number with a unit, like 40 MB.")
    unit = (found.group(2) or "b").lower()
    return int(float(found.group(1).replace(",", ".")) * 1024.0 ** _UNITS[unit])


def parse_date(field: str, text: str, *, end: bool = False) -> datetime | None:
    """Local date, or date and time; with `end` a bare date means its last moment. Raises FieldError."""
    said = text.strip()
    if not said:
        return None
    for form, whole_day in (("%Y-%m-%d %H:%M", False), ("%Y-%m-%d", True)):
        try:
            at = datetime.strptime(said, form)  # noqa: DTZ007 - a local time, made aware below
        except ValueError:
            continue
        if end and whole_day:
            at += timedelta(days=1) - timedelta(microseconds=1)
        try:
            return at.astimezone().astimezone(UTC)
        except (OverflowError, ValueError) as error:
            raise FieldError(field, "The calendar does not reach that far.") from error
    raise FieldError(field, "Not a date. Write it like 2026-11-17, or with a time 2026-11-17 09:30.")


def _span(first: str, last: str, values: Mapping[str, str]) -> tuple[datetime | None, datetime | None]:
    """Two dates, the first of which is not after the last. Raises FieldError."""
    begins = parse_date(first, values.get(first, ""))
    ends = parse_date(last, values.get(last, ""), end=True)
    if begins and ends and begins > ends:
        raise FieldError(last, "The last date is before the first.")
    return begins, ends


def make_query(values: Mapping[str, str], *, subdirectories: bool, offset: int = 0) -> Query:
    """The query of the typed values: pattern, machine, directory, size_min, size_max, from, to,
    backed_up_from, backed_up_to, deleted_from, deleted_to (these four may be missing).

    Raises:
        FieldError: a field cannot be understood, or a range is empty.
    """
    directory = values["directory"].strip().encode("utf-8", "surrogateescape")
    if directory and not directory.startswith(b"/"):
        raise FieldError("directory", "Write the directory from the root on, like /srv/shares.")
    if directory != b"/":
        directory = directory.rstrip(b"/")
    size_min, size_max = (
        parse_size("size_min", values["size_min"]),
        parse_size("size_max", values["size_max"]),
    )
    if size_min is not None and size_max is not None and size_min > size_max:
        raise FieldError("size_max", "The largest size is below the smallest.")
    modified_from, modified_to = _span("from", "to", values)
    backed_up_from, backed_up_to = _span("backed_up_from", "backed_up_to", values)
    deleted_from, deleted_to = _span("deleted_from", "deleted_to", values)
    return Query(
        pattern=values["pattern"].strip(),
        machine=values["machine"],
        directory=directory,
        subdirectories=subdirectories,
        size_min=size_min,
        size_max=size_max,
        modified_from=modified_from,
        modified_to=modified_to,
        backed_up_from=backed_up_from,
        backed_up_to=backed_up_to,
        deleted_from=deleted_from,
        deleted_to=deleted_to,
        limit=PAGE,
        offset=offset,
    )
