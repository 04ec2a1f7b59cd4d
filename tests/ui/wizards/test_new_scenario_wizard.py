"""The wizard with its window: real clicks to a created scenario."""

from __future__ import annotations

from PySide6.QtCore import Qt

from app.model.errors import ArcxoError
from app.ui.wizards.flow import Page
from app.ui.wizards.new_scenario import NewScenarioWizard


def open_wizard(context, qtbot):
    wizard = NewScenarioWizard(context)
    qtbot.addWidget(wizard)
    wizard.show()
    return wizard


def go_on(wizard, qtbot):
    qtbot.mouseClick(wizard.next, Qt.MouseButton.LeftButton)


def to_verification(wizard, qtbot):
    go_on(wizard, qtbot)
    go_on(wizard, qtbot)
    qtbot.keyClicks(wizard.pages[Page.HOSTS].name, "Branch")
    go_on(wizard, qtbot)
    qtbot.waitUntil(lambda: wizard.outcome.text() == "Both hosts are ready")
    go_on(wizard, qtbot)
    roots = wizard.pages[Page.ROOTS]
    qtbot.waitUntil(lambda: roots.model.rowCount(roots.model.index(0, 0)) > 0)
    qtbot.keyClicks(roots.typed, "/srv/shares")
    qtbot.keyClick(roots.typed, Qt.Key.Key_Return)
    assert wizard.flow.page is Page.ROOTS
    go_on(wizard, qtbot)
    replica = wizard.pages[Page.REPLICA]
    go_on(wizard, qtbot)
    assert wizard.flow.page is Page.REPLICA
    assert "Type where the Replica keeps /srv/shares" in wizard.outcome.text()
    field = replica.fields[0, b"/srv/shares"]
    field.clear()
    qtbot.keyClicks(field, "/replica/shares")
    assert (field.text(), wizard.flow.fault()) == ("/replica/shares", "")
    go_on(wizard, qtbot)
    go_on(wizard, qtbot)
    assert wizard.flow.page is Page.VERIFICATION


def test_a_scenario_is_made_and_run(context, qtbot, services, settled):
    wizard = open_wizard(context, qtbot)
    to_verification(wizard, qtbot)
    checks = wizard.pages[Page.VERIFICATION]
    qtbot.waitUntil(lambda: len(checks.rows) == 2)
    go_on(wizard, qtbot)
    assert wizard.flow.page is Page.VERIFICATION
    qtbot.mouseClick(checks.rows[0].fix, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: wizard.flow.verified)
    assert services.called("hosts.make_directory") == [
        ("hosts.make_directory", "localhost", b"/replica/shares")
    ]
    go_on(wizard, qtbot)
    assert wizard.next.text() == "Run now"
    with qtbot.waitSignal(wizard.created) as made:
        go_on(wizard, qtbot)
    assert made.args[1] is True
    assert services.called("scenarios.run") == [("scenarios.run", "Branch")]
    settled()


def test_a_scenario_that_does_not_start_is_not_made_twice(context, qtbot, services, settled):
    services.directories.add(b"/replica/shares")
    services.raises["scenarios.run"] = ArcxoError("E9999")
    wizard = open_wizard(context, qtbot)
    to_verification(wizard, qtbot)
    qtbot.waitUntil(lambda: wizard.flow.verified)
    go_on(wizard, qtbot)
    go_on(wizard, qtbot)
    qtbot.waitUntil(lambda: "is made but does not run" in wizard.outcome.text())
    del services.raises["scenarios.run"]
    with qtbot.waitSignal(wizard.created):
        go_on(wizard, qtbot)
    assert len(services.called("scenarios.create")) == 1
    settled()


def test_a_marker_click_chooses_the_real_directory(context, qtbot, services, settled):
    wizard = open_wizard(context, qtbot)
    roots = wizard.pages[Page.ROOTS]
    wizard.flow.page = wizard.flow.reached = Page.ROOTS
    wizard._show_page()
    qtbot.waitUntil(lambda: roots.model.find(b"/", b"/srv").isValid())
    index = roots.model.find(b"/", b"/srv")
    roots.tree.select_row(index)
    roots.tree.setFocus()
    qtbot.keyClick(roots.tree, Qt.Key.Key_Space)
    assert wizard.flow.answers.roots == [b"/srv"]
    qtbot.keyClick(roots.tree, Qt.Key.Key_Space)
    assert wizard.flow.answers.roots == []
    settled()


def test_more_replicas_are_added_and_each_says_where_it_keeps_the_roots(context, qtbot, services, settled):
    wizard = NewScenarioWizard(context)
    qtbot.addWidget(wizard)
    wizard.show()
    hosts = wizard.pages[Page.HOSTS]
    wizard.show_page(Page.HOSTS)
    settled()
    hosts.name.setText("Two replicas")
    hosts.further.offer(["repl-2"])
    hosts.further.add.click()
    assert hosts.further.combos[0].currentText() == "repl-2"
    wizard.flow.engines_of = wizard.flow.hosts
    assert wizard.flow.hosts == ("localhost", "repl-2")
    wizard.flow.add_root(b"/srv/shares")
    wizard.show_page(Page.REPLICA)
    fields = wizard.pages[Page.REPLICA].fields
    assert [one.accessibleName() for one in fields.values()] == [
        "/srv/shares goes on localhost to",
        "/srv/shares goes on repl-2 to",
    ]
    assert fields[1, b"/srv/shares"].text() == "/srv/shares"
    qtbot.keyClicks(fields[0, b"/srv/shares"], "/replica/shares")
    made = wizard.flow.scenario()
    assert [(one.host, one.paths) for one in made.replicas] == [
        ("localhost", (b"/replica/shares",)),
        ("repl-2", (b"/srv/shares",)),
    ]
    wizard.show_page(Page.RUN)
    wizard.show_page(Page.HOSTS)
    hosts.further._on_remove(0)
    assert wizard.flow.replicas == ("localhost",)
    wizard.show_page(Page.REPLICA)
    assert not fields[1, b"/srv/shares"].isVisible()
    settled()
