"""The one style sheet, generated from the roles: frames, fields, buttons, tabs. Delegates paint cells.

Widgets choose their variant by the dynamic property `kind` ("primary", "danger", "flat", "link", "pane", …).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

_SHEET = Template("""
QWidget { color: $text; }
QMainWindow, QDialog { background: $surface; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 6px; }
QFrame[kind="pane"] { background: $surface; border: none; }
QFrame[kind="sunken"] { background: $sunken; border: none; }
QFrame[kind="bar"] { background: $background; border: none; }
QFrame[kind="box"] { background: $surface; border: 1px solid $border; border-radius: 8px; }
QFrame[kind="raised"] { background: $raised; border: 1px solid $border; border-radius: 8px; }
QFrame[kind="line"] { background: $border; border: none; }
QLabel { background: transparent; }
QLabel[role="muted"] { color: $muted; }
QLabel[role="text2"] { color: $text2; }
QLabel[role="error"] { color: $error; }
QLabel[role="warning"] { color: $warning; }
QLabel[role="ok"] { color: $ok; }
QLabel[role="info"] { color: $info; }
QLabel[role="master"] { color: $master; }
QLabel[role="replica"] { color: $replica; }
QLabel:disabled { color: $disabled; }

QPushButton { background: $surface; color: $text; border: 1px solid $strong; border-radius: 5px;
  padding: 0 ${s14}px; min-height: ${s28}px; font-weight: 500; }
QPushButton:hover { background: $hover; }
QPushButton:pressed { background: $selection_other; }
QPushButton:focus { border: 2px solid $accent; padding: 0 ${s13}px; min-height: ${s26}px; }
QPushButton:checked { background: $accent_soft; color: $accent; border-color: $accent; }
QPushButton:disabled { color: $disabled; background: $sunken; border-color: $border; }
QPushButton[kind="primary"] { background: $accent_fill; color: $on_accent; border-color: $accent_fill; }
QPushButton[kind="primary"]:hover { background: $accent_hover; }
QPushButton[kind="primary"]:focus { border: 2px solid $text; }
QPushButton[kind="primary"]:disabled { color: $disabled; background: $sunken; border-color: $border; }
QPushButton[kind="danger"] { color: $error; border-color: $error; }
QPushButton[kind="danger"]:disabled { color: $disabled; border-color: $border; }
QPushButton[kind="small"] { min-height: ${s24}px; padding: 0 ${s10}px; border-color: $border; }
QPushButton[kind="small-primary"] { min-height: ${s24}px; padding: 0 ${s10}px; background: $accent_fill;
  color: $on_accent; border-color: $accent_fill; }
