"""The home of an agent, with or without a backup server: set up, asked, and its lists kept. For its owner.

Knows no catalog: a host that only replicates has none.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.model.errors import NotFoundError, UsageError
from app.services.accounts import LocalAccounts
from app.services.api import AgentState

if TYPE_CHECKING:
    from app.agent.allowed_scripts import AllowedScripts

OWNER = "caroot"


class LocalAgentHome:
    """`AgentHomeService` of one home. Nothing is made before `set_up`."""

    def __init__(self, home: str) -> None:
        self.home = os.path.abspath(home)

    @property
    def exists(self) -> bool:
        """Whether an agent was set up in this home, or has run in it."""
        made = (os.path.join("engine", "accounts.json"), os.path.join("engine", "tls", "agent.pem"))
        return any(os.path.isfile(os.path.join(self.home, name)) for name in made)

    @property
    def accounts(self) -> LocalAccounts:
        """Who may log in. Raises NotFoundError E5102."""
        self._check()
        return LocalAccounts(self.home)

    def set_up(self, user: str, password: str, certificate: bytes = b"", key: bytes = b"") -> AgentState:
        """Make the home's certificate, or take the one given with its key, and its first account.

        Raises:
            UsageError: AE1032 it was set up before, AE1012 an impossible name or password.
            BusyError: AE1002 an agent runs in this home. ArcxoError: AE1072 an unusable certificate.
        """
        if self.exists and self.accounts.list():
            raise UsageError("AE1032", home=self.home)
        from app.agent.accounts import Accounts, Role
        from app.agent.home import AgentHome
        from app.agent.tls import load_or_make_identity

        home = AgentHome(self.home)
        home.acquire()
        try:
            if certificate:
                from app.agent.own_certificates import take_certificate

                take_certificate(home, certificate, key)
            load_or_make_identity(home)
            # The account is last: it is what tells a home that was set up from one that was begun.
            Accounts(home).add(user or OWNER, password, Role.ADMINISTRATOR)
        finally:
            home.release()
        return self.state()

    def state(self) -> AgentState:
        """The agent's certificate and, while it runs, where it is. Raises NotFoundError E5102."""
        self._check()
        from app.agent.certificate_faults import ends_at
        from app.agent.home import AgentHome
        from app.agent.names import Names
        from app.agent.tls import fingerprint_of, load_certificate

        home = AgentHome(self.home)
        running = home.running()
        made = os.path.isfile(os.path.join(home.directory("tls"), "agent.pem"))
        certificate = load_certificate(home) if made else b""
        return AgentState(
            home=self.home,
            fingerprint=fingerprint_of(certificate) if made else "",
            running=running is not None,
            pid=running.pid if running else None,
            address=running.address if running else "",
            accounts=len(LocalAccounts(self.home).list()),
            names=Names(home).known(),
            certificate_until=ends_at(certificate) if made else None,
        )

    def take_certificate(self, certificate: bytes = b"", key: bytes = b"") -> AgentState:
        """Show another certificate from the agent's next start on. Other hosts must take it by `host add`.

        Without one the agent makes itself another, with another key.

        Raises NotFoundError E5102, BusyError AE1002 while the agent runs, ArcxoError AE1072.
        """
        self._check()
        from app.agent.home import AgentHome
        from app.agent.own_certificates import take_certificate
        from app.agent.tls import renew_identity

        home = AgentHome(self.home)
        home.acquire()
        try:
            if certificate:
                take_certificate(home, certificate, key)
            else:
                renew_identity(home)
        finally:
            home.release()
        return self.state()

    def set_listen(self, address: str) -> None:
        """Let the server's own agent listen at HOST:PORT from its next start on."""
        self._check()
        from app.agent.home import AgentHome

        AgentHome(self.home).set_listen(address)

    def allowed_scripts(self) -> Sequence[str]:
        """Programs that scenarios of other hosts' masters may run here."""
        return self._scripts().list()

    def allow_script(self, program: str) -> None:
        """Let them run `program`. Raises UsageError AE1019 unless it is a whole path."""
        self._scripts().allow(program)

    def disallow_script(self, program: str) -> None:
        """Let them run it no more."""
        self._scripts().disallow(program)

    def _scripts(self) -> AllowedScripts:
        self._check()
        from app.agent.allowed_scripts import AllowedScripts
        from app.agent.home import AgentHome

        return AllowedScripts(AgentHome(self.home))

    def _check(self) -> None:
        if not self.exists:
            raise NotFoundError("E5102", home=self.home)
