from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.jobs.credentials import JobSecrets
from app.jobs.secrets import SecretStore
from app.model.errors import ArcxoError
from app.model.job import Credentials


@pytest.fixture
def store(tmp_path: Path) -> SecretStore:
    made = SecretStore(str(tmp_path))
    made.create()
    return made


def test_what_is_sealed_opens_again_and_shows_nothing(store: SecretStore):
    sealed = store.seal(b"open sesame", "test")
    assert b"sesame" not in sealed
    assert store.seal(b"open sesame", "test") != sealed
    assert store.open(sealed, "test") == b"open sesame"


def test_the_key_is_for_its_owner_alone_and_made_once(store: SecretStore, tmp_path: Path):
    key = tmp_path / "secrets" / "installation.key"
    assert os.stat(key).st_mode & 0o777 == 0o600
    before = key.read_bytes()
    store.create()
    assert key.read_bytes() == before


def test_a_damaged_value_another_purpose_and_another_key_are_refused(store: SecretStore, tmp_path: Path):
    sealed = store.seal(b"x", "one")
    other = SecretStore(str(tmp_path / "other"))
    other.create()
    attempts = [
        (store, sealed, "two"),
        (store, sealed[:-1] + bytes([sealed[-1] ^ 1]), "one"),
        (store, b"", "one"),
        (store, sealed[:8], "one"),
        (other, sealed, "one"),
    ]
    for opener, value, purpose in attempts:
        with pytest.raises(ArcxoError, match="E5121"):
            opener.open(value, purpose)


def test_a_key_that_others_may_read_or_that_is_missing_is_refused(tmp_path: Path):
    with pytest.raises(ArcxoError, match="E5120"):
        SecretStore(str(tmp_path)).seal(b"x")
    store = SecretStore(str(tmp_path))
    store.create()
    (tmp_path / "secrets" / "installation.key").chmod(0o644)
    with pytest.raises(ArcxoError, match="E5122"):
        store.seal(b"x")


def test_job_secrets_survive_sealing_and_hide_in_their_text(store: SecretStore):
    secrets = JobSecrets(
        session_password="sesame",
        logins=((7, "replica", Credentials("user", "word")),),
        session_passwords=(("SERIAL", 3, "sesame3"),),
    )
    assert JobSecrets.unseal(store, secrets.seal(store)) == secrets
    assert "sesame" not in repr(secrets)
    assert "word" not in repr(secrets).replace("password", "")
    assert secrets.login(7, "replica") == Credentials("user", "word")
    assert secrets.login(7, "master") is None
    assert secrets.password_of("SERIAL", 3) == "sesame3"
    assert secrets.password_of("SERIAL", 4) == ""
    assert JobSecrets().seal(store) == b""
