"""The options that say when a job runs, alike for every command that submits or changes one."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from app.cli.arguments import UtcTime
from app.model import recurrence
from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.rotation import Rotation, RotationScheme

_REPEATS = ("repeat", "every", "on_days", "day_of_month", "rotation")
_OPTIONS = (
    click.option("--run-at", type=UtcTime(), default=None, metavar="TIME", help="ISO 8601, UTC by default."),
    click.option("--at", "wall_time", default="", metavar="HH:MM", help="The first time it is that late."),
    click.option("--repeat", default="", metavar="RRULE", help="An RFC 5545 recurrence rule."),
    click.option("--every", default="", metavar="N", help="Every 15m, 2h, 1d, 2w or 1mo."),
    click.option("--on-days", default="", metavar="DAYS", help="Days of the week: MO,WE,FR."),
    click.option(
        "--in-weeks", default="", metavar="WEEKS", help="With --on-days: weeks of the month, 1,3,last."
    ),
    click.option("--day-of-month", default="", metavar="DAY", help="1 to 31, or last."),
    click.option("--except", "excluded", default="", metavar="DAYS", help="No runs: SA,SU,2026-12-25."),
    click.option("--time-zone", default="", metavar="ZONE", help="For wall times; else this machine's own."),
    click.option("--no-catch-up", is_flag=True, help="Leave a missed run out, instead of making it late."),
)
_ROTATION = (
    click.option(
        "--rotation",
        type=click.Choice([scheme.value for scheme in RotationScheme]),
        default=None,
        help="Use media by the day, or (gfs) from daily, weekly and monthly pools.",
    ),
    click.option(
        "--rotation-prefix", default="", metavar="TEXT", help="Begins the names of media and pools."
    ),
    click.option("--rotation-append", is_flag=True, help="Daily backups of a week go on one media."),
)
_NAMES = (
    *("run_at", "wall_time", "repeat", "every", "on_days", "in_weeks", "day_of_month", "excluded"),
    *("time_zone", "no_catch_up", "rotation", "rotation_prefix", "rotation_append"),
)


def schedule_options(
    *, rotation: bool = False, of_job: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options; it gets them as one `schedule`. `rotation`: of rotation schemes too.

    `of_job`: as a function that makes of a job's schedule the changed one.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def wrapped(**values: Any) -> Any:
            given = {name: values.pop(name) for name in _NAMES if name in values}
            now = datetime.now(UTC)
            made = functools.partial(changed_schedule, given, now) if of_job else schedule_of(given, now)
            return command(schedule=made, **values)

        decorated: Callable[..., Any] = wrapped
        for option in reversed((*_OPTIONS, *(_ROTATION if rotation else ()))):
            decorated = option(decorated)
        return decorated

    return decorate


def schedule_of(given: dict[str, Any], now: datetime) -> Schedule:
    """The schedule that the options mean. Raises UsageError E5703 with what is wrong."""
    if sum(1 for name in _REPEATS if given.get(name)) > 1:
        raise UsageError(
            "E5703", details="only one of --repeat, --every, --on-days, --day-of-month, --rotation"
        )
    if given.get("in_weeks") and not given.get("on_days"):
        raise UsageError("E5703", details="--in-weeks needs --on-days")
    if given.get("wall_time") and given.get("run_at"):
        raise UsageError("E5703", details="--at and --run-at exclude each other")
    if bool(given.get("rotation")) != bool(given.get("rotation_prefix")):
        raise UsageError("E5703", details="--rotation and --rotation-prefix go together")
    try:
        rotation = None
        if given.get("rotation"):
            scheme = RotationScheme(given["rotation"])
            rotation = Rotation(scheme, given["rotation_prefix"], given["rotation_append"])
        rule = _rule(given, rotation)
        excluded = recurrence.excluded_days(given["excluded"])
        start = _start(given, now)
    except ValueError as error:
        raise UsageError("E5703", details=str(error)) from error
    wall = bool(given["time_zone"] or given["wall_time"] or excluded or _by_days(given))
    zone = given["time_zone"] or (local_zone() if wall else "")
    return Schedule(
        start, rule, zone, excluded=excluded, catch_up=not given["no_catch_up"], rotation=rotation
    )


def changed_schedule(given: dict[str, Any], now: datetime, before: Schedule) -> Schedule:
    """What a schedule becomes when some of it is given again; wall times are those of its own time zone.

    Raises UsageError E5703, also where nothing is given of a repeated one.
    """
    if before.repeat and not any(given.values()):
        raise UsageError("E5703", details="nothing is said of how it changes")
    made = schedule_of({**given, "time_zone": given["time_zone"] or before.time_zone}, now)
    if made.repeat or not before.repeat:
        return made
    return replace(
        before,
        run_at=made.run_at or before.run_at,
        time_zone=made.time_zone,
        excluded=made.excluded or before.excluded,
        catch_up=before.catch_up and made.catch_up,
    )


def local_zone() -> str:
    """The name of this machine's time zone; "" where it has none that is known."""
    names = [os.environ.get("TZ", "").lstrip(":")]
    try:
        names.append(os.path.realpath("/etc/localtime").rpartition("zoneinfo/")[2])
    except OSError:
        names.append("")
    for name in names:
        try:
            if name and not name.startswith("/"):
                ZoneInfo(name)
                return name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ""


def _by_days(given: dict[str, Any]) -> bool:
    return bool(given.get("on_days") or given.get("day_of_month") or given.get("rotation"))


def _rule(given: dict[str, Any], rotation: Rotation | None) -> str:
    if rotation is not None:
        return rotation.scheme.rule
    if given["every"]:
        return recurrence.every(given["every"])
    if given["in_weeks"]:
        return recurrence.on_weeks(given["in_weeks"], given["on_days"])
    if given["on_days"]:
        return recurrence.on_days(given["on_days"])
    if given["day_of_month"]:
        return recurrence.on_day_of_month(given["day_of_month"])
    return str(given["repeat"])


def _start(given: dict[str, Any], now: datetime) -> datetime | None:
    if not given["wall_time"]:
        run_at: datetime | None = given["run_at"]
        return run_at
    try:
        wanted = datetime.strptime(given["wall_time"], "%H:%M").time()  # noqa: DTZ007 - a time of day alone
    except ValueError:
        raise ValueError(f"{given['wall_time']} is not a time of day such as 02:00") from None
    name = given["time_zone"] or local_zone()
    try:
        zone = ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError("E5111", time_zone=name) from None
    today = now.astimezone(zone).date()
    at = datetime.combine(today, wanted, zone)
    return at if at > now else datetime.combine(today + timedelta(days=1), wanted, zone)
