"""`arcxo staging set`: when the sessions are copied, in one way of four."""

from __future__ import annotations

import json

import pytest

from app.cli import main
from app.model.staging import CopyWhen, StagingPolicy
from tests.support.cli_services import FakeComposition
from tests.support.memory_services import MemoryServices


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices()


def run(services: MemoryServices, *words: str) -> int:
    composition = FakeComposition()
    composition.services = services  # type: ignore[assignment] # all services, in memory
    return main(["staging", *words], composition)


def test_a_time_of_day_on_some_days(services: MemoryServices, capsys: pytest.CaptureFixture[str]) -> None:
    zone = ("--time-zone", "Europe/Berlin")
    assert (
        run(services, "set", "GROUP0", "--to", "GROUP1", "--copy-at", "22:00", "--copy-days", "mo,fr", *zone)
        == 0
    )
    kept = services.staging.policies["GROUP0"]
    assert kept == StagingPolicy(
        "GROUP0", "GROUP1", copy_when=CopyWhen.AT, copy_at="22:00", copy_days="MO,FR", time_zone=zone[1]
    )
    capsys.readouterr()
    assert run(services, "list") == 0
    assert "MO,FR 22:00 Europe/Berlin" in capsys.readouterr().out
    assert run(services, "set", "GROUP0", "--copy-days", "all") == 0
    assert services.staging.policies["GROUP0"].copy_days == ""
    assert run(services, "set", "GROUP0", "--copy-after", "30") == 0
    assert services.staging.policies["GROUP0"].copy_when is CopyWhen.AFTER


def test_before_purge_and_not_at_all(services: MemoryServices, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(services, "set", "GROUP0", "--to", "GROUP1", "--copy-before-purge") == 0
    assert services.staging.policies["GROUP0"].copy_when is CopyWhen.BEFORE_PURGE
    assert run(services, "set", "GROUP1", "--no-copy", "--purge-after", "14", "--json") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["copy_when"], told["purge_after_days"]) == ("never", 14)
    assert run(services, "list") == 0
    listed = capsys.readouterr().out
    assert "before purge" in listed
    assert "never" in listed


def test_two_ways_at_once_and_none_to_copy_to_are_refused(services: MemoryServices) -> None:
    assert run(services, "set", "GROUP0", "--to", "GROUP1", "--copy-after", "5", "--copy-at", "22:00") == 2
    assert run(services, "set", "GROUP0", "--copy-at", "22:00") == 2
    assert services.staging.policies == {}
