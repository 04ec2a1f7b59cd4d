import contextlib
import dataclasses
import os
import stat

import pytest

from app.model.entry import EntryKind
from app.replication.metadata import apply_metadata, apply_metadata_fd, read_metadata, read_metadata_fd
from tests.support.capabilities import volume_or_report


@pytest.fixture
def directory(tmp_path):
    return os.fsencode(tmp_path)


def test_everything_kept_of_a_file_is_copied_to_another(directory):
    source, target = directory + b"/s", directory + b"/t\xff"
    for path in (source, target):
        with open(path, "wb") as file:
            file.write(b"1234")
    os.chmod(source, 0o4751)
    os.utime(source, ns=(5, -1_500_000_000))
    os.setxattr(source, "user.note", b"\0x")
    os.setxattr(target, "user.old", b"gone")
    wanted, _ = read_metadata(source)
    assert apply_metadata(target, wanted) == []
    assert read_metadata(target)[0] == wanted
    assert wanted.permissions == 0o4751
    assert wanted.modified_ns == -1_500_000_000


def test_names_beneath_a_directory_descriptor_and_open_files_work_the_same(directory):
    path = directory + b"/f"
    with open(path, "wb") as file:
        fd = os.open(directory, os.O_RDONLY)
        try:
            wanted = read_metadata(path)[0]
            os.chmod(path, 0o600)
            os.setxattr(path, "user.x", b"1")
            assert apply_metadata(b"f", wanted, fd) == []
            assert read_metadata(b"f", fd)[0] == wanted
            os.chmod(path, 0o640)
            assert apply_metadata_fd(file.fileno(), wanted) == []
            assert read_metadata_fd(file.fileno())[0] == wanted
        finally:
            os.close(fd)


def test_a_symbolic_link_is_described_and_changed_itself(directory):
    target, link = directory + b"/target", directory + b"/link"
    with open(target, "wb"):
        pass
    os.symlink(b"target", link)
    os.utime(link, ns=(7, 7), follow_symlinks=False)
    before = os.stat(target)
    wanted, _ = read_metadata(link)
    assert (wanted.kind, wanted.link_target, wanted.modified_ns) == (EntryKind.SYMLINK, b"target", 7)
    os.utime(link, ns=(9, 9), follow_symlinks=False)
    assert apply_metadata(link, wanted) == []
    assert read_metadata(link)[0] == wanted
    assert os.stat(target).st_mtime_ns == before.st_mtime_ns


def test_a_fifo_is_changed_without_opening_it(directory):
    path = directory + b"/fifo"
    os.mkfifo(path)
    os.chmod(path, 0o622)
    wanted, identity = read_metadata(path)
    os.chmod(path, 0o600)
    assert apply_metadata(path, wanted) == []
    assert stat.S_IMODE(os.lstat(path).st_mode) == 0o622
    assert identity.links == 1


def test_what_is_not_permitted_is_reported_and_the_rest_done(directory, monkeypatch):
    path = directory + b"/f"
    with open(path, "wb"):
        pass
    current, _ = read_metadata(path)

    def refuse(*_args, **_kwargs):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "chown", refuse)
    wanted = dataclasses.replace(current, uid=current.uid + 1, permissions=0o611, modified_ns=42)
    problems = apply_metadata(path, wanted)
    assert [(p.code, p.params["what"]) for p in problems] == [("WR00311", "owner")]
    assert read_metadata(path)[0] == dataclasses.replace(wanted, uid=current.uid)


@pytest.mark.parametrize("call", ["chown", "chmod", "setxattr", "utime"])
def test_no_room_for_what_always_fits_is_a_full_disk_whatever_the_volume_says_is_free(
    call, directory, monkeypatch
):
    path = directory + b"/f"
    with open(path, "wb"):
        pass
    current, _ = read_metadata(path)

    def refuse(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, refuse)
    wanted = dataclasses.replace(
        current, uid=current.uid + 1, permissions=0o611, modified_ns=42, xattrs=((b"user.note", b"x"),)
    )
    with pytest.raises(OSError, match="No space left"):
        apply_metadata(path, wanted)


@pytest.mark.needs_root
def test_an_attribute_without_room_is_a_full_disk_and_one_that_never_fits_a_problem(tmp_path):
    with volume_or_report(tmp_path, "ext4", 24) as volume:
        path = os.fsencode(volume / "f")
        with open(path, "wb"):
            pass
        current, _ = read_metadata(path)
        wanted = dataclasses.replace(current, xattrs=((b"user.note", b"x" * 600),), modified_ns=42)
        too_large = dataclasses.replace(wanted, xattrs=((b"user.note", b"x" * 60_000),))
        assert [problem.code for problem in apply_metadata(path, too_large)] == ["WR00311"]
        with open(volume / "ballast", "wb", buffering=0) as ballast:
            for part in (1 << 16, 1 << 9):
                with contextlib.suppress(OSError):
                    while ballast.write(bytes(part)) == part:
                        os.fsync(ballast)
        with pytest.raises(OSError, match="No space left"):
            apply_metadata(path, wanted)
        (volume / "ballast").unlink()
        assert apply_metadata(path, wanted) == []
        assert read_metadata(path)[0] == wanted


@pytest.mark.needs_root
def test_an_acl_survives_on_a_file_system_that_shows_it_twice(tmp_path):
    acl = bytes.fromhex(
        "0200000001000600ffffffff02000600d204000004000400ffffffff10000600ffffffff20000400ffffffff"
    )
    with volume_or_report(tmp_path, "xfs") as volume:
        there = os.fsencode(volume / "f")
        here = os.fsencode(tmp_path / "f")
        for path in (here, there):
            with open(path, "wb"):
                pass
        os.setxattr(here, "system.posix_acl_access", acl)
        wanted, _ = read_metadata(here)
        for _ in range(2):
            assert apply_metadata(there, wanted) == []
            assert read_metadata(there)[0] == wanted
            assert os.getxattr(there, "system.posix_acl_access") == acl
