"""A password is stretched once for jobs that follow each other; wrong ones and removed slots gain nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.media import derived, keys
from app.media.keys import create_key, unlock
from app.model.errors import CredentialsError
from tests.support.media_samples import new_media


@pytest.fixture
def stretched(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bytes]]:
    derived.forget_all()
    secrets: list[bytes] = []
    original = keys.slot_key

    def counted(secret: bytes, salt: bytes, time_cost: int, memory_kib: int, lanes: int) -> bytes:
        secrets.append(secret)
        return original(secret, salt, time_cost, memory_kib, lanes)

    monkeypatch.setattr(keys, "slot_key", counted)
    yield secrets
    derived.forget_all()


def test_what_opened_a_slot_is_stretched_once(tmp_path: Path, stretched: list[bytes]) -> None:
    media = new_media(tmp_path)
    made = create_key(media, "right", minimal=True)
    stretched.clear()
    assert unlock(media, "right").data_key == unlock(media, "right").data_key == made.data_key
    assert stretched == [b"right"]


def test_a_wrong_password_is_stretched_each_time(tmp_path: Path, stretched: list[bytes]) -> None:
    media = new_media(tmp_path)
    create_key(media, "right", minimal=True)
    stretched.clear()
    for _ in range(2):
        with pytest.raises(CredentialsError):
            unlock(media, "wrong")
    assert stretched == [b"wrong", b"wrong"]


def test_a_slot_that_is_gone_opens_nothing(tmp_path: Path, stretched: list[bytes]) -> None:
    media = new_media(tmp_path)
    create_key(media, "right", minimal=True)
    unlock(media, "right")
    for slot in Path(media, "keys").iterdir():
        slot.unlink()
    with pytest.raises(CredentialsError):
        unlock(media, "right")


def test_it_is_forgotten_after_a_while(
    tmp_path: Path, stretched: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    media = new_media(tmp_path)
    create_key(media, "right", minimal=True)
    stretched.clear()
    monkeypatch.setattr(derived, "KEPT_S", -1.0)
    unlock(media, "right")
    unlock(media, "right")
    assert stretched == [b"right", b"right"]
