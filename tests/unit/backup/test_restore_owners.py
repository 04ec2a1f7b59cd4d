"""Whose restored files are: by number, by name, by choice; and what the plan says of it before."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import msgpack
import pytest

from app.backup import owners as backup_owners
from app.backup.api import RestoreTask, plan_restore
from app.backup.owners import decode_owners, encode_owners, recorded_owners
from app.media.api import KeyInfo
from app.media.reader import open_session
from app.model.errors import ArcxoError
from app.model.owners import HostOwners, Owner, OwnerChange, OwnerCount, OwnerRule
from tests.support.capabilities import missing
from tests.support.media_samples import MASTER, back_up, new_key, new_media, restore_to

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

THERE = HostOwners((Owner(4001, "anna"), Owner(4002, "bert")), (Owner(5001, "sales"),))
"""The users and groups of the machine that was backed up."""
_ACL = struct.Struct("<HHI")


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine knows anna and sales by other numbers, and somebody else by the number of bert."""
    users, groups = {"anna": 6001, "carl": 4002}, {"sales": 7001}

    def number(known: dict[str, int], field: str) -> Callable[[str], SimpleNamespace]:
        return lambda name: SimpleNamespace(**{field: known[name]})

    def name(known: dict[str, int], field: str) -> Callable[[int], SimpleNamespace]:
        return lambda wanted: SimpleNamespace(**{field: {v: k for k, v in known.items()}[wanted]})

    monkeypatch.setattr(backup_owners.pwd, "getpwnam", number(users, "pw_uid"))
    monkeypatch.setattr(backup_owners.pwd, "getpwuid", name(users, "pw_name"))
    monkeypatch.setattr(backup_owners.grp, "getgrnam", number(groups, "gr_gid"))
    monkeypatch.setattr(backup_owners.grp, "getgrgid", name(groups, "gr_name"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    (made / "inner").mkdir(parents=True)
    for name, uid, gid in (("a", 4001, 5001), ("inner/b", 4002, 5001), ("inner/c", 4002, 9999)):
        (made / name).write_text(name)
        os.chown(made / name, uid, gid)
    os.chown(made / "inner", 4001, 5001)
    os.chown(made, 4001, 5001)
    return made


def owner(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_uid, found.st_gid


def plan(media: str, out: Path, **more: object) -> dict[tuple[bool, int], OwnerCount]:
    task = RestoreTask(media, 1, (), ((MASTER, os.fsencode(out)),), **more)  # type: ignore[arg-type]
    return {(one.group, one.number): one for one in plan_restore(task).owners}


def names_of(media: str, session: int, key: KeyInfo | None = None) -> HostOwners:
    return recorded_owners(*open_session(media, session, key.data_key if key else None))


def test_by_number_all_stays_and_the_plan_says_who_that_is_here(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    told = plan(media, tmp_path / "out")
    assert told[False, 4001] == OwnerCount(4001, "anna", 4001, "", 3)
    assert told[False, 4001].is_missing
    assert told[False, 4002] == OwnerCount(4002, "bert", 4002, "carl", 2)
    assert told[False, 4002].is_another
    assert told[True, 9999] == OwnerCount(9999, "", 9999, "", 1, group=True)
    restore_to(media, tmp_path / "out")
    assert owner(tmp_path / "out/a") == (4001, 5001)


def test_by_name_each_gets_the_number_that_the_name_has_here(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    out = tmp_path / "out"
    told = plan(media, out, owners=OwnerRule.NAME)
    assert told[False, 4001] == OwnerCount(4001, "anna", 6001, "anna", 3)
    assert told[True, 5001].becomes == 7001
    result, events = restore_to(media, out, owners=OwnerRule.NAME)
    assert (events.problems, result.mismatches) == ([], 0)
    assert owner(out / "a") == owner(out / "inner") == owner(out) == (6001, 7001)
    # Nobody here is called bert, and group 9999 has no name.
    assert owner(out / "inner/b") == (4002, 7001)
    assert owner(out / "inner/c") == (4002, 9999)


def test_a_chosen_owner_goes_before_the_rule(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    out = tmp_path / "out"
    changes = (
        OwnerChange("bert", "anna"),
        OwnerChange("4001", "4321"),
        OwnerChange("9999", "sales", group=True),
    )
    told = plan(media, out, owners=OwnerRule.NAME, owner_changes=changes)
    assert told[False, 4002] == OwnerCount(4002, "bert", 6001, "anna", 2)
    restore_to(media, out, owners=OwnerRule.NAME, owner_changes=changes)
    assert owner(out / "a") == (4321, 7001)
    assert owner(out / "inner/c") == (6001, 7001)


def test_lists_of_access_name_the_same_people(source: Path, tmp_path: Path) -> None:
    def acl(user: int, group: int) -> bytes:
        rows = [(1, 6, -1), (2, 4, user), (4, 4, -1), (8, 4, group), (16, 6, -1), (32, 4, -1)]
        return struct.pack("<I", 2) + b"".join(
            _ACL.pack(tag, bits, number & 0xFFFFFFFF) for tag, bits, number in rows
        )

    try:
        os.setxattr(source / "a", "system.posix_acl_access", acl(4001, 5001))
    except OSError:
        missing("access control lists on the file system of the temporary directory")
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    restore_to(media, tmp_path / "out", owners=OwnerRule.NAME)
    assert os.getxattr(tmp_path / "out/a", "system.posix_acl_access") == acl(6001, 7001)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (OwnerChange("anna", "nobody-here"), "E4251"),
        (OwnerChange("anna", "4294967295"), "E4251"),
        (OwnerChange("sales", "nobody-here", group=True), "E4252"),
    ],
)
def test_a_new_owner_that_is_not_here_is_refused_before_anything_is_done(
    source: Path, tmp_path: Path, change: OwnerChange, code: str
) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    with pytest.raises(ArcxoError) as refused:
        restore_to(media, tmp_path / "out", owner_changes=(change,))
    assert refused.value.code == code
    assert not (tmp_path / "out").exists()


def test_names_stay_with_the_sessions_that_follow(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    packs = len(os.listdir(os.path.join(media, "packs")))
    back_up(media, source, base=1)
    assert names_of(media, 2) == THERE
    assert len(os.listdir(os.path.join(media, "packs"))) == packs


def test_names_of_an_encrypted_session_are_encrypted(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    key = new_key(media)
    back_up(media, source, key=key, owners=THERE)
    assert names_of(media, 1, key) == THERE
    everything = b"".join(path.read_bytes() for path in Path(media).rglob("*") if path.is_file())
    assert b"anna" not in everything


def test_a_session_without_names_is_restored_by_number(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source)
    out = tmp_path / "out"
    assert plan(media, out, owners=OwnerRule.NAME)[False, 4001] == OwnerCount(4001, "", 4001, "", 3)
    restore_to(media, out, owners=OwnerRule.NAME)
    assert owner(out / "a") == (4001, 5001)


def test_by_names_that_are_damaged_nothing_is_restored_until_it_is_by_numbers(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    monkeypatch.setattr(backup_owners, "decode_owners", lambda _: HostOwners())
    by_name = OwnerChange("anna", "1")
    for more in ({"owners": OwnerRule.NAME}, {"owner_changes": (by_name,)}):
        with pytest.raises(ArcxoError) as refused:
            restore_to(media, tmp_path / "out", **more)
        assert refused.value.code == "E4253"
    assert not (tmp_path / "out").exists()
    restore_to(media, tmp_path / "out", owner_changes=(OwnerChange("4001", "1"),))
    assert owner(tmp_path / "out/a") == (1, 5001)


def test_a_restore_that_goes_on_keeps_to_the_owners(source: Path, tmp_path: Path) -> None:
    media = new_media(tmp_path)
    back_up(media, source, owners=THERE)
    out, state = tmp_path / "out", tmp_path / "state"
    state.mkdir()
    restore_to(media, out, owners=OwnerRule.NAME, state=str(state), undo_days=1)
    shutil.rmtree(out / "inner")
    result, _ = restore_to(media, out, owners=OwnerRule.NAME, state=str(state), undo_days=1)
    assert result.resumed == 1
    assert owner(out / "inner/b") == (4002, 7001)


@pytest.mark.parametrize(
    "document",
    [
        b"\xc1",
        msgpack.packb([2, [], []]),
        msgpack.packb([1, [[1]], []]),
        msgpack.packb([1, [["1", "a"]], []]),
        msgpack.packb([1, [[-1, "a"]], []]),
        msgpack.packb([1, [[1 << 32, "a"]], []]),
        msgpack.packb([1, [[1, "a\x1b[2J"]], []]),
        msgpack.packb([1, {}, []]),
    ],
)
def test_a_hostile_list_of_owners_is_none(document: bytes) -> None:
    with pytest.raises(ValueError, match="owner"):
        decode_owners(document)


def test_what_is_kept_of_owners_comes_back() -> None:
    assert decode_owners(encode_owners(THERE)) == THERE
