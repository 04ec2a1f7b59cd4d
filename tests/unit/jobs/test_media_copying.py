"""Copying sessions to another media set: whole, checked, gone on with, and as good as the original."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.jobs.copies import readable_session
from app.jobs.media_choice import online_media
from app.jobs.purging import collect_garbage
from app.media import api as media
from app.media import copying
from app.media.copying import SessionCopier
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import JobKind, JobResult
from tests.support.cuts import Cuts, at_cuts_of_writes
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.media_samples import flip, new_key, restore_to
from tests.support.media_site import MediaSite
from tests.support.trees import assert_identical


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MediaSite]:
    made = MediaSite(tmp_path)
    yield made
    made.close()


@pytest.fixture
def other(site: MediaSite) -> str:
    """A media of another set, in a device of another group."""
    return media.format_media(str(site.device("other", "GROUP1")), "second").path


def copier(site: MediaSite, other: str) -> SessionCopier:
    return SessionCopier(site.path, other, lambda _: None, lambda: False)


def packs(path: str) -> set[str]:
    return set(os.listdir(f"{path}/packs"))


def test_copies_restore_like_their_originals_and_are_in_the_catalog(
    site: MediaSite, other: str, tmp_path: Path
) -> None:
    numbers = site.history(3, 4)
    site.merge()
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    label = media.read_label(other)
    copies = media.sessions(other)
    assert [one.origin_number for one in copies] == numbers
    report = media.verify(other, full=True)
    assert not report.damage
    for copy in copies:
        assert site.in_catalog(copy.number, label.serial) == site.in_catalog(copy.origin_number)
        known = site.catalog.sessions.show(label.serial, copy.number)
        assert known.verified_at is not None
        assert (known.origin_serial, known.origin_number) == (site.serial, copy.origin_number)
        restore_to(site.path, tmp_path / f"original{copy.number}", copy.origin_number)
        restore_to(other, tmp_path / f"copy{copy.number}", copy.number)
        assert_identical(tmp_path / f"original{copy.number}", tmp_path / f"copy{copy.number}")
    again = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other})
    assert again.last_result is JobResult.FINISHED
    assert site.codes(again).count("N5619") == len(numbers)
    assert len(media.sessions(other)) == len(numbers)


def test_an_encrypted_copy_opens_with_the_same_password_and_is_made_without_it(
    site: MediaSite, other: str, tmp_path: Path
) -> None:
    key = new_key(site.path, "word")
    site.write({"a": os.urandom(3000), "b": "text"})
    site.back_up(key=key)
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert "W5621" in site.codes(job)  # nobody gave the password: it is known without names
    opened = media.unlock(other, "word", key.key_id)
    assert opened.data_key == key.data_key
    restore_to(other, tmp_path / "out", 1, key=opened)
    assert_identical(site.source, tmp_path / "out")
    site.merge(other, "word")
    assert site.in_catalog(1, media.read_label(other).serial) == site.on_media(1, data_key=key.data_key)


def test_a_second_session_costs_only_what_it_has_of_its_own(site: MediaSite, other: str) -> None:
    site.write({"large": os.urandom(2_000_000), "a": "1"})
    site.back_up()
    site.write({"large": (site.source / "large").read_bytes(), "a": "2"})
    site.back_up()
    first = copier(site, other).copy(1)
    second = copier(site, other).copy(2)
    assert first.stored_bytes > 2_000_000
    assert second.stored_bytes < 20_000


def test_the_original_may_go_and_the_copy_is_read_in_its_place(site: MediaSite, other: str) -> None:
    site.history(1, 1)
    site.merge()
    site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other})
    original = site.catalog.sessions.show(site.serial, 1)
    assert readable_session(site.catalog, original)[0] == original
    shutil.move(site.path, f"{site.place}/away")
    found, one = readable_session(site.catalog, original)
    assert (found.media_serial, one.path) == (media.read_label(other).serial, other)
    shutil.move(other, f"{site.place}/away too")
    with pytest.raises(NotFoundError, match="E5140"):
        readable_session(site.catalog, original)


def test_a_group_gets_a_media_of_its_own_and_keeps_it(site: MediaSite) -> None:
    site.device("vault", "VAULT")
    site.history(2, 2)
    for _ in range(2):
        job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "group": "VAULT", "name": "vaulted"})
        assert job.last_result is JobResult.FINISHED, site.lines(job)
    (one,) = online_media(site.catalog, "VAULT")
    assert (one.label.name, len(media.sessions(one.path))) == ("vaulted", 2)


def test_a_full_media_is_followed_by_the_next_one_of_its_set(
    site: MediaSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = media.format_media(str(site.device("vault", "VAULT")), "vaulted")
    site.device("annex", "VAULT")
    site.write({"a": os.urandom(300_000), "b": "text"})
    site.back_up()
    site.merge()
    real = copying.write_moved

    def full(source: Any, target: Any, *rest: Any) -> Any:
        if target.location == first.path:
            raise ArcxoError("E4141", media=target.location)
        return real(source, target, *rest)

    monkeypatch.setattr(copying, "write_moved", full)
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": first.path})
    assert job.last_result is JobResult.FINISHED, site.lines(job)
    assert site.codes(job).count("W5142") == 1
    (annex,) = media.list_media(str(site.place / "annex"))
    assert annex.label is not None
    assert first.label is not None
    assert (annex.label.set_id, annex.label.sequence) == (first.label.set_id, 2)
    (copy,) = media.sessions(annex.path)
    assert site.in_catalog(copy.number, annex.label.serial) == site.in_catalog(1)


def test_a_damaged_session_is_named_and_the_others_are_copied(site: MediaSite, other: str) -> None:
    site.write({"a": os.urandom(5000)})
    site.back_up()
    before = packs(site.path)
    site.write({"b": os.urandom(5000)})
    site.back_up()
    for pack in packs(site.path) - before:
        flip(f"{site.path}/packs/{pack}", 100)
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other})
    assert job.last_result is JobResult.INCOMPLETE
    assert "E4125" in site.codes(job)
    assert [one.origin_number for one in media.sessions(other)] == [1]
    assert not media.verify(other, full=True).damage


def test_copies_within_a_set_and_of_nothing_are_refused(site: MediaSite, other: str) -> None:
    site.history(1, 1)
    job = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": site.serial})
    assert job.last_result is JobResult.RUN_FAILED
    assert "E4171" in site.codes(job)
    with pytest.raises(UsageError, match="E4171"):
        copier(site, site.path).copy(1)
    with pytest.raises(NotFoundError, match="E4121"):
        copier(site, other).copy(9)
    missing = site.run(JobKind.MEDIA_COPY, {"media": site.serial, "to": other, "sessions": "9"})
    assert missing.last_result is JobResult.RUN_FAILED


def test_a_device_that_gives_back_something_else_is_told_and_no_session_made(
    site: MediaSite, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.write({"a": os.urandom(5000)})
    site.back_up()

    def lie(path: str) -> None:
        size = os.path.getsize(path)
        if size > 5000:
            flip(path, 200)

    monkeypatch.setattr("app.media.copying._forget_cached", lie)
    with pytest.raises(ArcxoError, match="E4173"):
        copier(site, other).copy(1)
    assert media.sessions(other) == []


@at_cuts_of_writes
def test_a_copy_cut_at_any_write_is_gone_on_with_and_loses_nothing(
    site: MediaSite, tmp_path: Path, partial: bool, cuts: Cuts
) -> None:
    site.write({"a": os.urandom(400_000), "b/c": "text"})
    site.back_up()
    site.device("other")
    made = media.format_media(str(site.place / "other"), "second").path
    pristine = tmp_path / "pristine"
    shutil.copytree(made, pristine)
    calls = durable_calls(lambda: copier(site, made).copy(1))
    assert len(calls) > 10
    for at in cuts(calls):
        shutil.rmtree(made)
        shutil.copytree(pristine, made)
        with CutAt(at, partial=partial), pytest.raises(Cut):
            copier(site, made).copy(1)
        committed = media.sessions(made)
        report = media.verify(made, full=True)
        assert not [one for one in report.damage if one.sessions], at
        left = packs(made)
        copy = copier(site, made).copy(1)
        assert not committed or copy == committed[0], at
        assert len(media.sessions(made)) == 1, at
        assert left <= packs(made), at  # what was copied before is used, not copied again
        assert not media.verify(made, full=True).damage, at
        restore_to(made, tmp_path / f"out{at}", copy.number)
        assert_identical(site.source, tmp_path / f"out{at}")
    one = next(item for item in online_media(site.catalog) if item.path == made)
    collect_garbage(site.catalog, one)
    assert not media.verify(made, full=True).damage
