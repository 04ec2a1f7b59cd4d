"""Icons: one SVG each with `currentColor`, coloured by role, drawn at the screen's pixel ratio, cached.

`bind(target, name, role)` gives a button or action its icon and keeps it right when the theme changes.
"""

from __future__ import annotations

import weakref
from typing import Protocol

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.ui.theme import RESOURCES, theme

_DIRECTORY = RESOURCES / "icons"
_sources: dict[str, str] = {}
_pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}
_icons: dict[tuple[str, str, str, int], QIcon] = {}


class HasIcon(Protocol):
    """Buttons and actions."""

    def setIcon(self, icon: QIcon) -> None: ...  # noqa: N802, D102 - Qt's name


def pixmap(name: str, role: str = "text2", size: int = 16, ratio: float = 1.0) -> QPixmap:
    """The icon as a pixmap of `size` logical pixels at a device pixel ratio. FileNotFoundError if unknown."""
    colour = theme().color(role).name()
    key = (name, colour, size, ratio)
    found = _pixmaps.get(key)
    if found is None:
        found = _pixmaps[key] = _draw(name, colour, size, ratio)
    return found


def icon(name: str, role: str = "text2", size: int = 16) -> QIcon:
    """The icon for a button or action, with its disabled form; it grows with the text."""
    size = theme().px(size)
    key = (name, theme().color(role).name(), theme().color("disabled").name(), size)
    found = _icons.get(key)
    if found is None:
        found = QIcon()
        for ratio in (1.0, 2.0):
            found.addPixmap(pixmap(name, role, size, ratio), QIcon.Mode.Normal)
            found.addPixmap(pixmap(name, "disabled", size, ratio), QIcon.Mode.Disabled)
        _icons[key] = found
    return found


def bind(target: HasIcon, name: str, role: str = "text2", size: int = 16) -> None:
    """Give `target` the icon, now and after each theme change; another call replaces it."""
    _binder().bind(target, name, role, size)


def _draw(name: str, colour: str, size: int, ratio: float) -> QPixmap:
    source = _sources.get(name)
    if source is None:
        source = _sources[name] = (_DIRECTORY / f"{name}.svg").read_text(encoding="utf-8")
    if size >= 20:
        source = source.replace('stroke-width="2"', 'stroke-width="1.75"')
    renderer = QSvgRenderer(QByteArray(source.replace("currentColor", colour).encode()))
    result = QPixmap(QSize(round(size * ratio), round(size * ratio)))
    result.fill(Qt.GlobalColor.transparent)
    painter = QPainter(result)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, result.width(), result.height()))
    painter.end()
    result.setDevicePixelRatio(ratio)
    return result


class _Binder(QObject):
    """Sets bound icons again when the colours changed."""

    def __init__(self) -> None:
        super().__init__()
        self._bound: weakref.WeakKeyDictionary[QObject, tuple[str, str, int]] = weakref.WeakKeyDictionary()
        theme().changed.connect(self._on_theme_changed)

    def bind(self, target: HasIcon, name: str, role: str, size: int) -> None:
        assert isinstance(target, QObject)
        self._bound[target] = (name, role, size)
        target.setIcon(icon(name, role, size))

    def _on_theme_changed(self) -> None:
        from shiboken6 import isValid

        for target, (name, role, size) in list(self._bound.items()):
            if isValid(target):
                target.setIcon(icon(name, role, size))  # type: ignore[attr-defined] # bound by `bind`


_binders: list[_Binder] = []


def _binder() -> _Binder:
    if not _binders:
        _binders.append(_Binder())
    return _binders[0]
