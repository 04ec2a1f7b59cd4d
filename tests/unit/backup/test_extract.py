"""A media without home, catalog or server is listed and restored."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.backup.extract import main
from app.model.errors import ExitCode
from tests.support.media_samples import MASTER, back_up, new_key, new_media
from tests.support.trees import assert_identical, fill


@pytest.fixture
def media(tmp_path: Path) -> str:
    return new_media(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    root = tmp_path / "source"
    root.mkdir()
    fill(root)
    return root


def test_sessions_and_their_paths_are_listed(
    media: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(media, source)
    assert main([media]) == ExitCode.DONE
    assert "     1  " in capsys.readouterr().out
    assert main([media, "1"]) == ExitCode.DONE
    assert MASTER.decode() in capsys.readouterr().out


def test_a_session_is_restored_by_a_process_of_its_own(media: str, source: Path, tmp_path: Path) -> None:
    back_up(media, source)
    target = tmp_path / "target"
    done = subprocess.run(
        [sys.executable, "-m", "app.backup.extract", media, "1", str(target)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "0 differ" in done.stdout
    assert_identical(source, target / MASTER.decode().lstrip("/"))


def test_a_wrong_password_is_refused_and_the_right_one_opens(
    media: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key(media, "right")
    back_up(media, source, key=key)
    password = tmp_path / "password"
    password.write_text("wrong\n")
    options = ["--password-file", str(password)]
    assert main([media, "1", str(tmp_path / "a"), *options]) == ExitCode.CREDENTIALS
    assert "E4131" in capsys.readouterr().err
    password.write_text("right\n")
    assert main([media, "1", str(tmp_path / "a"), *options]) == ExitCode.DONE


def test_a_session_that_is_not_there_is_named(media: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([media, "9"]) == ExitCode.NOT_FOUND
    assert "E4121" in capsys.readouterr().err
