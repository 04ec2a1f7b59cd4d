"""The units in packaging/systemd start commands that there are."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from tests.support.capabilities import missing
from tests.support.cli_services import FakeComposition

UNITS = Path(__file__).parents[3] / "packaging" / "systemd"
SERVICES = sorted(UNITS.glob("*.service"))


def command_of(unit: Path) -> list[str]:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of units are not folded
    parser.read_string(unit.read_text())
    return shlex.split(parser["Service"]["ExecStart"])


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_service_starts_a_command_with_options_that_exist(
    unit: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *arguments = command_of(unit)
    assert program.endswith("/.venv/bin/arcxo")
    assert main([*arguments, "--help"], FakeComposition()) == 0
    assert "Usage:" in capsys.readouterr().out


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        missing("the program systemd-analyze")
    for unit in (*SERVICES, *UNITS.glob("*.timer")):
        text = unit.read_text().replace("/opt/arcxo/.venv/bin/arcxo", sys.executable)
        (tmp_path / unit.name).write_text(text)
    names = [str(path) for path in sorted(tmp_path.iterdir())]
    found = subprocess.run(["systemd-analyze", "verify", *names], check=False, capture_output=True, text=True)
    assert [line for line in found.stderr.splitlines() if "arcxo" in line] == []
