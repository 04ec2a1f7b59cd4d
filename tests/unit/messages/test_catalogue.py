"""The catalogue is complete: every code the program raises is in it, with the parameters it is given."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import app
from app.messages import describe, exit_code, load, render
from app.messages.catalogue import merge
from app.model.errors import ArcxoError, BusyError, ExitCode, UsageError
from app.model.events import Severity

_ROOT = Path(app.__file__).parent
_ERRORS = {"ArcxoError", "UsageError", "CredentialsError", "NotFoundError", "BusyError", "CanceledError"}
_SPECIFIED = ["E3370", "E3371", "AE0457", "AE0458", "AE0459", "AE0460", "AE0461", "AE0463"]
_SPECIFIED += ["AE0464", "AE0465", "AE0467", "AE0468", "AE0469", "AE0470", "AE0471", "AE0472"]
_SENTENCE = '[X1]\nseverity = "error"\nmodule = "m"\ntext = "t {a}"\n'


def raised() -> Iterator[tuple[str, str, set[str] | None]]:
    """Where, code, and the names of its parameters (None: not known from the source)."""
    for where, _, code, known in raised_kinds():
        yield where, code, known


@cache
def raised_kinds() -> list[tuple[str, str, str, set[str] | None]]:
    """The same with the kind of error after where; all files are read and parsed once."""
    found = []
    for path in sorted(_ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            # Ours are named as they are; click's of the same name carry a sentence.
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            code = node.args[0]
            if name not in _ERRORS or not isinstance(code, ast.Constant) or not isinstance(code.value, str):
                continue
            keywords = {keyword.arg for keyword in node.keywords}
            known = None if None in keywords else {str(key) for key in keywords} - {"exit_code"}
            found.append((f"{path.relative_to(_ROOT)}:{node.lineno}", name, code.value, known))
    return found


def test_every_raised_code_is_in_the_catalogue() -> None:
    assert sorted((code, where) for where, code, _ in raised() if code not in load()) == []


def test_a_code_ends_a_command_alike_wherever_it_is_raised() -> None:
    kinds: dict[str, set[str]] = {}
    for _, kind, code, _ in raised_kinds():
        kinds.setdefault(code, set()).add(kind)
    # What a check of a definition finds is wrong usage where it is asked for, and raised as it is elsewhere.
    for file in ("replication/master/refusals.py", "replication/replica/root_checks.py"):
        for where, kind, code, _ in raised_kinds():
            if where.startswith(file):
                kinds[code] |= {kind, "UsageError"}
    undecided = {code for code, found in kinds.items() if len(found) > 1 and load()[code].exit is None}
    # What is given wrongly is wrong usage; what was fine, and is damaged or gone by now, is not.
    assert undecided == {"E3370", "ER00101", "ER00102", "ER00293"}
    assert {exit_code(kind("ER00107", path="/x")) for kind in (ArcxoError, UsageError, BusyError)} == {
        ExitCode.USAGE
    }
    assert exit_code(BusyError("E9999")) is ExitCode.BUSY


@pytest.mark.parametrize("code", ["AE0469", "AE1027", "ER00202"])
def test_who_does_not_answer_in_time_is_not_there_now(code: str) -> None:
    assert exit_code(ArcxoError(code)) is ExitCode.BUSY


def test_every_template_finds_its_parameters() -> None:
    lacking = []
    for where, code, params in raised():
        if params is not None and code in load() and not load()[code].fields <= params:
            lacking.append((where, code, sorted(load()[code].fields - params)))
    assert lacking == []


@pytest.mark.parametrize("code", _SPECIFIED)
def test_the_specified_messages_are_whole(code: str) -> None:
    message = load()[code]
    assert message.text
    assert message.reason
    assert message.action
    assert message.coded
    assert not code.startswith("AE") or message.fields & {"name", "master"}


def test_errors_and_warnings_explain_themselves() -> None:
    explained = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
    silent = [
        message.code
        for message in load().values()
        if message.severity in explained and message.coded and not (message.reason or message.action)
    ]
    assert silent == []


def test_missing_parameters_and_unknown_codes_still_make_text() -> None:
    assert "?" in render("AE0465", {"name": "files"}).text
    unknown = render("E9999", {"path": "/x"})
    assert (unknown.text, unknown.line) == ("path=/x", "E9999 path=/x")
    assert describe(ArcxoError("E6008", job=3)).endswith("[E6008]")
    assert render("N5040").line == "Backup Operation Successful."


def test_parameters_are_never_taken_for_templates() -> None:
    assert render("E6008", {"job": "{0.__class__}"}).text == "There is no job {0.__class__}"


def test_a_code_defined_twice_or_incomplete_is_an_error_of_the_build() -> None:
    with pytest.raises(ValueError, match=r"already defined in a\.toml"):
        merge({"a.toml": _SENTENCE, "b.toml": _SENTENCE})
    with pytest.raises(ValueError, match="needs severity"):
        merge({"a.toml": '[X1]\ntext = "t"\n'})
    with pytest.raises(ValueError, match="plain name"):
        merge({"a.toml": _SENTENCE.replace("{a}", "{a.b}")})


def test_counts_in_a_text_have_thousands_separators() -> None:
    text = "{files} of {name}, {free_bytes} free"
    made = merge({"a.toml": f'[I1]\nseverity = "information"\nmodule = "m"\ntext = "{text}"'})
    said = made.render("I1", {"files": "12345", "name": "98765", "free_bytes": "7391476"})
    assert said.text == "12,345 of 98765, 7,391,476 free"
    assert made.render("I1", {"files": "12,345", "name": "x"}).text == "12,345 of x, ? free"
