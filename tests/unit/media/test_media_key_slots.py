"""Who opens a media: passwords come and go, a recovery key is printed, and no key is ever left unopenable."""

from __future__ import annotations

import contextlib
import os
import threading
import unicodedata
from pathlib import Path

import pytest

from app.media.api import (
    KeyInfo,
    add_slot,
    collect,
    copy_slots,
    create_key,
    format_media,
    list_slots,
    open_slots,
    remove_slot,
    unlock,
    verify,
)
from app.media.extract.reading import candidates
from app.media.keys import secret_forms
from app.media.recovery import ALPHABET, check_recovery_key, mistyped_groups, new_recovery_key
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError, UsageError
from app.model.media_keys import SlotKind
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.media_samples import back_up, flip, new_key, new_media, restore_to


@pytest.fixture(autouse=True)
def minimal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCXO_ARGON2", "minimal")


def change(media: str, old: str, new: str) -> None:
    for slot in open_slots(media, old):
        added = add_slot(media, slot, new, SlotKind.PASSWORD)
        remove_slot(media, slot.key_id, slot.slot, added)


def test_a_password_is_changed_without_writing_data_anew(tmp_path: Path, media: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "file").write_text("content")
    back_up(media, source, key=new_key(media, "old"))
    before = {name: os.stat(f"{media}/packs/{name}").st_mtime_ns for name in os.listdir(f"{media}/packs")}
    change(media, "old", "new")
    assert {name: os.stat(f"{media}/packs/{name}").st_mtime_ns for name in before} == before
    with pytest.raises(CredentialsError):
        unlock(media, "old")
    key = unlock(media, "new")
    restore_to(media, tmp_path / "out", 1, key=key)
    assert (tmp_path / "out/file").read_text() == "content"
    back_up(media, source, base=1, key=key)
    assert verify(media, full=True, data_keys=(key.data_key,)).damage == ()


def test_several_passwords_open_one_key_and_are_listed_by_name(media: str) -> None:
    key = create_key(media, "one")
    add_slot(media, key, "two", SlotKind.PASSWORD, "the deputy")
    recovery = new_recovery_key()
    add_slot(media, key, recovery, SlotKind.RECOVERY, "kit")
    opened = [unlock(media, secret).data_key for secret in ("one", "two", recovery, recovery.lower())]
    assert opened == [key.data_key] * 4
    slots = list_slots(media)
    assert [(one.slot, one.kind, one.name) for one in slots] == [
        (0, SlotKind.PASSWORD, ""),
        (1, SlotKind.PASSWORD, "the deputy"),
        (2, SlotKind.RECOVERY, "kit"),
    ]
    assert all(one.made_at is not None for one in slots)
    flip(f"{media}/keys/{key.key_id}.1", 30)
    assert [one.damaged for one in list_slots(media)] == [False, True, False]
    assert unlock(media, "one").data_key == key.data_key


def test_the_last_slot_that_is_known_to_open_stays(media: str) -> None:
    key = create_key(media, "one")
    with pytest.raises(CredentialsError, match="E4136"):
        remove_slot(media, key.key_id, 0, key)
    other = create_key(media, "other")
    with pytest.raises(CredentialsError, match="E4136"):
        remove_slot(media, key.key_id, 0, other)
    with pytest.raises(NotFoundError, match="E4135"):
        remove_slot(media, key.key_id, 7, key)
    assert unlock(media, "one", key.key_id).data_key == key.data_key


