"""Sizes, counts, times and durations as text, the same everywhere. Qt-free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

NONE = "—"
_UNITS = ("bytes", "KB", "MB", "GB", "TB", "PB")


def size(size_bytes: int | None) -> str:
    """Three significant digits and a unit (1 KB = 1,024 bytes); "—" for None."""
    if size_bytes is None:
        return NONE
    if size_bytes < 1024:
        return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
    value = float(size_bytes)
    unit = 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f} {_UNITS[unit]}"


def rate(bytes_per_second: float | None) -> str:
    """A size per second; "—" for None."""
    return NONE if bytes_per_second is None else f"{size(round(bytes_per_second))}/s"


def count(number: int | None) -> str:
    """With thousands separators; "—" for None."""
    return NONE if number is None else f"{number:,}"


def counted(number: int, one: str, many: str = "") -> str:
    """Count and noun: 1 scenario, 12 scenarios."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration(seconds: float | None) -> str:
    """0.4 s · 52 s · 52 min · 13 h 47 min · 9 days; "—" for None."""
    if seconds is None:
        return NONE
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes >= 24 * 60 and minutes < 72 * 60:
        return f"{round(minutes / 60)} h"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days = round(minutes / (24 * 60))
    return counted(days, "day")


def elapsed(seconds: float | None) -> str:
    """HH:MM:SS, for elapsed columns only."""
    if seconds is None:
        return NONE
    whole = int(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"


def local(at: datetime, zone: tzinfo | None = None) -> datetime:
    """`at` in local time (naive values count as UTC)."""
    aware = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return aware.astimezone(zone)


def timestamp(at: datetime | None, *, fraction: bool = False) -> str:
    """Absolute local time with seconds (logs, events); milliseconds for rewind points."""
    if at is None:
        return NONE
    text = f"{local(at):%Y-%m-%d %H:%M:%S}"
    return f"{text}.{local(at).microsecond // 1000:03}" if fraction else text


def full_time(at: datetime | None) -> str:
    """The whole time with its zone, for tooltips."""
    return NONE if at is None else f"{local(at):%Y-%m-%d %H:%M:%S %Z (UTC%z)}"


def zone_name(at: datetime) -> str:
    """The zone of an aware time and its distance: CET (UTC+1), UTC."""
    minutes = round((at.utcoffset() or timedelta()).total_seconds() / 60)
    if not minutes:
        return f"{at:%Z}"
    hours, rest = divmod(abs(minutes), 60)
    return f"{at:%Z} (UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''})"


def clock(at: datetime | None) -> str:
    """The local time of day with seconds."""
    return NONE if at is None else f"{local(at):%H:%M:%S}"


def ago(at: datetime | None, now: datetime | None = None) -> str:
    """12 s ago under a minute, 4 min ago under an hour, Today 23:40 within the day, else the date."""
    if at is None:
        return NONE
    at, now = local(at), local(now or datetime.now(UTC))
    seconds = (now - at).total_seconds()
    if 0 <= seconds < 1:
        return "now"
    if 0 <= seconds < 60:
        return f"{int(seconds)} s ago"
    if 0 <= seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    return moment(at, now)


def moment(at: datetime | None, now: datetime | None = None) -> str:
    """Today 23:40, Tomorrow 02:00, Yesterday 23:40, else the date and time."""
    if at is None:
        return NONE
    at, now = local(at), local(now or datetime.now(UTC))
    for word, days in (("Today", 0), ("Yesterday", -1), ("Tomorrow", 1)):
        if at.date() == (now + timedelta(days=days)).date():
            return f"{word} {at:%H:%M}"
    return f"{at:%Y-%m-%d %H:%M}"


def visible(text: str) -> str:
    """Control characters as pictures, so that a name cannot change the screen."""
    return "".join(chr(0x2400 + ord(char)) if ord(char) < 32 else char for char in text)
