"""The page in the help window: Markdown of the help in the console's colours, with a history."""

from __future__ import annotations

from string import Template

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QTextDocument
from PySide6.QtWidgets import QTextBrowser, QWidget

from app.help.library import Page
from app.help.markdown import to_html
from app.ui.roles import LIGHT
from app.ui.theme import color, font, theme

LEAST, MOST = 0.8, 2.4

_SHEET = Template("""
body { color: $text; font-size: ${body}px; }
h1 { font-size: ${h1}px; font-weight: 600; margin-top: 0px; margin-bottom: ${gap}px; }
h2 { font-size: ${h2}px; font-weight: 600; margin-top: ${wide}px; margin-bottom: ${small}px; }
h3 { font-size: ${h3}px; font-weight: 600; margin-top: ${gap}px; margin-bottom: ${small}px; }
p, li { margin-top: 0px; margin-bottom: ${small}px; }
a { color: $accent; }
b { font-weight: 600; }
code { font-family: 'JetBrains Mono', 'DejaVu Sans Mono', monospace; font-size: ${code}px;
  background-color: $sunken; color: $text; }
pre { font-family: 'JetBrains Mono', 'DejaVu Sans Mono', monospace; font-size: ${code}px;
  background-color: $sunken; color: $text; margin-top: ${small}px; margin-bottom: ${gap}px;
  white-space: pre-wrap; }
table.grid { margin-top: ${small}px; margin-bottom: ${gap}px; border-collapse: collapse; }
table.grid th { font-weight: 600; background-color: $sunken; padding: ${cell}px; text-align: left;
  border: 1px solid $border; }
table.grid td { padding: ${cell}px; vertical-align: top; border: 1px solid $border; }
table.note { margin-top: ${small}px; margin-bottom: ${gap}px; background-color: $note; }
table.note td { padding: ${small}px; }
""")


class PageView(QTextBrowser):
    """Shows pages; `topic_wanted(topic)` when a link was followed. Text only: nothing is ever loaded."""

    topic_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "page")
        self.setAccessibleName("Help page")
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.setUndoRedoEnabled(False)
        self.anchorClicked.connect(self._on_link)
        self.page: Page | None = None
        self._scale = 1.0
        theme().changed.connect(self._on_theme_changed)

    @property
    def scale(self) -> float:
        """The text size of the help alone (1.0 = that of the console)."""
        return self._scale

    def set_scale(self, scale: float) -> None:
        """Larger or smaller text, within reason; the place in the page is kept as well as it goes."""
        self._scale = round(min(MOST, max(LEAST, scale)), 2)
        self._on_theme_changed()

    def show_page(self, page: Page) -> None:
        """Show a page from its beginning."""
        self.page = page
        document = self.document()
        document.setDocumentMargin(24)
        document.setDefaultFont(font("body"))
        document.setDefaultStyleSheet(self._sheet())
        self.setHtml(f"<body>{to_html(page.text)}</body>")
        self.document().setMetaInformation(QTextDocument.MetaInformation.DocumentTitle, page.title)
        self.verticalScrollBar().setValue(0)

    def printable(self) -> QTextDocument:
        """The page in black on white, whatever the console wears."""
        document = QTextDocument()
        document.setDefaultFont(font("body"))
        document.setDefaultStyleSheet(self._sheet(paper=True))
        if self.page is not None:
            document.setHtml(f"<body>{to_html(self.page.text)}</body>")
        return document

    def loadResource(self, _kind: int, _name: QUrl | str) -> object:  # noqa: N802 - Qt's name
        """Nothing: pages are text, and a link is no reason to read a file."""
        return None

    def _sheet(self, *, paper: bool = False) -> str:
        def said(role: str) -> str:
            return LIGHT[role] if paper else color(role).name()

        size = font("body").pixelSize() * (1.0 if paper else self._scale)
        return _SHEET.substitute(
            text=said("text"),
            accent=said("accent"),
            sunken=said("muted_soft"),
            border=said("border"),
            note=said("warning_soft"),
            body=round(size * 1.08),
            code=round(size),
            h1=round(size * 1.7),
            h2=round(size * 1.3),
            h3=round(size * 1.12),
            wide=round(size * 1.5),
            gap=round(size * 0.9),
            small=round(size * 0.5),
            cell=round(size * 0.4),
        )

    def _on_theme_changed(self) -> None:
        if self.page is None:
            return
        bar = self.verticalScrollBar()
        place = bar.value() / bar.maximum() if bar.maximum() else 0.0
        self.show_page(self.page)
        bar.setValue(round(place * bar.maximum()))

    def _on_link(self, url: QUrl) -> None:
        if url.scheme():
            return
        topic = url.path().removesuffix(".md") or (self.page.topic if self.page is not None else "")
        self.topic_wanted.emit(f"{topic}#{url.fragment()}" if url.hasFragment() else topic)