QPushButton[kind="small-primary"]:hover { background: $accent_hover; }
QPushButton[kind="small-primary"]:disabled { color: $disabled; background: $sunken; border-color: $border; }
QPushButton[kind="link"] { background: transparent; border: none; color: $accent; padding: 0 2px;
  min-height: ${s24}px; text-align: left; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:focus { border: 2px solid $accent; border-radius: 4px; padding: 0; }

QPushButton, QToolButton { qproperty-iconSize: ${s16}px; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: 5px; color: $text2;
  padding: 0 ${s8}px; min-height: ${s26}px; font-weight: 500; }
QToolButton:hover { background: $hover; }
QToolButton:pressed { background: $selection_other; }
QToolButton:checked { background: $accent_soft; color: $accent; }
QToolButton:focus { border: 2px solid $accent; padding: 0 ${s7}px; min-height: ${s24}px; }
QToolButton:disabled { color: $disabled; }
QToolButton::menu-indicator { image: none; }
QToolButton[popupMode="1"] { padding-right: ${s20}px; }
QToolButton::menu-button { border: none; width: ${s18}px; }
QToolButton::menu-button:hover { background: $selection_other; border-radius: 4px; }
QToolButton::menu-arrow { image: url($icons/arrow-$tone.svg); width: 12px; height: 12px; }

QLineEdit, QPlainTextEdit, QTextEdit, QSpinBox, QDateTimeEdit, QComboBox { background: $surface; color: $text;
  border: 1px solid $strong; border-radius: 5px; padding: 0 ${s8}px; min-height: ${s28}px;
  selection-background-color: $selection; selection-color: $text; }
QPlainTextEdit, QTextEdit { padding: 6px ${s8}px; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QSpinBox:focus, QDateTimeEdit:focus, QComboBox:focus {
  border: 2px solid $accent; padding: 0 ${s7}px; min-height: ${s26}px; }
QPlainTextEdit:focus, QTextEdit:focus { padding: 5px ${s7}px; }
QTextEdit[kind="page"] { border: 2px solid transparent; border-radius: 0; padding: 0; }
QTextEdit[kind="page"]:focus { border: 2px solid $accent_soft; padding: 0; }
QLineEdit[state="error"], QComboBox[state="error"], QSpinBox[state="error"] { border-color: $error; }
QLineEdit:read-only { background: $sunken; color: $text2; border-color: $border; }
QLineEdit:disabled, QSpinBox:disabled, QComboBox:disabled, QDateTimeEdit:disabled { background: $sunken;
  color: $disabled; border-color: $border; }
QComboBox::drop-down, QDateTimeEdit::drop-down { border: none; width: ${s24}px; }
QComboBox::down-arrow, QDateTimeEdit::down-arrow { image: url($icons/arrow-$tone.svg);
  width: 14px; height: 14px; }
QDateTimeEdit::up-button, QDateTimeEdit::down-button { width: 0; }
QSpinBox::up-button, QSpinBox::down-button, QTimeEdit::up-button, QTimeEdit::down-button {
  border: none; width: ${s8}px; height: 0;
  subcontrol-origin: padding; subcontrol-position: right; }
QSpinBox::down-button, QTimeEdit::down-button { subcontrol-position: left; }
QTimeEdit::up-arrow, QTimeEdit::down-arrow { image: none; }
QSpinBox::up-button:focus, QSpinBox::down-button:focus { width: ${s7}px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $border; padding: 4px; outline: none;
  selection-background-color: $selection; selection-color: $text; }

QCheckBox, QRadioButton { spacing: 8px; min-height: ${s24}px; background: transparent; }
QCheckBox:disabled, QRadioButton:disabled { color: $disabled; }
QCheckBox::indicator { width: ${s14}px; height: ${s14}px; border: 1px solid $strong; border-radius: 3px;
  background: $surface; }
QCheckBox::indicator:checked { background: $accent_fill; border-color: $accent_fill;
  image: url($icons/tick-white.svg); }
QCheckBox::indicator:disabled { border-color: $border; background: $sunken; }
QCheckBox::indicator:checked:disabled { background: $disabled; }
QCheckBox::indicator:focus, QRadioButton::indicator:focus { border: 2px solid $accent;
  width: ${focused}px; height: ${focused}px; }
QRadioButton::indicator { width: ${s14}px; height: ${s14}px; border: 1px solid $strong;
  border-radius: ${radio}px; background: $surface; }
QRadioButton::indicator:checked { background: $accent_fill; border-color: $accent_fill;
  image: url($icons/dot-white.svg); }
QRadioButton::indicator:disabled { border-color: $border; background: $sunken; }

QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::scroller { width: ${s28}px; }
QTabBar QToolButton { background: $surface; border: none; border-radius: 0; padding: 0; }
QTabBar QToolButton::left-arrow { image: url($icons/tabs-left-$tone.svg); }
QTabBar QToolButton::right-arrow { image: url($icons/tabs-right-$tone.svg); }
QTabBar QToolButton::left-arrow, QTabBar QToolButton::right-arrow { width: ${s14}px; height: ${s14}px; }
QTabBar::tear { width: 0; }
QTabBar::tab { background: transparent; color: $text2; padding: 0 ${s10}px; margin-right: 8px;
  min-height: ${s36}px; border: none; border-bottom: 2px solid transparent; font-weight: 500; }
QTabBar::tab:selected { color: $accent; border-bottom: 2px solid $accent; }
QTabBar::tab:hover { background: $hover; }
QTabBar::tab:focus { background: $accent_soft; }
QTabBar::tab:disabled { color: $disabled; }

QAbstractItemView { background: $surface; border: none; outline: none;
  selection-background-color: transparent; selection-color: $text; }
QHeaderView { background: $surface; border: none; }
QHeaderView::section { background: $surface; border: none; }
QScrollArea { border: none; background: $surface; }
QScrollArea > QWidget > QWidget { background: $surface; }
QAbstractScrollArea::corner { background: $surface; border: none; }
QSpinBox QLineEdit { border: none; padding: 0 ${s6}px; min-height: 0; background: transparent; }
QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $border; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $strong; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QSplitter::handle { background: $border; }
QSplitter::handle:hover { background: $accent; }

QMainWindow::separator { background: $surface; width: 5px; height: 5px; }
QMainWindow::separator:horizontal { border-top: 1px solid $border; }
QMainWindow::separator:vertical { border-left: 1px solid $border; }
QMainWindow::separator:hover { background: $accent_soft; }

QMenuBar { background: transparent; color: $text2; font-weight: 500; }
QMenuBar::item { background: transparent; padding: 6px 10px; border-radius: 5px; }
QMenuBar::item:selected { background: $hover; color: $text; }
QMenu { background: $raised; border: 1px solid $border; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 8px; border-radius: 4px; }
QMenu::icon { padding-left: 8px; }
QMenu::item:selected { background: $selection; }
QMenu::item:disabled { color: $disabled; }
QMenu::separator { height: 1px; background: $divider; margin: 4px 0; }

QProgressBar { background: $track; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
QProgressBar::chunk { background: $accent_fill; border-radius: 3px; }
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QStackedWidget { background: transparent; }

QToolButton[kind="nav"] { padding: 0 ${s8}px; min-height: ${s28}px; text-align: left; color: $text;
  font-weight: 400; }
QToolButton[kind="nav"]:checked { background: $accent_soft; color: $accent; font-weight: 600; }
QToolButton[kind="segment"] { border: none; border-radius: 0; padding: 0 ${s10}px; min-height: ${s24}px; }
QToolButton[kind="segment"]:checked { background: $accent_soft; color: $accent; border: 1px solid $accent;
  border-radius: 4px; }
QFrame[kind="segments"] { border: 1px solid $border; border-radius: 5px; background: $surface; }
QPushButton[kind="selector"] { text-align: left; background: $surface; border: 1px solid $border; }
""")


# A spin box's field begins where its buttons end, whatever its padding: buttons without height make the room.
def style_sheet(palette: Mapping[str, str], scale: float, icons: Path) -> str:
    """The sheet for a palette, with sizes grown by the font scale."""
    sizes = {f"s{pixels}": str(round(pixels * max(1.0, scale))) for pixels in range(1, 60)}
    # Half of the indicator with its border; a larger radius would make it square.
    # With the thicker border as large as without it: the text beside it stays where it is.
    sizes["focused"] = str(round(14 * max(1.0, scale)) - 2)
    sizes["radio"] = str(round(14 * max(1.0, scale)) // 2 + 1)
    tone = "dark" if palette["surface"] != "#FFFFFF" else "light"
    return _SHEET.substitute({**palette, **sizes, "icons": icons.as_posix(), "tone": tone})
