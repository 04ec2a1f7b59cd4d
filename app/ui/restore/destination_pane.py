"""The Destination tab: original location or a folder, what happens to files that are there, structure."""

from __future__ import annotations

import os
from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.model.job import UNDO_DAYS, Conflict, Structure
from app.model.owners import OwnerChange, OwnerRule
from app.model.paths import shown
from app.ui.dialogs.restore_options import JobOptions
from app.ui.dialogs.restore_owners import RULES
from app.ui.manager import Context
from app.ui.restore.folder_tree import FolderTree
from app.ui.restore.owner_words import owners_said
from app.ui.restore.requests import Options, Target
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.boxes import column_of, row_of

_CONFLICTS = (
    (Conflict.OVERWRITE, "Overwrite all files"),
    (Conflict.RENAME, "Rename files: the restored one gets another name, both are kept"),
    (Conflict.SKIP, "Skip existing files"),
    (Conflict.OLDER, "Overwrite older files only"),
)
_STRUCTURES = (
    (Structure.NONE, "Do not create the base directories"),
    (Structure.BASE, "Create directories from the base"),
    (Structure.FULL, "Create entire path from the root"),
)
_CONSEQUENCE = (
    "Off: the job fails when a scenario cannot be stopped, and nothing is restored. "
    "On: the restore goes on while the scenario runs; "
    "what the Master sends then overwrites restored files on the Replica."
)


def example(structure: Structure, path: bytes, folder: bool, directory: bytes) -> str:
    """Where `path` comes to in `directory`."""
    base = path if folder else os.path.dirname(path)
    above = {
        Structure.FULL: b"",
        Structure.BASE: os.path.dirname(base).rstrip(b"/"),
        Structure.NONE: base.rstrip(b"/"),
    }[structure]
    tail = path[len(above) :].strip(b"/")
    target = directory.rstrip(b"/") + (b"/" + tail if tail else b"")
    if folder:
        return f"{shown(path)}/…\n→ {shown(target)}/…"
    return f"{shown(path)}\n→ {shown(target)}"


