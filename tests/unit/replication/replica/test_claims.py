"""Two homes of one machine: what one writes the other may not, until the first is gone or gives it up."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.replica.claims import Claims


class Home:
    def __init__(self, base: Path) -> None:
        self.engine = base / "engine"
        self.engine.mkdir(parents=True, exist_ok=True)
        self.claims = Claims(os.fsencode(self.engine))

    def take(self, *paths: Path) -> None:
        """Write these for scenario 7, as a stream does."""
        kept = self.engine / "replica/7"
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "definition.xml").touch()
        self.claims.take([os.fsencode(path) for path in paths], 7, "files")

    def refused(self, path: Path) -> dict[str, str]:
        """What is said against a directory; nothing for none."""
        try:
            self.claims.refuse(os.fsencode(path))
        except ArcxoError as error:
            return error.params if error.code == "ER00426" else {}
        return {}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCXO_CLAIMS", str(tmp_path / "claims"))
    return tmp_path


def test_the_same_directory_one_above_and_one_in_it_are_refused_with_who_writes_it(place: Path) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    root = place / "data/replica"
    first.take(root)
    for path in (root, root.parent, root / "deep/inside", Path("/")):
        said = second.refused(path)
        assert (said["other"], said["scenario"]) == (str(root), "files")
        assert said["home"] == str(place / "one")
    assert not second.refused(place / "data/replica2")
    assert not second.refused(place / "data/rep")
    assert not first.refused(root)


def test_another_name_of_the_directory_is_the_directory(place: Path) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    (place / "root").mkdir()
    (place / "link").symlink_to(place / "root")
    first.take(place / "link")
    assert second.refused(place / "root/inside")


def test_nobody_cleans_up_after_a_home_that_is_gone(place: Path) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    first.take(place / "root")
    shutil.rmtree(place / "one")
    assert not second.refused(place / "root")
    assert [name for _, _, names in os.walk(place / "claims") for name in names] == []


def test_a_home_that_was_moved_is_the_one_that_writes(place: Path) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    first.take(place / "root")
    (place / "one").rename(place / "elsewhere")
    moved = Home(place / "elsewhere")
    assert not moved.refused(place / "root")
    moved.take(place / "root")
    assert second.refused(place / "root")["home"] == str(place / "elsewhere")


def test_a_copy_of_a_home_is_another_home(place: Path) -> None:
    first = Home(place / "one")
    first.take(place / "root")
    shutil.copytree(place / "one", place / "copy")
    assert Home(place / "copy").refused(place / "root")["home"] == str(place / "one")


def test_what_is_given_up_others_may_write(place: Path) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    first.take(place / "root", place / "other")
    first.claims.release([os.fsencode(place / "root")])
    assert not second.refused(place / "root")
    assert second.refused(place / "other")
    shutil.rmtree(first.engine / "replica/7")
    assert not second.refused(place / "other")


@pytest.mark.parametrize("content", [b"", b"{", b'{"engine": 7}', b'{"engine": "zz"}', b"[]", b"\xff"])
def test_a_damaged_claim_is_none(place: Path, content: bytes) -> None:
    first, second = Home(place / "one"), Home(place / "two")
    first.take(place / "root")
    (file,) = (Path(at) / name for at, _, names in os.walk(place / "claims") for name in names)
    file.write_bytes(content)
    assert not second.refused(place / "root")
    first.take(place / "root")
    assert second.refused(place / "root")


def test_where_nothing_can_be_claimed_nothing_is_refused(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").touch()
    monkeypatch.setenv("ARCXO_CLAIMS", str(place / "file/claims"))
    first = Home(place / "one")
    with first.claims.alone():
        first.take(place / "root")
    assert not Home(place / "two").refused(place / "root")
