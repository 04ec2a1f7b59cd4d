"""What was typed in a canceled wizard is there again in the next one."""

from __future__ import annotations

from PySide6.QtCore import QSettings

from app.model.scenario import Override, ScenarioProperties, SyncMethod
from app.ui.dialogs.keep_draft import KeepDraftDialog
from app.ui.wizards.draft import keep_draft, read_draft
from app.ui.wizards.flow import Answers, Further, Page
from app.ui.wizards.new_scenario import NewScenarioWizard


def test_a_draft_keeps_every_answer_and_any_bytes(tmp_path):
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    answers = Answers(
        name="Papers ☃",
        roots=[b"/srv/\xff\x80 odd"],
        targets={b"/srv/\xff\x80 odd": "/replica"},
        exclude="*.tmp\n~$*",
        properties=ScenarioProperties(sync=SyncMethod.BLOCK, rewind_mb=77),
        overrides=(Override("rewind_mb", "5"),),
        further=[Further("repl-2", {b"/srv/x": "/y"}, (Override("rewind_minutes", "60"),))],
    )
    keep_draft(settings, answers)
    settings.sync()
    again = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    assert read_draft(again) == answers


def test_a_damaged_draft_is_no_draft(tmp_path):
    settings = QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)
    for damaged in ("", "{", "[]", '{"name": 3}', '{"properties": {"sync": "what"}}'):
        settings.setValue("wizard/scenario_draft", damaged)
        assert read_draft(settings) is None


def test_cancel_offers_to_keep_what_was_typed(context, qtbot, settled):
    wizard = NewScenarioWizard(context)
    wizard.open()
    wizard.pages[Page.HOSTS].name.setText("Papers")
    wizard.reject()
    assert wizard.isVisible()
    wizard.findChild(KeepDraftDialog).keep.click()
    assert not wizard.isVisible()
    following = NewScenarioWizard(context)
    following.open()
    assert following.pages[Page.HOSTS].name.text() == "Papers"
    following.reject()
    following.findChild(KeepDraftDialog).discard.click()
    assert read_draft(context.settings) is None
    settled()


def test_cancel_asks_nothing_when_nothing_was_typed(context, qtbot):
    wizard = NewScenarioWizard(context)
    wizard.open()
    wizard.reject()
    assert not wizard.isVisible()
