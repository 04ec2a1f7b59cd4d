from __future__ import annotations

from app.ui.models.cell import Mark
from app.ui.restore.selection import PathSelection

TREE = {
    b"/srv": [b"/srv/a", b"/srv/b", b"/srv/c"],
    b"/srv/a": [b"/srv/a/x", b"/srv/a/y"],
    b"/srv/a/x": [b"/srv/a/x/1", b"/srv/a/x/2"],
}


def children(folder: bytes) -> list[bytes]:
    return TREE.get(folder, [])


def chosen(selection: PathSelection) -> dict[object, tuple[bytes, ...]]:
    return dict(selection.chosen())


def test_choosing_a_folder_fills_it_and_what_is_beneath_and_parts_what_is_above() -> None:
    selection = PathSelection()
    selection.choose(1, b"/srv/a")
    assert selection.mark(1, b"/srv/a/x/1") is Mark.FULL
    assert selection.mark(1, b"/srv/a") is Mark.FULL
    assert selection.mark(1, b"/srv") is Mark.PARTIAL
    assert selection.mark(1, b"/srv/b") is Mark.EMPTY
    assert selection.mark(1, b"/srv/ab") is Mark.EMPTY


def test_choosing_above_swallows_what_was_chosen_beneath() -> None:
    selection = PathSelection()
    selection.choose(1, b"/srv/a/x")
    selection.choose(1, b"/srv/b")
    selection.choose(1, b"/srv")
    assert chosen(selection) == {1: (b"/srv",)}


def test_dropping_one_entry_of_a_chosen_folder_keeps_its_siblings_at_every_level() -> None:
    selection = PathSelection()
    selection.choose(1, b"/srv")
    selection.toggle(1, b"/srv/a/x/1", children)
    assert chosen(selection) == {1: (b"/srv/a/x/2", b"/srv/a/y", b"/srv/b", b"/srv/c")}
    assert selection.mark(1, b"/srv/a/x") is Mark.PARTIAL


def test_toggling_a_partial_folder_fills_it() -> None:
    selection = PathSelection()
    selection.choose(1, b"/srv/a/y")
    selection.toggle(1, b"/srv", children)
    assert selection.mark(1, b"/srv/c") is Mark.FULL


def test_toggling_twice_is_nothing() -> None:
    selection = PathSelection()
    for _ in range(2):
        selection.toggle(1, b"/srv/b", children)
    assert len(selection) == 0
    assert chosen(selection) == {}


def test_sources_do_not_mix() -> None:
    selection = PathSelection()
    selection.choose(1, b"/srv/a")
    selection.choose(2, b"/srv/b")
    selection.clear(1)
    assert chosen(selection) == {2: (b"/srv/b",)}


def test_the_root_of_everything_can_be_chosen() -> None:
    selection = PathSelection()
    selection.choose(1, b"/")
    assert selection.mark(1, b"/srv/a") is Mark.FULL
