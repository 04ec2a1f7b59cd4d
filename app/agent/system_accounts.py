"""Passwords of the machine's own accounts, checked by PAM (decision 20)."""

from __future__ import annotations

import os

from app.model.errors import ArcxoError

OWN_SERVICE = "arcxo"
_FALLBACK = "login"
_SERVICES = "/etc/pam.d"


def service_of(named: str) -> str:
    """The PAM service that checks an account: the one it names, else ours if there is one, else `login`."""
    if named:
        return named
    return OWN_SERVICE if os.path.exists(os.path.join(_SERVICES, OWN_SERVICE)) else _FALLBACK


def is_service(name: str) -> bool:
    """Whether the machine has a PAM service of that name."""
    return name.isprintable() and "/" not in name and os.path.isfile(os.path.join(_SERVICES, name))


def opens(user: str, password: str, service: str) -> bool:
    """Whether the machine lets `user` in with `password` now. Blocks, after a refusal for seconds.

    Raises:
        ArcxoError: AE1070 PAM is not there, or fails for another reason than what was given.
    """
    try:
        from pam import PamAuthenticator
    except ImportError as error:
        raise ArcxoError("AE1070", service=service, reason="PAM is not installed") from error
    try:
        # One object for each log-in: it keeps the state of one.
        return bool(PamAuthenticator().authenticate(user, password, service=service, resetcreds=False))
    except ValueError:
        return False  # a NUL in what was given
    except OSError as error:
        raise ArcxoError("AE1070", service=service, reason=error) from error
