from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.agent.accounts import Account, Accounts, Role
from app.agent.home import AgentHome
from app.agent.sessions import ATTEMPTS, WINDOW_S, Sessions
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError, UsageError


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(AgentHome(str(tmp_path)))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_added_account_is_verified_by_its_password_only(accounts: Accounts) -> None:
    accounts.add("caroot", "secret", Role.ADMINISTRATOR)
    assert accounts.verify("caroot", "secret") == Account("caroot", Role.ADMINISTRATOR)
    for user, password in (("caroot", "Secret"), ("nobody", "secret"), ("nobody", "nobody"), ("caroot", "")):
        with pytest.raises(CredentialsError):
            accounts.verify(user, password)


def test_accounts_survive_in_the_file_and_passwords_are_not_in_it(tmp_path: Path) -> None:
    Accounts(AgentHome(str(tmp_path))).add("anna", "correct horse", Role.MONITOR)
    again = Accounts(AgentHome(str(tmp_path)))
    assert again.list() == (Account("anna", Role.MONITOR),)
    content = (tmp_path / "engine/accounts.json").read_text()
    assert "correct horse" not in content
    assert "$argon2id$" in content
    assert (tmp_path / "engine/accounts.json").stat().st_mode & 0o777 == 0o600


def test_removed_account_is_refused(accounts: Accounts) -> None:
    accounts.add("anna", "x", Role.OPERATOR)
    accounts.remove("anna")
    with pytest.raises(CredentialsError):
        accounts.verify("anna", "x")
    with pytest.raises(NotFoundError):
        accounts.remove("anna")


@pytest.mark.parametrize(("name", "password"), [("", "x"), ("a", ""), ("a\nb", "x"), ("a" * 65, "x")])
def test_impossible_names_and_passwords_are_refused(accounts: Accounts, name: str, password: str) -> None:
    with pytest.raises(UsageError):
        accounts.add(name, password, Role.MONITOR)


def test_damaged_file_is_named(tmp_path: Path) -> None:
    accounts = Accounts(AgentHome(str(tmp_path)))
    (tmp_path / "engine/accounts.json").write_text('{"accounts": {"a": {"role": "king"}}}')
    with pytest.raises(ArcxoError) as caught:
        accounts.list()
    assert caught.value.code == "AE1011"
    assert "accounts.json" in caught.value.params["path"]


def test_failed_log_ins_are_limited_before_any_hashing(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    accounts.add("anna", "right", Role.OPERATOR)
    sessions = Sessions(accounts, "owner", clock)
    for _ in range(ATTEMPTS):
        with pytest.raises(CredentialsError):
            sessions.log_in("anna", "wrong", "ipv4:10.0.0.1")
    hashed: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(Accounts, "verify", lambda *_: hashed.append("hashed"))
        with pytest.raises(BusyError):
            sessions.log_in("anna", "right", "ipv4:10.0.0.2")
        with pytest.raises(BusyError):
            sessions.log_in("other", "x", "ipv4:10.0.0.1")
    assert hashed == []
    clock.now += WINDOW_S + 1
    assert sessions.bearer(sessions.log_in("anna", "right", "ipv4:10.0.0.1")[0]).role is Role.OPERATOR


def test_tokens_end_and_unknown_ones_are_refused(accounts: Accounts) -> None:
    clock = Clock()
    accounts.add("anna", "right", Role.OPERATOR)
    sessions = Sessions(accounts, "owner", clock)
    token, seconds = sessions.log_in("anna", "right", "p")
    assert sessions.bearer("owner").role is Role.ADMINISTRATOR
    assert sessions.bearer(token).name == "anna"
    clock.now += seconds + 1
    for refused in (token, "", "owner2"):
        with pytest.raises(CredentialsError):
            sessions.bearer(refused)


def test_a_token_ends_with_the_password_the_role_or_the_account_that_it_was_given_for(
    accounts: Accounts,
) -> None:
    sessions = Sessions(accounts, "owner")
    changes: list[Callable[[], None]] = [
        lambda: accounts.add("anna", "another", Role.OPERATOR),
        lambda: accounts.add("anna", "right", Role.MONITOR),
        lambda: accounts.remove("anna"),
    ]
    for change in changes:
        accounts.add("anna", "right", Role.OPERATOR)
        accounts.add("bert", "right", Role.OPERATOR)
        token, _ = sessions.log_in("anna", "right", "p")
        other, _ = sessions.log_in("bert", "right", "p")
        assert sessions.bearer(token).name == "anna"
        change()
        for _ in range(2):
            with pytest.raises(CredentialsError) as caught:
                sessions.bearer(token)
            assert caught.value.code == "AE1015"
        if any(one.name == "anna" for one in accounts.list()):
            accounts.remove("anna")
        accounts.remove("bert")
        accounts.add("bert", "right", Role.MONITOR)
        with pytest.raises(CredentialsError):
            sessions.bearer(other)


def test_a_domain_is_part_of_the_name_unless_it_is_this_host(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "branch1.example.org")
    accounts.add("anna", "here", Role.OPERATOR)
    accounts.add("CORP\\anna", "there", Role.MONITOR)
    sessions = Sessions(accounts, "owner")
    for user in ("anna", ".\\anna", "BRANCH1\\anna", "branch1.example.org\\anna"):
        token, _ = sessions.log_in(user, "here", "p")
        assert sessions.bearer(token).role is Role.OPERATOR
    token, _ = sessions.log_in("CORP\\anna", "there", "p")
    assert sessions.bearer(token).role is Role.MONITOR
    for user in ("OTHER\\anna", "CORP\\", "\\anna"):
        with pytest.raises(CredentialsError):
            sessions.log_in(user, "here", f"peer of {user}")


def test_ten_thousand_wrong_log_ins_cost_a_few_hashes_and_lock_nobody_else_out(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.add("caroot", "right", Role.ADMINISTRATOR)
    sessions = Sessions(accounts, "owner", Clock())
    sessions.log_in("caroot", "right", "console")
    hashed = 0
    verify = accounts.verify

    def counted(name: str, password: str) -> Account:
        nonlocal hashed
        hashed += 1
        return verify(name, password)

    monkeypatch.setattr(accounts, "verify", counted)
    for number in range(10_000):
        with pytest.raises((CredentialsError, BusyError)):
            sessions.log_in("caroot", f"guess {number}", f"attacker {number % 50}")
    assert hashed <= ATTEMPTS
    assert sessions.log_in("caroot", "right", "console")[0]
    with pytest.raises(BusyError, match="AE1014"):
        sessions.log_in("caroot", "right", "somewhere new")
