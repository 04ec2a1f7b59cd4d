from __future__ import annotations

from app.ui.xosoft.path_rows import node_rows, topmost_nodes
from app.ui.xosoft.path_tree import holding, path_tree

ITEMS = [
    (b"/srv/a/x/1", "removed", 10),
    (b"/srv/a/x/2", "removed", 10),
    (b"/srv/a/y/deep/er/3", "changed", 5),
    (b"/srv/a/y/deep/er/4", "changed", 5),
    (b"/srv/a/x", "removed", 0),
    (b"/srv/b/5", "changed", 1),
    (b"/elsewhere", "changed", 1),
]


def tree(items=ITEMS, roots=(b"/srv/a", b"/srv/b")):
    return path_tree(items, roots, lambda one: one[0], lambda one: one[1], lambda one: one[2])


def test_items_are_counted_by_kind_in_every_folder_above_them():
    tops = {node.path: node for node in tree()}
    assert set(tops) == {b"/srv/a", b"/srv/b", b"/elsewhere"}
    root = tops[b"/srv/a"]
    assert (root.counts, root.size_bytes, root.total) == ({"removed": 3, "changed": 2}, 30, 5)
    assert root.item is None
    names = {child.name: child for child in root.children}
    assert set(names) == {b"x", b"y/deep/er"}, "folders with one folder in them are one row"
    assert names[b"x"].item == ITEMS[4], "a folder that is an item itself keeps it"
    assert names[b"x"].counts == {"removed": 3}
    assert [child.name for child in names[b"y/deep/er"].children] == [b"3", b"4"]
    assert {one[0] for one in holding([root], lambda one: one[1] == "removed")} == {
        b"/srv/a/x",
        b"/srv/a/x/1",
        b"/srv/a/x/2",
    }


def test_a_root_itself_may_be_an_item():
    (only,) = tree([(b"/srv/a", "removed", 0)])
    assert (only.item, only.children, only.name) == ((b"/srv/a", "removed", 0), [], b"/srv/a")


def test_rows_are_filtered_by_path_and_cut():
    nodes = tree()
    rows = node_rows(nodes, lambda _item: (), str, "deep")
    assert [row.key for row in rows] == [b"/srv/a"]
    assert rows[0].children is None, "made when it is opened"
    many = tree([(b"/srv/a/%d" % n, "changed", 0) for n in range(2_500)])
    rows = node_rows(many[0].children, lambda _item: (), str)
    assert len(rows) == 2_001
    assert rows[-1].cells[0].text == "500 more: filter by path"


def test_chosen_folders_stand_for_what_is_beneath_them():
    (root,) = (node for node in tree() if node.path == b"/srv/a")
    inner = root.children[0]
    assert topmost_nodes([inner, root, None]) == (b"/srv/a",)
