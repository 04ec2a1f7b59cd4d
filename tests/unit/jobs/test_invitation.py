"""Invitations: only file and code together open them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from app.catalog.location import Location
from app.jobs.invitation import read_invitation, write_invitation
from app.model.errors import ArcxoError, CredentialsError, UsageError

KEY = bytes(range(32))
WHERE = Location("postgresql+psycopg://arcxo@db/arcxo", "0123", "one", "the password")


@pytest.fixture
def invited(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "invitation"
    return path, write_invitation(str(path), WHERE, KEY)


def test_file_and_code_tell_where_the_catalog_is_and_the_key(invited: tuple[Path, str]) -> None:
    path, code = invited
    opened = read_invitation(str(path), f" {code.lower()}\n")
    assert (opened.url, opened.installation, opened.password) == (WHERE.url, "0123", "the password")
    assert opened.key == KEY


def test_the_file_alone_says_nothing(invited: tuple[Path, str]) -> None:
    path, code = invited
    content = path.read_bytes()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for secret in (b"password", b"postgresql", code.encode(), code.replace("-", "").encode()):
        assert secret not in content


@pytest.mark.parametrize("code", ["", "A", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AA", "ü-1-0", "X" * 4000])
def test_another_code_is_refused(invited: tuple[Path, str], code: str) -> None:
    with pytest.raises(CredentialsError, match="E5781"):
        read_invitation(str(invited[0]), code)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\x00", b"[1]", b'{"form": "x", "sealed": ""}'])
def test_something_else_is_no_invitation(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other"
    other.write_bytes(content)
    with pytest.raises(ArcxoError, match="E5780"):
        read_invitation(str(other), "AAAA")


def test_a_changed_file_is_refused(invited: tuple[Path, str]) -> None:
    path, code = invited
    fields = json.loads(path.read_bytes())
    path.write_text(json.dumps({**fields, "sealed": fields["sealed"][:-8] + "AAAAAAA="}))
    with pytest.raises(ArcxoError, match=r"E578[01]"):
        read_invitation(str(path), code)


def test_nothing_is_written_over(invited: tuple[Path, str]) -> None:
    with pytest.raises(UsageError, match="E5789"):
        write_invitation(str(invited[0]), WHERE, KEY)
