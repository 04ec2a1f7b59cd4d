"""A record of a home lies on a media, sealed: its password opens it anywhere, nothing else does."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.media.api import verify
from app.media.document import Document
from app.media.homes import home_records, open_home, put_home
from app.media.slots import slot_fields
from app.media.values import KeyInfo
from app.model.errors import ArcxoError
from app.model.media_keys import SlotKind
from tests.support.media_samples import flip

HOME = "0123456789abcdef"
KEY = KeyInfo("00112233aabbccdd", 0, bytes(range(32)))
AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def slot(secret: str) -> Document:
    return slot_fields(KEY, secret, SlotKind.PASSWORD, "caroot", minimal=True)


def put(media: str, content: bytes, slots: list[Document]) -> bool:
    return put_home(media, HOME, "server-1", content, KEY, slots, AT)


def test_the_password_opens_the_content_and_a_wrong_one_opens_nothing(media: str) -> None:
    assert put(media, b"what it knows", [slot("right")])
    (record,) = home_records(media)
    assert (record.home_id, record.server, record.made_at) == (HOME, "server-1", AT)
    assert open_home(record, "wrong") is None
    opened = open_home(record, "right")
    assert opened is not None
    assert opened == (KeyInfo(KEY.key_id, 0, KEY.data_key), b"what it knows")
    raw = (Path(media) / "homes" / f"{HOME}.000001").read_bytes()
    assert b"what it knows" not in raw


def test_what_did_not_change_is_not_written_again_and_two_records_stay(media: str) -> None:
    slots = [slot("right")]
    assert put(media, b"1", slots)
    assert not put(media, b"1", slots)
    for content in (b"2", b"3", b"4"):
        assert put(media, content, slots)
    opened = [open_home(record, "right") for record in home_records(media)]
    assert [one[1] for one in opened if one] == [b"3", b"4"]


def test_records_that_the_password_before_opens_go_with_the_password(media: str) -> None:
    put(media, b"1", [slot("old")])
    put(media, b"1", [slot("new")])
    assert [open_home(record, "old") for record in home_records(media)] == [None]


def test_records_of_other_homes_stay(media: str) -> None:
    slots = [slot("right")]
    put_home(media, "fedcba9876543210", "server-2", b"other", KEY, slots, AT)
    for content in (b"1", b"2", b"3"):
        put(media, content, slots)
    assert sorted({record.home_id for record in home_records(media)}) == [HOME, "fedcba9876543210"]


def test_a_changed_record_is_named_by_the_check_and_is_not_used(media: str) -> None:
    slots = [slot("right")]
    put(media, b"before", slots)
    put(media, b"after", slots)
    flip(f"{media}/homes/{HOME}.000002", 100)
    assert [damage.code for damage in verify(media, full=False).damage] == ["E4181"]
    (record,) = home_records(media)
    opened = open_home(record, "right")
    assert opened is not None
    assert opened[1] == b"before"


def test_a_record_sealed_for_another_home_is_refused(media: str) -> None:
    put(media, b"1", [slot("right")])
    (record,) = home_records(media)
    import dataclasses

    with pytest.raises(ArcxoError, match="E4181"):
        open_home(dataclasses.replace(record, home_id="fedcba9876543210"), "right")


def test_a_media_made_before_there_were_records_takes_them(media: str) -> None:
    os.rmdir(f"{media}/homes")
    assert home_records(media) == []
    assert put(media, b"1", [slot("right")])
    assert len(home_records(media)) == 1
