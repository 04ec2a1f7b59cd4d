"""`device`, `group`, `pool` and the verbs on media sets: what they print, ask and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli import main
from app.model.errors import Problem
from app.model.job import BackupScript, MediaMethod
from app.model.media import PoolSet
from tests.support.memory_services import MemoryServices

Run = Callable[..., tuple[int, Any, str]]


@pytest.fixture
def services() -> MemoryServices:
    return MemoryServices()


@pytest.fixture
def run(services: MemoryServices, capsys: pytest.CaptureFixture[str]) -> Run:
    composition: Any = SimpleNamespace(
        default_home=lambda _home: "/home", open_services=lambda _home: services
    )

    def execute(*arguments: str, as_json: bool = True) -> tuple[int, Any, str]:
        services.calls.clear()
        code = main([*(["--json"] if as_json else []), *arguments], composition)
        told = capsys.readouterr()
        return code, json.loads(told.out) if as_json and told.out else told.out, told.err

    return execute


def test_devices_are_added_shown_put_offline_and_removed(run: Run, services: MemoryServices) -> None:
    code, made, _ = run("device", "add", "/mnt/usb", "--name", "usb", "--group", "GROUP1")
    assert (code, made["name"], made["group"]) == (0, "usb", "GROUP1")
    code, shown, _ = run("device", "show", "FSD-A")
    assert (code, shown["sessions"], shown["media"][0]["name"]) == (0, 61, "FSD-2026-A")
    assert run("device", "offline", "usb")[1]["online"] is False
    assert run("device", "online", "usb")[1]["online"] is True
    # It holds nothing: nothing is asked.
    assert run("device", "remove", "usb")[0] == 0
    assert run("device", "show", "usb")[0] == 5
    code, plan, _ = run("device", "remove", "FSD-A", "--plan")
    assert (code, plan["sessions"]) == (0, 61)
    assert run("device", "remove", "FSD-A")[0] == 2
    assert not [call for call in services.calls if call[0] == "storage.remove_device"]
    assert run("device", "remove", "FSD-A", "--yes")[0] == 0
    assert "GROUP1" in run("device", "show", "FSD-B", as_json=False)[1]


def test_groups_are_made_filled_and_removed(run: Run) -> None:
    assert run("group", "add", "OFFSITE")[0] == 0
    assert run("group", "assign", "OFFSITE", "FSD-A", "FSD-B")[1]["devices"] == ["FSD-A", "FSD-B"]
    groups = {one["name"]: one["devices"] for one in run("group", "list")[1]}
    assert groups == {"GROUP0": [], "GROUP1": [], "OFFSITE": ["FSD-A", "FSD-B"]}
    assert run("group", "remove", "GROUP1")[0] == 0


def test_pools_are_made_changed_and_previewed(run: Run, services: MemoryServices) -> None:
    code, made, _ = run("pool", "add", "weekly", "--days", "35", "--minimum", "4")
    assert (code, made["retention_days"], made["minimum_save"]) == (0, 35, 4)
    assert run("pool", "set", "weekly", "--minimum", "5")[1]["retention_days"] == 35
    (move,) = run("pool", "preview")[1]
    assert (move["name"], move["reason"], move["now"]) == ("FSD-2026-A", "N5233", False)
    assert "at least 5" in move["text"]
    assert run("pool", "show", "weekly")[1]["moves"][0]["text"] == move["text"]
    assert "weekly" in run("pool", "list", as_json=False)[1]
    assert run("pool", "assign", "weekly", "FSD-2026-A")[0] == 0
    assert services.calls[-1] == ("storage.assign_pool", "weekly", "FSD-2026-A", PoolSet.SAVE)
    # Scratch may be overwritten: that is asked.
    assert run("pool", "assign", "weekly", "FSD-2026-A", "--scratch")[0] == 2
    assert run("pool", "assign", "weekly", "FSD-2026-A", "--scratch", "--yes")[0] == 0
    assert run("pool", "assign", "weekly", "FSD-2026-A")[0] == 0
    assert run("pool", "remove", "weekly")[0] == 2
    assert run("pool", "remove", "weekly", "--yes")[0] == 0
    assert run("pool", "show", "weekly")[0] == 5


@pytest.mark.parametrize(
    ("arguments", "call"),
    [
        (("media", "erase", "FSD-2026-A"), "storage.erase"),
        (("media", "format", "FSD-A", "FSD-2026-A"), "storage.format"),
        (("media", "retire", "FSD-2026-A", "--forget"), "storage.retire"),
    ],
)
def test_what_destroys_sessions_has_a_plan_and_needs_yes(
    run: Run, services: MemoryServices, arguments: tuple[str, ...], call: str
) -> None:
    code, plan, _ = run(*arguments, "--plan")
    assert code == 0
    assert len(plan["sessions"]) == len(services.sessions) > 0
    code, _, told = run(*arguments)
    assert (code, "E1102" in told) == (2, True)
    assert not [one for one in services.calls if one[0] == call]
    assert run(*arguments, "--yes")[0] == 0
    assert [one[0] for one in services.calls if one[0] == call] == [call]


def test_names_and_dates_of_media_are_changed(run: Run, services: MemoryServices) -> None:
    assert run("media", "rename", "FSD-2026-A", "NEW")[0] == 0
    assert ("storage.rename", "FSD-2026-A", "NEW") in services.calls
    assert run("media", "expire", "FSD-2026-A", "2027-01-31")[0] == 0
    assert services.calls[-1][2].isoformat() == "2027-01-31T00:00:00+00:00"
    assert run("media", "expire", "FSD-2026-A", "now")[0] == 0
    assert services.calls[-1][2] is None
    assert run("media", "expire", "FSD-2026-A", "tomorrow")[0] == 2


def test_a_backup_that_overwrites_says_so_and_asks(run: Run, services: MemoryServices) -> None:
    name = services.scenarios.list()[0].scenario.name
    backup = ("backup", "--scenario", name, "--method", "overwrite-any", "--pool", "weekly")
    backup += ("--span-method", "overwrite-any", "--media-timeout", "5", "--protect-days", "7")
    services.storage.warnings = [Problem("W5213", b"", {"media": "M", "sessions": "4", "count": "1"})]
    code, plan, _ = run(*backup, "--plan")
    assert (code, [one["code"] for one in plan["warnings"]]) == (0, ["W5213"])
    assert "4 session(s) are lost" in plan["warnings"][0]["text"]
    assert run(*backup)[0] == 2
    assert not [one for one in services.calls if one[0] == "backups.submit"]
    assert run(*backup, "--yes")[0] == 0
    request = next(one for one in services.calls if one[0] == "backups.submit")[1]
    script = request if isinstance(request, BackupScript) else request.script
    assert (script.method, script.span_method) == (MediaMethod.OVERWRITE_ANY, MediaMethod.OVERWRITE_ANY)
    assert (script.pool, script.media_wait_minutes, script.protect_days) == ("weekly", 5, 7)