def test_two_who_remove_each_others_slot_leave_one(media: str) -> None:
    for _ in range(15):
        key = create_key(media, "one")
        second = add_slot(media, key, "two", SlotKind.PASSWORD)
        barrier = threading.Barrier(2)

        def remove(gone: KeyInfo, stays: KeyInfo, barrier: threading.Barrier = barrier) -> None:
            barrier.wait()
            with contextlib.suppress(BusyError, NotFoundError):
                remove_slot(media, gone.key_id, gone.slot, stays)

        threads = [threading.Thread(target=remove, args=pair) for pair in ((key, second), (second, key))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        left = [one for one in list_slots(media) if one.key_id == key.key_id]
        assert left
        assert open_slots(media, "one") or open_slots(media, "two")
        assert not [name for name in os.listdir(f"{media}/keys") if name.endswith(".removed")]


def test_what_a_living_process_removes_is_not_counted_on(media: str) -> None:
    key = create_key(media, "one")
    second = add_slot(media, key, "two", SlotKind.PASSWORD)
    seen: list[bool] = []

    original = DirectoryMediaStore.delete

    def delete(self: DirectoryMediaStore, name: str) -> None:
        if name == f"keys/{key.key_id}.0" and not seen:
            seen.append(True)
            with pytest.raises(BusyError, match="E4139"):
                remove_slot(media, key.key_id, 1, key)
        original(self, name)

    DirectoryMediaStore.delete = delete  # type: ignore[method-assign]
    try:
        remove_slot(media, key.key_id, 0, second)
    finally:
        DirectoryMediaStore.delete = original  # type: ignore[method-assign]
    assert seen
    assert unlock(media, "two").data_key == key.data_key


def test_a_change_cut_at_any_write_leaves_a_password_that_opens(tmp_path: Path) -> None:
    trial = new_media(tmp_path, "trial")
    create_key(trial, "old")
    calls = durable_calls(lambda: change(trial, "old", "new"))
    for at in every_call(calls):
        media = new_media(tmp_path, f"at{at}")
        key = create_key(media, "old")
        with CutAt(at, partial=True), pytest.raises(Cut):
            change(media, "old", "new")
        opened = [*open_slots(media, "old"), *open_slots(media, "new")]
        assert {one.data_key for one in opened} == {key.data_key}, at
        # The process is gone; whoever comes next is not held up by it.
        for name in os.listdir(f"{media}/keys"):
            if name.endswith(".removed"):
                os.utime(f"{media}/keys/{name}", (0, 0))
                path = Path(f"{media}/keys/{name}")
                path.write_bytes(b"torn")
                os.utime(path, (0, 0))
        if open_slots(media, "old"):
            change(media, "old", "new")
        collect(media)
        assert open_slots(media, "new")[0].data_key == key.data_key
        assert not open_slots(media, "old")
        assert not [name for name in os.listdir(f"{media}/keys") if name.endswith(".removed")]


@pytest.mark.parametrize("length", [1, 23, 24, 72, 127, 128, 129, 1000, 4096])
def test_passwords_of_any_length_work_and_every_character_counts(media: str, length: int) -> None:
    password = "".join(chr(33 + n * 7 % 90) for n in range(length))
    key = create_key(media, password)
    assert unlock(media, password).data_key == key.data_key
    for wrong in (password[:-1] + "\x7f", password + "x" if length < 4096 else password[:-1]):
        with pytest.raises(CredentialsError):
            unlock(media, wrong)


def test_a_password_that_is_too_long_is_refused_as_a_mistake(media: str) -> None:
    for work in (create_key, unlock):
        with pytest.raises(UsageError, match="E4140"):
            work(media, "x" * 4097)


@pytest.mark.parametrize("password", ["pässwörd", "пароль", "暗号", "🔑 key", "Å\u0301"])
def test_passwords_typed_composed_or_decomposed_are_one(media: str, password: str) -> None:
    key = create_key(media, unicodedata.normalize("NFD", password))
    assert unlock(media, unicodedata.normalize("NFC", password)).data_key == key.data_key
    assert unlock(media, unicodedata.normalize("NFD", password)).data_key == key.data_key


def test_a_slot_made_before_passwords_were_composed_still_opens(
    media: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = unicodedata.normalize("NFD", "pässwörd")
    with monkeypatch.context() as patched:
        patched.setattr("app.media.slots.secret_forms", lambda secret: [secret.encode()])
        key = create_key(media, typed)
    assert unlock(media, typed).data_key == key.data_key


def test_recovery_keys_tell_where_they_are_mistyped() -> None:
    for _ in range(50):
        key = new_recovery_key()
        assert mistyped_groups(key) == []
        plain = check_recovery_key(key)
        assert check_recovery_key(key.lower().replace("-", " ").replace("0", "o").replace("1", "l")) == plain
        for at in range(0, 40, 3):
            for letter in ALPHABET[::5]:
                wrong = plain[:at] + letter + plain[at + 1 :]
                if wrong != plain:
                    assert mistyped_groups(wrong) == [at // 5 + 1]
        for at in range(39):
            swapped = plain[:at] + plain[at + 1] + plain[at] + plain[at + 2 :]
            if swapped != plain:
                assert mistyped_groups(swapped)
        groups = key.split("-")
        exchanged = "-".join([groups[1], groups[0], *groups[2:]])
        if groups[0][:4] != groups[1][:4]:
            assert mistyped_groups(exchanged) == [1, 2]
    with pytest.raises(CredentialsError, match="E4137"):
        check_recovery_key("ABCDE-12345")
    with pytest.raises(CredentialsError, match="E4138"):
        check_recovery_key("00000-" * 7 + "00000")


def test_engine_and_lone_reader_agree_on_what_a_secret_is() -> None:
    for secret in ("plain", "pässwörd", unicodedata.normalize("NFD", "pässwörd"), new_recovery_key().lower()):
        assert candidates(secret) == secret_forms(secret)


def test_the_next_media_of_a_set_opens_with_the_same_passwords(tmp_path: Path, media: str) -> None:
    key = create_key(media, "one")
    add_slot(media, key, "two", SlotKind.PASSWORD)
    found = format_media(str(tmp_path / "device"), "M1", sequence=2)
    assert copy_slots(media, found.path) == 2
    assert copy_slots(media, found.path) == 0
    assert unlock(found.path, "two") == KeyInfo(key.key_id, 1, key.data_key)


def test_what_was_removed_does_not_come_back_from_another_media_of_the_set(
    tmp_path: Path, media: str
) -> None:
    key = create_key(media, "old")
    second = format_media(str(tmp_path / "device"), "M1", sequence=2).path
    copy_slots(media, second)
    change(media, "old", "new")
    # The second one was offline; it learns what changed, and gives nothing back.
    assert copy_slots(second, media) == 0
    assert not open_slots(media, "old")
    assert copy_slots(media, second) == 1
    for path in (media, second):
        assert not open_slots(path, "old")
        assert unlock(path, "new").data_key == key.data_key
        assert [one.slot for one in list_slots(path)] == [1]
    assert create_key(media, "another").slot == 0
    assert add_slot(media, key, "third", SlotKind.PASSWORD).slot == 2


def test_a_full_disk_leaves_the_old_password(media: str, monkeypatch: pytest.MonkeyPatch) -> None:
    create_key(media, "old")

    def full(self: DirectoryMediaStore, name: str, data: bytes) -> bool:
        raise ArcxoError("E4141", media=media)

    with monkeypatch.context() as patched:
        patched.setattr(DirectoryMediaStore, "put_if_absent", full)
        with pytest.raises(ArcxoError, match="E4141"):
            change(media, "old", "new")
    assert unlock(media, "old")
