import os
import queue
import socket
import stat
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.backup.api import Change, ChangeKind, RestoreTask, archive, plan_restore, restore, usable_base
from app.media.api import list_directory, read_session, session_entries, sessions, unlock
from app.model.entry import EntryKind, Identity, Metadata
from app.model.errors import CanceledError, CredentialsError, NotFoundError
from app.model.job import Conflict, Structure, VerifyMode
from app.model.restore import RestoreAction
from tests.support.media_samples import (
    MASTER,
    Events,
    archive_task,
    back_up,
    new_key,
    new_media,
    restore_to,
)
from tests.support.trees import assert_identical


def stored_size(media: str) -> int:
    return sum(os.stat(f"{media}/packs/{name}").st_size for name in os.listdir(f"{media}/packs"))


@pytest.mark.parametrize("encrypted", [False, True])
def test_every_kind_of_entry_comes_back_identical(tmp_path, media, source, encrypted):
    key = new_key(media) if encrypted else None
    result, events = back_up(media, source, key=key)
    assert events.problems == []
    assert not result.incremental
    restored, events = restore_to(media, tmp_path / "out", key=key)
    assert events.problems == []
    assert restored.mismatches == 0
    assert restored.verified_files > 0
    assert_identical(source, tmp_path / "out")
    assert os.stat(tmp_path / "out/sparse").st_blocks * 512 < 1 << 20


def test_a_restore_that_is_done_does_not_wait_for_a_time_to_pass(tmp_path, media, source, monkeypatch):
    waits = []

    class Watched(queue.SimpleQueue):
        def get(self, block=True, timeout=None):
            waits.extend([timeout] if block else [])
            return super().get(block, timeout)

    monkeypatch.setattr("app.backup.staging.queue.SimpleQueue", Watched)
    back_up(media, source)
    restore_to(media, tmp_path / "out")
    assert_identical(source, tmp_path / "out")
    assert [timeout for timeout in waits if timeout is not None] == []


def test_large_file_comes_back_identical_and_a_small_edit_costs_little(tmp_path, media, source):
    data = bytearray(os.urandom(30 << 20))
    (source / "big").write_bytes(data)
    back_up(media, source)
    before = stored_size(media)
    data[10_000_000:10_000_000] = b"inserted"
    (source / "big").write_bytes(data)
    back_up(media, source, base=1)
    assert stored_size(media) - before < 8 << 20
    restore_to(media, tmp_path / "out", 2)
    assert_identical(source, tmp_path / "out")


def test_second_backup_writes_nothing_and_reports_no_rows(media, source):
    back_up(media, source)
    before = stored_size(media)
    result, events = back_up(media, source, base=1)
    assert result.incremental
    assert events.rows == []
    assert result.new_bytes == 0
    assert stored_size(media) == before


def test_backup_without_base_shares_contents_all_the_same(media, source):
    back_up(media, source)
    before = stored_size(media)
    result, events = back_up(media, source)
    assert not result.incremental
    assert len(events.rows) == result.files + result.directories
    assert stored_size(media) == before


def change_some(source: Path) -> None:
    (source / "plain/one.txt").write_text("changed\n")
    (source / "link").unlink()
    (source / "link").mkdir()
    (source / "link/inside").write_text("now a directory")
    (source / "plain/inner/two.bin").unlink()
    (source / "plain/inner").rmdir()
    (source / "added").write_text("added")
    os.chmod(source / "empty", 0o700)


EXPECTED_ROWS = {
    (b"/srv/data", False),
    (b"/srv/data/plain", False),
    (b"/srv/data/plain/one.txt", False),
    (b"/srv/data/plain/one-again.txt", False),
    (b"/srv/data/link", False),
    (b"/srv/data/link/inside", False),
    (b"/srv/data/plain/inner", True),
    (b"/srv/data/plain/inner/two.bin", True),
    (b"/srv/data/added", False),
    (b"/srv/data/empty", False),
}


