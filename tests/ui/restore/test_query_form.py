"""Restore by Query: deleted-between, saved queries, and choosing all that was deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.ui.restore.chooser import Chooser
from app.ui.restore.query_pane import QueryPane
from app.ui.restore.saved_queries import KEPT, KEY, SaveQueryDialog, keep_query, read_queries
from tests.support.memory_services import now


@pytest.fixture
def pane(context, qtbot):
    made = QueryPane(context, Chooser(context))
    qtbot.addWidget(made)
    made.resize(1200, 700)
    made.show()
    return made


def test_what_was_deleted_between_two_times_is_asked_for(pane, services, settled):
    pane.form.deleted_from.setText("2026-11-17")
    pane.form.deleted_to.setText("2026-11-16")
    pane.ask.click()
    assert pane.form.deleted_to.property("state") == "error"
    assert not services.called("restores.query")
    pane.form.deleted_to.setText("2026-11-18")
    pane.ask.click()
    settled()
    query = services.called("restores.query")[-1][1]
    assert (query.deleted_to - query.deleted_from) > timedelta(days=1, hours=23)


def test_what_was_backed_up_between_two_days_is_asked_for(pane, services, settled):
    pane.form.backed_up_from.setText("2026-11-17")
    pane.form.backed_up_to.setText("2026-11-16")
    pane.ask.click()
    assert pane.form.backed_up_to.property("state") == "error"
    pane.form.backed_up_to.setText("2026-11-17")
    pane.ask.click()
    settled()
    query = services.called("restores.query")[-1][1]
    assert timedelta(hours=22) < query.backed_up_to - query.backed_up_from < timedelta(hours=26)


def test_everything_deleted_is_chosen_at_once(pane, services, settled):
    entries = services.restores.query(pane.form.query())
    gone = [replace(entry, deleted_after=now()) for entry in entries[:2]]
    services.restores.query = lambda _query: [*gone, *entries[2:]]
    pane.ask.click()
    settled()
    assert pane.all_deleted.text() == "Choose all 2 deleted"
    pane.all_deleted.click()
    chosen = {path for _, paths in pane._chooser.basket.selection.chosen() for path in paths}
    assert chosen == {entry.path for entry in gone}
    assert pane.model.index(0, 7).data() == "Deleted"


def test_a_query_is_saved_used_again_and_forgotten(pane, context, services, settled):
    pane.pattern.setText("*.pdf")
    pane.form.size_min.setText("4 MB")
    pane.form.subdirectories.setChecked(False)
    pane.form.save()
    (dialog,) = pane.findChildren(SaveQueryDialog)
    dialog.name.setText("large pages")
    dialog.action.click()
    settled()
    pane.form.widen()
    assert pane.form.size_min.text() == ""
    menu = pane.form.saved_menu()
    first = menu.actions()[0]
    assert first.text() == "large pages"
    first.trigger()
    settled()
    query = services.called("restores.query")[-1][1]
    assert (query.pattern, query.size_min, query.subdirectories) == ("*.pdf", 4 * 1024**2, False)
    pane.form._on_forget("large pages")
    assert read_queries(context.settings) == {}


def test_settings_that_cannot_be_understood_hold_no_query(context):
    for text in ("", "[]", "{", '{"a": 4}', "null"):
        context.settings.setValue(KEY, text)
        assert read_queries(context.settings) == {}


def test_of_too_many_saved_queries_the_oldest_goes(context):
    for number in range(KEPT + 2):
        keep_query(context.settings, f"query {number}", {"pattern": str(number)})
    held = list(read_queries(context.settings))
    assert len(held) == KEPT
    assert held[0] == "query 2"
