"""The agent's certificate: made once, self-signed, known to its callers by its fingerprint."""

from __future__ import annotations

import hashlib
import hmac
import os
import socket
import ssl
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.agent.home import AgentHome, replace_durably
from app.model.errors import ArcxoError, CredentialsError, UsageError

TARGET_NAME = "arcxo-agent"
"""The name in every agent's certificate: hosts are told apart by fingerprint, not by name."""

_YEARS = 10
_FINGERPRINT_DIGITS = 64
_FILE = "agent.pem"
_BEGIN, _END = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Identity:
    """Key and certificate (PEM) of an agent, and the certificate's fingerprint."""

    key: bytes
    certificate: bytes
    fingerprint: str


def identity_path(home: AgentHome) -> str:
    """The file of key and certificate."""
    return os.path.join(home.directory("tls"), _FILE)


def load_or_make_identity(home: AgentHome) -> Identity:
    """The identity of the agent of `home`. For the holder of its lock.

    Key and certificate are one file, so that no crash leaves one without the other.

    Raises:
        ArcxoError: AE1010 when the file is there but is no key and certificate.
    """
    path = identity_path(home)
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        content = _make()
        replace_durably(path, content)
    return _parse(content, path)


def renew_identity(home: AgentHome) -> None:
    """Make another key and certificate the agent's. Durable. For the holder of the home's lock."""
    replace_durably(identity_path(home), _make())


def load_identity(home: AgentHome) -> Identity:
    """The identity the agent of `home` has made. Raises ArcxoError AE1010 when there is none."""
    path = identity_path(home)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArcxoError("AE1010", path=path, reason=error.strerror) from error
    return _parse(content, path)


def load_certificate(home: AgentHome) -> bytes:
    """The certificate (PEM) alone, for who connects as the owner. Raises ArcxoError AE1010.

    What it is worth shows in the handshake; plain commands are spared the parsing of keys.
    """
    path = identity_path(home)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise ArcxoError("AE1010", path=path, reason=error.strerror) from error
    start, end = content.find(_BEGIN), content.find(_END)
    if not 0 <= start < end:
        raise ArcxoError("AE1010", path=path, reason="there is no certificate in it")
    return content[start : end + len(_END)] + b"\n"


def fetch_certificate(address: str, timeout_s: float, name: str = "") -> bytes:
    """The certificate (PEM) that is shown at `address`, not trusted yet. Raises ArcxoError AE1001.

    `name` is what the error calls the host; "" = the address.
    """
    host, _, port = address.rpartition(":")
    try:
        return ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=timeout_s).encode("ascii")
    except (OSError, ValueError, socket.gaierror) as error:
        raise ArcxoError("AE1001", host=name or address, reason=f"{address}: {_cause(error)}") from error


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError) and "handshake" in str(error):
        return "it takes connections and says nothing: it hangs or is stopped, or no agent listens there"
    return str(error)


def fingerprint_of(certificate: bytes) -> str:
    """The SHA-256 of a PEM certificate: 64 hexadecimal digits in lower case."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.decode("ascii"))).hexdigest()


def plain_fingerprint(text: str) -> str:
    """A fingerprint as it is kept, of one as people write it: with colons, spaces or capitals.

    Raises UsageError AE1076 for what is none.
    """
    found = "".join(text.replace(":", "").replace("-", "").split()).lower()
    if len(found) != _FINGERPRINT_DIGITS or not set(found) <= set("0123456789abcdef"):
        raise UsageError("AE1076", found=text[:200])
    return found


def check_fingerprint(certificate: bytes, expected: str, host: str) -> None:
    """Raise CredentialsError AE1006 unless it is the expected one; colons and case do not count."""
    found = fingerprint_of(certificate)
    if not hmac.compare_digest(found.encode(), expected.replace(":", "").lower().encode()):
        raise CredentialsError("AE1006", host=host, found=found, expected=expected)


def _parse(content: bytes, path: str) -> Identity:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    try:
        certificate = x509.load_pem_x509_certificate(content).public_bytes(serialization.Encoding.PEM)
        key = serialization.load_pem_private_key(content, None).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    except (ValueError, TypeError) as error:
        raise ArcxoError("AE1010", path=path, reason=error) from error
    return Identity(key, certificate, fingerprint_of(certificate))


def _make() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    # No two agents have the same subject: whoever trusts several finds each by it.
    name = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.COMMON_NAME, TARGET_NAME),
            x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, uuid.uuid4().hex),
        ]
    )
    # A day back: the clocks of hosts differ.
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * _YEARS + 3))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(TARGET_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private + certificate.public_bytes(serialization.Encoding.PEM)
