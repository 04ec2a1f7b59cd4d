"""A home of an earlier version gets the key for what media keep of it when caroot logs in."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.agent.accounts import Accounts, Role
from app.agent.home import AgentHome
from app.agent.home_key import HomeKey, keep_key_with
from app.agent.sessions import Sessions
from app.media.slots import open_slot
from app.model.errors import CredentialsError

PASSWORD = "the password"


@pytest.fixture
def home(tmp_path: Path) -> str:
    """A home that has no key, as those made before have none."""
    home = AgentHome(str(tmp_path / "home"))
    Accounts(home).add("caroot", PASSWORD, Role.ADMINISTRATOR)
    Accounts(home).add("anna", "hers", Role.ADMINISTRATOR)
    (tmp_path / "home/home.json").write_text("{}")
    (tmp_path / "home/secrets").mkdir(exist_ok=True)
    return str(tmp_path / "home")


def sessions(home: str) -> Sessions:
    return Sessions(Accounts(AgentHome(home)), "owner", proved=partial(keep_key_with, home))


def test_the_log_in_of_caroot_makes_the_key_and_later_ones_leave_it(home: str) -> None:
    assert HomeKey(home).read() is None
    sessions(home).log_in("caroot", PASSWORD, "peer")
    made = HomeKey(home).read()
    assert made is not None
    assert [one["name"] for one in made.slots] == ["caroot"]
    assert open_slot(made.slots[0], PASSWORD) == made.key.data_key
    sessions(home).log_in("caroot", PASSWORD, "peer")
    assert HomeKey(home).read() == made


def test_neither_a_wrong_password_nor_another_account_makes_one(home: str) -> None:
    with pytest.raises(CredentialsError):
        sessions(home).log_in("caroot", "wrong", "peer")
    sessions(home).log_in("anna", "hers", "peer")
    assert HomeKey(home).read() is None


def test_a_home_of_an_agent_alone_keeps_nothing(home: str) -> None:
    os.unlink(os.path.join(home, "home.json"))
    sessions(home).log_in("caroot", PASSWORD, "peer")
    assert HomeKey(home).read() is None


def test_a_full_disk_does_not_hinder_the_log_in(
    home: str, monkeypatch: pytest.MonkeyPatch, expected_log: Callable[[str], None]
) -> None:
    expected_log("has no key yet")

    def full(_path: str, _content: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("app.agent.home_key.replace_durably", full)
    token, _ = sessions(home).log_in("caroot", PASSWORD, "peer")
    assert token
    monkeypatch.undo()
    sessions(home).log_in("caroot", PASSWORD, "peer")
    assert HomeKey(home).read() is not None
