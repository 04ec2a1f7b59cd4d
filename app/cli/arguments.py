"""Global options taken out of the arguments wherever they stand, and parameter types of our own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from app.model.errors import UsageError


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """What holds for every command. `rest` are the arguments without the global ones."""

    home: str | None
    json: bool
    rest: tuple[str, ...]


def take_global_options(argv: Sequence[str]) -> GlobalOptions:
    """Split `--home DIR`, `--home=DIR` and `--json` off; what follows `--` is left alone.

    Raises:
        UsageError: E1101 when `--home` has no directory.
    """
    home: str | None = None
    as_json = False
    rest: list[str] = []
    remaining = list(argv)
    while remaining:
        argument = remaining.pop(0)
        if argument == "--":
            rest += [argument, *remaining]
            break
        if argument == "--json":
            as_json = True
        elif argument == "--home" or argument.startswith("--home="):
            home = argument.partition("=")[2] if "=" in argument else (remaining.pop(0) if remaining else "")
            if not home:
                raise UsageError("E1101")
        else:
            rest.append(argument)
    return GlobalOptions(home, as_json, tuple(rest))


class MasterPath(click.ParamType[bytes]):
    """A path as bytes, exactly as typed (names need not be UTF-8); made absolute and clean."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """`value` as absolute clean bytes."""
        if not value:
            self.fail("an empty path names nothing", param, ctx)
        return value if isinstance(value, bytes) else absolute_bytes(value)


class UtcTime(click.ParamType[datetime]):
    """A time in ISO 8601; without an offset it is UTC."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """`value` as an aware time in UTC."""
        if isinstance(value, datetime):
            return value
        moment = parse_utc(str(value))
        if moment is None:
            self.fail(f"{value!r} is not a time in ISO 8601, such as 2026-03-01T12:30:00Z", param, ctx)
        return moment


class SizeRange(click.ParamType[tuple[int | None, int | None]]):
    """`1K-5M`, `10M-` or `-100K`: least and most bytes (units of 1,024)."""

    name = "range"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int | None, int | None]:
        """(least, most) in bytes; None = not limited."""
        if isinstance(value, tuple):
            return value
        least, dash, most = str(value).partition("-")
        try:
            low = parse_size(least) if least else None
            high = parse_size(most) if most else None
        except ValueError:
            dash = ""
            low = high = None
        if not dash or (low is None and high is None):
            self.fail(f"{value!r} is not a range of sizes such as 1K-5M, 10M- or -100K", param, ctx)
        return low, high


class TimeRange(click.ParamType[tuple[datetime | None, datetime | None]]):
    """`FROM..TO` in ISO 8601, either side may be empty."""

    name = "from..to"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[datetime | None, datetime | None]:
        """(from, to) in UTC; None = not limited."""
        if isinstance(value, tuple):
            return value
        first, dots, last = str(value).partition("..")
        low = parse_utc(first) if first else None
        high = parse_utc(last) if last else None
        if not dots or (first and low is None) or (last and high is None) or not (low or high):
            self.fail(f"{value!r} is not a range of times such as 2026-03-01..2026-03-08", param, ctx)
        return low, high


def absolute_bytes(text: str) -> bytes:
    """The absolute clean path of `text` in the file system's bytes."""
    return os.path.abspath(os.fsencode(text))


def parse_utc(text: str) -> datetime | None:
    """The moment of an ISO 8601 `text` (UTC where it names no offset), or None when it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class Megabytes(click.ParamType[int]):
    """A size of at least 1 MB, in whole MB: `200GB`, `512 MB`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The MB."""
        if isinstance(value, int):
            return value
        try:
            found = parse_size(str(value).replace(" ", ""))
        except ValueError:
            self.fail(f"{value!r} is no size such as 200GB", param, ctx)
        if found < 1 << 20:
            self.fail(f"{value} is less than 1 MB", param, ctx)
        return found >> 20


def parse_size(text: str) -> int:
    """Bytes of `text` such as `512`, `1.5M` or `2GB`. Raises ValueError for anything else."""
    cleaned = text.strip().upper().removesuffix("B")
    factor = 1
    if cleaned and cleaned[-1] in "KMGT":
        factor = 1024 ** (1 + "KMGT".index(cleaned[-1]))
        cleaned = cleaned[:-1]
    amount = float(cleaned) * factor
    if not 0 <= amount < 2**63:
        raise ValueError(text)
    return int(amount)
