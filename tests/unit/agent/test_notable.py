from __future__ import annotations

from typing import Any

import pytest

from app.agent.notable import CertificateWatch, LoginWatch
from tests.support.certificates import Authority


class Told:
    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.now = 0.0

    def tell(self, code: str, _severity: object, **params: Any) -> None:
        self.events.append((code, params))

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(("days", "told"), [(31, 0), (29, 1), (-1, 1)])
def test_a_certificate_that_ends_within_thirty_days_is_told_once_a_day(days: int, told: int) -> None:
    heard = Told()
    certificate, _ = Authority().make("localhost", days=days)
    watch = CertificateWatch(certificate, heard.tell, heard.clock)
    for hour in range(24):
        heard.now = hour * 3600.0
        watch.look()
    assert [code for code, _ in heard.events] == ["AW1003"] * told
    heard.now = 25 * 3600.0
    watch.look()
    assert len(heard.events) == 2 * told


def test_a_flood_of_refused_log_ins_is_one_event_a_minute_with_their_number() -> None:
    heard = Told()
    watch = LoginWatch(heard.tell, heard.clock)
    for _ in range(10_000):
        watch.refused("caroot", "ipv4:10.0.0.9")
    assert heard.events == [("AW1004", {"count": 1, "user": "caroot", "address": "10.0.0.9"})]
    heard.now = 61.0
    watch.refused("a\nb" + "x" * 100_000, "ipv6:%5Bfe80::1%5D")
    code, params = heard.events[1]
    assert (code, params["count"]) == ("AW1004", 10_000)
    assert params["user"].startswith("a\N{REPLACEMENT CHARACTER}bx")
    assert len(params["user"]) == 64
    assert params["address"] == "fe80::1"
