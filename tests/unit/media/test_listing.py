"""Names of a session, a directory's at once: the same as one by one, wherever the listing goes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from app.catalog.sessions_api import SessionEntry
from app.media import api as media
from app.media import listing
from app.media.differences import NodeReader, Tree, differences
from app.media.mediaset import open_set
from app.media.node import MTIME, SIZE
from app.model.errors import ArcxoError
from tests.support.media_samples import MASTER, back_up, new_media


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """A session with each kind of name that the catalog tells apart."""
    source = tmp_path / "source"
    for directory in ("a", "a/b", "a/b/c", "a-b", "a.b", "z/empty", "ä"):
        (source / directory).mkdir(parents=True, exist_ok=True)
        for name in ("file", "a", "bb", "empty-file", "zz"):
            file = source / directory / name
            file.write_bytes(b"" if name == "empty-file" else os.fsencode(file))
    Path(os.fsdecode(os.fsencode(source) + b"/\xff")).write_bytes(b"not text")
    (source / "link").symlink_to("nowhere")
    os.link(source / "a/file", source / "a/b/linked")
    os.mkfifo(source / "a/fifo")
    os.setxattr(source / "a/zz", "user.one", b"1")
    os.setxattr(source / "a/b", "user.two", b"2")
    with (source / "a/holes").open("wb") as holes:
        holes.seek(10 << 20)
        holes.write(b"end")
    (source / "a/large").write_bytes(os.urandom(5 << 20))
    path = new_media(tmp_path)
    back_up(path, source)
    header = media.read_session(path, 1)
    return Tree(NodeReader(open_set(path), "", None), header.root_id)


def _one_by_one(tree: Tree, roots: tuple[bytes, ...], after: bytes = b"") -> list[SessionEntry]:
    found = []
    for one in differences(tree, None, roots, after):
        assert one.entry is not None
        found.append(SessionEntry(one.path, one.kind, one.entry[SIZE], one.entry[MTIME], one.content_id))
    return found


def _listed(tree: Tree, roots: tuple[bytes, ...], after: bytes = b"") -> list[SessionEntry]:
    return [one for some in listing.listed(tree, roots, SessionEntry, after) for one in some]


@pytest.fixture(params=["native", "python"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.setattr(listing, "_native", None)


@pytest.mark.usefixtures("way")
def test_names_are_those_that_come_one_by_one(tree: Tree) -> None:
    expected = _one_by_one(tree, (MASTER,))
    assert len(expected) > 40
    assert _listed(tree, (MASTER,)) == expected
    assert len({one.content_id for one in expected}) > 25


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(
    "roots", [(MASTER,), (MASTER + b"/a",), (MASTER + b"/a/b", MASTER + b"/z"), (b"/",), (b"/nowhere",)]
)
def test_a_listing_goes_on_behind_any_path(tree: Tree, roots: tuple[bytes, ...]) -> None:
    everything = _one_by_one(tree, roots)
    assert _listed(tree, roots) == everything
    for at, one in enumerate(everything):
        assert _listed(tree, roots, one.path) == everything[at + 1 :]


def test_a_path_that_is_not_there_is_gone_on_behind_all_the_same(tree: Tree) -> None:
    for path in (MASTER + b"/a/between", MASTER + b"/a/b/c/~", MASTER + b"/zzz/y"):
        assert _listed(tree, (MASTER,), path) == _one_by_one(tree, (MASTER,), path)


def test_a_tree_that_is_deeper_than_any_is_refused(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_DEPTH", 3)
    with pytest.raises(ArcxoError) as caught:
        _listed(tree, (MASTER,))
    assert caught.value.code == "E4125"


@pytest.mark.usefixtures("way")
def test_a_node_that_no_writer_makes_is_named(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(_reader: Any, _chunk_id: bytes) -> memoryview:
        return memoryview(b"\x92\x01\x91\x90")

    monkeypatch.setattr(NodeReader, "chunk", chunk)
    with pytest.raises(ArcxoError, match="E4125"):
        listing.entries_of(tree.reader, tree.root_id, b"", SessionEntry)
