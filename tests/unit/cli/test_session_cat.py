"""`session cat`: a file of a session on standard output, whole or in part."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main
from tests.support.cli_services import FakeComposition
from tests.support.memory_services import MemoryServices

PATH = "/srv/sales/a"


@pytest.fixture
def services() -> MemoryServices:
    made = MemoryServices()
    made.contents[61, PATH.encode()] = b"\xff0123456789"
    return made


@pytest.fixture
def composition(services: MemoryServices) -> FakeComposition:
    made = FakeComposition()
    made.services = services  # type: ignore[assignment] # all services, in memory
    return made


def test_the_bytes_are_written_as_they_are(
    composition: FakeComposition, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["session", "cat", "FSD-2026-A", "61", PATH], composition) == 0
    assert capsysbinary.readouterr().out == b"\xff0123456789"
    assert (
        main(["session", "cat", "FSD-2026-A", "61", PATH, "--offset", "2", "--bytes", "3"], composition) == 0
    )
    assert capsysbinary.readouterr().out == b"123"


def test_the_password_comes_from_a_file_and_json_is_refused(
    composition: FakeComposition, services: MemoryServices, tmp_path: Path
) -> None:
    (tmp_path / "word").write_text("geheim\n")
    words = ["session", "cat", "FSD-2026-A", "61", PATH]
    assert main([*words, "--session-password-file", str(tmp_path / "word")], composition) == 0
    assert services.called("restores.read_file")[-1][4] == "geheim"
    assert main([*words, "--json"], composition) == 2
