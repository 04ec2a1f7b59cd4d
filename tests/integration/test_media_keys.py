"""Passwords and recovery kits by command: nothing needs a server, a wrong password changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.bootstrap import open_services
from app.media.api import format_media, unlock
from app.media.extract.__main__ import main as extract
from app.model.media_keys import SlotKind
from tests.support.arcxo_command import Arcxo
from tests.support.media_samples import back_up, new_key

pytestmark = pytest.mark.xdist_group("media-keys")


class Kept:
    """A home with one media of two sessions, encrypted with one password; no server runs."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.arcxo = Arcxo(directory / "home")
        self.arcxo.text("init", "--password-stdin", given="caroot-secret\n")
        found = format_media(str(directory / "home/media"), "K1")
        assert found.label is not None
        self.serial, self.path = found.label.serial, found.path
        source = directory / "source"
        source.mkdir()
        (source / "file").write_text("content")
        key = new_key(self.path, self.file("first", "first password"))
        back_up(self.path, source, key=key)
        back_up(self.path, source, base=1, key=key)
        services = open_services(str(self.arcxo.home))
        try:
            catalog = services._connections.catalog  # type: ignore[attr-defined]
            from app.jobs.media_choice import online_media

            catalog.media.put_media(online_media(catalog)[0].info)
        finally:
            services.close()

    def file(self, name: str, password: str) -> str:
        (self.directory / name).write_text(password + "\n")
        return password

    def at(self, name: str) -> str:
        return str(self.directory / name)

    def slots(self) -> list[tuple[str, int, str, str]]:
        found = self.arcxo.json("media", "key", "list", "K1")
        return [(one["key_id"], one["slot"], one["kind"], one["name"]) for one in found]


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


def test_passwords_are_added_changed_and_removed_by_command(kept: Kept) -> None:
    arcxo = kept.arcxo
    ((key, *_),) = kept.slots()
    assert arcxo.json("media", "key", "list", "K1")[0]["sessions"] == [1, 2]
    kept.file("second", "пароль номер два " * 10)
    kept.file("third", "third")
    kept.file("wrong", "wrong")
    for verb in ("add", "change"):
        told = arcxo.text(
            "media", "key", verb, "K1", "--password-file", kept.at("wrong"),
            "--new-password-file", kept.at("second"), expect=4,
        )  # fmt: skip
        assert "K1" in told
    assert kept.slots() == [(key, 0, "password", "")]
    added = arcxo.json(
        "media", "key", "add", "K1", "--password-file", kept.at("first"),
        "--new-password-file", kept.at("second"), "--name", "the deputy",
    )  # fmt: skip
    assert added["added"] == [f"K1 {key}.1"]
    changed = arcxo.json(
        "media", "key", "change", "K1", "--password-file", kept.at("first"),
        "--new-password-file", kept.at("third"),
    )  # fmt: skip
    assert (changed["added"], changed["removed"]) == ([f"K1 {key}.2"], [f"K1 {key}.0"])
    assert kept.slots() == [(key, 1, "password", "the deputy"), (key, 2, "password", "")]
    # What stays must be opened by what is given.
    arcxo.text(
        "media", "key", "remove", "K1", key, "2", "--yes", "--password-file", kept.at("first"), expect=4
    )
    arcxo.text(
        "media", "key", "remove", "K1", key, "2", "--yes", "--password-file", kept.at("third"), expect=4
    )
    arcxo.text("media", "key", "remove", "K1", key, "2", "--password-file", kept.at("second"), expect=2)
    arcxo.text(
        "media", "key", "remove", "K1", key, "9", "--yes", "--password-file", kept.at("second"), expect=5
    )
    arcxo.text("media", "key", "remove", "K1", key, "2", "--yes", "--password-file", kept.at("second"))
    assert kept.slots() == [(key, 1, "password", "the deputy")]
    assert unlock(kept.path, "пароль номер два " * 10).key_id == key
    # No job is made with a wrong password either.
    for verb in ("verify", "merge"):
        arcxo.text("media", verb, "K1", "--session-password-file", kept.at("first"), expect=4)
    assert arcxo.json("job", "list") == []


def test_a_recovery_kit_is_made_tried_and_opens_everything_without_the_password(kept: Kept) -> None:
    arcxo, kit = kept.arcxo, Path(kept.at("kit.txt"))
    kept.file("wrong", "wrong")
    arcxo.text(
        "media",
        "recovery-kit",
        "make",
        "K1",
        "--out",
        str(kit),
        "--password-file",
        kept.at("wrong"),
        expect=4,
    )
    assert not kit.exists()
    made = arcxo.json(
        "media", "recovery-kit", "make", "K1", "--out", str(kit), "--password-file", kept.at("first")
    )
    ((key, *_), recovery) = kept.slots()
    assert made["keys"] == [key]
    assert recovery[2] == SlotKind.RECOVERY
    assert os.stat(kit).st_mode & 0o777 == 0o600
    secret = kit.read_text().split("\n")[0]
    assert secret not in str(made)
    tested = arcxo.json("media", "recovery-kit", "test", "K1", "--kit-file", str(kit))
    assert [(one["session"], one["key_id"], one["entries"]) for one in tested["opened"]] == [(2, key, 1)]
    (kept.directory / "mistyped").write_text(secret[:7] + ("0" if secret[7] != "0" else "1") + secret[8:])
    told = arcxo.text("media", "recovery-kit", "test", "K1", "--kit-file", kept.at("mistyped"), expect=4)
    assert "group 2" in told
    # The kit is never written over, and serves wherever a password does.
    arcxo.text(
        "media",
        "recovery-kit",
        "make",
        "K1",
        "--out",
        str(kit),
        "--password-file",
        kept.at("first"),
        expect=2,
    )
    assert extract([kept.path, "2", kept.at("out"), "--password-file", str(kit)]) == 0
    assert (kept.directory / "out/srv/data/file").read_text() == "content"
    kept.file("new", "a new password")
    arcxo.text(
        "media", "key", "add", "K1", "--password-file", str(kit), "--new-password-file", kept.at("new")
    )
    assert unlock(kept.path, "a new password").key_id == key


def test_neither_passwords_nor_recovery_keys_are_kept_in_the_home(kept: Kept) -> None:
    kit = Path(kept.at("kit.txt"))
    kept.file("second", "another password entirely")
    kept.arcxo.text(
        "media",
        "key",
        "add",
        "K1",
        "--password-file",
        kept.at("first"),
        "--new-password-file",
        kept.at("second"),
    )
    kept.arcxo.text(
        "media", "recovery-kit", "make", "K1", "--out", str(kit), "--password-file", kept.at("second")
    )
    secrets = [b"first password", b"another password entirely", kit.read_bytes().split(b"\n")[0]]
    secrets.append(secrets[-1].replace(b"-", b""))
    for directory, _, names in os.walk(kept.arcxo.home):
        for name in names:
            path = Path(directory) / name
            if path.is_file():
                assert not [one for one in secrets if one in path.read_bytes()], path
