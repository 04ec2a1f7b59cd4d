"""The text of a bookmark goes to the spool and to every replica: what they refuse is refused at once."""

from datetime import UTC, datetime

import pytest

from app.model.bookmarks import BOOKMARK_MOST_CHARACTERS, check_bookmark
from app.model.errors import UsageError
from app.model.rewind import PointKind
from app.replication.codec import decode, encode
from app.replication.records import Mark


@pytest.mark.parametrize("text", ["", "before the upgrade", "Grüße 漢字 😀", "😀" * BOOKMARK_MOST_CHARACTERS])
def test_what_is_allowed_comes_through_the_spool(text: str) -> None:
    check_bookmark(text)
    mark = Mark(PointKind.BOOKMARK, "a" * 16, text, datetime(2026, 1, 1, tzinfo=UTC))
    assert decode(encode(mark)) == mark


@pytest.mark.parametrize(
    "text", ["x" * (BOOKMARK_MOST_CHARACTERS + 1), "x" * 5000, "a\nb", "\x1b[2J", "\udcff"]
)
def test_what_cannot_be_shown_or_recorded_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_bookmark(text)
    assert caught.value.code == "ER00123"
