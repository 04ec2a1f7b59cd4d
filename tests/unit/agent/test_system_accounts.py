import os
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent import accounts as accounts_module
from app.agent.accounts import Account, Accounts, Role
from app.agent.home import AgentHome
from app.agent.sessions import Sessions
from app.agent.system_accounts import opens, service_of
from app.model.errors import ArcxoError, BusyError, CredentialsError, UsageError

PAM_EXEC = Path("/lib/x86_64-linux-gnu/security/pam_exec.so")


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(AgentHome(str(tmp_path)))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    """PAM, which lets in whoever says "right"; what it was asked."""
    found: list[tuple[str, str, str]] = []

    def answer(user: str, password: str, service: str) -> bool:
        found.append((user, password, service))
        return password == "right"

    monkeypatch.setattr(accounts_module, "opens", answer)
    return found


def test_an_account_of_the_system_is_checked_by_the_system_with_the_role_of_the_list(
    accounts: Accounts, asked: list[tuple[str, str, str]], tmp_path: Path
) -> None:
    accounts.add_system("anna", Role.OPERATOR)
    accounts.add_system("CORP\\otto", Role.MONITOR)
    assert accounts.verify("anna", "right") == Account("anna", Role.OPERATOR, of_system=True)
    assert accounts.verify("CORP\\otto", "right").role is Role.MONITOR
    with pytest.raises(CredentialsError, match="AE1026"):
        accounts.verify("anna", "wrong")
    assert [user for user, _, _ in asked] == ["anna", "CORP\\otto", "anna"]
    assert "right" not in (tmp_path / "engine/accounts.json").read_text()
    assert [one.of_system for one in accounts.list()] == [True, True]


def test_whoever_is_not_on_the_list_is_not_asked_about(
    accounts: Accounts, asked: list[tuple[str, str, str]]
) -> None:
    with pytest.raises(CredentialsError, match="AE1026"):
        accounts.verify("root", "right")
    assert asked == []


def test_the_hosts_own_domain_means_the_account_of_the_host(
    accounts: Accounts, asked: list[tuple[str, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.agent.sessions.socket.gethostname", lambda: "hq.example")
    accounts.add_system("anna", Role.OPERATOR)
    sessions = Sessions(accounts, "owner")
    sessions.log_in("HQ\\anna", "right", "peer")
    sessions.log_in(".\\anna", "right", "peer")
    assert [user for user, _, _ in asked] == ["anna", "anna"]


def test_too_many_attempts_are_refused_before_the_system_is_asked(
    accounts: Accounts, asked: list[tuple[str, str, str]]
) -> None:
    accounts.add_system("anna", Role.OPERATOR)
    sessions = Sessions(accounts, "owner")
    for _ in range(5):
        with pytest.raises(CredentialsError):
            sessions.log_in("anna", "wrong", "peer")
    with pytest.raises(BusyError, match="AE1014"):
        sessions.log_in("anna", "right", "peer")
    assert len(asked) == 5


def test_an_account_can_become_one_of_the_system_and_back(
    accounts: Accounts, asked: list[tuple[str, str, str]]
) -> None:
    accounts.add("anna", "own", Role.OPERATOR)
    accounts.add_system("anna", Role.OPERATOR)
    with pytest.raises(CredentialsError):
        accounts.verify("anna", "own")
    accounts.add("anna", "own", Role.OPERATOR)
    assert not accounts.verify("anna", "own").of_system


def test_impossible_names_and_services_are_refused(accounts: Accounts) -> None:
    with pytest.raises(UsageError, match="AE1012"):
        accounts.add_system("", Role.MONITOR)
    for service in ("../passwd", "no such service", "a\nb"):
        with pytest.raises(UsageError, match="AE1071"):
            accounts.add_system("anna", Role.MONITOR, service)


def test_a_machine_without_pam_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pam", None)
    with pytest.raises(ArcxoError, match="AE1070"):
        opens("anna", "right", "login")


def test_what_pam_cannot_take_is_refused() -> None:
    assert not opens("an\0na", "x", "login")
    assert service_of("mine") == "mine"
    assert service_of("") in ("arcxo", "login")


@pytest.fixture
def service(tmp_path: Path) -> Iterator[str]:
    """A service of the real PAM of this machine that lets in anna with "right"."""
    check = tmp_path / "check"
    check.write_text('#!/bin/sh\nread -r given\n[ "$PAM_USER $given" = "anna right" ]\n')
    check.chmod(check.stat().st_mode | stat.S_IXUSR)
    name = f"arcxo-test-{os.getpid()}"
    config = Path("/etc/pam.d", name)
    config.write_text(
        f"auth required pam_exec.so expose_authtok quiet {check}\naccount required pam_permit.so\n"
    )
    yield name
    config.unlink()


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0 or not PAM_EXEC.exists(), reason="needs root and pam_exec")
def test_the_real_pam_is_asked(accounts: Accounts, service: str) -> None:
    accounts.add_system("anna", Role.OPERATOR, service)
    began = time.monotonic()
    assert accounts.verify("anna", "right").of_system
    with pytest.raises(CredentialsError, match="AE1026"):
        accounts.verify("anna", "wrong")
    assert time.monotonic() - began < 30
