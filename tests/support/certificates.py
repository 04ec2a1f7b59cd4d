"""Certificates of an authority of one's own, and a server that shows one."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.agent.channel import SERVER_OPTIONS, server_credentials

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A certificate authority for a test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name("authority")
        self.certificate = _signed(self.subject, self.subject, self.key, self.key, (), None, 30, ca=True)

    def make(
        self,
        *names: str,
        usage: tuple[x509.ObjectIdentifier, ...] = (),
        days: float = 30,
        begins_days: float = -60,
    ) -> tuple[bytes, bytes]:
        """(certificate, key) for names, as PEM; valid from and until so many days from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _signed(_name("host"), self.subject, key, self.key, names, usage or None, days, begins_days)
        return pem(made), _key(key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    signer: Key,
    names: tuple[str, ...],
    usage: tuple[x509.ObjectIdentifier, ...] | None,
    days: float,
    begins_days: float = -60,
    *,
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins_days))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        known = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = made.add_extension(known, critical=False)
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    return made.sign(signer, hashes.SHA256())


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key(key: Key) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


@contextmanager
def listening(certificate: bytes, key: bytes) -> Iterator[int]:
    """The port of a gRPC server with a certificate."""
    server = grpc.server(futures.ThreadPoolExecutor(2), options=SERVER_OPTIONS)
    port = server.add_secure_port("localhost:0", server_credentials(key, certificate))
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()
