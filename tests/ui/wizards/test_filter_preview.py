"""The line under the patterns of the wizard: counts while they are typed, off the GUI thread."""

from __future__ import annotations

from typing import Any

from app.model.errors import BusyError
from app.model.scenario import Filters
from app.ui.wizards.flow import NewScenarioFlow, Page
from app.ui.wizards.properties_page import PropertiesPage


def page(context: Any, qtbot: Any) -> PropertiesPage:
    flow = NewScenarioFlow()
    flow.answers.roots = [b"/srv/shares"]
    made = PropertiesPage(flow, context)
    qtbot.addWidget(made)
    made.show()
    made.enter()
    return made


def test_what_is_typed_is_counted_once_nothing_follows(context: Any, qtbot: Any, services: Any) -> None:
    made = page(context, qtbot)
    assert made.preview.text() == ""
    qtbot.keyClicks(made.exclude, "*.tmp, ~$*")
    assert made.preview.text() == "Counting…"
    qtbot.waitUntil(lambda: made.preview.text().startswith("Leaves out 2,408 files"))
    assert "/srv/shares/scratch/a.tmp" in made.preview.text()
    asked = services.called("scenarios.preview")
    assert asked[-1] == ("scenarios.preview", (b"/srv/shares",), Filters((), ("*.tmp", "~$*")), "localhost")
    assert len(asked) <= 2
    assert all(name.startswith("console-task") for name in services.threads)
    made.exclude.clear()
    qtbot.waitUntil(lambda: made.preview.text() == "")


def test_an_impossible_pattern_is_told_and_blocks_the_page(context: Any, qtbot: Any, services: Any) -> None:
    made = page(context, qtbot)
    qtbot.keyClicks(made.exclude, "../x")
    assert "../x" in made.preview.text()
    assert "../x" in made.flow.fault(Page.PROPERTIES)
    made.exclude.setPlainText("[a")
    assert "does not end" in made.flow.fault(Page.PROPERTIES)
    made.exclude.setPlainText("[a]")
    assert made.flow.fault(Page.PROPERTIES) == ""


def test_an_agent_that_does_not_answer_is_no_fault_of_the_page(
    context: Any, qtbot: Any, services: Any
) -> None:
    services.raises["scenarios.preview"] = BusyError("E1120", home="/h")
    made = page(context, qtbot)
    made.exclude.setPlainText("*.tmp")
    qtbot.waitUntil(lambda: made.preview.text().startswith("Cannot count now"))
    assert made.flow.fault(Page.PROPERTIES) == ""
