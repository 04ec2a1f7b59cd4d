"""`arcxo scenario preview`: what filters take and leave out, at the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.model.scenario import Filters
from tests.support.cli_services import FakeComposition


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("root/a.txt", "root/b.tmp", "root/cache/c.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path / "root"


@pytest.fixture
def composition() -> FakeComposition:
    return FakeComposition()


def test_directories_and_patterns_give_counts_examples_and_patterns(
    root: Path, composition: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["--json", "scenario", "preview", "--root", str(root), "--exclude", "*.tmp", "--exclude", "cache"]
    assert main(argv, composition) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["complete"] is True
    assert (said["included_files"], said["included_bytes"], said["excluded_files"]) == (1, 5, 2)
    assert {entry["pattern"]: entry["path"] for entry in said["excluded"]} == {
        "*.tmp": str(root / "b.tmp"),
        "cache": str(root / "cache"),
    }
    assert [use["pattern"] for use in said["patterns"]] == ["*.tmp", "cache"]
    assert main(argv[1:], composition) == 0
    text = capsys.readouterr().out
    assert "Left out, for example:" in text
    assert f"{root}/cache/  (cache)" in text


def test_what_was_not_seen_in_time_is_exit_3(
    root: Path, composition: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.replication.master.preview._LOOK_AT_CLOCK_EVERY", 1)
    for number in range(200):
        (root / str(number)).touch()
    monkeypatch.setattr("time.monotonic", iter(range(10_000)).__next__)
    assert main(["scenario", "preview", "--root", str(root), "--seconds", "5"], composition) == 3
    assert "--complete" in capsys.readouterr().out
    assert main(["scenario", "preview", "--root", str(root), "--complete"], composition) == 0


def test_a_scenario_is_previewed_with_its_own_filters_or_others(composition: Any) -> None:
    calls = composition.services.scenarios.calls
    assert main(["scenario", "preview", "files"], composition) == 2
    assert calls[-1] == ("preview", (b"/data/master",), Filters(), "localhost")
    assert main(["scenario", "preview", "files", "--exclude", "*.x"], composition) == 2
    assert calls[-1][2] == Filters((), ("*.x",))


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ([], 2),
        (["files", "--root", "/"], 2),
        (["nothing"], 5),
        (["--root", "/", "--exclude", "*"], 2),
        (["--root", "/", "--limit", "201"], 2),
        (["--root", "/nowhere/at/all"], 2),
    ],
)
def test_what_is_wrong_is_said(argv: list[str], code: int, composition: Any) -> None:
    assert main(["scenario", "preview", *argv], composition) == code
