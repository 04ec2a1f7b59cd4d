"""Reaching an agent: the one of this home, or one of another host."""

from __future__ import annotations

from app.agent.api import Agent
from app.model.job import Credentials

DEFAULT_TIMEOUT_S = 180.0


def connect_local(home: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> Agent:
    """The running agent of `home`, as its owner. Close it when done; usable from any thread.

    Raises:
        ArcxoError: AE1001 when no agent is ready in this home.
    """
    raise NotImplementedError


def connect(
    address: str, credentials: Credentials, fingerprint: str, timeout_s: float = DEFAULT_TIMEOUT_S
) -> Agent:
    """The agent at `address` (HOST:PORT), logged in; its certificate must have `fingerprint`.

    Raises:
        ArcxoError: AE1001 unreachable.
        CredentialsError: AE1006 another certificate, AE0459 log-in refused.
    """
    raise NotImplementedError


def fetch_fingerprint(address: str, timeout_s: float = 10.0) -> str:
    """The SHA-256 fingerprint of the certificate at `address`, for a person to compare.

    Raises:
        ArcxoError: AE1001 unreachable.
    """
    raise NotImplementedError
