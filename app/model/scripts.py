"""Command lines of scripts: one program by its whole path with fixed arguments, never a shell."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

ARGUMENTS_MOST = 64
_ALLOWED = 'the whole path of a program and its arguments, such as /usr/local/sbin/quiesce "main db"'


class ScriptPurpose(StrEnum):
    """When a script runs; words for people."""

    BEFORE_SYNC = "before synchronization"
    AFTER_SYNC = "after synchronization"
    TRIGGER = "on the trigger file"
    NOTIFICATION = "notification"


@dataclass(frozen=True, slots=True)
class ScriptResult:
    """How a script ended. `output` is the end of what it wrote, made fit for an event.

    `exit_code` is None when it did not end by itself: `signal` is then what ended it. `timed_out`: it was
    ended because it took too long; `stopped`: because the engine ended. `fault`: why it could not run at all.
    """

    exit_code: int | None = None
    signal: int = 0
    timed_out: bool = False
    stopped: bool = False
    seconds: float = 0.0
    output: str = ""
    fault: str = ""

    @property
    def good(self) -> bool:
        """Whether it ran and ended with exit code 0."""
        return self.exit_code == 0 and not self.timed_out and not self.stopped


def parse_command(text: str) -> tuple[str, ...]:
    """Program and arguments of a command line; quotes and backslashes as in a shell, nothing else is.

    Raises:
        ValueError: it is none; the message is what is allowed.
    """
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{_ALLOWED} ({error})") from error
    if not words or not words[0].startswith("/") or words[0].endswith("/"):
        raise ValueError(_ALLOWED)
    if len(words) > ARGUMENTS_MOST:
        raise ValueError(f"a program and at most {ARGUMENTS_MOST - 1} arguments")
    return words


def check_command(text: str) -> str:
    """`text` if it is a command line. Raises ValueError as `parse_command`."""
    parse_command(text)
    return text


def check_trigger_file(text: str) -> str:
    """`text` if it is the path of a file: absolute, or relative to a root. Raises ValueError otherwise."""
    parts = text.split("/")
    if text.endswith("/") or any(part in (".", "..") for part in parts) or "" in parts[1:]:
        raise ValueError("the path of a file: from / on, or from a root directory on, without . and ..")
    return text
