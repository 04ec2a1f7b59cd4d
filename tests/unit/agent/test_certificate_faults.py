"""A certificate that is not believed is told as what it is, not as a host that does not answer."""

from __future__ import annotations

from typing import Any

import pytest

from app.agent.certificate_faults import check_time, ends_at
from app.agent.client import connect
from app.agent.grpc_client import GrpcAgent
from app.agent.tls import fingerprint_of, plain_fingerprint
from app.model.errors import ArcxoError, CredentialsError, UsageError
from app.model.job import Credentials
from tests.support.certificates import Authority, listening

CAROOT = Credentials("caroot", "secret")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.mark.parametrize(
    ("begins", "ends", "words"), [(-60, -1, "it has expired"), (1, 30, "it is not valid before")]
)
def test_a_certificate_whose_time_is_over_or_to_come_is_named_with_the_clock(
    authority: Authority, begins: float, ends: float, words: str
) -> None:
    certificate, key = authority.make("localhost", begins_days=begins, days=ends)
    with listening(certificate, key) as port, pytest.raises(CredentialsError) as caught:
        connect(f"localhost:{port}", CAROOT, fingerprint_of(certificate), 10, name="hq")
    assert caught.value.code == "AE1075"
    assert caught.value.params["host"] == "hq"
    assert words in str(caught.value.params["reason"])


def test_another_certificate_at_an_address_in_use_is_named(authority: Authority) -> None:
    shown, key = authority.make("localhost")
    pinned, _ = authority.make("localhost")
    with listening(shown, key) as port:
        agent = GrpcAgent("hq", f"localhost:{port}", pinned, 10, credentials=CAROOT)
        with pytest.raises(CredentialsError) as caught:
            agent.hello()
        agent.close()
    assert caught.value.code == "AE1006"
    expected: Any = {"host": "hq", "found": fingerprint_of(shown), "expected": fingerprint_of(pinned)}
    assert caught.value.params == expected


def test_an_address_where_nothing_answers_stays_unreachable(authority: Authority) -> None:
    pinned, key = authority.make("localhost")
    with listening(pinned, key) as port:
        pass
    agent = GrpcAgent("hq", f"localhost:{port}", pinned, 10, credentials=CAROOT)
    with pytest.raises(ArcxoError) as caught:
        agent.hello()
    agent.close()
    assert caught.value.code == "AE1001"
    assert "last error" not in str(caught.value.params["reason"])


def test_what_is_no_certificate_is_not_valid() -> None:
    with pytest.raises(CredentialsError, match="AE1075"):
        check_time(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "hq")
    with pytest.raises(ValueError, match=r"."):
        ends_at(b"nothing")


@pytest.mark.parametrize("form", ["{}", " {} ", "upper", "colons", "spaces"])
def test_a_fingerprint_is_taken_as_people_write_it(form: str) -> None:
    plain = "5aa45ab3" * 8
    pairs = [plain[at : at + 2] for at in range(0, 64, 2)]
    written = {"upper": plain.upper(), "colons": ":".join(pairs).upper(), "spaces": " ".join(pairs)}
    assert plain_fingerprint(written.get(form, form.format(plain))) == plain


@pytest.mark.parametrize("text", ["", "5aa4", "ä" * 64, "g" * 64, "0" * 65, "²" * 64])
def test_what_is_no_fingerprint_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="AE1076"):
        plain_fingerprint(text)
