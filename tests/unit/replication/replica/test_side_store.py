from __future__ import annotations

import errno
import os
import secrets
import struct
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.replica.side_store import AREAS, SideStore, SideStorePlace, open_side_store
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.trees import picture


def open_it(base: Path, home_id: str = "ab12") -> SideStore:
    root = os.fsencode(base / "replica")
    return open_side_store(root, os.fsencode(base / "side"), home_id, b"7/0", [root])


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "replica").mkdir()
    (tmp_path / "replica/file").write_bytes(b"1")
    os.utime(tmp_path / "replica", ns=(0, 1_000_000_000_000_000_001))
    return tmp_path


def test_opening_cut_anywhere_leaves_the_root_as_it_was(base: Path) -> None:
    before = picture(base / "replica")
    calls = durable_calls(lambda: open_it(base))
    for at in every_call(calls):
        with pytest.raises(Cut), CutAt(at):
            open_it(base)
        assert picture(base / "replica") == before
        assert os.listdir(base / "replica") == ["file"]
    assert open_it(base).place is SideStorePlace.HOME


@pytest.mark.parametrize("call", ["mkdir", "link"])
def test_a_full_disk_does_not_move_the_side_store_elsewhere(
    call: str, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = getattr(os, call)
    refused, side = 0, os.fsencode(base / "side")

    def refuse_once(*args: object, **kwargs: object) -> object:
        nonlocal refused
        refused += any(isinstance(arg, bytes) and arg.startswith(side) for arg in args)
        if refused == 1:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return original(*args, **kwargs)

    found = open_it(base)
    assert found.place is SideStorePlace.HOME
    if call == "mkdir":
        os.rename(base / "side", base / "away")
    with monkeypatch.context() as full:
        full.setattr(os, call, refuse_once)
        with pytest.raises(ArcxoError, match="ER00408"):
            open_it(base)
    if call == "mkdir":
        os.rename(base / "away", base / "side")
    assert open_it(base) == found


def test_without_files_that_have_no_name_links_are_tried_by_name(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.open

    def refuse(path: object, flags: int, *args: int, **kwargs: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return original(path, flags, *args, **kwargs)  # type: ignore[call-overload, no-any-return]

    before = picture(base / "replica")
    monkeypatch.setattr(os, "open", refuse)
    assert open_it(base).links
    assert picture(base / "replica") == before


def test_nothing_is_left_where_it_did_not_work(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = os.link
    inside = os.fsencode(base / "replica")

    def refuse(source: bytes, target: bytes, **how: int) -> None:
        if not target.startswith(inside):
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        original(source, target, **how)

    monkeypatch.setattr(os, "link", refuse)
    found = open_it(base, home := secrets.token_hex(4))
    name = f".arcxo-{home}"
    assert found == SideStore(inside + b"/%s/7/0" % name.encode(), SideStorePlace.INSIDE, links=True)
    assert [str(above) for above in (base, *base.parents) if (above / name).exists()] == []
    assert os.listdir(base / "side") == ["7"]


def refusing(monkeypatch: pytest.MonkeyPatch, beneath: Path) -> None:
    """Nothing can be linked or renamed to or from `beneath`: its rights were taken away."""
    for call in ("link", "rename"):
        original = getattr(os, call)

        def refuse(*names: object, original: object = original, **how: object) -> object:
            if any(isinstance(name, bytes) and name.startswith(os.fsencode(beneath)) for name in names):
                raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
            return original(*names, **how)  # type: ignore[operator]  # one of os

        monkeypatch.setattr(os, call, refuse)


def test_a_store_that_holds_something_stays_where_it_is_though_a_better_place_works_now(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as refused:
        refusing(refused, base / "side")
        found = open_it(base)
    assert found.place is SideStorePlace.ANCESTOR
    kept = Path(os.fsdecode(found.path), "aside/17")
    kept.write_text("replaced, and needed for rewinding")
    assert open_it(base) == found
    assert kept.exists()
    # Where nothing was kept the better place is as good.
    kept.unlink()
    assert open_it(base).place is SideStorePlace.HOME


def test_a_store_that_holds_something_and_may_not_be_used_is_not_left_for_another(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = open_it(base)
    kept = Path(os.fsdecode(found.path), "aside/17")
    kept.write_text("replaced, and needed for rewinding")
    before = sorted(base.rglob("*"))
    with monkeypatch.context() as refused:
        refusing(refused, base / "side")
        with pytest.raises(ArcxoError, match="ER00408") as told:
            open_it(base)
    assert "Operation not permitted" in told.value.params["cause"]
    assert sorted(base.rglob("*")) == before
    assert open_it(base) == found


def test_what_is_made_in_it_inherits_no_access_list_of_the_directory_it_is_in(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = ((1, 7, -1), (2, 5, 1234), (4, 5, -1), (0x10, 7, -1), (0x20, 1, -1))
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *one) for one in entries)
    refusing(monkeypatch, base / "side")
    os.setxattr(base, "system.posix_acl_default", acl)
    store = open_it(base)
    assert store.place is SideStorePlace.ANCESTOR
    os.setxattr(store.path + b"/new", "system.posix_acl_default", acl)  # as one that is there already
    store = open_it(base)
    for area in AREAS:
        os.mkdir(store.path + b"/" + area + b"/d")
        made = os.open(store.path + b"/" + area + b"/f", os.O_CREAT | os.O_WRONLY, 0o640)
        os.close(made)
        assert os.listxattr(store.path + b"/" + area + b"/d") == []
        assert os.listxattr(store.path + b"/" + area + b"/f") == []
