"""The thin pages of the New Scenario wizard. Each shows the flow's answers and writes them back."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.model.entry import EntryKind
from app.model.host import DirectoryEntry, Host
from app.model.paths import is_beneath, shown
from app.model.scenario import ProductType
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column, Mark, MarkerBox
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import IconLabel, Label, PaneHeader, button, column
from app.ui.widgets.notices import explain
from app.ui.widgets.views import CellTree
from app.ui.wizards.filter_preview import FilterPreviewLine
from app.ui.wizards.flow import NewScenarioFlow, clean_path
from app.ui.xosoft.properties import PropertyForm


class WizardPage(QWidget):
    """A page: its title as a sentence, one line what happens, and `edited` on every change."""

    edited = Signal()
    sentence = ""
    line = ""

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__()
        self.flow = flow
        self.context = context

    def enter(self) -> None:
        """The page comes into view."""

    def result(self) -> str:
        """The result bar's text."""
        return ""

    def tell_fault(self) -> None:
        """Next was pressed while something on the page was wrong."""


def _field(title: str, editor: QWidget, hint: str = "") -> QVBoxLayout:
    label = Label(title, "small_medium")
    label.setBuddy(editor)
    editor.setAccessibleName(title)
    group = QVBoxLayout()
    group.setSpacing(4)
    group.addWidget(label)
    group.addWidget(editor)
    if hint:
        group.addWidget(Label(hint, "small", "muted"))
    return group


def _form(page: QWidget) -> QVBoxLayout:
    layout = QVBoxLayout(page)
    layout.setContentsMargins(20, 20, 20, 20)
    layout.setSpacing(16)
    return layout


class WelcomePage(WizardPage):
    """What a scenario is."""

    sentence = "Create a scenario"
    line = "A scenario replicates directories of a Master host to a Replica host, all the time."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = _form(self)
        for icon, role, title, text in (
            (
                "master",
                "master",
                "The Master is the active host",
                "Its directories are watched for every change.",
            ),
            (
                "replica",
                "replica",
                "The Replica holds the copy",
                "It can be rewound, and is what a backup reads.",
            ),
            ("shield-check", "ok", "Nothing is written yet", "The scenario is made on the last page only."),
        ):
            row = QHBoxLayout()
            row.setSpacing(12)
            row.addWidget(IconLabel(icon, role, 24), 0, Qt.AlignmentFlag.AlignTop)
            words = QVBoxLayout()
            words.setSpacing(2)
            words.addWidget(Label(title, "strong"))
            words.addWidget(Label(text, "body", "text2", wrap=True))
            row.addLayout(words, 1)
            layout.addLayout(row)
        layout.addStretch(1)


class TypePage(WizardPage):
    """Server and product type."""

    sentence = "Select server and product type"
    line = "They decide what is found on the Master and what the Replica can do."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = _form(self)
        self._groups: list[QButtonGroup] = []
        self._choices(
            layout,
            "Server type",
            (
                ("File Server", "Directories and files", ""),
                ("SQL Server", "Databases", "This installation has no engine for SQL Server"),
                ("MS Exchange", "Mailbox stores", "This installation has no engine for MS Exchange"),
            ),
        )
        self._choices(
            layout,
            "Product type",
            (
                ("Disaster Recovery (DR)", "Replication, rewind, and backup of the Replica", ""),
                ("High Availability (HA)", "With switchover", "This installation has no switchover"),
            ),
        )
        layout.addStretch(1)
        flow.answers.product = ProductType.DR

    def _choices(self, layout: QVBoxLayout, title: str, choices: Sequence[tuple[str, str, str]]) -> None:
        layout.addWidget(Label(title, "strong"))
        group = QButtonGroup(self)
        self._groups.append(group)
        for position, (name, text, why_not) in enumerate(choices):
            radio = QRadioButton(name)
            radio.setEnabled(not why_not)
            radio.setToolTip(why_not)
            radio.setChecked(position == 0)
            group.addButton(radio)
            row = QHBoxLayout()
            row.addWidget(radio)
            row.addWidget(Label(why_not or text, "small", "muted"))
            row.addStretch(1)
            layout.addLayout(row)


