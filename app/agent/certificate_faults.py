"""Why a certificate is not believed: what TLS says in its own words, told as what it means for the host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.agent.tls import check_fingerprint, fetch_certificate, fingerprint_of
from app.model.errors import ArcxoError, CredentialsError

ENDS_SOON = timedelta(days=30)
_LOOK_S = 10.0
_SIGN = "CERTIFICATE_VERIFY_FAILED"


def ends_at(certificate: bytes) -> datetime:
    """Until when a certificate (PEM) is valid, UTC. Raises ValueError for what is none."""
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc


def check_time(certificate: bytes, host: str) -> None:
    """Raise CredentialsError AE1075 unless the certificate (PEM) of `host` is valid now, by this clock."""
    from cryptography import x509

    now = datetime.now(UTC)
    try:
        found = x509.load_pem_x509_certificate(certificate)
        begins, ends = found.not_valid_before_utc, found.not_valid_after_utc
    except ValueError as error:
        raise CredentialsError("AE1075", host=host, reason=f"{error}", clock=_said(now)) from error
    if begins <= now < ends:
        return
    reason = f"it has expired at {_said(ends)}" if now >= ends else f"it is not valid before {_said(begins)}"
    raise CredentialsError("AE1075", host=host, reason=reason, clock=_said(now))


def explained(error: ArcxoError, host: str, address: str, certificate: bytes) -> ArcxoError:
    """`error`, or where the certificate at `address` is its cause, that: AE1006 another one, AE1075 its time.

    `certificate` (PEM) is the one that is believed. Blocks for seconds where it must look what is shown now.
    """
    if error.code != "AE1001" or _SIGN not in str(error.params.get("reason", "")):
        return error
    try:
        shown = fetch_certificate(address, _LOOK_S, host)
        check_fingerprint(shown, fingerprint_of(certificate), host)
        check_time(shown, host)
    except CredentialsError as why:
        return why
    except ArcxoError:
        return error
    return error


def _said(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
