"""Load the message catalogue and make text from codes and parameters."""

from __future__ import annotations

import functools
import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from app.model.errors import ArcxoError, ExitCode
from app.model.events import Severity

_FIELDS = frozenset({"severity", "module", "text", "reason", "action", "coded", "exit"})
_COUNTS = frozenset({"bytes", "files", "entries", "removed", "count"})
_NO_PARAMS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Message:
    """One entry. `coded` is False for plain notes of the activity log, which are shown without a code.

    `exit`: what a command ends with for this code, whatever host and part of the program raised it; None
    where the error itself says so.
    """

    code: str
    severity: Severity
    module: str
    text: str
    reason: str = ""
    action: str = ""
    coded: bool = True
    exit: ExitCode | None = None

    @property
    def fields(self) -> frozenset[str]:
        """The parameter names that the templates use."""
        parts = (self.text, self.reason, self.action)
        return frozenset(
            name for part in parts for _, name, _, _ in string.Formatter().parse(part) if name is not None
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message with its parameters filled in."""

    code: str
    text: str
    module: str
    reason: str
    action: str
    severity: Severity
    coded: bool = True

    @property
    def line(self) -> str:
        """The text with its code in front, except for plain notes."""
        return f"{self.code} {self.text}" if self.coded else self.text


class Catalogue(Mapping[str, Message]):
    """All messages by code. Immutable; usable from any thread."""

    def __init__(self, messages: Mapping[str, Message]) -> None:
        self._messages = dict(messages)

    def __getitem__(self, code: str) -> Message:
        return self._messages[code]

    def __iter__(self) -> Iterator[str]:
        return iter(self._messages)

    def __len__(self) -> int:
        return len(self._messages)

    def render(self, code: str, params: Mapping[str, str] = _NO_PARAMS) -> Rendered:
        """Text for `code`. Never raises: missing parameters show as `?`, unknown codes with what is known."""
        message = self._messages.get(code)
        if message is None:
            details = ", ".join(f"{key}={value}" for key, value in params.items())
            return Rendered(
                code, details or "No text is known for this code", "Arcxo", "", "", Severity.ERROR
            )
        return Rendered(
            code,
            _fill(message.text, params),
            message.module,
            _fill(message.reason, params),
            _fill(message.action, params),
            message.severity,
            message.coded,
        )


def merge(files: Mapping[str, str]) -> Catalogue:
    """Merge catalogue files (name → TOML text).

    Raises:
        ValueError: A file is malformed, or two define one code. Such a catalogue is a bug of the build.
    """
    messages: dict[str, Message] = {}
    origin: dict[str, str] = {}
    for name, text in files.items():
        for code, entry in tomllib.loads(text).items():
            if code in messages:
                raise ValueError(f"{name}: code {code} is already defined in {origin[code]}")
            messages[code] = _message(name, code, entry)
            origin[code] = name
    return Catalogue(messages)


@functools.cache
def load() -> Catalogue:
    """The catalogue of this installation, read once."""
    folder = resources.files("app.messages") / "catalogue"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    texts = {entry.name: entry.read_text(encoding="utf-8") for entry in files}
    return merge(dict(sorted(texts.items())))


def render(code: str, params: Mapping[str, str] = _NO_PARAMS) -> Rendered:
    """Text for a code of the installed catalogue; see `Catalogue.render`."""
    return load().render(code, params)


def exit_code(error: ArcxoError) -> ExitCode:
    """What a command ends with for an error: by its code, where that always means the same."""
    message = load().get(error.code)
    return error.exit_code if message is None or message.exit is None else message.exit


def describe(error: ArcxoError) -> str:
    """One sentence for an error, its action, and its code at the end."""
    rendered = render(error.code, error.params)
    text = rendered.text.rstrip(".")
    action = f" {rendered.action}" if rendered.action else ""
    return f"{text}.{action} [{error.code}]"


def _message(name: str, code: str, entry: Any) -> Message:
    if not isinstance(entry, dict) or "text" not in entry or "severity" not in entry or "module" not in entry:
        raise ValueError(f"{name}: {code} needs severity, module and text")
    unknown = set(entry) - _FIELDS
    if unknown:
        raise ValueError(f"{name}: {code} has unknown fields {sorted(unknown)}")
    message = Message(
        code=code,
        severity=Severity(entry["severity"]),
        module=entry["module"],
        text=entry["text"],
        reason=entry.get("reason", ""),
        action=entry.get("action", ""),
        coded=entry.get("coded", True),
        exit=_exit(name, code, entry),
    )
    if not all(field.isidentifier() for field in message.fields):
        raise ValueError(f"{name}: {code} has a parameter that is not a plain name")
    return message


def _exit(name: str, code: str, entry: dict[str, Any]) -> ExitCode | None:
    if "exit" not in entry:
        return None
    try:
        return ExitCode[str(entry["exit"]).upper()]
    except KeyError:
        raise ValueError(f"{name}: {code} ends with {entry['exit']}, which is no exit code") from None


class _Known(dict[str, str]):
    """Counts get thousands separators here, so that whoever raises an event keeps plain numbers."""

    def __getitem__(self, key: str) -> str:
        value = str(super().__getitem__(key))
        counts = key in _COUNTS or key.endswith("_bytes")
        return f"{int(value):,}" if counts and value.isdecimal() and value.isascii() else value

    def __missing__(self, key: str) -> str:
        return "?"


def _fill(template: str, params: Mapping[str, str]) -> str:
    return template.format_map(_Known(params)) if "{" in template or "}" in template else template
