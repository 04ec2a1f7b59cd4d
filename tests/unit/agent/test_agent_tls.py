from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from app.agent.home import AgentHome
from app.agent.tls import (
    check_fingerprint,
    fetch_certificate,
    fingerprint_of,
    load_identity,
    load_or_make_identity,
)
from app.model.errors import ArcxoError, CredentialsError


def test_identity_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    home = AgentHome(str(tmp_path))
    made = load_or_make_identity(home)
    assert load_or_make_identity(home) == made == load_identity(home)
    assert fingerprint_of(made.certificate) == made.fingerprint
    assert stat.S_IMODE((tmp_path / "engine/tls/agent.pem").stat().st_mode) == 0o600


def test_another_certificate_is_refused_and_the_form_of_the_fingerprint_does_not_matter(
    tmp_path: Path,
) -> None:
    mine = load_or_make_identity(AgentHome(str(tmp_path / "a")))
    other = load_or_make_identity(AgentHome(str(tmp_path / "b")))
    digits = mine.fingerprint.upper()
    check_fingerprint(mine.certificate, ":".join(digits[i : i + 2] for i in range(0, 64, 2)), "h")
    with pytest.raises(CredentialsError) as caught:
        check_fingerprint(other.certificate, mine.fingerprint, "h")
    assert caught.value.code == "AE1006"


def test_damaged_or_missing_identity_is_named(tmp_path: Path) -> None:
    home = AgentHome(str(tmp_path))
    with pytest.raises(ArcxoError):
        load_identity(home)
    (tmp_path / "engine/tls/agent.pem").write_text("-----BEGIN CERTIFICATE-----\nxx\n")
    with pytest.raises(ArcxoError) as caught:
        load_or_make_identity(home)
    assert caught.value.code == "AE1010"


def test_who_takes_connections_and_says_nothing_is_told_from_who_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(ArcxoError, match="AE1001") as silent:
            fetch_certificate(address, 0.2, "branch")
    assert "says nothing" in silent.value.params["reason"]
    with pytest.raises(ArcxoError, match="AE1001") as absent:
        fetch_certificate(address, 0.2, "branch")
    assert "refused" in absent.value.params["reason"]
