"""Accounts of the home's agent, for the home's owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.agent.accounts import Accounts, Role


class LocalAccounts:
    """`AccountService` on the agent's account file, which the agent reads at every log-in."""

    def __init__(self, home: str) -> None:
        self._home = home

    def list(self) -> Sequence[str]:
        """Names of all accounts."""
        return [account.name for account in self._accounts().list()]

    def roles(self) -> Mapping[str, str]:
        """Account → role."""
        return {account.name: account.role.label for account in self._accounts().list()}

    def of_system(self) -> Sequence[str]:
        """Those whose passwords are the machine's."""
        return [account.name for account in self._accounts().list() if account.of_system]

    def set_password(self, name: str, password: str, role: str = "") -> None:
        """Add an account or change its password. Raises UsageError AE1012, BusyError E6040."""
        from app.jobs.home import OWNER
        from app.jobs.shared_home import note_own_password

        accounts = self._accounts()
        given = self._role(accounts, name, role)

        def change() -> None:
            accounts.add(name, password, given)
            self._open_home_with(name, password)

        if name == OWNER:
            note_own_password(self._home, change, password)
        else:
            change()

    def add_system(self, name: str, role: str = "", service: str = "") -> None:
        """Let an account of the machine log in with its password there. Raises UsageError AE1012, AE1071."""
        accounts = self._accounts()
        accounts.add_system(name, self._role(accounts, name, role), service)

    @staticmethod
    def _role(accounts: Accounts, name: str, role: str) -> Role:
        from app.agent.accounts import Role

        roles = {account.name: account.role for account in accounts.list()}
        return Role[role.upper()] if role else roles.get(name, Role.ADMINISTRATOR)

    def remove(self, name: str) -> None:
        """Remove an account. Raises NotFoundError AE1013."""
        self._accounts().remove(name)

    def _open_home_with(self, name: str, password: str) -> None:
        """The password of caroot opens what the media keep of the home; an agent's home keeps nothing."""
        from app.agent.home_key import HomeKey
        from app.jobs.home import OWNER, is_home

        if name == OWNER and is_home(self._home):
            HomeKey(self._home).set_password(password)

    def _accounts(self) -> Accounts:
        from app.agent.accounts import Accounts
        from app.agent.home import AgentHome

        return Accounts(AgentHome(self._home))
