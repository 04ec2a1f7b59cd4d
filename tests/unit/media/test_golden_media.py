"""Media of every version of the format stay readable: by the engine, and by the reader that stands alone."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest

from app.media.api import FORMAT_VERSION, read_label, sessions, unlock, verify
from app.media.extract.__main__ import VERSIONS, main
from tests.support.golden_media import PASSWORD, tree_facts, unpack, versions
from tests.support.media_samples import MASTER, back_up, restore_to

ARCHIVES = versions()


def test_there_is_a_golden_media_of_every_version() -> None:
    told = {int(path.name.removeprefix("media-").split(".")[0]) for path in ARCHIVES}
    assert told == set(range(1, FORMAT_VERSION + 1)) == set(VERSIONS)


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_the_engine_restores_what_was_written_then(archive: Path, tmp_path: Path) -> None:
    media, expected = unpack(archive, tmp_path)
    assert [str(one.number) for one in sessions(media)] == sorted(expected)
    key = unlock(media, PASSWORD)
    assert verify(media, full=True, data_keys=(key.data_key,)).damage == ()
    for one in sessions(media):
        out = tmp_path / f"engine{one.number}"
        result, events = restore_to(media, out, one.number, key=key if one.encrypted else None)
        assert events.problems == []
        assert result.mismatches == 0
        assert tree_facts(out) == expected[str(one.number)]


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_the_reader_that_stands_alone_restores_the_same(archive: Path, tmp_path: Path) -> None:
    media, expected = unpack(archive, tmp_path)
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    for number, facts in expected.items():
        out = tmp_path / f"extracted{number}"
        assert main([media, number, str(out), "--password-file", str(password)]) == 0
        assert tree_facts(Path(os.fsdecode(os.fsencode(out) + MASTER))) == facts


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_backups_go_on_where_an_older_version_stopped(archive: Path, tmp_path: Path) -> None:
    media, expected = unpack(archive, tmp_path)
    version = read_label(media).format_version
    newest = max(expected)
    key = unlock(media, PASSWORD)
    source = tmp_path / "source"
    restore_to(media, source, int(newest), key=key)
    (source / "later").write_text("written by a later version")
    result, _ = back_up(media, source, base=int(newest), key=key)
    out = tmp_path / "out"
    restore_to(media, out, result.session, key=key)
    facts = tree_facts(out)
    assert facts.pop(base64.b64encode(b"later").decode())["size"] == 26
    assert facts.keys() == expected[newest].keys()
    assert read_label(media).format_version == version