class HostsPage(WizardPage):
    """Name, Master and Replica."""

    sentence = "Choose the Master and Replica hosts"
    line = "Known hosts are listed. This computer is localhost."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = _form(self)
        self.name = QLineEdit(flow.answers.name)
        self.name.setMaximumWidth(420)
        self.name.setPlaceholderText("Such as Branch File Shares")
        self.name.textChanged.connect(self._on_edited)
        self.master, self.replica = QComboBox(), QComboBox()
        for combo, chosen in ((self.master, flow.answers.master), (self.replica, flow.answers.replica)):
            combo.setMaximumWidth(420)
            combo.addItem("localhost")
            if combo.findText(chosen) < 0:
                combo.addItem(chosen)
            combo.setCurrentText(chosen)
            combo.currentTextChanged.connect(self._on_edited)
        layout.addLayout(_field("Scenario name", self.name))
        layout.addLayout(_field("Master host", self.master))
        layout.addLayout(_field("Replica host", self.replica))
        layout.addStretch(1)

    def enter(self) -> None:
        """Read the known hosts and the names in use."""
        services = self.context.services
        self.context.tasks.run(self, services.hosts.list, self._on_hosts, key="hosts")
        self.context.tasks.run(self, services.scenarios.list, self._on_scenarios, key="names")
        self.name.setFocus()

    def _on_hosts(self, hosts: Sequence[Host]) -> None:
        for combo in (self.master, self.replica):
            for host in hosts:
                if combo.findText(host.name) < 0:
                    combo.addItem(host.name)

    def _on_scenarios(self, statuses: Sequence[object]) -> None:
        names = [getattr(status, "scenario").name for status in statuses]  # noqa: B009 - any status has one
        self.flow.existing_names = frozenset(names)

    def _on_edited(self) -> None:
        answers = self.flow.answers
        answers.name = self.name.text()
        answers.master, answers.replica = self.master.currentText(), self.replica.currentText()
        self.edited.emit()


_ROOT_COLUMNS = (Column("Directory", 460, stretch=True),)


