"""Certificates that an authority has signed: taken as an agent's own, and believed at first contact."""

from __future__ import annotations

import os
import socket
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.agent.home import AgentHome, replace_durably
from app.agent.tls import TARGET_NAME, identity_path
from app.model.errors import ArcxoError, CredentialsError

if TYPE_CHECKING:
    from cryptography import x509


def take_certificate(home: AgentHome, certificate: bytes, key: bytes) -> None:
    """Make `certificate` (PEM; the first one in it) and its `key` (PEM, no password) the agent's. Durable.

    For the holder of the home's lock. Raises ArcxoError AE1072 when they cannot be, with the reason.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        found = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, None)
        content = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    except (ValueError, TypeError) as error:
        raise ArcxoError("AE1072", reason=error) from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if found.public_key().public_bytes(*form) != private.public_key().public_bytes(*form):
        raise ArcxoError("AE1072", reason="the key is not that of the certificate")
    now = datetime.now(UTC)
    if not found.not_valid_before_utc <= now < found.not_valid_after_utc:
        until = found.not_valid_after_utc.date().isoformat()
        raise ArcxoError("AE1072", reason=f"the certificate is not valid now (until {until})")
    if not _names(found):
        raise ArcxoError("AE1072", reason="the certificate names no host (a DNS name without *)")
    if not _is_for_both(found):
        reason = "the certificate is not for both server and client authentication"
        raise ArcxoError("AE1072", reason=reason)
    replace_durably(identity_path(home), content + found.public_bytes(serialization.Encoding.PEM))


def certified(address: str, authority: str, timeout_s: float) -> bytes:
    """The certificate (PEM) shown at HOST:PORT, signed by the authority in that file for that host.

    Raises:
        CredentialsError: AE1073 it is not. ArcxoError: AE1001 nothing answers, AE1074 the file is unusable.
    """
    try:
        context = ssl.create_default_context(cafile=authority)
    except (OSError, ssl.SSLError) as error:
        raise ArcxoError("AE1074", path=authority, reason=error) from error
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        with (
            socket.create_connection((host, int(port)), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host) as secured,
        ):
            shown = secured.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError as error:
        raise CredentialsError("AE1073", address=address, reason=error.verify_message) from error
    except (OSError, ValueError) as error:
        raise ArcxoError("AE1001", host=address, reason=f"{address}: {error}") from error
    assert shown is not None
    return ssl.DER_cert_to_PEM_cert(shown).encode("ascii")


def name_in(certificate: bytes) -> str:
    """The name by which the agent with a certificate (PEM) is asked for: the certificate itself is what is
    believed, and its names are whatever its maker gave it.
    """
    der = ssl.PEM_cert_to_DER_cert(certificate.decode("ascii"))
    if os.fsencode(TARGET_NAME) in der:
        return TARGET_NAME  # ours; plain commands are spared the parsing
    from cryptography import x509

    names = _names(x509.load_der_x509_certificate(der))
    return names[0] if names else TARGET_NAME


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name for name in found.get_values_for_type(x509.DNSName) if "*" not in name]


def _is_for_both(certificate: x509.Certificate) -> bool:
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID

    try:
        usage = set(certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return True
    both = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    return both <= usage or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in usage
