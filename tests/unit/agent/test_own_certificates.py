from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from app.agent.channel import SERVER_OPTIONS, open_channel, server_credentials
from app.agent.home import AgentHome
from app.agent.own_certificates import certified, name_in, take_certificate
from app.agent.tls import TARGET_NAME, fingerprint_of, load_identity, load_or_make_identity
from app.model.errors import ArcxoError, CredentialsError

Key = ec.EllipticCurvePrivateKey


class Authority:
    """A certificate authority for a test."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = _name("authority")
        self.certificate = _signed(self.subject, self.subject, self.key, self.key, (), None, 30, ca=True)

    def make(
        self, *names: str, usage: tuple[x509.ObjectIdentifier, ...] = (), days: int = 30
    ) -> tuple[bytes, bytes]:
        """(certificate, key) for names, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _signed(_name("host"), self.subject, key, self.key, names, usage or None, days)
        return _pem(made), _key(key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def _signed(
    subject: x509.Name,
    issuer: x509.Name,
    key: Key,
    signer: Key,
    names: tuple[str, ...],
    usage: tuple[x509.ObjectIdentifier, ...] | None,
    days: int,
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
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if names:
        known = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = made.add_extension(known, critical=False)
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage(usage), critical=False)
    return made.sign(signer, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
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


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    path.write_bytes(_pem(authority.certificate))
    return str(path)


def test_a_certificate_of_ones_own_becomes_the_agents_and_channels_find_it(
    authority: Authority, tmp_path: Path
) -> None:
    home = AgentHome(str(tmp_path))
    certificate, key = authority.make("branch.example")
    take_certificate(home, certificate, key)
    identity = load_or_make_identity(home)
    assert identity.certificate == certificate
    assert identity.fingerprint == fingerprint_of(certificate)
    assert name_in(certificate) == "branch.example"
    with listening(identity.certificate, identity.key) as port:
        channel = open_channel(f"localhost:{port}", certificate)
        grpc.channel_ready_future(channel).result(20)
        channel.close()


def test_the_agents_own_certificate_is_asked_for_by_its_name(tmp_path: Path) -> None:
    identity = load_or_make_identity(AgentHome(str(tmp_path)))
    assert name_in(identity.certificate) == TARGET_NAME


def test_what_cannot_be_the_agents_is_refused_and_nothing_changes(
    authority: Authority, tmp_path: Path
) -> None:
    home = AgentHome(str(tmp_path))
    before = load_or_make_identity(home)
    good, key = authority.make("branch.example")
    _, other = authority.make("branch.example")
    refused = [
        (good, other, "not that of the certificate"),
        (*authority.make("branch.example", days=-1), "not valid now"),
        (*authority.make(), "names no host"),
        (*authority.make("*.example"), "names no host"),
        (*authority.make("branch.example", usage=(Usage.SERVER_AUTH,)), "both server and client"),
        (b"garbage", key, ""),
        (good, b"garbage", ""),
    ]
    for certificate, given, reason in refused:
        with pytest.raises(ArcxoError, match="AE1072") as caught:
            take_certificate(home, certificate, given)
        assert reason in str(caught.value.params["reason"])
    assert load_identity(home) == before
    take_certificate(home, *authority.make("a.example", usage=(Usage.SERVER_AUTH, Usage.CLIENT_AUTH)))


def test_what_the_authority_signed_for_the_host_is_believed(authority: Authority, trusted: str) -> None:
    certificate, key = authority.make("localhost")
    with listening(certificate, key) as port:
        assert certified(f"localhost:{port}", trusted, 10) == certificate


def test_another_authority_or_another_host_is_not_believed(authority: Authority, trusted: str) -> None:
    for certificate, key in (Authority().make("localhost"), authority.make("elsewhere.example")):
        with listening(certificate, key) as port, pytest.raises(CredentialsError, match="AE1073"):
            certified(f"localhost:{port}", trusted, 10)


def test_unusable_authorities_and_silent_addresses_are_named(trusted: str, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", tmp_path / "missing"):
        with pytest.raises(ArcxoError, match="AE1074"):
            certified("localhost:1", str(path), 1)
    with pytest.raises(ArcxoError, match="AE1001"):
        certified("localhost:1", trusted, 1)
