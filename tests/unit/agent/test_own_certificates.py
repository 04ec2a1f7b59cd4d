from pathlib import Path

import grpc
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID as Usage

from app.agent.channel import open_channel
from app.agent.home import AgentHome
from app.agent.own_certificates import certified, name_in, take_certificate
from app.agent.tls import TARGET_NAME, fingerprint_of, load_identity, load_or_make_identity
from app.model.errors import ArcxoError, CredentialsError
from tests.support.certificates import Authority, listening, pem


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture
def trusted(authority: Authority, tmp_path: Path) -> str:
    path = tmp_path / "authority.pem"
    path.write_bytes(pem(authority.certificate))
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
