"""Programs before and after a job or one of its nodes, as the options of the command line give them."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import TypeVar

from app.model.commands import JobCommands, OnExit
from app.model.errors import UsageError

RESULTS = ("finished", "incomplete", "failed", "canceled")
T = TypeVar("T")
_EXPECTED = 0


def commands_of(
    before: str, code: int | None, then: str, delay: int, after: str, unless: Sequence[str]
) -> JobCommands:
    """The programs around a whole job. Raises UsageError E5746."""
    return JobCommands(_split(before), code, OnExit(then), delay, _split(after), tuple(dict.fromkeys(unless)))


def node_commands(
    *,
    before: Sequence[str],
    codes: Sequence[str],
    rules: Sequence[str],
    delays: Sequence[str],
    after: Sequence[str],
    unless: Sequence[str],
) -> tuple[tuple[str, JobCommands], ...]:
    """The programs around single nodes, by their names. Each item is NAME=VALUE.

    Raises:
        UsageError: E5746 a program, E5758 an item that means nothing, or nothing without another one.
    """
    first = _by_name("--node-before", before, _split)
    last = _by_name("--node-after", after, _split)
    expected = _of(first, "--node-before-exit", codes, _code)
    then = _of(first, "--node-before-then", rules, OnExit)
    pause = _of(first, "--node-before-delay", delays, int)
    results: dict[str, tuple[str, ...]] = {}
    for item in unless:
        for name, word in _of(last, "--node-after-unless", [item], _result).items():
            results[name] = (*results.get(name, ()), word)
    return tuple(
        (
            name,
            JobCommands(
                before=first.get(name, ()),
                exit_code=expected.get(name, _EXPECTED) if name in first else None,
                on_exit=then.get(name, OnExit.RUN),
                delay_minutes=pause.get(name, 0),
                after=last.get(name, ()),
                after_unless=tuple(dict.fromkeys(results.get(name, ()))),
            ),
        )
        for name in dict.fromkeys([*first, *last])
    )


def _of(
    programs: dict[str, tuple[str, ...]], option: str, items: Sequence[str], read: Callable[[str], T]
) -> dict[str, T]:
    """What is said of programs that are given."""
    found = _by_name(option, items, read)
    for name in found:
        if name not in programs:
            raise UsageError("E5758", option=option, value=name)
    return found


def _by_name(option: str, items: Sequence[str], read: Callable[[str], T]) -> dict[str, T]:
    found = {}
    for item in items:
        name, separator, text = item.partition("=")
        try:
            found[name] = read(text)
        except ValueError as error:
            raise UsageError("E5758", option=option, value=item) from error
        if not separator or not name or not text:
            raise UsageError("E5758", option=option, value=item)
    return found


def _code(text: str) -> int | None:
    return None if text == "any" else int(text)


def _result(text: str) -> str:
    if text not in RESULTS:
        raise ValueError(text)
    return text


def _split(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError("E5746", program=text) from error