class RootsPage(WizardPage):
    """The real tree of the Master, with markers, and a field to type a path."""

    sentence = "Choose what to replicate"
    line = "Whole directories. Click a box, or type a path."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._host = ""
        self.model = TreeModel(_ROOT_COLUMNS)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.setAccessibleName("Directories on the Master")
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Type a path")
        self.typed.setAccessibleName("Type a path")
        self.typed.setMinimumWidth(280)
        self.typed.returnPressed.connect(self._on_add_clicked)
        add = button("Add", "small", "plus")
        add.clicked.connect(self._on_add_clicked)
        self.note = Label("", "small", "error")
        head = PaneHeader("Directories on the Master")
        head.add(self.note)
        head.add(self.typed)
        head.add(add)
        self.chosen = Label("", "body", "text2", wrap=True)
        self.chosen.setContentsMargins(16, 8, 16, 8)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(column(head, self.tree, self.chosen))

    def enter(self) -> None:
        """Show the Master's tree; keep it when the host is the same."""
        host = self.flow.answers.master
        if host != self._host:
            self._host = host
            self.model.set_rows([self._row(b"/", host, "master")])
            self.tree.expand(self.model.index(0, 0))
        self._show_marks()

    def result(self) -> str:
        """The chosen directories."""
        count = len(self.flow.answers.roots)
        return f"{count} {'directory' if count == 1 else 'directories'} to replicate" if count else ""

    def _row(self, path: bytes, name: str, icon: str = "folder", *, readable: bool = True) -> Row:
        cell = Cell(
            name,
            icon=icon,
            icon_role="master" if icon == "master" else "muted",
            marker=self._marker(path),
            beside="" if readable else "not readable",
        )
        return Row(path, (cell,), None if readable else (), path)

    def _marker(self, path: bytes) -> MarkerBox:
        roots = self.flow.answers.roots
        if any(is_beneath(path, root) for root in roots):
            mark = Mark.FULL
        elif any(is_beneath(root, path) for root in roots):
            mark = Mark.PARTIAL
        else:
            mark = Mark.EMPTY
        return MarkerBox(mark, gray=path == b"/")

    def _on_children_wanted(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes):
            return
        path, host, hosts = row.object, self._host, self.context.services.hosts
        answer = _Listing(self, QPersistentModelIndex(index), path)
        self.context.tasks.run(self, lambda: hosts.browse(host, path), answer.on_entries, answer.on_error)

    def show_entries(
        self, index: QPersistentModelIndex, path: bytes, entries: Sequence[DirectoryEntry]
    ) -> None:
        """Put the directories of `path` below its row."""
        if index.isValid():
            prefix = path.rstrip(b"/") + b"/"
            rows = [
                self._row(prefix + entry.name, shown(entry.name), readable=entry.readable)
                for entry in sorted(entries, key=lambda entry: entry.name)
                if entry.kind is EntryKind.DIRECTORY
            ]
            self.model.set_children(index, rows)

    def show_fault(self, index: QPersistentModelIndex, error: Exception) -> None:
        """Put the reason below the row that could not be read."""
        if index.isValid():
            title, text, _ = explain(error)
            cell = Cell(title, icon="circle-x", icon_role="error", role="error", tooltip=text)
            self.model.set_children(index, [Row("error", (cell,), ())])

    def _on_marker_clicked(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is None or not isinstance(row.object, bytes):
            return
        if row.object in self.flow.answers.roots:
            self.flow.remove_root(row.object)
            self.note.setText("")
        else:
            self.note.setText(self.flow.add_root(row.object))
        self._show_marks()
        self.edited.emit()

    def _on_add_clicked(self) -> None:
        path = clean_path(self.typed.text())
        if path is None:
            self.note.setText("Type a full path such as /srv/shares")
            return
        fault = self.flow.add_root(path)
        self.note.setText(fault)
        if not fault:
            self.typed.clear()
        self._show_marks()
        self.edited.emit()

    def _show_marks(self) -> None:
        self._mark_below(QModelIndex())
        self.chosen.setText("Chosen: " + (", ".join(map(shown, self.flow.answers.roots)) or "nothing yet"))

    def _mark_below(self, parent: QModelIndex) -> None:
        for position in range(self.model.rowCount(parent)):
            index = self.model.index(position, 0, parent)
            row = self.model.row_at(index)
            if row is not None and isinstance(row.object, bytes):
                cell = row.cells[0]
                path = row.object
                fresh = self._row(path, cell.text, cell.icon, readable=not cell.beside)
                if fresh.cells != row.cells:
                    self.model.replace(index, fresh)
                self._mark_below(index)


class _Listing:
    """The answer for one directory."""

    def __init__(self, page: RootsPage, index: QPersistentModelIndex, path: bytes) -> None:
        self._page, self._index, self._path = page, index, path

    def on_entries(self, entries: Sequence[DirectoryEntry]) -> None:
        self._page.show_entries(self._index, self._path, entries)

    def on_error(self, error: Exception) -> None:
        self._page.show_fault(self._index, error)


class ReplicaPage(WizardPage):
    """Where each root goes on the Replica."""

    sentence = "Choose where the Replica keeps each directory"
    line = "On the same host it must be another directory, outside every root."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.fields: dict[bytes, QLineEdit] = {}
        self._faults: dict[bytes, Label] = {}
        self._holder = QWidget()
        self._layout = _form(self._holder)
        self._layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self._groups: dict[bytes, QWidget] = {}
        self._missing_told = False

    def tell_fault(self) -> None:
        """Next was pressed: also say where nothing was typed, and go there."""
        self._missing_told = True
        self._show_faults()
        first = next((root for root in self.flow.answers.roots if self.flow.target_fault(root)), None)
        if first is not None:
            self.fields[first].setFocus()

    def enter(self) -> None:
        """One field per root; what was typed before is still there."""
        for root, group in self._groups.items():
            group.setVisible(root in self.flow.answers.roots)
        for root in self.flow.answers.roots:
            if root not in self._groups:
                self._add(root)
        for root, editor in self.fields.items():
            if root not in self.flow.answers.targets:
                editor.setText(self.flow.target_of(root))
        self._show_faults()
        if self.flow.answers.roots:
            self.fields[self.flow.answers.roots[0]].setFocus()

    def _add(self, root: bytes) -> None:
        group = QWidget()
        column_ = QVBoxLayout(group)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(4)
        editor = _TargetField(self, root)
        editor.setMaximumWidth(640)
        editor.setPlaceholderText(f"Such as /replica{shown(root)}")
        editor.setObjectName(shown(root))
        column_.addLayout(_field(f"{shown(root)} goes to", editor))
        fault = Label("", "small", "error")
        column_.addWidget(fault)
        self.fields[root], self._faults[root], self._groups[root] = editor, fault, group
        self._layout.insertWidget(self._layout.count() - 1, group)

    def typed(self, root: bytes, text: str) -> None:
        """A Replica directory was typed."""
        self.flow.answers.targets[root] = text
        self._show_faults()
        self.edited.emit()

    def _show_faults(self) -> None:
        for root in self.flow.answers.roots:
            fault = self.flow.target_fault(root)
            if not self.flow.target_of(root) and not self._missing_told:
                fault = ""  # nothing was typed yet: no blame before Next
            self._faults[root].setText(fault)
            editor = self.fields[root]
            editor.setAccessibleDescription(fault)
            editor.setProperty("state", "error" if fault else "")
            editor.style().unpolish(editor)
            editor.style().polish(editor)


class _TargetField(QLineEdit):
    """The field of one root; tells its page what was typed."""

    def __init__(self, page: ReplicaPage, root: bytes) -> None:
        super().__init__(page.flow.target_of(root))
        self._page, self._root = page, root
        self.textEdited.connect(self._on_text_edited)

    def _on_text_edited(self, text: str) -> None:
        self._page.typed(self._root, text)


class PropertiesPage(WizardPage):
    """The few properties people set when they begin."""

    sentence = "Set the properties"
    line = (
        "The defaults fit most scenarios. All properties can be changed later while the scenario is stopped."
    )
    NAMES = (
        "sync",
        "run_after_reboot",
        "rewind_minutes",
        "rewind_mb",
        "spool_max_mb",
        "spool_min_free_mb",
        "brake_percent",
    )

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.form = PropertyForm(self.NAMES)
        self.form.set_values({name: getattr(flow.answers.properties, name) for name in self.NAMES})
        self.form.changed.connect(self._on_edited)
        self.exclude = QPlainTextEdit(flow.answers.exclude)
        self.exclude.setMaximumHeight(84)
        self.exclude.setTabChangesFocus(True)
        self.exclude.setPlaceholderText("*.tmp, ~$*, Thumbs.db")
        self.exclude.textChanged.connect(self._on_edited)
        self.preview = FilterPreviewLine(flow, context)
        # With large text the fields need more height than a screen has.
        holder = QWidget()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(holder)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 8, 0, 8)
        outer.addWidget(scroll)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        below = QVBoxLayout()
        below.setContentsMargins(16, 0, 16, 0)
        hint = "By comma or line: *.tmp anywhere, cache/ with all beneath, /old right in the root"
        below.addLayout(_field("Leave out (optional)", self.exclude, hint))
        below.addWidget(self.preview)
        layout.addLayout(below)
        layout.addStretch(1)

    def enter(self) -> None:
        """Count what the patterns leave out of the directories chosen now."""
        self.preview.look()

    def _on_edited(self) -> None:
        exclude = self.exclude.toPlainText()
        if exclude != self.flow.answers.exclude:
            self.flow.answers.exclude = exclude
            self.preview.look_soon()
        self.flow.set_properties(**self.form.values())
        self.edited.emit()