def test_walk_reports_exactly_what_differs_from_the_base(tmp_path, media, source):
    back_up(media, source)
    change_some(source)
    result, events = back_up(media, source, base=1)
    assert {(row.path, row.removed) for row in events.rows} == EXPECTED_ROWS
    full, _ = back_up(media, source)
    assert (result.files, result.directories, result.size_bytes) == (
        full.files,
        full.directories,
        full.size_bytes,
    )
    restore_to(media, tmp_path / "out", 2)
    assert_identical(source, tmp_path / "out")


def test_change_list_touches_only_its_paths_and_gives_the_same_session(tmp_path, media, source):
    back_up(media, source)
    change_some(source)
    (source / "ünïcödé ☃").write_text("a change that is not in the list")
    changes = (
        Change(b"", ChangeKind.CHANGED),
        Change(b"plain/one.txt", ChangeKind.CHANGED),
        Change(b"plain/one-again.txt", ChangeKind.CHANGED),
        Change(b"link", ChangeKind.SUBTREE),
        Change(b"plain/inner", ChangeKind.REMOVED),
        Change(b"added", ChangeKind.CHANGED),
        Change(b"empty", ChangeKind.CHANGED),
    )
    result, events = back_up(media, source, base=1, changes=changes)
    assert {(row.path, row.removed) for row in events.rows} == EXPECTED_ROWS
    back_up(media, source)
    (source / "ünïcödé ☃").write_text("snow")
    by_list = {entry.path: entry for entry in session_entries(media, 2)}
    by_walk = {entry.path: entry for entry in session_entries(media, 3)}
    odd = "/srv/data/ünïcödé ☃".encode()
    assert by_list.pop(odd).content_id != by_walk.pop(odd).content_id
    assert by_list == by_walk
    header = read_session(media, 2)
    assert (header.files, header.directories) == (result.files, result.directories)
    full = read_session(media, 3)
    assert (header.files, header.directories) == (full.files, full.directories)


def test_a_changed_path_that_cannot_be_looked_at_leaves_session_and_catalog_alike(media, source, monkeypatch):
    back_up(media, source)
    victim = os.fsencode(source / "plain/one.txt")
    real = os.lstat

    def failing(path, **more):
        if path == victim:
            raise OSError(5, "Input/output error")
        return real(path, **more)

    monkeypatch.setattr(os, "lstat", failing)
    changes = (Change(b"plain/one.txt", ChangeKind.CHANGED),)
    result, events = back_up(media, source, base=1, changes=changes)
    monkeypatch.undo()
    path = MASTER + b"/plain/one.txt"
    assert events.codes() == [("E4211", path)]
    assert (path, True) in {(row.path, row.removed) for row in events.rows}
    kept = [entry for entry in session_entries(media, 2) if entry.metadata.kind is not EntryKind.DIRECTORY]
    assert path not in {entry.path for entry in kept}
    assert result.files == len(kept)


def test_restored_old_time_does_not_hide_a_change(tmp_path, media, source):
    victim = source / "plain/one.txt"
    back_up(media, source)
    before = os.stat(victim)
    victim.write_text("ONE\n")
    os.utime(victim, ns=(before.st_atime_ns, before.st_mtime_ns))
    back_up(media, source, base=1)
    restore_to(media, tmp_path / "out", 2)
    assert (tmp_path / "out/plain/one.txt").read_text() == "ONE\n"


def test_wrong_password_is_refused_and_no_key_too(tmp_path, media, source):
    key = new_key(media, "right")
    back_up(media, source, key=key)
    with pytest.raises(CredentialsError, match="E4131"):
        unlock(media, "wrong")
    with pytest.raises(CredentialsError, match="E4132"):
        restore_to(media, tmp_path / "out")
    assert unlock(media, "right") == key


def test_encrypted_media_shows_no_names_or_contents(media, source):
    (source / "secret-name").write_bytes(b"very secret content " * 100)
    back_up(media, source, key=new_key(media))
    for directory, _, names in os.walk(media):
        for name in names:
            with open(os.path.join(directory, name), "rb") as file:
                data = file.read()
            assert b"secret-name" not in data
            assert b"very secret" not in data


