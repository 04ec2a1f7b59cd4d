"""The look in use: colours by role, fonts by role, one palette and one style sheet.

There is one `Theme` per process (`theme()`). `changed` tells that colours or fonts are others now; widgets
that paint themselves repaint, the style sheet is applied again, nothing restarts.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from weakref import WeakSet

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget
from shiboken6 import isValid

from app.ui.roles import DARK, LIGHT
from app.ui.style_sheet import style_sheet

RESOURCES = Path(__file__).resolve().parents[2] / "resources"

_FONTS: dict[str, tuple[int, QFont.Weight]] = {
    "title": (18, QFont.Weight.DemiBold),
    "figure": (20, QFont.Weight.DemiBold),
    "subject": (16, QFont.Weight.DemiBold),
    "body": (13, QFont.Weight.Normal),
    "medium": (13, QFont.Weight.Medium),
    "strong": (13, QFont.Weight.DemiBold),
    "small": (12, QFont.Weight.Normal),
    "small_medium": (12, QFont.Weight.Medium),
    "micro": (11, QFont.Weight.Medium),
    "code": (12, QFont.Weight.Normal),
}


class ThemeMode(StrEnum):
    """Follow the system, or force one of the two."""

    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Theme(QObject):
    """Colours and fonts by role. Use on the GUI thread only."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._mode = ThemeMode.SYSTEM
        self._dark = False
        self._scale = 1.0
        self._families_loaded = False
        self._follows = False
        self._sheet = ""
        self._dressed: WeakSet[QWidget] = WeakSet()

    @property
    def mode(self) -> ThemeMode:
        """What was chosen."""
        return self._mode

    @property
    def dark(self) -> bool:
        """Whether the dark colours are in use now."""
        return self._dark

    @property
    def scale(self) -> float:
        """The person's font scale (1.0 = 100 %)."""
        return self._scale

    def color(self, role: str) -> QColor:
        """The colour of `role`. Raises KeyError for a role that does not exist."""
        return QColor((DARK if self._dark else LIGHT)[role])

    def font(self, role: str = "body") -> QFont:
        """The font of a type role, with tabular figures."""
        pixels, weight = _FONTS[role]
        font = QFont()
        if role == "code":
            font.setFamilies(["JetBrains Mono", "DejaVu Sans Mono", "monospace"])
        else:
            font.setFamilies(["Inter", QFontDatabase.systemFont(_GENERAL).family(), "Noto Sans"])
        font.setPixelSize(round(pixels * self._scale))
        font.setWeight(weight)
        font.setFeature(QFont.Tag("tnum"), 1)
        if role == "title":
            font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, -0.2)
        return font

    def px(self, pixels: int) -> int:
        """A height that grows with the font scale."""
        return round(pixels * max(1.0, self._scale))

    def apply(self, mode: ThemeMode, scale: float | None = None) -> None:
        """Use `mode` (and font scale) from now on, in every window."""
        self._mode = mode
        if scale is not None:
            self._scale = min(2.0, max(0.8, scale))
        self._load_fonts()
        if not self._follows:
            self._follows = True
            QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_system_changed)
        self._dark = mode is ThemeMode.DARK or (
            mode is ThemeMode.SYSTEM and QGuiApplication.styleHints().colorScheme() is Qt.ColorScheme.Dark
        )
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.setPalette(self._palette())
            app.setFont(self.font())
            self._sheet = style_sheet(DARK if self._dark else LIGHT, self._scale, RESOURCES / "icons")
            for window in list(self._dressed):
                if isValid(window):
                    window.setStyleSheet(self._sheet)
        self.changed.emit()

    def dress(self, window: QWidget) -> None:
        """Put the style sheet on a window, and with it on all that is in it and its dialogs.

        It is not the application's: a widget without a window would have its whole tree polished anew each
        time it is put into another one, which is most of the time that making a manager took.
        """
        self._dressed.add(window)
        window.setStyleSheet(self._sheet)

    def _on_system_changed(self) -> None:
        if self._mode is ThemeMode.SYSTEM:
            self.apply(self._mode)

    def _load_fonts(self) -> None:
        if self._families_loaded:
            return
        self._families_loaded = True
        for file in sorted((RESOURCES / "fonts").glob("*.[ot]tf")):
            QFontDatabase.addApplicationFont(str(file))

    def _palette(self) -> QPalette:
        palette = QPalette()
        roles = QPalette.ColorRole
        for role, name in (
            (roles.Window, "background"),
            (roles.WindowText, "text"),
            (roles.Base, "surface"),
            (roles.AlternateBase, "sunken"),
            (roles.Text, "text"),
            (roles.Button, "surface"),
            (roles.ButtonText, "text"),
            (roles.ToolTipBase, "raised"),
            (roles.ToolTipText, "text"),
            (roles.PlaceholderText, "muted"),
            (roles.Highlight, "selection"),
            (roles.HighlightedText, "text"),
            (roles.Link, "accent"),
            (roles.LinkVisited, "accent"),
            (roles.BrightText, "on_accent"),
        ):
            palette.setColor(role, self.color(name))
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("disabled"))
        return palette


_GENERAL = QFontDatabase.SystemFont.GeneralFont
_current: list[Theme] = []


def theme() -> Theme:
    """The theme of this process."""
    if not _current:
        _current.append(Theme())
    return _current[0]


def color(role: str) -> QColor:
    """The colour of `role` in the theme in use."""
    return theme().color(role)


def font(role: str = "body") -> QFont:
    """The font of a type role in the theme in use."""
    return theme().font(role)
