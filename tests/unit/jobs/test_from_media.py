"""A home is made from bare media: what they hold is told first, and nothing is made of what does not fit."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app import bootstrap
from app.catalog import open_catalog
from app.jobs.from_media import GROUP
from app.media.api import add_slot, format_media
from app.media.recovery import new_recovery_key
from app.model.errors import ArcxoError
from app.model.job import JobKind, JobStatus
from app.model.media_keys import SlotKind
from app.model.recovery import RecoveryPlan
from tests.support.media_samples import MASTER, back_up, flip, new_key, new_media


class Lost:
    """What is left of a server: a directory with a media of two sessions, the second one encrypted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.home = str(directory / "home")
        self.media = new_media(directory)
        self.device = os.path.dirname(self.media)
        source = directory / "source"
        source.mkdir()
        (source / "one").write_text("content")
        back_up(self.media, source)
        self.key = new_key(self.media, "right password")
        back_up(self.media, source, key=self.key)

    def plan(self, *secrets: str, at: str = "") -> RecoveryPlan:
        return bootstrap.plan_from_media(self.home, [at or self.media], secrets)

    def files(self) -> dict[str, int]:
        return {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(self.device)
            for name in names
        }


@pytest.fixture
def lost(tmp_path: Path) -> Lost:
    return Lost(tmp_path)


def test_a_plan_says_whose_data_there_are_and_changes_nothing(lost: Lost) -> None:
    before = lost.files()
    for plan in (lost.plan(), lost.plan(at=lost.device)):
        assert (plan.devices, plan.sessions, plan.missing) == ((lost.device,), 2, ())
        (held,) = plan.held
        assert (held.machine, held.scenario_name, held.sessions, held.files) == ("master", "files", 2, 1)
        assert (held.path, held.encrypted, held.opened, plan.locked) == (MASTER, True, False, True)
    assert lost.files() == before
    assert not os.path.exists(lost.home)


def test_a_password_or_a_recovery_key_opens_the_sessions_and_a_wrong_one_is_told_before_anything(
    lost: Lost,
) -> None:
    assert not lost.plan("right password").locked
    secret = new_recovery_key()
    add_slot(lost.media, lost.key, secret, SlotKind.RECOVERY)
    assert not lost.plan(secret.lower()).locked
    with pytest.raises(ArcxoError, match="E4131"):
        lost.plan("right password", "wrong password")
    assert not os.path.exists(lost.home)


def test_a_home_knows_the_device_and_has_a_merge_job_for_each_media(lost: Lost) -> None:
    plan = lost.plan("right password")
    jobs = bootstrap.init_from_media(plan, caroot_password="caroot", secrets=["right password"])
    catalog = open_catalog(lost.home)
    try:
        found = next(one for one in catalog.media.devices() if one.group == GROUP)
        assert found.path == lost.device
        assert found.identity != ""
        (job,) = (catalog.jobs.show(number) for number in jobs)
        assert (job.kind, job.status) == (JobKind.MEDIA_MERGE, JobStatus.READY)
        assert "M1" in [one.name for one in catalog.media.media()]
        assert [one.name for one in catalog.media.devices() if one.group == "GROUP0"] == ["media"]
    finally:
        catalog.close()
    with pytest.raises(ArcxoError, match="E5101"):
        lost.plan()


def test_a_making_that_was_cut_is_done_again(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = lost.plan()

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("app.jobs.home.replace", cut)
    with pytest.raises(KeyboardInterrupt):
        bootstrap.init_from_media(plan, caroot_password="caroot")
    assert not bootstrap.home_exists(lost.home)
    monkeypatch.undo()
    assert len(bootstrap.init_from_media(lost.plan(), caroot_password="caroot")) == 1


@pytest.mark.parametrize("which", ["nothing there", "empty", "a file", "above the home"])
def test_a_directory_that_cannot_be_it_is_refused(lost: Lost, which: str) -> None:
    empty = lost.directory / "empty"
    empty.mkdir()
    at, code = {
        "nothing there": (str(lost.directory / "none"), "E4161"),
        "empty": (str(empty), "E5230"),
        "a file": (str(lost.directory / "source/one"), "E4162"),
        "above the home": (lost.media, "E5221"),
    }[which]
    if which == "above the home":
        lost.home = f"{lost.device}/inside/home"
    with pytest.raises(ArcxoError, match=code):
        lost.plan(at=at)
    assert not os.path.exists(lost.home)


def test_damage_is_told_and_the_rest_is_used(lost: Lost) -> None:
    flip(f"{lost.media}/sessions/000001", 40)
    broken = format_media(lost.device, "M2").path
    flip(f"{broken}/label", 20)
    plan = lost.plan(at=lost.device)
    found = {one.name: one for one in plan.media}
    assert (found["M1"].sessions, found["M1"].damaged_sessions) == (1, 1)
    assert found["M2"].problem == "E4106"
    assert len(bootstrap.init_from_media(plan, caroot_password="caroot")) == 1


def test_media_of_the_set_are_found_beside_it_and_missing_ones_are_named(lost: Lost) -> None:
    from app.media.api import introduce, read_label

    label = read_label(lost.media)
    second = format_media(lost.device, "M1", set_id=label.set_id, sequence=2).path
    introduce(lost.media, [second])
    assert {one.sequence for one in lost.plan().media} == {1, 2}
    away = lost.directory / "away"
    away.mkdir()
    shutil.move(second, away / "M1-2")
    serial = read_label(str(away / "M1-2")).serial
    assert lost.plan().missing == (f"M1: {serial}",)
    both = bootstrap.plan_from_media(lost.home, [lost.media, str(away)])
    assert (both.missing, len(both.media), len(both.devices)) == ((), 2, 2)
