"""What is typed to know a host, and how certificates are compared."""

from __future__ import annotations

import pytest

from app.model.host import Host
from app.ui.hosts.trust import HostEntry, Trust, spaced, with_port


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("branch1", "branch1:25000"),
        (" branch1:4000 ", "branch1:4000"),
        ("fe80::1", "[fe80::1]:25000"),
        ("[fe80::1]", "[fe80::1]:25000"),
        ("[fe80::1]:7", "[fe80::1]:7"),
        ("", ""),
    ],
)
def test_the_usual_port_is_taken_when_none_was_typed(typed, meant):
    assert with_port(typed) == meant


def test_each_fault_is_told_at_its_field_and_the_name_is_the_computers_to_begin_with():
    entry = HostEntry()
    assert set(entry.faults()) == {"address", "user", "password"}
    entry.address, entry.user, entry.password = "branch1:99999", "caroot", "x"
    assert "HOST:PORT" in entry.faults()["address"]
    entry.address = "branch1"
    assert entry.faults() == {}
    assert entry.host == "branch1"
    assert "known already" in entry.faults({"branch1"})["name"]
    entry.name = "LocalHost"
    assert "this computer" in entry.faults()["name"]
    entry.name = "a\tb"
    assert "printable" in entry.faults()["name"]


def test_a_certificate_is_new_the_same_or_another():
    assert HostEntry().trust("ab" * 32) is Trust.NEW
    known = HostEntry.of(Host("b", "b:25000", "caroot", "ab" * 32))
    assert known.trust(":".join(["AB"] * 32)) is Trust.SAME
    assert known.trust("cd" * 32) is Trust.CHANGED


def test_a_fingerprint_is_shown_in_pairs_on_two_lines():
    assert spaced("ab" * 32).split("\n") == [":".join(["AB"] * 16)] * 2
