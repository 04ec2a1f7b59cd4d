"""The accounts of an agent: who may log in, and as what."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import argon2

from app.agent.home import AgentHome, replace_durably
from app.agent.system_accounts import is_service, opens, service_of
from app.model.errors import ArcxoError, CredentialsError, NotFoundError, UsageError

_FILE = "accounts.json"
_NAME_MAX = 64
_PASSWORD_MAX = 1024


class Role(IntEnum):
    """What an account may do; a higher role may do all that a lower one may."""

    MONITOR = 1
    OPERATOR = 2
    ADMINISTRATOR = 3

    @property
    def label(self) -> str:
        """The role as files and people write it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Account:
    """One account; its password is known as a hash only, or to the system alone."""

    name: str
    role: Role
    of_system: bool = False


class Accounts:
    """The accounts of `engine/accounts.json`. Any thread; a change is durable on return.

    Raises:
        ArcxoError: AE1011 from any call when the file cannot be understood.
    """

    def __init__(self, home: AgentHome) -> None:
        self._path = os.path.join(home.engine, _FILE)
        self._guard = threading.Lock()
        self._known: tuple[tuple[int, int, int, int], dict[str, dict[str, str]]] | None = None
        self._hasher = _hasher()

    def list(self) -> tuple[Account, ...]:
        """All accounts by name."""
        return tuple(
            Account(name, Role[entry["role"].upper()], of_system="pam" in entry)
            for name, entry in sorted(self._read().items())
        )

    def add(self, name: str, password: str, role: Role) -> None:
        """Make an account, or give an existing one another password and role.

        Raises:
            UsageError: AE1012 for a name or password that cannot be one.
        """
        if not 0 < len(name) <= _NAME_MAX or not name.isprintable() or not 0 < len(password) <= _PASSWORD_MAX:
            raise UsageError("AE1012", user=name[:_NAME_MAX])
        hashed = self._hasher.hash(password)
        with self._guard:
            entries = self._read()
            entries[name] = {"role": role.label, "hash": hashed}
            self._write(entries)

    def add_system(self, name: str, role: Role, service: str = "") -> None:
        """Make an account whose password is the machine's, checked by PAM; `service` "" = see `service_of`.

        Raises:
            UsageError: AE1012 for a name that cannot be one, AE1071 for a service that is not there.
        """
        if not 0 < len(name) <= _NAME_MAX or not name.isprintable():
            raise UsageError("AE1012", user=name[:_NAME_MAX])
        if service and not is_service(service):
            raise UsageError("AE1071", service=service)
        with self._guard:
            entries = self._read()
            entries[name] = {"role": role.label, "pam": service}
            self._write(entries)

    def remove(self, name: str) -> None:
        """Remove an account. Raises NotFoundError AE1013."""
        with self._guard:
            entries = self._read()
            if entries.pop(name, None) is None:
                raise NotFoundError("AE1013", user=name)
            self._write(entries)

    def exported(self) -> dict[str, dict[str, str]]:
        """All accounts as they are kept, with the hashes of their passwords, for a record of the home."""
        return self._read()

    def take(self, entries: dict[str, dict[str, str]], *, leaving: str = "") -> None:
        """Add accounts of such a record; the one named `leaving` stays as it is.

        Raises KeyError, TypeError or AttributeError for another form.
        """
        checked = {}
        for name, entry in entries.items():
            kind = "pam" if "pam" in entry else "hash"
            if name != leaving and 0 < len(name) <= _NAME_MAX and name.isprintable():
                checked[name] = {"role": Role[entry["role"].upper()].label, kind: str(entry[kind])}
        with self._guard:
            self._write(self._read() | checked)

    def stamp(self, name: str) -> bytes:
        """What stands for the account as it is now: another one after each change, b"" when it is gone.

        Raises ArcxoError AE1011.
        """
        entry = self._read().get(name)
        return b"" if entry is None else hashlib.sha256(repr(sorted(entry.items())).encode()).digest()

    def verify(self, name: str, password: str) -> Account:
        """The account, if `password` is its. Blocks for a hash, or for PAM.

        Raises CredentialsError AE1026, ArcxoError AE1070.
        """
        entry = self._read().get(name)
        if entry is not None and "pam" in entry:
            if not opens(name, password[:_PASSWORD_MAX], service_of(entry["pam"])):
                raise CredentialsError("AE1026", user=name[:_NAME_MAX])
            return Account(name, Role[entry["role"].upper()], of_system=True)
        if entry is None:
            self._hasher.hash(password[:_PASSWORD_MAX])  # an answer takes as long either way
            raise CredentialsError("AE1026", user=name[:_NAME_MAX])
        try:
            self._hasher.verify(entry["hash"], password[:_PASSWORD_MAX])
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError) as error:
            raise CredentialsError("AE1026", user=name[:_NAME_MAX]) from error
        return Account(name, Role[entry["role"].upper()])

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return {}
        # A change puts another file in its place; each call of a logged-in account asks.
        state = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
        known = self._known
        if known is not None and known[0] == state:
            return dict(known[1])
        entries = self._parsed(Path(self._path).read_bytes())
        self._known = (state, entries)
        return dict(entries)

    def _parsed(self, content: bytes) -> dict[str, dict[str, str]]:
        try:
            entries: dict[str, dict[str, str]] = json.loads(content)["accounts"]
            for entry in entries.values():
                Role[entry["role"].upper()], entry["pam" if "pam" in entry else "hash"]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArcxoError("AE1011", path=self._path, reason=error) from error
        return entries

    def _write(self, entries: dict[str, dict[str, str]]) -> None:
        content = json.dumps({"version": 1, "accounts": entries}, indent=1).encode("utf-8")
        replace_durably(self._path, content)


def _hasher() -> argon2.PasswordHasher:
    """Argon2id at its library's recommended cost; ARCXO_ARGON2=minimal is for tests."""
    if os.environ.get("ARCXO_ARGON2") == "minimal":
        return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return argon2.PasswordHasher()
