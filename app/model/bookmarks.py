"""What the text of a bookmark may be."""

from __future__ import annotations

from app.model.errors import UsageError

BOOKMARK_MOST_CHARACTERS = 200


def check_bookmark(text: str) -> None:
    """Refuse a text that lists cannot show in a line, or that the spool's records have no room for.

    Raises:
        UsageError: ER00123.
    """
    if len(text) > BOOKMARK_MOST_CHARACTERS or (text and not text.isprintable()):
        raise UsageError("ER00123", most=BOOKMARK_MOST_CHARACTERS)