class DestinationPane(QScrollArea):
    """`changed` on every choice; `options_wanted` for the options of the job."""

    changed = Signal()
    options_wanted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sample: tuple[bytes, bool] = (b"/srv/sales/2026/pipeline.xlsx", False)
        self.original = QCheckBox("Restore files to their original location(s)")
        self.original.setChecked(True)
        self.original.toggled.connect(self._on_changed)
        self._where = Label(
            "Each file goes back to where it was backed up from. "
            "Replica or Master is chosen for each session after Start.",
            "body",
            "muted",
            wrap=True,
        )
        self.folders = FolderTree(context)
        self.folders.changed.connect(self._on_changed)
        self.conflicts = {value: QRadioButton(text) for value, text in _CONFLICTS}
        self.structures = {value: QRadioButton(text) for value, text in _STRUCTURES}
        self._groups = [self._group(self.conflicts.values()), self._group(self.structures.values())]
        self.conflicts[Conflict.OVERWRITE].setChecked(True)
        self.structures[Structure.NONE].setChecked(True)
        self.example = Label("", "small", "text2", wrap=True)
        self.go_on = QCheckBox("Continue the restore job even when the scenario cannot be stopped")
        self.go_on.setAccessibleDescription(_CONSEQUENCE)
        self.go_on.toggled.connect(self._on_changed)
        self.exact = QCheckBox("Remove what is there and not in the session")
        self.exact.toggled.connect(self._on_exact)
        self.undoable = QCheckBox(f"Keep what is replaced or removed for {UNDO_DAYS} days, for an undo")
        self.undoable.setChecked(True)
        self.undoable.toggled.connect(self._on_changed)
        self._structure = QWidget()
        structure = QVBoxLayout(self._structure)
        structure.setContentsMargins(0, 0, 0, 0)
        structure.setSpacing(4)
        structure.addWidget(Label("Directory structure", "strong"))
        for choice in self.structures.values():
            structure.addWidget(choice)
        structure.addWidget(self.example)
        conflict = QVBoxLayout()
        conflict.setSpacing(4)
        conflict.addWidget(Label("When a file is already there", "strong"))
        for choice in self.conflicts.values():
            conflict.addWidget(choice)
        conflict.addSpacing(8)
        conflict.addWidget(self.exact)
        conflict.addWidget(self.undoable)
        conflict.addStretch(1)
        structure.addStretch(1)
        self.owner_rules = {rule: QRadioButton(text) for rule, text in RULES.items()}
        self._groups.append(self._group(self.owner_rules.values()))
        self.owner_rules[OwnerRule.NUMBER].setChecked(True)
        self.owner_changes: tuple[OwnerChange, ...] = ()
        self._chosen_owners = Label("", "small", "text2")
        self.forget_owners = button("Forget them", "link")
        self.forget_owners.setAccessibleName("Forget the owners chosen by hand")
        self.forget_owners.clicked.connect(self._on_forget_owners)
        self._by_hand = row_of(self._chosen_owners, self.forget_owners)
        self._owners = column_of(
            Label("Owners of the restored files", "strong"),
            *self.owner_rules.values(),
            Label(
                "The plan counts the owners that differ there; each can be given to another.",
                "small",
                "muted",
                wrap=True,
            ),
            self._by_hand,
        )
        both = QHBoxLayout()
        both.setSpacing(32)
        both.addLayout(conflict, 1)
        both.addWidget(self._structure, 1)
        body = QFrame()
        body.setProperty("kind", "pane")
        layout = QVBoxLayout(body)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(self.original)
        layout.addWidget(self._where)
        layout.addWidget(self.folders, 1)
        layout.addSpacing(8)
        layout.addWidget(Line())
        layout.addSpacing(8)
        layout.addLayout(both)
        layout.addWidget(self._owners)
        self._operation = QWidget()
        operation = QVBoxLayout(self._operation)
        operation.setContentsMargins(0, 8, 0, 0)
        operation.setSpacing(4)
        operation.addWidget(Line())
        operation.addSpacing(8)
        operation.addWidget(Label("Operation", "strong"))
        operation.addWidget(self.go_on)
        operation.addWidget(Label(_CONSEQUENCE, "small", "muted", wrap=True))
        layout.addWidget(self._operation)
        self.job_options = JobOptions()
        self._job_words = Label(self.job_options.words(), "body", "text2")
        self.edit_options = button("Pre/Post, Job Log, Alert…")
        self.edit_options.clicked.connect(self.options_wanted)
        layout.addSpacing(8)
        layout.addWidget(row_of(self.edit_options, self._job_words))
        layout.addStretch(1)
        self.setWidgetResizable(True)
        self.setWidget(body)
        for choice in (*self.conflicts.values(), *self.structures.values(), *self.owner_rules.values()):
            choice.toggled.connect(self._on_changed)
        self._on_changed()

    def _group(self, choices: Iterable[QRadioButton]) -> QButtonGroup:
        group = QButtonGroup(self)
        for choice in choices:
            group.addButton(choice)
        return group

    def target(self) -> Target:
        """Where to."""
        if self.original.isChecked():
            return Target()
        return Target(False, self.folders.host, self.folders.directory)

    def options(self) -> Options:
        """What the options say. The structure matters for another folder only."""
        return Options(
            next(value for value, choice in self.conflicts.items() if choice.isChecked()),
            next(value for value, choice in self.structures.items() if choice.isChecked()),
            self.go_on.isChecked(),
            self.exact.isChecked(),
            self.undoable.isChecked(),
            next(rule for rule, choice in self.owner_rules.items() if choice.isChecked()),
            self.owner_changes,
            self.job_options.text.commands(),
            self.job_options.job_log,
        )

    def show_owners(self, rule: OwnerRule, changes: tuple[OwnerChange, ...]) -> None:
        """Take over what was chosen in the plan."""
        self.owner_changes = changes
        self.owner_rules[rule].setChecked(True)
        self._on_changed()

    def show_job_options(self, options: JobOptions) -> None:
        """Take over commands and log level."""
        self.job_options = options
        self._job_words.setText(options.words())
        self.changed.emit()

    def _on_forget_owners(self) -> None:
        self.show_owners(OwnerRule(self.options().owners), ())
        self.owner_rules[self.options().owners].setFocus()

    def fault(self) -> str:
        """What is missing, or ""; also shown at its field."""
        target = self.target()
        if target.original:
            return ""
        said = ""
        if not target.directory:
            said = "Choose the folder to restore to."
        elif not target.directory.startswith(b"/"):
            said = "Write the folder from the root on, like /srv/restored."
        self.folders.path_field.set_fault(said)
        return said

    def use_folder(self, path: str) -> None:
        """Another folder of this machine, with the entire path beneath it, so that nothing meets there."""
        self.original.setChecked(False)
        self.structures[Structure.FULL].setChecked(True)
        self.folders.path.setText(path)
        self.folders.path.textEdited.emit(path)

    def focus_options(self) -> None:
        """Put the focus on the first option."""
        chosen = next(choice for choice in self.conflicts.values() if choice.isChecked())
        chosen.setFocus()
        self.ensureWidgetVisible(chosen)

    def set_sample(self, path: bytes, *, folder: bool) -> None:
        """What the example of the structure is about."""
        self._sample = (path, folder)
        self._on_changed()

    def _on_exact(self, on: bool) -> None:
        """Exact means that the destination holds what the session holds: only overwriting does that."""
        if on:
            self.conflicts[Conflict.OVERWRITE].setChecked(True)
        for value, choice in self.conflicts.items():
            choice.setEnabled(not on or value is Conflict.OVERWRITE)
        self._on_changed()

    def _on_changed(self) -> None:
        original = self.original.isChecked()
        self.folders.setVisible(not original)
        self._where.setVisible(original)
        self._structure.setVisible(not original)
        self._operation.setVisible(original)
        self._owners.setVisible(not original)
        self._by_hand.setVisible(bool(self.owner_changes))
        self._chosen_owners.setText(owners_said(self.owner_changes))
        directory = self.folders.directory or b"/srv/restored"
        self.example.setText(example(self.options().structure, *self._sample, directory))
        self.changed.emit()
