"""Accounts of the home's agent, for the home's owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.agent.accounts import Accounts


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

    def set_password(self, name: str, password: str, role: str = "") -> None:
        """Add an account or change its password. Raises UsageError AE1012."""
        from app.agent.accounts import Role

        accounts = self._accounts()
        roles = {account.name: account.role for account in accounts.list()}
        chosen = Role[role.upper()] if role else roles.get(name, Role.ADMINISTRATOR)
        accounts.add(name, password, chosen)

    def remove(self, name: str) -> None:
        """Remove an account. Raises NotFoundError AE1013."""
        self._accounts().remove(name)

    def _accounts(self) -> Accounts:
        from app.agent.accounts import Accounts
        from app.agent.home import AgentHome

        return Accounts(AgentHome(self._home))