def test_manifest_gives_the_metadata_and_names_a_changed_content(media, source):
    class Frozen:
        def get(self, path: bytes) -> tuple[Metadata, Identity] | None:
            if path == b"plain/one.txt":
                metadata = Metadata(EntryKind.FILE, 0o604, 5, 6, 4, 1_000_000_000)
            elif path == b"ok":
                found = os.stat(source / "ok")
                metadata = Metadata(EntryKind.FILE, 0o600, 1, 2, found.st_size, found.st_mtime_ns)
            else:
                return None
            return metadata, Identity(1, 2)

    (source / "ok").write_text("fine")
    result, events = back_up(media, source, Frozen())
    assert events.codes() == [("W4210", b"/srv/data/plain/one.txt")]
    assert result.problems == 1
    assert read_session(media, 1).incomplete
    entries = {entry.path: entry.metadata for entry in session_entries(media, 1)}
    assert entries[b"/srv/data/plain/one.txt"].permissions == 0o604
    assert entries[b"/srv/data/ok"].uid == 1


def test_entry_that_vanishes_while_read_is_a_problem_and_the_rest_is_kept(
    tmp_path, media, source, monkeypatch
):
    from app.backup import contents

    def vanish(path: bytes) -> tuple[int, os.stat_result]:
        if path.endswith(b"/one.txt"):
            os.unlink(path)
        return original(path)

    original = contents.open_regular
    monkeypatch.setattr(contents, "open_regular", vanish)
    result, events = back_up(media, source)
    assert events.codes() == [("E4211", b"/srv/data/plain/one.txt")]
    assert read_session(media, 1).incomplete
    assert result.problems == 1
    restored, events = restore_to(media, tmp_path / "out")
    assert events.problems == []
    assert restored.files == result.files
    assert not (tmp_path / "out/plain/one.txt").exists()
    assert not usable_base(media, 1, "i", 1, None)


def test_file_changing_while_read_is_kept_with_a_problem(media, source, monkeypatch):
    from app.backup import contents

    original = contents.read_whole

    def growing(descriptor: int, size: int) -> bytes:
        data = original(descriptor, size)
        if data == b"one\n" or data.startswith(b"one\n+"):
            with open(source / "plain/one.txt", "a") as file:
                file.write("+")
        return data

    monkeypatch.setattr(contents, "read_whole", growing)
    (source / "plain/one-again.txt").unlink()
    _, events = back_up(media, source)
    assert events.codes() == [("W4210", b"/srv/data/plain/one.txt")]


def test_socket_is_left_out_with_a_note(media, source):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "s"))
        result, events = back_up(media, source)
    assert events.codes() == [("I4212", b"/srv/data/s")]
    assert result.problems == 0
    assert not read_session(media, 1).incomplete


def test_canceled_backup_leaves_no_session(media, source):
    with pytest.raises(CanceledError):
        archive(archive_task(media, source), lambda _: None, lambda: True)
    assert sessions(media) == []
    assert os.listdir(f"{media}/tmp") == []
    assert os.listdir(f"{media}/intents") == []


@pytest.mark.parametrize("mode", [VerifyMode.SCAN, VerifyMode.COMPARE])
def test_verification_after_backup_holds_for_a_sound_session(media, source, mode):
    result, events = back_up(media, source, verify=mode, key=new_key(media))
    assert result.verified
    assert events.problems == []


def test_directory_of_a_session_can_be_listed(media, source):
    back_up(media, source)
    assert [entry.path for entry in list_directory(media, 1, b"/")] == [b"/srv"]
    names = {entry.path for entry in list_directory(media, 1, MASTER + b"/plain")}
    assert MASTER + b"/plain/one.txt" in names
    with pytest.raises(NotFoundError, match="E4123"):
        list_directory(media, 1, b"/nowhere")


