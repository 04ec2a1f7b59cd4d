"""Which rows of the activity log may hold a text: said to the database, so that few lines have to be made.

The text of a line is made of its code, its message and its parameters; only codes and parameters are in the
database. A word that a message cannot explain must be in the parameters. What is chosen here is never too
little; whoever asked looks at the lines themselves.
"""

from __future__ import annotations

import functools
import re
import string
from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, or_

from app.catalog.tables import activity
from app.messages import load

_WORD = re.compile(r"[a-z0-9]+")
_ESCAPED = "\\u"
"""How parameters hold what is not ASCII: such rows are always looked at."""


def may_hold(text: str, *, caseless: bool) -> ColumnElement[bool] | None:
    """The condition for `text` (casefolded); None where every row may hold it.

    `caseless`: the database's LIKE does not tell the case of ASCII letters.
    """
    words = sorted(_WORD.findall(text), key=len, reverse=True)
    templates = _templates()
    by_word: dict[str, list[str]] = defaultdict(list)
    always: list[str] = []
    for code, pieces in templates.items():
        needed = next((word for word in words if not _explains(pieces, word)), None)
        if needed is None:
            always.append(code)
        elif len(pieces) > 1:
            by_word[needed].append(code)
    if len(always) == len(templates):
        return None
    conditions = [
        and_(activity.c.code.in_(codes), _contains(word, caseless=caseless))
        for word, codes in sorted(by_word.items())
    ]
    conditions += [activity.c.code.in_(always)] if always else []
    conditions += [activity.c.params.contains(_ESCAPED, autoescape=True)]
    conditions += [activity.c.code.not_in(list(templates))]
    return or_(*conditions)


def _contains(word: str, *, caseless: bool) -> ColumnElement[bool]:
    # SQLite's LIKE does not tell ASCII letters by case; elsewhere there is another for that.
    like = activity.c.params.like if caseless else activity.c.params.ilike
    return like(f"%{word}%")


@functools.cache
def _templates() -> dict[str, tuple[str, ...]]:
    """The fixed parts of the line of each code, as they are searched."""
    return {code: tuple(_pieces(f"{code} {message.text}")) for code, message in load().items()}


def _pieces(template: str) -> list[str]:
    """The fixed parts of a template, with a parameter between each two."""
    found = [""]
    for literal, name, _, _ in string.Formatter().parse(template):
        found[-1] += literal
        if name is not None:
            found.append("")
    return [piece.casefold() for piece in found]


def _explains(pieces: Sequence[str], word: str) -> bool:
    """Whether the word can be in a line without being in one of its parameters."""
    if any(word in piece for piece in pieces):
        return True
    if any(piece in word for piece in pieces[1:-1]):
        return True  # also where two parameters stand side by side
    parts = range(1, len(word))
    before = any(piece.endswith(word[:cut]) for piece in pieces[:-1] for cut in parts)
    return before or any(piece.startswith(word[cut:]) for piece in pieces[1:] for cut in parts)
