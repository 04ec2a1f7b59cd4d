"""Log-ins: attempts are limited before a password is hashed, and a success is a token for a while."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import socket
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from app.agent.accounts import Account, Accounts, Role
from app.model.errors import BusyError, CredentialsError

TOKEN_LIFE_S = 900
ATTEMPTS = 5
WINDOW_S = 60.0
_TRACKED_MAX = 4096
_HASHES_AT_ONCE = 2
_OWNER = Account("owner", Role.ADMINISTRATOR)


class _Issued(NamedTuple):
    account: Account
    stamp: bytes
    until: float


class LoginLimiter:
    """Failed log-ins by key (an account, an address): at most ATTEMPTS within WINDOW_S. Any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._failures: dict[str, list[float]] = {}

    def check(self, *keys: str) -> None:
        """Raise BusyError AE1014 when one of `keys` has failed too often; costs nothing."""
        now = self._clock()
        with self._guard:
            for key in keys:
                recent = [at for at in self._failures.get(key, ()) if now - at < WINDOW_S]
                if len(recent) >= ATTEMPTS:
                    raise BusyError("AE1014", seconds=f"{WINDOW_S - (now - recent[0]):.0f}")

    def failed(self, *keys: str) -> None:
        """Count a failure."""
        now = self._clock()
        with self._guard:
            if len(self._failures) > _TRACKED_MAX:
                self._failures = {
                    key: times for key, times in self._failures.items() if now - times[-1] < WINDOW_S
                }
            for key in keys:
                self._failures[key] = [*self._failures.get(key, ())[-ATTEMPTS:], now]

    def succeeded(self, *keys: str) -> None:
        """Forget the failures."""
        with self._guard:
            for key in keys:
                self._failures.pop(key, None)


class Sessions:
    """Who the bearer of a token is. Tokens are kept as hashes, in memory only. Any thread."""

    def __init__(
        self,
        accounts: Accounts,
        owner_token: str,
        clock: Callable[[], float] = time.monotonic,
        proved: Callable[[str, str], None] = lambda *_: None,
        refused: Callable[[str, str], None] = lambda *_: None,
    ) -> None:
        """`proved(user, password)`: the password of an account of the agent's own was just proved.

        `refused(user, address)`: a log-in was not looked at, as too many have failed.
        """
        self._proved = proved
        self._refused = refused
        self._accounts = accounts
        self._owner = _digest(owner_token)
        self._clock = clock
        self._limiter = LoginLimiter(clock)
        # A hash takes 64 MiB and a core for a while: callers cannot make many be made at once.
        self._hashing = threading.Semaphore(_HASHES_AT_ONCE)
        self._guard = threading.Lock()
        self._tokens: dict[bytes, _Issued] = {}
        self._proven: dict[tuple[str, str], None] = {}

    def log_in(self, user: str, password: str, peer: str) -> tuple[str, int]:
        """(token, seconds it lasts). Blocks for the cost of a hash.

        Raises:
            BusyError: AE1014 after too many failures.
            CredentialsError: AE1026.
        """
        user = own_user(user)
        keys = [f"peer {peer}"]
        if (user, peer) not in self._proven:
            # From where the account has logged in before, others' failures cannot lock it out.
            keys.append(f"user {user[:64]}")
        try:
            self._limiter.check(*keys)
        except BusyError:
            self._refused(user, peer)
            raise
        with self._hashing:
            # Others may have failed while this one waited for its turn.
            self._limiter.check(*keys)
            # Before the password is looked at: when it is changed meanwhile, the token does not count.
            stamp = self._accounts.stamp(user)
            try:
                account = self._accounts.verify(user, password)
            except CredentialsError:
                self._limiter.failed(*keys)
                raise
            if not account.of_system:
                self._proved(user, password)
        self._limiter.succeeded(*keys)
        with self._guard:
            self._proven[user, peer] = None
            while len(self._proven) > _TRACKED_MAX:
                del self._proven[next(iter(self._proven))]
        token = secrets.token_urlsafe(32)
        now = self._clock()
        with self._guard:
            self._tokens = {key: known for key, known in self._tokens.items() if known.until > now}
            self._tokens[_digest(token)] = _Issued(account, stamp, now + TOKEN_LIFE_S)
        return token, TOKEN_LIFE_S

    def bearer(self, token: str) -> Account:
        """Whose token it is. Raises CredentialsError AE1015 for none that counts.

        None counts of an account whose password or role was changed since, or that was removed.
        """
        digest = _digest(token)
        if hmac.compare_digest(digest, self._owner):
            return _OWNER
        with self._guard:
            issued = self._tokens.get(digest)
        if issued is None or issued.until <= self._clock():
            raise CredentialsError("AE1015")
        if self._accounts.stamp(issued.account.name) != issued.stamp:
            with self._guard:
                self._tokens.pop(digest, None)
            raise CredentialsError("AE1015")
        return issued.account


def own_user(user: str) -> str:
    r"""`HOST\user` and `.\user` mean the account `user` of this host; other domains are part of the name."""
    domain, backslash, name = user.partition("\\")
    own = socket.gethostname().casefold()
    if backslash and name and domain.casefold() in (".", own, own.partition(".")[0]):
        return name
    return user


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
