"""`arcxo help`: pages on the terminal, without home or server."""

from __future__ import annotations

import json

import pytest

from app.cli import main
from app.help import load
from tests.support.cli_services import FakeComposition


@pytest.fixture
def composition() -> FakeComposition:
    return FakeComposition()


def test_without_a_topic_all_pages_are_listed(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help"], composition) == 0
    output = capsys.readouterr().out
    assert "When something is lost" in output
    assert all(page.topic in output for _, pages in load().sections for page in pages)
    assert composition.opened == []


def test_a_page_is_printed_within_the_terminal(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert main(["help", "server-lost"], composition) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0].startswith("THE SERVER WAS LOST")
    assert max(len(line) for line in lines if not line.startswith("    ")) <= 60
    assert "    arcxo init --from-media /mnt/disk/media --plan" in lines


def test_a_message_code_is_a_topic_in_any_case(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", "ae0465"], composition) == 0
    assert "What to do" in capsys.readouterr().out


def test_json_has_the_page_and_what_a_search_found(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "help", "hosts"], composition) == 0
    page = json.loads(capsys.readouterr().out)
    assert page["topic"] == "hosts"
    assert page["text"].startswith("# Hosts")
    assert main(["help", "--search", "ransomware", "--json"], composition) == 0
    assert json.loads(capsys.readouterr().out)[0]["topic"] == "ransomware"


def test_an_unknown_topic_ends_with_5_and_names_near_ones(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", "brake"], composition) == 5
    error = capsys.readouterr().err
    assert "E1190" in error
    assert "safety-brake" in error
    assert main(["help", "../../etc/passwd"], composition) == 5


def test_a_topic_and_a_search_exclude_each_other(
    composition: FakeComposition, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["help", "hosts", "--search", "x"], composition) == 2
    assert main(["help", "--search", "xyzzy"], composition) == 0
    assert "No page" in capsys.readouterr().out
