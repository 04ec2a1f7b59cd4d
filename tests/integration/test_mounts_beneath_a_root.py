"""File systems that are mounted beneath a root, come, go and come back: none of it is a mass of removals."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.host import CheckOutcome
from app.model.scenario import Filters, NewScenario, ReplicaSpec, ReplicaState, Root
from app.replication.master import sweeps
from app.replication.master.preview import preview
from tests.support.capabilities import missing
from tests.support.replication_pair import Pair, until
from tests.support.volumes import unmount

pytestmark = [pytest.mark.needs_root, pytest.mark.slow]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walks run several times a second."""
    monkeypatch.setattr(sweeps, "MINUTE_S", 0.03)
    monkeypatch.setattr(sweeps, "ROOTS_EVERY_S", 0.2)


class Mounted(Pair):
    """A pair with a small volume on `data` of its master."""

    def __init__(self, base: Path, image: Path) -> None:
        super().__init__(base)
        self.image = image
        self.data = self.master / "data"
        self.data.mkdir()
        (self.master / "beside").write_text("beside")
        self.mount()
        os.rmdir(self.data / "lost+found")
        for number in range(5):
            (self.data / f"f{number}").write_text(f"{number}")

    def mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", str(self.image), str(self.data)], check=True)

    def is_braked(self) -> bool:
        return self.engine.status(self.id).replicas[0].state is ReplicaState.BRAKED

    def wait_braked(self) -> None:
        until(self.is_braked, 30, "the brake")

    def replicated(self) -> list[str]:
        return sorted(os.listdir(self.replica / "data"))


FILES = ["f0", "f1", "f2", "f3", "f4"]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Mounted]:
    image = tmp_path / "image"
    (tmp_path / "base").mkdir()
    if os.geteuid() or shutil.which("mkfs.ext4") is None:
        missing("root and mkfs.ext4, to mount a volume")
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True, capture_output=True)
    both = Mounted(tmp_path / "base", image)
    yield both
    both.close()
    while os.path.ismount(both.data):
        unmount(both.data)


def test_unmounting_brakes_and_mounting_again_goes_on(pair: Mounted) -> None:
    pair.run()
    pair.settle()
    assert pair.replicated() == FILES
    unmount(pair.data)
    pair.wait_braked()
    review = pair.engine.brake_review(pair.id)
    assert (review.code, review.root_lost) == ("ER00224", True)
    assert str(pair.data) in review.reason
    assert pair.replicated() == FILES
    # Asked again while it is still away, and by an engine that begins: the same.
    pair.engine.run(pair.id)
    pair.wait_braked()
    pair.engine.close()
    pair.engine = pair.open_engine()
    pair.wait_braked()
    assert pair.replicated() == FILES
    pair.mount()
    (pair.data / "after").write_text("mounted again")
    assert pair.engine.brake_reject(pair.id).lifted
    pair.wait()
    pair.assert_equal()
    assert pair.replicated() == ["after", *FILES]
    assert not pair.engine.brake_review(pair.id).braked
    assert pair.codes().count("SR00202") == 1


def test_accepting_takes_what_is_there_now(pair: Mounted) -> None:
    pair.run()
    pair.settle()
    unmount(pair.data)
    pair.wait_braked()
    (pair.data / "instead").write_text("beneath")
    assert pair.engine.brake_accept(pair.id).lifted
    pair.wait()
    pair.assert_equal()
    assert pair.replicated() == ["instead"]
    # Mounted over that, it hides a file: asked again.
    pair.mount()
    (pair.master / "beside").write_text("told")
    pair.engine.stop(pair.id)
    pair.engine.run(pair.id)
    pair.wait_braked()
    assert pair.replicated() == ["instead"]
    assert pair.engine.brake_accept(pair.id).lifted
    pair.wait()
    pair.assert_equal()
    assert pair.replicated() == FILES


def test_rejecting_without_the_file_system_brings_its_files_back(pair: Mounted) -> None:
    pair.run()
    pair.settle()
    unmount(pair.data)
    pair.wait_braked()
    assert pair.engine.brake_reject(pair.id).lifted
    # Five files are below every limit, and yet nothing of them goes unasked.
    until(lambda: pair.engine.brake_review(pair.id).counts.get("removed_files") == 5, 30, "what is missing")
    pair.wait_braked()
    assert pair.engine.brake_review(pair.id).code == "ER00225"
    assert pair.replicated() == FILES
    assert pair.engine.brake_reject(pair.id).restored == 5
    pair.wait()
    pair.assert_equal()
    assert sorted(os.listdir(pair.data)) == FILES


def test_mounting_over_files_brakes_and_over_none_does_not(pair: Mounted, often: None) -> None:
    unmount(pair.data)
    (pair.data / "hidden").write_text("hidden")
    empty = pair.master / "empty"
    empty.mkdir()
    pair.run()
    pair.settle()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(empty)], check=True)
    try:
        (empty / "new").write_text("new")
        until((pair.replica / "empty/new").exists, 30, "the new file system's file")
        assert not pair.is_braked()
        pair.mount()
        pair.wait_braked()
        assert pair.replicated() == ["hidden"]
        unmount(pair.data)
        assert pair.engine.brake_reject(pair.id).lifted
        pair.wait()
        pair.assert_equal()
        assert pair.replicated() == ["hidden"]
        pair.engine.stop(pair.id)
    finally:
        unmount(empty)


def test_unmounted_while_stopped_is_no_reason_to_remove(pair: Mounted) -> None:
    pair.run()
    pair.settle()
    pair.engine.stop(pair.id)
    unmount(pair.data)
    pair.engine.run(pair.id)
    pair.wait_braked()
    assert pair.replicated() == FILES
    pair.mount()
    pair.engine.run(pair.id)
    pair.wait()
    pair.assert_equal()
    assert pair.replicated() == FILES


def test_removing_what_is_on_it_is_everyday_work(pair: Mounted) -> None:
    pair.run()
    pair.settle()
    for name in FILES[1:]:
        (pair.data / name).unlink()
    pair.settle()
    pair.assert_equal()
    assert pair.replicated() == ["f0"]
    assert "CR00101" not in pair.codes()


def test_check_names_what_is_mounted_beneath(pair: Mounted) -> None:
    scenario = NewScenario(
        "files",
        "localhost",
        (ReplicaSpec("localhost", (os.fsencode(pair.replica),)),),
        (Root(os.fsencode(pair.master)),),
    )
    told = [result for result in pair.engine.check(scenario) if result.code == "WR00124"]
    assert [(one.outcome, one.params["mounts"]) for one in told] == [(CheckOutcome.WARNING, str(pair.data))]
    *_, seen = preview([os.fsencode(pair.master)], Filters())
    assert seen.mounts == (os.fsencode(pair.data),)
    unmount(pair.data)
    assert [result for result in pair.engine.check(scenario) if result.code == "WR00124"] == []
    with pytest.raises(ArcxoError):
        pair.engine.brake_review(1)
