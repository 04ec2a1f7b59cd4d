"""The commands of the media utilities: what they ask for, and what they refuse."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.cli import main
from app.cli.session_report import document, ratio, size_fields
from tests.support.catalog_rows import session
from tests.support.cli_services import FakeComposition, job


class Utilities:
    """Notes what it is asked for."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def contents(self, media: str) -> list[Any]:
        self.calls.append(("contents", media))
        return [session(1), session(2)]

    def plan_prune(self, media: str, **options: Any) -> list[Any]:
        self.calls.append(("plan_prune", media, options))
        return [session(1)]

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            self.calls.append((name, *arguments, options))
            return job()

        return call


@pytest.fixture
def utilities(monkeypatch: pytest.MonkeyPatch) -> Utilities:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    return Utilities()


@pytest.fixture
def composition(utilities: Utilities) -> FakeComposition:
    made = FakeComposition()
    made.services.utilities = utilities
    return made


def test_scan_shows_headers_at_once_or_submits(
    composition: FakeComposition, utilities: Utilities, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["media", "scan", "/some/media", "--list", "--session", "2", "--json"], composition) == 0
    assert [one["number"] for one in json.loads(capsys.readouterr().out)] == [2]
    assert main(["media", "scan", "M1", "--contents"], composition) == 0
    assert utilities.calls[-1] == ("scan", "M1", 0, {"contents": True, "passwords": []})


def test_merge_takes_several_passwords_from_files(
    composition: FakeComposition, utilities: Utilities, tmp_path: Path
) -> None:
    files = []
    for word in ("one", "two"):
        (tmp_path / word).write_text(f"{word}\n")
        files += ["--session-password-file", str(tmp_path / word)]
    assert main(["media", "merge", "M1", *files], composition) == 0
    assert utilities.calls[-1] == ("merge", "M1", ["one", "two"], {})
    assert main(["media", "merge", "M1", "--session-password-file", "/none"], composition) == 4


def test_compare_names_what_with(
    composition: FakeComposition, utilities: Utilities, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["media", "compare", "M1", "3", "--with", "here", "--path", "/a"], composition) == 0
    expected = {"paths": (b"/a",), "metadata": True, "passwords": []}
    assert utilities.calls[-1] == ("compare", "M1", 3, str(tmp_path / "here"), expected)
    assert main(["media", "compare", "M1", "3", "--contents-only"], composition) == 0
    assert utilities.calls[-1][3] == "replica"
    assert utilities.calls[-1][4]["metadata"] is False
    assert main(["media", "compare", "M1", "0"], composition) == 2


def test_copies_of_a_media_and_of_sessions(composition: FakeComposition, utilities: Utilities) -> None:
    assert main(["media", "copy", "M1", "--session", "1", "--to", "M2"], composition) == 0
    options = {"to": "M2", "group": "", "name": "", "passwords": []}
    assert utilities.calls[-1] == ("copy", "M1", (1,), options)
    assert main(["session", "copy", "M1", "1", "2", "--group", "VAULT", "--name", "v"], composition) == 0
    options = {"to": "", "group": "VAULT", "name": "v", "passwords": []}
    assert utilities.calls[-1] == ("copy", "M1", (1, 2), options)
    assert main(["session", "copy", "M1"], composition) == 2


def test_prune_wants_to_know_which(composition: FakeComposition, utilities: Utilities) -> None:
    assert main(["media", "prune"], composition) == 2
    assert main(["media", "prune", "--session", "1"], composition) == 2
    assert utilities.calls == []
    assert main(["media", "prune", "--before", "2026-01-01", "--keep", "3"], composition) == 0
    name, media, numbers, options = utilities.calls[-1]
    assert (name, media, numbers, options["keep"]) == ("prune", "", (), 3)
    assert options["before"].year == 2026


def test_what_pruning_would_drop_is_listed_without_a_job(
    composition: FakeComposition, utilities: Utilities, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["media", "prune", "--plan", "--session", "1", "M1"], composition) == 2
    capsys.readouterr()
    assert main(["media", "prune", "M1", "--before", "2026-01-01", "--plan", "--json"], composition) == 0
    assert [one["number"] for one in json.loads(capsys.readouterr().out)] == [1]
    assert [call[0] for call in utilities.calls] == ["plan_prune"]


def test_ratios_of_a_session_are_told_only_where_something_was_stored() -> None:
    assert ratio(300, 100) == 3.0
    assert ratio(300, 0) is None
    item = session(1)
    media = [SimpleNamespace(serial=item.media_serial, sequence=4)]
    told = document(item, media)  # type: ignore[arg-type]
    assert (told["sequence"], told["reduction"], told["number"]) == (4, 1.0, 1)
    assert ("Media sequence", "4") in size_fields(item, media)  # type: ignore[arg-type]
    assert document(item, [])["sequence"] is None
