"""`log --purge-before`: old lines go for good, after a question, and never by accident."""

from __future__ import annotations

import json

import pytest

from app.cli import main
from tests.support.cli_services import FakeComposition
from tests.support.memory_services import MemoryServices


def test_old_lines_are_deleted_only_when_agreed_to(capsys: pytest.CaptureFixture[str]) -> None:
    composition = FakeComposition()
    services = MemoryServices()
    composition.services = services  # type: ignore[assignment] # all services, in memory
    count = len(services.activity)
    assert main(["log", "--purge-before", "2099-01-01"], composition) == 2
    assert main(["log", "--purge-before", "2099-01-01", "--job", "4", "--yes"], composition) == 2
    assert len(services.activity) == count
    capsys.readouterr()
    assert main(["log", "--purge-before", "2099-01-01", "--yes", "--json"], composition) == 0
    assert json.loads(capsys.readouterr().out) == {"deleted": count}
    assert services.activity == []
