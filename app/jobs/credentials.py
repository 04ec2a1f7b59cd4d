"""What a job needs to log in and to unlock: sealed with the home's installation key, opened only to run."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from app.jobs.secrets import SecretStore
from app.model.job import Credentials

_PURPOSE = "job credentials"


@dataclass(frozen=True, slots=True)
class JobSecrets:
    """Log-ins by (scenario id, "master" or "replica"; scenario 0 = all) and passwords of sessions.

    `session_password` encrypts what a backup writes. `session_passwords` open what a restore reads, by media
    serial and session number.
    """

    session_password: str = field(default="", repr=False)
    logins: tuple[tuple[int, str, Credentials], ...] = ()
    session_passwords: tuple[tuple[str, int, str], ...] = field(default=(), repr=False)

    def login(self, scenario_id: int, role: str) -> Credentials | None:
        """The log-in for a scenario's host in a role, or None: the home owner's own."""
        for known_id, known_role, credentials in self.logins:
            if known_id in (scenario_id, 0) and known_role == role:
                return credentials
        return None

    def password_of(self, media_serial: str, session: int) -> str:
        """The password given for a session, or the one given for any session of that media ("" = none)."""
        given = {(serial, number): password for serial, number, password in self.session_passwords}
        return given.get((media_serial, session)) or given.get((media_serial, 0)) or given.get(("", 0), "")

    def seal(self, store: SecretStore) -> bytes:
        """The sealed form that is stored with the job; b"" when there is nothing to keep."""
        if self == JobSecrets():
            return b""
        return store.seal(json.dumps(self.to_document()).encode(), _PURPOSE)

    @staticmethod
    def unseal(store: SecretStore, sealed: bytes) -> JobSecrets:
        """The secrets of a job. Raises ArcxoError E5121 when they can't be opened with this home's key."""
        if not sealed:
            return JobSecrets()
        return JobSecrets.from_document(json.loads(store.open(sealed, _PURPOSE)))

    def to_document(self) -> dict[str, Any]:
        """All of it in clear: only to be sealed."""
        return {
            "session_password": self.session_password,
            "logins": [[number, role, login.user, login.password] for number, role, login in self.logins],
            "session_passwords": [list(item) for item in self.session_passwords],
        }

    @staticmethod
    def from_document(content: dict[str, Any]) -> JobSecrets:
        """The other way. Raises KeyError, TypeError or ValueError for another form."""
        return JobSecrets(
            session_password=content["session_password"],
            logins=tuple(
                (number, role, Credentials(user, password))
                for number, role, user, password in content["logins"]
            ),
            session_passwords=tuple(
                (serial, number, password) for serial, number, password in content["session_passwords"]
            ),
        )


NO_SECRETS = JobSecrets()