def test_usable_base_wants_the_same_point_and_a_whole_session(media, source):
    back_up(media, source, incarnation="i", change=5)
    assert usable_base(media, 1, "i", 5, None)
    assert not usable_base(media, 1, "i", 6, None)
    assert not usable_base(media, 1, "other", 5, None)
    assert not usable_base(media, 2, "i", 5, None)
    for name in os.listdir(f"{media}/packs"):
        os.unlink(f"{media}/packs/{name}")
    assert not usable_base(media, 1, "i", 5, None)


def test_lost_packs_are_written_again_by_the_next_backup(tmp_path, media, source):
    back_up(media, source)
    for name in os.listdir(f"{media}/packs"):
        os.unlink(f"{media}/packs/{name}")
    result, _ = back_up(media, source, base=1)
    assert not result.incremental
    restore_to(media, tmp_path / "out", 2)
    assert_identical(source, tmp_path / "out")


# -- restore: where, and over what -------------------------------------------------------------------


def test_missing_path_is_an_error(tmp_path, media, source):
    back_up(media, source)
    with pytest.raises(NotFoundError, match="E4221"):
        restore_to(media, tmp_path / "out", paths=(MASTER + b"/nothing",))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("structure", "path", "expected"),
    [
        (Structure.NONE, b"/plain/one.txt", "one.txt"),
        (Structure.BASE, b"/plain/one.txt", "plain/one.txt"),
        (Structure.FULL, b"/plain/one.txt", "srv/data/plain/one.txt"),
        (Structure.NONE, b"/plain", "one.txt"),
        (Structure.BASE, b"/plain", "plain/one.txt"),
        (Structure.FULL, b"/plain", "srv/data/plain/one.txt"),
    ],
)
def test_structure_says_how_much_of_the_path_is_made(tmp_path, media, source, structure, path, expected):
    back_up(media, source)
    out = tmp_path / "out"
    restore_to(media, out, paths=(MASTER + path,), structure=structure, relocate=True)
    files = [p for p in out.rglob("*") if p.is_file()]
    assert out / expected in files
    if path.endswith(b".txt"):
        assert files == [out / expected]


def test_conflicts_are_handled_as_asked_and_the_plan_says_so(tmp_path, media, source):
    back_up(media, source)
    out = tmp_path / "out"

    def existing() -> None:
        out.mkdir(exist_ok=True)
        (out / "one.txt").write_text("local")
        os.utime(out / "one.txt", (2_000_000_000, 2_000_000_000))

    expected = {
        Conflict.OVERWRITE: (RestoreAction.OVERWRITE, "one\n"),
        Conflict.RENAME: (RestoreAction.RENAME, "local"),
        Conflict.SKIP: (RestoreAction.SKIP, "local"),
        Conflict.OLDER: (RestoreAction.SKIP, "local"),
    }
    for conflict, (action, content) in expected.items():
        existing()
        task = RestoreTask(
            media, 1, (MASTER + b"/plain",), ((b"/", os.fsencode(out)),), conflict, relocate=True
        )
        before = sorted(os.listdir(out))
        planned = plan_restore(task)
        assert sorted(os.listdir(out)) == before
        result = restore(task, lambda _: None, lambda: False)
        assert planned.counts[action] >= 1
        assert planned.counts[RestoreAction.SKIP] == result.skipped
        assert planned.counts[RestoreAction.RENAME] == result.renamed
        assert (out / "one.txt").read_text() == content
    assert (out / "one.txt.restored").read_text() == "one\n"
    os.utime(out / "one.txt", (1, 1))
    restore(task, lambda _: None, lambda: False)
    assert (out / "one.txt").read_text() == "one\n"


def test_link_in_the_destination_is_not_followed(tmp_path, media, source):
    back_up(media, source)
    outside = tmp_path / "outside"
    outside.mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "plain").symlink_to(outside)
    (out / "ünïcödé ☃").symlink_to(outside / "victim")
    restore_to(media, out)
    assert list(outside.iterdir()) == []
    assert_identical(source, out)


