"""Media pools: rules in words, what becomes of each media set, and moving between the sets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.model.media import Pool, PoolSet
from app.ui.media.pool_dialogs import AssignDialog, PoolDialog, RemovePoolDialog, ScratchDialog
from app.ui.media.pools_manager import PoolsManager
from tests.ui.media.test_media_manager import opened


@pytest.fixture
def pools(stored, context, put_up):
    stored.storage.known_pools = {"BRANCH": Pool("BRANCH", 14, 2)}
    first, *others = stored.media_
    stored.media_ = [replace(first, pool="BRANCH", pool_set=PoolSet.SAVE), *others]
    return put_up(PoolsManager(context), 1230, 820)


def texts(model):
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_a_pool_shows_its_sets_its_rules_and_what_becomes_of_the_media(pools, qtmodeltester):
    assert texts(pools.model) == ["BRANCH", "In no pool"]
    assert texts(pools.sets) == [
        "Save set",
        "FSD-2026-A",
        "Scratch set",
        "None",
    ]
    assert "nothing was written to it for 14 days and more than 2 media sets" in pools.rules.text()
    assert pools.sets.index(1, 7).data() == "It is kept: the save set keeps at least 2 media."
    for model in (pools.model, pools.sets):
        qtmodeltester.check(model)


def test_a_media_set_is_moved_and_can_be_moved_back(pools, settled, stored, context):
    undone = []
    context.toast = lambda *texts, **_more: undone.append(texts)
    assert pools.actions_["to_scratch"].toolTip() == "Choose a media set of a pool first"
    pools.table.select_row(pools.sets.index(1, 0))
    assert pools.actions_["to_save"].toolTip() == "It is in the save set"
    pools.start("take_out")
    settled()
    undone[0][3]()
    settled()
    pools.table.select_row(pools.sets.index(1, 0))
    pools.start("to_scratch")
    dialog = opened(pools, ScratchDialog, settled)
    assert "may overwrite it, with its 61 sessions" in dialog.text.text()
    dialog.action.click()
    settled()
    assert [call[1:] for call in stored.called("storage.assign_pool")] == [
        ("", "A1B2C3", PoolSet.NONE),
        ("BRANCH", "A1B2C3", PoolSet.SAVE),
        ("BRANCH", "A1B2C3", PoolSet.SCRATCH),
    ]


def test_a_pool_is_made_changed_and_removed(pools, settled, stored):
    pools.start("new")
    dialog = opened(pools, PoolDialog, settled)
    dialog.name.setText("BRANCH")
    assert dialog.action.toolTip() == "There is a pool BRANCH already"
    dialog.name.setText("VAULT")
    dialog.days.setValue(30)
    assert "for 30 days" in dialog.said.text()
    dialog.action.click()
    settled()
    assert stored.storage.known_pools["VAULT"] == Pool("VAULT", 30, 1)
    pools.start("change")
    dialog = opened(pools, PoolDialog, settled)
    assert not dialog.action.isEnabled()
    dialog.minimum.setValue(5)
    dialog.action.click()
    settled()
    assert stored.storage.known_pools["BRANCH"] == Pool("BRANCH", 14, 5)
    pools.start("remove")
    opened(pools, RemovePoolDialog, settled).action.click()
    settled()
    assert list(stored.storage.known_pools) == ["VAULT"]


def test_a_media_set_is_put_into_a_pool(pools, settled, stored):
    pools.start("assign")
    dialog = opened(pools, AssignDialog, settled)
    dialog.media.setCurrentIndex(dialog.media.findData("B2"))
    dialog.set.setCurrentIndex(1)
    dialog.action.click()
    settled()
    assert stored.called("storage.assign_pool") == [("storage.assign_pool", "BRANCH", "B2", PoolSet.SCRATCH)]


def test_a_media_set_opens_among_the_devices(pools, context):
    pools.table.select_row(pools.sets.index(1, 0))
    pools.table.row_activated.emit(pools.table.currentIndex())
    assert context.extra["opened"] == [("media", {"media": "A1B2C3"})]


def test_without_pools_one_can_be_made(services, context, qtbot, settled):
    made = PoolsManager(context)
    qtbot.addWidget(made)
    made.show()
    made.activate()
    settled()
    assert made.empty.isVisible()
    made.empty.button.click()
    opened(made, PoolDialog, settled)
    made.deactivate()
    settled()
