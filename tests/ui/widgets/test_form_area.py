from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout

from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import FormArea


def test_it_is_as_high_as_its_text_is_at_the_width_it_has_got_since(qtbot):
    form = QFrame()
    QVBoxLayout(form).addWidget(Label("What is restored there goes when it runs. " * 8, "body", wrap=True))
    area = FormArea(form)
    qtbot.addWidget(area)
    area.resize(150, 300)
    area.show()
    area.take_height(1_000)
    narrow = area.sizeHint().height()
    area.resize(800, 300)
    assert area.sizeHint().height() < narrow / 2
    area.take_height(20)
    area.resize(150, 300)
    assert area.sizeHint().height() == 20
