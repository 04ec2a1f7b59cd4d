"""Look at a version without restoring it, and compare two of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPixmap, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.content import FileContent
from app.model.media import FileVersion, SessionInfo
from app.model.paths import shown
from app.services.api import Services
from app.ui import formats
from app.ui.abstract import Abstract
from app.ui.manager import Context
from app.ui.restore import preview
from app.ui.restore.preview import Comparison, LineKind, Look, Looked
from app.ui.restore.versions_pane import modified_text
from app.ui.theme import color, font, theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.controls import Segmented
from app.ui.widgets.form import Field, PasswordField
from app.ui.widgets.notices import ProblemCard

_ROLES = {LineKind.ADDED: "ok", LineKind.REMOVED: "error", LineKind.PLACE: "muted", LineKind.SAME: "text"}


class _ReadingDialog(Abstract, QDialog):
    """Asks for a session password where one is needed, reads, and shows what was read."""

    def __init__(
        self, context: Context, title: str, versions: Sequence[FileVersion], parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(840), theme().px(600))
        self._context, self.versions = context, tuple(versions)
        self._encrypted = any(version.last_session.encrypted for version in versions)
        self.title = Label(formats.visible(shown(versions[0].path.rpartition(b"/")[2])), "subject")
        self.note = Label("", "body", "text2", wrap=True)
        self.password = PasswordField("Session password")
        self.password.returnPressed.connect(self.read)
        self.open_ = button("Open", "primary")
        self.open_.clicked.connect(self.read)
        row = QWidget()
        line = QHBoxLayout(row)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.password, 1)
        line.addWidget(self.open_)
        self.password_field = Field("Session password", row, "What is looked at is encrypted.")
        self.password_field.setVisible(self._encrypted)
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.read)
        self.body = QStackedWidget()
        self.close_ = button("Close")
        self.close_.setDefault(not self._encrypted)
        self.close_.clicked.connect(self.accept)
        self.head_row = QHBoxLayout()
        self.head_row.addWidget(self.title)
        self.head_row.addStretch(1)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(8)
        head.addLayout(self.head_row)
        for widget in (self.note, self.password_field, self.problem):
            head.addWidget(widget)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.addStretch(1)
        foot.addWidget(self.close_)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(Line())
        layout.addWidget(self.body, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def begin(self) -> None:
        """Read at once, or wait for the password."""
        if self._encrypted:
            self.note.setText("Type the session password to look at it. Nothing is restored.")
            self.password.setFocus()
        else:
            self.read()

    def read(self) -> None:
        """Read what is shown, on a task thread."""
        self.problem.hide()
        self.note.setText("Reading…")
        self._context.tasks.run(self, self.call(), self.on_read, self._on_failed, key="read")

    @abstractmethod
    def call(self) -> Callable[[], object]:
        """What reads it."""

    @abstractmethod
    def on_read(self, found: object) -> None:
        """Show it."""

    def _on_failed(self, error: Exception) -> None:
        self.note.setText("")
        self.problem.show_error(error)

    def _text(self, name: str) -> QPlainTextEdit:
        made = QPlainTextEdit()
        made.setReadOnly(True)
        made.setFont(font("code"))
        made.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        made.setAccessibleName(name)
        self.body.addWidget(made)
        return made


def read_version(services: Services, version: FileVersion, password: str) -> FileContent:
    """The beginning of a version, and all of a picture of moderate size. Blocks on the media."""
    session: SessionInfo = version.last_session
    read = partial(
        services.restores.read_file,
        session.media_serial,
        session.number,
        version.path,
        session_password=password if session.encrypted else "",
    )
    found = read(limit=preview.SHOWN_BYTES)
    if not found.whole and preview.may_be_image(found.data) and found.size_bytes <= preview.IMAGE_BYTES:
        found = read(limit=found.size_bytes)
    return found


def look_at_version(services: Services, version: FileVersion, password: str) -> Looked:
    """Read a version and make what is shown of it. Blocks on the media."""
    return preview.look_at(read_version(services, version, password))


class PreviewDialog(_ReadingDialog):
    """One version as text, picture or bytes."""

    def __init__(self, context: Context, version: FileVersion, parent: QWidget | None = None) -> None:
        super().__init__(context, "Preview", [version], parent)
        self.looks = Segmented(("Text", "Image", "Hex"))
        self.looks.chosen.connect(self.show_look)
        self.head_row.addWidget(self.looks)
        self.text = self._text("Text")
        self.picture = QLabel()
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        area = QScrollArea()
        area.setWidget(self.picture)
        area.setWidgetResizable(True)
        self.body.addWidget(area)
        self.hex = self._text("Bytes")
        QWidget.setTabOrder(self.hex, self.close_)
        self.begin()

    def call(self) -> Callable[[], object]:
        """The beginning of the file."""
        return partial(look_at_version, self._context.services, self.versions[0], self.password.text())

    def on_read(self, found: object) -> None:
        """In the form that suits it best; the others can be chosen where they are possible."""
        assert isinstance(found, Looked)
        self.password_field.hide()
        version, text, image = self.versions[0], found.text, found.image
        self.text.setPlainText(text or "")
        self.hex.setPlainText(found.dump)
        content = found.content
        if image is not None:
            self.picture.setPixmap(QPixmap.fromImage(image))
        self.looks.set_enabled(Look.TEXT, text is not None, "" if text is not None else "It is not text")
        self.looks.set_enabled(
            Look.IMAGE, image is not None, "" if image is not None else "It is no picture that can be shown"
        )
        look = preview.first_look(content.data, whole=content.whole)
        if look is Look.IMAGE and image is None:
            look = Look.TEXT if text is not None else Look.HEX
        self.looks.choose(look)
        self.show_look(look)
        part = "" if content.whole else f", the first {formats.size(len(content.data))} are shown"
        session = version.last_session
        self.note.setText(
            f"{modified_text(version.modified_ns)}, {formats.size(content.size_bytes)}{part}. From session "
            f"{session.number} of {session.media_name}; mode {content.permissions:04o}, owner "
            f"{content.owner[0]}:{content.owner[1]}. Nothing is restored."
        )

    def show_look(self, look: int) -> None:
        """Text, picture or bytes."""
        self.body.setCurrentIndex(look)


class CompareDialog(_ReadingDialog):
    """Two versions of one file: the older left out, the newer put in."""

    def __init__(
        self, context: Context, older: FileVersion, newer: FileVersion, parent: QWidget | None = None
    ) -> None:
        super().__init__(context, "Compare versions", [older, newer], parent)
        self.lines = self._text("Differences")
        self.begin()

    def call(self) -> Callable[[], object]:
        """Read both and compare them."""
        return partial(
            compare_versions, self._context.services, self.versions[0], self.versions[1], self.password.text()
        )

    def on_read(self, found: object) -> None:
        """The differences, in colours and with their signs."""
        assert isinstance(found, Comparison)
        self.password_field.hide()
        older, newer = self.versions
        self.note.setText(
            f"{modified_text(older.modified_ns)} ({formats.size(older.size_bytes)}) → "
            f"{modified_text(newer.modified_ns)} ({formats.size(newer.size_bytes)}). {found.summary}"
        )
        self.lines.clear()
        cursor = QTextCursor(self.lines.document())
        cursor.beginEditBlock()
        for kind, line in found.lines:
            form = QTextCharFormat()
            form.setForeground(QColor(color(_ROLES[kind])))
            cursor.insertText(f"{formats.visible(line)}\n", form)
        cursor.endEditBlock()
        if not found.lines:
            self.lines.setPlainText(found.summary)
        self.lines.moveCursor(QTextCursor.MoveOperation.Start)


def compare_versions(services: Services, older: FileVersion, newer: FileVersion, password: str) -> Comparison:
    """Read the beginnings of both and compare them. Blocks on the media."""
    first, second = (read_version(services, version, password) for version in (older, newer))
    return preview.compare(first.data, second.data, whole=first.whole and second.whole)
