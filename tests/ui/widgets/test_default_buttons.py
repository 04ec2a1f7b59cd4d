"""Enter presses the default button, wherever the focus is; Cancel never takes its place."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton, QWidget

from app.model.job import Destination
from app.ui.dialogs.restore_login import RestoreLoginDialog
from app.ui.restore.basket import Part
from app.ui.restore.requests import LoginRow, Target


def test_enter_takes_the_choice_of_a_radio_button(context, services, qtbot):
    session = replace(services.sessions[0], machine="localhost", replica="localhost", encrypted=False)
    row = LoginRow(Part(session), Target(), local_names=frozenset({"localhost"}))
    parent = QWidget()
    qtbot.addWidget(parent)
    dialog = RestoreLoginDialog(context, row, parent)
    dialog.open()
    middle = QPoint(8, dialog.to_master.height() // 2)
    QTest.mouseClick(dialog.to_master, Qt.MouseButton.LeftButton, pos=middle)
    # Qt gives the default away to whatever takes it by itself, as soon as the focus moves.
    assert [one.text() for one in dialog.findChildren(QPushButton) if one.autoDefault()] == []
    QTest.keyClick(dialog.to_master, Qt.Key.Key_Return)
    assert row.destination is Destination.ORIGINAL_MASTER