def test_two_entries_with_one_place_are_a_problem_not_a_loss(tmp_path, media, source):
    (source / "empty/one.txt").write_text("other")
    back_up(media, source)
    result, events = restore_to(
        media,
        tmp_path / "out",
        paths=(MASTER + b"/plain/one.txt", MASTER + b"/empty/one.txt"),
        relocate=True,
    )
    assert [code for code, _ in events.codes()] == ["E4227"]
    assert result.files == 1


def test_canceled_restore_leaves_no_staging(tmp_path, media, source):
    back_up(media, source)
    asked = threading.Event()

    def emit(_: object) -> None:
        asked.set()

    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(tmp_path / "out")),))
    with pytest.raises(CanceledError):
        restore(task, emit, lambda: asked.is_set() and (tmp_path / "out/empty").exists())
    assert [name for name in os.listdir(tmp_path / "out") if name.startswith(".arcxo")] == []


def test_restore_over_itself_keeps_everything_identical(tmp_path, media, source):
    back_up(media, source)
    restore_to(media, tmp_path / "out")
    result, events = restore_to(media, tmp_path / "out")
    assert events.problems == []
    assert result.mismatches == 0
    assert_identical(source, tmp_path / "out")


NAMES = st.binary(min_size=1, max_size=255).filter(
    lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")
)
TREES = st.recursive(
    st.binary(max_size=2000),
    lambda children: st.dictionaries(NAMES, children, max_size=4),
    max_leaves=12,
)


def make(path: bytes, tree: object) -> None:
    if isinstance(tree, dict):
        os.mkdir(path)
        for name, child in tree.items():
            make(path + b"/" + name, child)
    else:
        assert isinstance(tree, bytes)
        with open(path, "wb") as file:
            file.write(tree)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(first=st.dictionaries(NAMES, TREES, max_size=5), second=st.dictionaries(NAMES, TREES, max_size=5))
def test_random_trees_round_trip_with_and_without_base(tmp_path_factory, first, second):
    directory = tmp_path_factory.mktemp("random")
    media = new_media(directory)
    make(os.fsencode(directory / "a"), first)
    make(os.fsencode(directory / "b"), second)
    back_up(media, directory / "a")
    result, _ = back_up(media, directory / "b", base=1)
    listed = list(session_entries(media, 2))
    assert sum(entry.metadata.kind is not EntryKind.DIRECTORY for entry in listed) == result.files
    restore_to(media, directory / "out", 2)
    assert_identical(directory / "b", directory / "out")


def test_header_records_the_run(media, source):
    taken = datetime(2026, 1, 2, tzinfo=UTC)
    result, events = back_up(media, source, taken_at=taken, incarnation="x", change=9)
    header = read_session(media, 1)
    assert header.taken_at == taken
    assert (header.incarnation, header.change, header.roots) == ("x", 9, (MASTER,))
    assert header.files == result.files
    assert isinstance(events, Events)
    assert stat.S_IMODE(os.stat(media).st_mode) == 0o700


@pytest.mark.parametrize("seconds", [13_569_465_600, 1 << 35, -(1 << 35)])
def test_a_time_beyond_what_is_kept_costs_neither_the_backup_nor_the_directory(media, seconds):
    # Memory keeps any time, other file systems what they have room for.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        source, out = Path(place) / "source", Path(place) / "out"
        source.mkdir()
        (source / "far").write_text("far")
        (source / "near").write_text("near")
        os.utime(source / "far", ns=(0, seconds * 10**9))
        result, events = back_up(media, source)
        assert (result.files, events.problems) == (2, [])
        restored, events = restore_to(media, out)
        assert (restored.problems, restored.mismatches, events.problems) == (0, 0, [])
        assert (out / "far").read_text() + (out / "near").read_text() == "farnear"
        _, events = back_up(media, source, base=1)
        assert events.rows == []
