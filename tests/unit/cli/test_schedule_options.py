from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.cli.job_commands import node_commands
from app.cli.operation import Operation, operation_options
from app.cli.schedule import changed_schedule, schedule_of
from app.model.commands import JobCommands, OnExit
from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.rotation import Rotation, RotationScheme

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
NOTHING: dict[str, Any] = {
    **dict.fromkeys(
        ("wall_time", "repeat", "every", "on_days", "in_weeks", "day_of_month", "excluded", "time_zone"), ""
    ),
    "run_at": None,
    "no_catch_up": False,
    "rotation": None,
    "rotation_prefix": "",
    "rotation_append": False,
}


def made(**values: Any) -> Schedule:
    return schedule_of(NOTHING | values, NOW)


def test_nothing_said_is_now_and_once():
    assert made() == Schedule()


def test_a_wall_time_is_the_next_one_in_its_zone():
    schedule = made(wall_time="02:00", every="1d", time_zone="Europe/Berlin")
    assert schedule.run_at == datetime(2026, 3, 5, 1, tzinfo=UTC)
    assert (schedule.repeat, schedule.time_zone) == ("FREQ=DAILY;INTERVAL=1", "Europe/Berlin")
    assert made(wall_time="14:00", time_zone="Europe/Berlin").run_at == datetime(2026, 3, 4, 13, tzinfo=UTC)


def test_days_follow_the_wall_clock_of_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert made(on_days="MO").time_zone == "Asia/Tokyo"
    assert made(every="15m").time_zone == ""


def test_a_rotation_brings_its_rule():
    schedule = made(rotation="gfs", rotation_prefix="TP", rotation_append=True, excluded="2026-12-25")
    assert schedule.rotation is not None
    assert (schedule.rotation.scheme, schedule.rotation.append) == (RotationScheme.GFS, True)
    assert (schedule.repeat, schedule.excluded) == (RotationScheme.GFS.rule, ("2026-12-25",))


@pytest.mark.parametrize(
    "values",
    [
        {"every": "1d", "on_days": "MO"},
        {"in_weeks": "1"},
        {"in_weeks": "6", "on_days": "MO"},
        {"wall_time": "02:00", "run_at": NOW},
        {"wall_time": "25:00"},
        {"rotation": "gfs"},
        {"rotation_prefix": "TP"},
        {"rotation": "gfs", "rotation_prefix": "T_P"},
        {"excluded": "sunday"},
        {"every": "soon"},
    ],
)
def test_what_does_not_fit_together_is_refused(values: dict[str, Any]):
    with pytest.raises(UsageError, match="E5703"):
        made(**values)


def test_a_zone_that_is_none_is_refused():
    with pytest.raises(UsageError, match="E5111"):
        made(wall_time="02:00", time_zone="Europe/Nowhere")


def test_commands_are_split_without_a_shell():
    import click

    told: list[Operation] = []

    @click.command()
    @operation_options
    def command(*, operation: Operation) -> None:
        told.append(operation)

    line = ["--before", "/bin/a 'b c' $HOME", "--before-exit", "0", "--before-then", "skip-after"]
    line += ["--node-before", "Files=/bin/x a=b", "--node-after", "Files=/bin/y"]
    command.main(line, standalone_mode=False)
    (operation,) = told
    assert operation.commands == JobCommands(("/bin/a", "b c", "$HOME"), 0, OnExit.SKIP_AFTER)
    assert operation.node_commands == (("Files", JobCommands(("/bin/x", "a=b"), 0, after=("/bin/y",))),)
    assert (operation.retries, operation.retry_minutes, operation.streams) == (1, 10, 4)


def nodes(**given: list[str]) -> dict[str, JobCommands]:
    names = ("before", "codes", "rules", "delays", "after", "unless")
    return dict(node_commands(**{name: given.get(name, []) for name in names}))


def test_each_node_has_rules_of_its_own():
    made_of = nodes(
        before=["Files=/bin/x", "fs:/srv=/bin/y", "Mail=/bin/z"],
        codes=["fs:/srv=3", "Mail=any"],
        rules=["fs:/srv=skip-job"],
        delays=["Files=5"],
        after=["Mail=/bin/w"],
        unless=["Mail=failed", "Mail=canceled"],
    )
    assert made_of == {
        "Files": JobCommands(("/bin/x",), 0, delay_minutes=5),
        "fs:/srv": JobCommands(("/bin/y",), 3, OnExit.SKIP_JOB),
        "Mail": JobCommands(("/bin/z",), None, after=("/bin/w",), after_unless=("failed", "canceled")),
    }


@pytest.mark.parametrize(
    "given",
    [
        {"before": ["Files"]},
        {"codes": ["Files=0"]},
        {"before": ["Files=/bin/x"], "codes": ["Files=often"]},
        {"before": ["Files=/bin/x"], "rules": ["Files=sometimes"]},
        {"before": ["Files=/bin/x"], "unless": ["Files=failed"]},
        {"after": ["Files=/bin/x"], "unless": ["Files=never"]},
    ],
)
def test_a_rule_of_a_node_that_means_nothing_is_refused(given: dict[str, list[str]]):
    with pytest.raises(UsageError, match="E5758"):
        nodes(**given)


def changed(before: Schedule, **given: Any) -> Schedule:
    return changed_schedule(NOTHING | given, NOW, before)


def test_what_is_not_given_of_a_schedule_stays_as_it_is():
    start, later = datetime(2026, 1, 1, 2, tzinfo=UTC), datetime(2026, 6, 1, 5, tzinfo=UTC)
    rotation = Rotation(RotationScheme.GFS, "TP")
    nightly = Schedule(
        start, RotationScheme.GFS.rule, "Asia/Tokyo", ("SA",), catch_up=False, rotation=rotation
    )
    assert changed(nightly, run_at=later) == replace(nightly, run_at=later)
    assert changed(nightly, excluded="SU") == replace(nightly, excluded=("SU",))
    at = datetime(2026, 3, 4, 23, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert changed(nightly, wall_time="23:00") == replace(nightly, run_at=at)
    assert changed(nightly, every="1d") == Schedule(None, "FREQ=DAILY;INTERVAL=1", "Asia/Tokyo")
    assert changed(Schedule(start), run_at=later) == Schedule(later)
    with pytest.raises(UsageError, match="E5703"):
        changed(nightly)
