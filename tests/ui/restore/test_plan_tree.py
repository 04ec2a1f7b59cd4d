"""A plan of any size as folders: exact counts, the first items of each kind, filters."""

from __future__ import annotations

from app.model.job import Conflict
from app.model.restore import RestoreAction, RestoreItem
from app.ui.models.tree import TreeModel
from app.ui.restore.plan_items import busy_check
from app.ui.restore.plan_tree import (
    COLUMNS,
    FOLDERS_SHOWN,
    KEPT_IN_FOLDER,
    PlanItems,
    folder_rows,
    item_rows,
)


def item(path: str, action: RestoreAction = RestoreAction.CREATE, reason: str = "") -> RestoreItem:
    return RestoreItem(path.encode(), path.encode(), action, 10, reason)


def filled(*items: RestoreItem) -> PlanItems:
    made = PlanItems()
    for one in items:
        made.add(one)
    return made


def texts(rows):
    return [row.cells[0].text for row in rows]


def test_items_lie_in_their_folders_with_what_happens_there():
    plan = filled(item("/b/2"), item("/a/x", RestoreAction.OVERWRITE), item("/b/1"), item("/a/y"))
    rows = folder_rows(plan.shown_folders(), None)
    assert texts(rows) == ["/a", "/b"]
    assert [cell.text for cell in rows[0].cells] == ["/a", "2 items", "1 overwrite, 1 create", "20 bytes"]
    assert texts(item_rows(plan.folders[b"/a"], None, "", Conflict.OVERWRITE)) == ["x", "y"]
    assert texts(item_rows(plan.folders[b"/b"], None, "", Conflict.OVERWRITE)) == ["1", "2"]


def test_a_large_folder_lists_the_first_of_each_kind_and_says_how_many_more():
    many = [item(f"/a/{number:04}") for number in range(KEPT_IN_FOLDER + 37)]
    plan = filled(*many, item("/a/last", RestoreAction.DELETE))
    rows = item_rows(plan.folders[b"/a"], None, "", Conflict.OVERWRITE)
    assert rows[0].cells[0].text == "last", "what is removed stands first, however late it was told"
    assert texts(rows)[-1] == "… 37 more, all create"
    assert len(rows) == KEPT_IN_FOLDER + 2


def test_a_count_or_a_word_leaves_only_what_fits():
    plan = filled(item("/a/x", RestoreAction.SKIP), item("/a/quote"), item("/quotes/z"), item("/c/d"))
    assert [one.path for one in plan.shown_folders(RestoreAction.SKIP)] == [b"/a"]
    assert [one.path for one in plan.shown_folders(None, "QUOTE")] == [b"/a", b"/quotes"]
    assert texts(item_rows(plan.folders[b"/a"], None, "quote", Conflict.OVERWRITE)) == ["quote"]
    assert texts(item_rows(plan.folders[b"/quotes"], None, "quote", Conflict.OVERWRITE)) == ["z"]
    assert texts(item_rows(plan.folders[b"/a"], RestoreAction.SKIP, "", Conflict.OVERWRITE)) == ["x"]


def test_very_many_folders_are_cut_and_said_so():
    plan = filled(*(item(f"/{number}/x") for number in range(FOLDERS_SHOWN + 5)))
    rows = folder_rows(plan.shown_folders(), None)
    assert len(rows) == FOLDERS_SHOWN + 1
    assert rows[-1].cells[0].text.startswith("5 more folders")


def test_files_that_programs_have_open_are_told_before_the_start():
    plan = filled(item("/a/live.db", RestoreAction.OVERWRITE, "open"), item("/a/b"))
    ((_, role, subject, finding),) = busy_check(plan.reasons)
    assert (role, subject) == ("warning", "1 file is open in a program")
    assert ".TMP" in finding
    assert busy_check({}) == []


def test_the_model_is_sound(qapp, qtmodeltester):
    plan = filled(item("/a/x"), item("/b/y"))
    model = TreeModel(COLUMNS)
    model.set_rows(folder_rows(plan.shown_folders(), None))
    rows = item_rows(plan.folders[b"/a"], None, "", Conflict.OVERWRITE)
    model.set_children(model.index(0, 0), rows)
    qtmodeltester.check(model)
