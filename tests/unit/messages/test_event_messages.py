"""Every event that an engine or an agent can raise says what happened, why, and what to do."""

from __future__ import annotations

import re
from pathlib import Path

import app
from app.messages import render
from app.messages.catalogue import load
from app.model.events import GAP_CODE

_RAISED = re.compile(r'"([A-Z]{1,2}[0-9]{4,5})",\s*(?:severity=)?Severity\.([A-Z]+)')
_SOURCES = Path(app.__file__).parent


def raised() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for folder in ("replication", "agent"):
        for path in (_SOURCES / folder).rglob("*.py"):
            for code, severity in _RAISED.findall(path.read_text(encoding="utf-8")):
                found.setdefault(code, set()).add(severity.lower())
    return found


def test_every_event_has_text_reason_and_action() -> None:
    known = load()
    codes = {*raised(), GAP_CODE}
    assert len(codes) > 30
    missing = {code for code in codes if code not in known}
    assert missing == set()
    silent = {code for code in codes if not (known[code].text and known[code].reason and known[code].action)}
    assert silent == set()


def test_events_are_raised_with_the_severity_of_the_catalogue() -> None:
    known = load()
    # An error may be told as a warning of its own, or the other way; a code keeps one meaning.
    others = {
        code: severities
        for code, severities in raised().items()
        if severities != {known[code].severity.value}
    }
    assert others == {}


def test_an_event_can_be_rendered_without_its_parameters() -> None:
    for code in raised():
        assert render(code, {}).text
