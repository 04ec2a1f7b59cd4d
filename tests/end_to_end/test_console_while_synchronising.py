"""The console while five scenarios synchronise: it never stands still, and shows what they do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.arcxo_command import Arcxo, running_home
from tests.support.xvfb_console import Console, console

SCENARIOS = 5
FILES = 4_000
LONGEST_MS = 50.0
WATCHED_S = 1.0
"""How long the event loop is watched between two looks."""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Arcxo]:
    with running_home(tmp_path) as made:
        yield made


def stall(used: Console) -> float:
    """The longest time since the last question that the event loop itself took, in ms."""
    return float(used.ask("stall")["own_ms"])


@pytest.mark.deep
def test_five_scenarios_synchronise_and_the_event_loop_goes_round(
    home: Arcxo, tmp_path: Path, record_property: pytest.RecordProperty
) -> None:
    for number in range(SCENARIOS):
        master = tmp_path / f"master-{number}"
        for position in range(FILES):
            folder = master / f"d{position % 40}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"f{position}").write_bytes(position.to_bytes(4, "big") * 500)
        home.text("scenario", "create", f"files-{number}", "--root", f"{master}={tmp_path}/replica-{number}")
    with console(home.home, tmp_path / "console.log") as used:
        used.wait_window("Arcxo")
        used.keys("ctrl+4")
        used.row("Scenarios", "files-0")
        stall(used)
        for number in range(SCENARIOS):
            home.text("scenario", "run", f"files-{number}")
        longest = 0.0

        def all_run() -> bool:
            nonlocal longest
            rows = {row["cells"][0]: row["cells"][1] for row in used.rows("Scenarios") if row["depth"] == 1}
            # What describes the window for the test takes its time on the same thread: it is not counted.
            stall(used)
            time.sleep(WATCHED_S)
            longest = max(longest, stall(used))
            return sum(state == "Replicating" for state in rows.values()) == SCENARIOS

        used.wait(all_run, "all scenarios to replicate", 240)
        place = next(
            tab["place"]
            for bar in used.ask("look")["widgets"]
            for tab in bar.get("tabs", ())
            if tab["text"] == "Properties"
        )
        stall(used)
        used.click_at(place)
        time.sleep(WATCHED_S)
        longest = max(longest, stall(used))
        used.wait(lambda: used.widgets("", "Time limit of scripts"), "the properties to be shown")
        record_property("longest_ms", longest)
        assert longest <= LONGEST_MS, f"the event loop did not come round for {longest:.0f} ms"
