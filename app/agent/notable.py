"""What the administrator of a host should hear of its agent: its certificate ends, passwords are tried."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from app.agent.certificate_faults import ENDS_SOON, ends_at
from app.model.events import Severity

_DAY_S = 86_400.0
_QUIET_S = 60.0
_USER_MAX = 64

Tell = Callable[..., Any]
"""`EventStore.append`."""


class CertificateWatch:
    """Says once a day that the agent's certificate (PEM) ends soon, as the event AW1003."""

    def __init__(self, certificate: bytes, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._until = ends_at(certificate)
        self._tell = tell
        self._clock = clock
        self._next = clock()

    def look(self) -> None:
        """Call it now and then; nearly always it does nothing."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + _DAY_S
        if self._until - datetime.now(UTC) < ENDS_SOON:
            self._tell("AW1003", Severity.WARNING, until=self._until.strftime("%Y-%m-%d %H:%M UTC"))


class LoginWatch:
    """Says that log-ins are refused because too many have failed, as the event AW1004.

    At most once a minute, however many there are and from wherever they come. Any thread.
    """

    def __init__(self, tell: Tell, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._clock = clock
        self._guard = threading.Lock()
        self._silent_until = float("-inf")
        self._count = 0

    def refused(self, user: str, address: str) -> None:
        """A log-in as `user` from `address` was refused without a look at its password."""
        with self._guard:
            self._count += 1
            if self._clock() < self._silent_until:
                return
            self._silent_until = self._clock() + _QUIET_S
            count, self._count = self._count, 0
        name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in user)
        # gRPC writes ipv4:10.0.0.9 and ipv6:%5Bfe80::1%5D.
        where = unquote(address).partition(":")[2].strip("[]") or address
        self._tell("AW1004", Severity.WARNING, count=count, user=name[:_USER_MAX], address=where)
