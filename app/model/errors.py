"""Errors that explain themselves, and non-fatal problems.

An error travels as a code and parameters; the sentence is made at the edge from the message
catalogue (`app.messages`). Any exception that is not an `ArcxoError` is a bug.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with; scripts depend on these numbers."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    CREDENTIALS = 4
    NOT_FOUND = 5
    BUSY = 6
    CANCELED = 7


class ArcxoError(Exception):
    """A known fault: environment, input or state. `code` is in the message catalogue.

    `params` fill the catalogue's template; they are text, never secrets.
    """

    default_exit = ExitCode.FAILED

    def __init__(self, code: str, *, exit_code: ExitCode | None = None, **params: object) -> None:
        self.code = code
        self.params: dict[str, str] = {key: str(value) for key, value in params.items()}
        self.exit_code = self.default_exit if exit_code is None else exit_code
        super().__init__(code, self.params)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, int(self.exit_code), self.params)

    def __str__(self) -> str:
        details = ", ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.code} ({details})" if details else self.code


def _rebuild(kind: type[ArcxoError], code: str, exit_code: int, params: dict[str, str]) -> ArcxoError:
    error = kind.__new__(kind)
    ArcxoError.__init__(error, code, exit_code=ExitCode(exit_code), **params)
    return error


class UsageError(ArcxoError):
    """The request itself is wrong (unknown property, missing argument, refused without --yes)."""

    default_exit = ExitCode.USAGE


class CredentialsError(ArcxoError):
    """A log-in, a session password or a fingerprint was refused."""

    default_exit = ExitCode.CREDENTIALS


class NotFoundError(ArcxoError):
    """The named object does not exist."""

    default_exit = ExitCode.NOT_FOUND


class BusyError(ArcxoError):
    """Busy, in the wrong state for this, or not done within the time allowed."""

    default_exit = ExitCode.BUSY


class CanceledError(ArcxoError):
    """Stopped because someone asked for it."""

    default_exit = ExitCode.CANCELED


@dataclass(frozen=True, slots=True)
class Problem:
    """One object that could not be handled; the work around it went on."""

    code: str
    path: bytes = b""
    params: dict[str, str] = field(default_factory=dict)
