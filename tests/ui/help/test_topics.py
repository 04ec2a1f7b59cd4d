"""Every manager, dialog and wizard of the console has a page, and every entry of the registry is real."""

from __future__ import annotations

import ast
import importlib
from functools import cache
from pathlib import Path

from PySide6.QtWidgets import QDialog, QWidget

from app.help import load
from app.help.markdown import sections
from app.ui.help.topics import TOPICS
from app.ui.manager import Manager

UI = Path(__file__).resolve().parents[3] / "app" / "ui"
BASES = {
    "dialogs.act.ActDialog",
    "dialogs.confirm.ConfirmDialog",  # belongs to what asks: it has the page of its parent
    "dialogs.job_options.JobOptionsDialog",
    "media.set_dialogs._LossDialog",
    "restore.preview_dialog._ReadingDialog",
    "wizards.frame.WizardFrame",
}


@cache
def classes_of_the_console() -> dict[str, type[QWidget]]:
    found: dict[str, type[QWidget]] = {}
    for file in sorted(UI.rglob("*.py")):
        module = ".".join(file.relative_to(UI).with_suffix("").parts)
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                made = getattr(importlib.import_module(f"app.ui.{module}"), node.name)
                if isinstance(made, type) and issubclass(made, QWidget):
                    found[f"{module}.{node.name}"] = made
    return found


def test_every_manager_and_dialog_has_a_page() -> None:
    missing = [
        name
        for name, made in classes_of_the_console().items()
        if issubclass(made, QDialog | Manager)
        and made is not Manager
        and name not in BASES
        and name not in TOPICS
    ]
    assert missing == []


def test_every_entry_is_a_class_and_its_topic_a_page() -> None:
    known = classes_of_the_console()
    assert sorted(set(TOPICS) - set(known)) == []
    library = load()
    for name, topic in TOPICS.items():
        page = library.page(topic)
        assert page is not None, f"{name}: {topic}"
        section = topic.partition("#")[2]
        assert not section or section in sections(page.text), f"{name}: {topic}"
