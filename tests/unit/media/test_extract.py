"""A media that is all that is left: listed and restored by a reader that needs nothing of the product."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

import app.media.extract
from app.media.api import verify
from app.media.extract.__main__ import main
from tests.support.media_samples import MASTER, back_up, flip, new_key
from tests.support.trees import assert_identical, picture

FORMAT_LIBRARIES = {"blake3", "cryptography", "msgpack", "zstandard"}


def restored(target: Path) -> Path:
    return target / MASTER.decode().lstrip("/")


def test_sessions_and_their_paths_are_listed(
    media: str, source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(media, source)
    assert main([media]) == 0
    assert "     1  " in capsys.readouterr().out
    assert main([media, "1"]) == 0
    told = capsys.readouterr().out
    assert "/srv/data/plain/one.txt" in told
    assert "not-\N{REPLACEMENT CHARACTER}" in told


def test_a_copy_of_the_reader_alone_restores_everything_without_the_product(
    media: str, source: Path, tmp_path: Path
) -> None:
    back_up(media, source)
    shutil.copytree(os.path.dirname(app.media.extract.__file__), tmp_path / "alone/extract")
    target = tmp_path / "target"
    done = subprocess.run(
        [sys.executable, "-m", "extract", media, "1", str(target)],
        cwd=tmp_path / "alone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_identical(source, restored(target))
    assert os.stat(restored(target) / "sparse").st_blocks * 512 < 1 << 20


def test_the_reader_uses_the_standard_library_and_four_format_libraries_alone() -> None:
    for path in Path(app.media.extract.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in names:
                top = name.partition(".")[0]
                assert top in FORMAT_LIBRARIES or top in sys.stdlib_module_names, (path.name, name)


def test_nothing_else_of_the_product_is_loaded_with_the_reader() -> None:
    code = """
import runpy, sys
try:
    runpy.run_module("app.media.extract", run_name="__main__")
except SystemExit:
    print(*sorted(sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, "/nowhere"], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    own = {name for name in loaded if name == "app" or name.startswith("app.")}
    assert {name for name in own if not name.startswith("app.media.extract")} == {"app", "app.media"}
    assert not loaded & {"PySide6", "grpc", "sqlalchemy", "click", "argon2", "google.protobuf"}


def test_a_wrong_password_is_refused_before_anything_is_written(
    media: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = new_key(media, "rîght")
    back_up(media, source, key=key)
    password = tmp_path / "password"
    password.write_text("wrong\n")
    target = tmp_path / "a"
    assert main([media, "1", str(target), "--password-file", str(password)]) == 4
    assert not target.exists()
    assert "opens no key slot" in capsys.readouterr().err
    # Typed on a system that decomposes letters with accents.
    password.write_text(unicodedata.normalize("NFD", "rîght") + "\n")
    assert main([media, "1", str(target), "--password-file", str(password)]) == 0
    assert_identical(source, restored(target))


def test_what_is_whole_comes_out_of_a_damaged_media_and_the_rest_is_named(
    media: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for number in range(6):
        (source / f"large{number}").write_bytes(os.urandom(600_000))
    back_up(media, source)
    pack = max(os.listdir(f"{media}/packs"), key=lambda name: os.stat(f"{media}/packs/{name}").st_size)
    os.unlink(f"{media}/label")
    os.unlink(f"{media}/index/{pack}")
    flip(f"{media}/packs/{pack}", 1_500_000)
    target = tmp_path / "target"
    assert main([media, "1", str(target)]) == 3
    told = capsys.readouterr().err
    lost = [f"large{number}" for number in range(6) if f"/srv/data/large{number}:" in told]
    assert len(lost) == 1
    assert sorted(os.listdir(restored(target))) == sorted(
        f"large{n}" for n in range(6) if f"large{n}" not in lost
    )
    for name in os.listdir(restored(target)):
        assert (restored(target) / name).read_bytes() == (source / name).read_bytes()


def test_packs_on_another_media_of_the_set_are_found(media: str, source: Path, tmp_path: Path) -> None:
    back_up(media, source)
    device = Path(media).parent
    beside = device / "M1.2"
    shutil.copytree(media, beside)
    for name in os.listdir(beside / "sessions"):
        os.unlink(beside / "sessions" / name)
    pack = max(os.listdir(f"{media}/packs"), key=lambda name: os.stat(f"{media}/packs/{name}").st_size)
    os.unlink(f"{media}/packs/{pack}")
    assert verify(media, full=False).damage
    target = tmp_path / "target"
    assert main([media, "1", str(target)]) == 0
    assert_identical(source, restored(target))
    # Elsewhere it has to be named.
    shutil.move(beside, tmp_path / "elsewhere")
    assert main([media, "1", str(tmp_path / "some")]) == 3
    assert main([media, "1", str(tmp_path / "all"), "--also", str(tmp_path / "elsewhere")]) == 0
    assert_identical(source, restored(tmp_path / "all"))


def test_only_chosen_paths_are_written_and_nothing_that_is_there_is_touched(
    media: str, source: Path, tmp_path: Path
) -> None:
    back_up(media, source)
    target = tmp_path / "target"
    assert main([media, "1", str(target), "--path", "/srv/data/plain"]) == 0
    assert set(picture(restored(target))) == {
        b"",
        b"plain",
        b"plain/one.txt",
        b"plain/one-again.txt",
        b"plain/inner",
        b"plain/inner/two.bin",
    }
    (restored(target) / "plain/one.txt").write_text("mine")
    outside = tmp_path / "outside"
    outside.mkdir()
    os.symlink(outside, restored(target) / "empty")
    assert main([media, "1", str(target)]) == 3
    assert (restored(target) / "plain/one.txt").read_text() == "mine"
    assert os.listdir(outside) == []


def test_a_path_that_is_not_in_the_session_is_named(
    media: str, source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back_up(media, source)
    target = str(tmp_path / "target")
    chosen = ["--path", "/srv/data/plain", "--path", "/srv/data/plian"]
    assert main([media, "1", target, *chosen]) == 5
    assert "/srv/data/plian is not in session 1" in capsys.readouterr().err
    assert (restored(tmp_path / "target") / "plain/one.txt").exists()
    assert main([media, "1", *chosen[:2]]) == 0
    assert main([media, "1", "--path", "/"]) == 0


def test_a_tree_of_very_many_levels_is_backed_up_and_comes_out(media: str, tmp_path: Path) -> None:
    source, deep = tmp_path / "source", 500
    source.mkdir()
    there = os.open(source, os.O_RDONLY)
    for _ in range(deep):
        os.mkdir("d", dir_fd=there)
        beneath = os.open("d", os.O_RDONLY, dir_fd=there)
        os.close(there)
        there = beneath
    os.close(there)
    assert back_up(media, source)[0].directories >= deep
    target = tmp_path / "target"
    assert main([media, "1", str(target)]) == 0
    assert (restored(target) / Path(*["d"] * deep)).is_dir()


def test_a_session_that_is_not_there_is_named(media: str, tmp_path: Path) -> None:
    assert main([media, "9"]) == 5
    assert main([str(tmp_path), "1"]) == 5
