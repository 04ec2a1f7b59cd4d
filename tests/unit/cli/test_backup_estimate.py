"""`backup --estimate` tells what it would do and submits nothing; `--job-log` reaches the job."""

from __future__ import annotations

import json

import pytest

from app.cli import main
from app.model.job_log import JobLogLevel
from tests.support.cli_services import FakeComposition
from tests.support.memory_services import MemoryServices

NAME = "Branch File Shares"


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices()


def run(services: MemoryServices, *words: str) -> int:
    composition = FakeComposition()
    composition.services = services  # type: ignore[assignment] # all services, in memory
    return main(["backup", "--scenario", NAME, *words], composition)


def test_an_estimate_is_told_and_nothing_is_submitted(services, capsys):
    assert run(services, "--estimate", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"nodes", "first", "size_bytes", "new_least", "seconds_most", "backups"} <= set(told)
    assert run(services, "--estimate") == 0
    assert "To look at" in capsys.readouterr().out
    assert services.called("backups.submit") == []


def test_the_log_level_reaches_the_job(services):
    assert run(services, "--job-log", "all") == 0
    (call,) = services.called("backups.submit")
    assert call[1].script.job_log is JobLogLevel.ALL
    assert run(services, "--job-log", "everything") == 2
