"""An audit finds what a change list lacks, says so, and has it in the session all the same."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from app.backup.api import Change, ChangeKind, archive
from app.model.job import VerifyMode
from tests.support.media_samples import Events, archive_task, back_up, restore_to
from tests.support.trees import assert_identical


def audited(media: str, source: Path, *listed: Change, base: int = 1) -> Events:
    events = Events()
    task = archive_task(media, source, base=base, verify=VerifyMode.AUDIT)
    roots = tuple(replace(root, audited=listed if base else None) for root in task.roots)
    archive(replace(task, roots=roots), events, lambda: False)
    return events


def change(source: Path) -> None:
    (source / "empty/new").mkdir()
    (source / "empty/new/file").write_text("new")
    (source / "plain/inner/two.bin").unlink()
    os.chmod(source / "plain/one.txt", 0o640)


LISTED = (
    Change(b"empty/new", ChangeKind.SUBTREE),
    Change(b"plain/inner/two.bin", ChangeKind.REMOVED),
    Change(b"plain/one.txt", ChangeKind.CHANGED),
    Change(b"plain/one-again.txt", ChangeKind.CHANGED),
)


def test_a_complete_list_is_proved(tmp_path: Path, media: str, source: Path) -> None:
    back_up(media, source)
    change(source)
    events = audited(media, source, *LISTED)
    assert [code for code, _ in events.codes()] == ["I4216"]
    restore_to(media, tmp_path / "out", 2)
    assert_identical(source, tmp_path / "out")


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        (0, {b"/srv/data/empty", b"/srv/data/empty/new", b"/srv/data/empty/new/file"}),
        (1, {b"/srv/data/plain/inner", b"/srv/data/plain/inner/two.bin"}),
        (2, {b"/srv/data/plain/one.txt"}),
    ],
)
def test_what_a_list_lacks_is_told_and_backed_up(
    tmp_path: Path, media: str, source: Path, left_out: int, missing: set[bytes]
) -> None:
    back_up(media, source)
    change(source)
    events = audited(media, source, *(one for place, one in enumerate(LISTED) if place != left_out))
    codes = events.codes()
    assert {path for code, path in codes if code == "E4215"} == missing
    assert codes[-1] == ("E4218", b"")
    restore_to(media, tmp_path / "out", 2)
    assert_identical(source, tmp_path / "out")


def test_without_a_base_there_is_nothing_to_audit(media: str, source: Path) -> None:
    assert audited(media, source, base=0).codes() == [("W4217", b"")]