class RunPage(WizardPage):
    """What will happen, and Run now or not."""

    sentence = "The scenario is ready"
    line = "Run now begins with a synchronization: what differs on the Replica is made equal to the Master."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = _form(self)
        box = QFrame()
        box.setProperty("kind", "box")
        self._lines = QVBoxLayout(box)
        self._lines.setContentsMargins(16, 12, 16, 12)
        self._lines.setSpacing(8)
        layout.addWidget(box)
        layout.addStretch(1)
        self._labels: list[Label] = []

    def enter(self) -> None:
        """Say what will be made."""
        made = self.flow.scenario()
        facts = [made.name, f"Master {made.master} → Replica {made.replicas[0].host}"]
        facts += [
            f"{shown(root.master_path)}  →  {shown(target)}"
            for root, target in zip(made.roots, made.replicas[0].paths, strict=True)
        ]
        if made.filters.exclude:
            facts.append(f"Left out: {', '.join(made.filters.exclude)}")
        while len(self._labels) < len(facts):
            label = Label(
                "", "strong" if not self._labels else "body", "text" if not self._labels else "text2"
            )
            self._labels.append(label)
            self._lines.addWidget(label)
        for position, label in enumerate(self._labels):
            label.setVisible(position < len(facts))
            label.setText(facts[position] if position < len(facts) else "")
