"""A page to be printed or saved. Qt-free."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sheet:
    """The same as rich text and as plain text."""

    title: str
    html: str
    text: str
