"""Letting scenarios of other hosts' masters in, and what their streams may do then."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from app.agent.admission import Admission
from app.agent.allowed_scripts import AllowedScripts
from app.agent.grants import Grants
from app.agent.home import AgentHome
from app.agent.peers import Peer, Peers
from app.agent.sessions import ATTEMPTS
from app.agent.signing import sign_definition
from app.agent.tls import Identity, fingerprint_of, load_or_make_identity
from app.model.errors import ArcxoError, BusyError, CredentialsError, UsageError
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ScenarioProperties, ServerType
from app.replication.definition import to_xml
from tests.support.certificates import Authority

SCENARIO = Scenario(
    1234567890,
    "shared",
    ServerType.FILE_SERVER,
    ProductType.DR,
    "hq",
    (Root(b"/data"),),
    (ReplicaSpec("branch", (b"/copy",)), ReplicaSpec("other", (b"/else",))),
)


class Bench:
    """A replica's host and a master's identity."""

    def __init__(self, base: Path) -> None:
        self.home = AgentHome(str(base / "replica"))
        self.identity = load_or_make_identity(self.home)
        self.master = load_or_make_identity(AgentHome(str(base / "master")))
        self.admission = Admission(self.home, self.identity.certificate)

    def admit(self, scenario: Scenario = SCENARIO, replica: str = "branch") -> str:
        return self.admission.admit(to_xml(scenario), replica, self.master.certificate)

    def open(
        self, key: str, scenario: Scenario = SCENARIO, replica: str = "branch", signer: Identity | None = None
    ) -> bytes:
        xml = to_xml(scenario)
        signature = sign_definition((signer or self.master).key, xml)
        ticket = self.admission.open(scenario.id, replica, key, xml, signature, "10.0.0.9")
        assert ticket.master_certificate == self.master.certificate
        return ticket.definition_sum


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def code_of(caught: pytest.ExceptionInfo[ArcxoError]) -> str:
    return caught.value.code


def test_the_key_opens_streams_of_the_signed_definition_alone(bench: Bench) -> None:
    key = bench.admit()
    assert bench.open(key) == hashlib.sha256(to_xml(SCENARIO)).digest()
    kept = Grants(bench.home).show(SCENARIO.id)
    assert kept.definition_xml == to_xml(SCENARIO)
    assert key not in (Path(bench.home.directory("grants")) / f"{SCENARIO.id}.json").read_text()
    assert bench.admission.scenario(SCENARIO.id, "branch") == SCENARIO


@pytest.mark.parametrize("key", ["", "guess", "x" * 100_000])
def test_a_wrong_key_says_no_more_than_an_unknown_scenario(bench: Bench, key: str) -> None:
    bench.admit()
    with pytest.raises(CredentialsError) as wrong:
        bench.open(key)
    with pytest.raises(CredentialsError) as unknown:
        bench.open(key, replace(SCENARIO, id=1))
    assert code_of(wrong) == code_of(unknown) == "AE1033"


def test_wrong_keys_are_limited_and_do_not_lock_out_other_hosts(bench: Bench) -> None:
    key = bench.admit()
    for _ in range(ATTEMPTS):
        with pytest.raises(CredentialsError):
            bench.open("guess")
    with pytest.raises(BusyError, match="AE1014"):
        bench.open(key)
    xml = to_xml(SCENARIO)
    signature = sign_definition(bench.master.key, xml)
    assert bench.admission.open(SCENARIO.id, "branch", key, xml, signature, "10.0.0.8").replica == "branch"


def test_the_name_of_another_replica_is_not_opened_by_this_ones_key(bench: Bench) -> None:
    key = bench.admit()
    with pytest.raises(CredentialsError, match="AE1033"):
        bench.open(key, replica="other")


def test_a_master_cannot_widen_what_it_writes(bench: Bench) -> None:
    key = bench.admit()
    for paths in ((b"/",), (b"/copy/../etc",), (b"/etc",), (b"/copy", b"/etc")):
        roots = tuple(Root(b"/data%d" % number) for number in range(len(paths)))
        other = replace(SCENARIO, roots=roots, replicas=(ReplicaSpec("branch", paths),))
        with pytest.raises(ArcxoError) as caught:
            bench.open(key, other)
        assert code_of(caught) in ("AE1035", "E3370")
    assert bench.open(key)


def test_a_definition_that_another_key_signed_is_refused(bench: Bench, tmp_path: Path) -> None:
    key = bench.admit()
    thief = load_or_make_identity(AgentHome(str(tmp_path / "thief")))
    with pytest.raises(CredentialsError, match="AE1038"):
        bench.open(key, signer=thief)
    with pytest.raises(CredentialsError, match="AE1038"):
        bench.admission.open(SCENARIO.id, "branch", key, to_xml(SCENARIO), b"\x30\x00", "p")


@pytest.mark.parametrize("path", [b"/", b"{home}", b"{home}/media", b"{home}/engine/side"])
def test_the_home_is_nobodys_replica(bench: Bench, path: bytes) -> None:
    path = path.replace(b"{home}", bench.home.path.encode())
    with pytest.raises(ArcxoError) as caught:
        bench.admit(replace(SCENARIO, replicas=(ReplicaSpec("branch", (path,)),)))
    assert code_of(caught) in ("ER00107", "E3370")


def test_a_scenario_of_this_very_host_is_not_let_in(bench: Bench) -> None:
    with pytest.raises(ArcxoError, match="AE1037"):
        bench.admission.admit(to_xml(SCENARIO), "branch", bench.identity.certificate)
    (Path(bench.home.directory("scenarios")) / f"{SCENARIO.id}.xml").write_bytes(to_xml(SCENARIO))
    with pytest.raises(ArcxoError, match="AE1037"):
        bench.admit()


@pytest.mark.parametrize("certificate", [b"", b"\xff", b"-----BEGIN CERTIFICATE-----\nxx\n"])
def test_what_is_no_certificate_is_refused(bench: Bench, certificate: bytes) -> None:
    with pytest.raises(UsageError, match="AE1007"):
        bench.admission.admit(to_xml(SCENARIO), "branch", certificate)


def test_several_certificates_at_once_are_refused(bench: Bench) -> None:
    both = bench.master.certificate + bench.identity.certificate
    with pytest.raises(UsageError, match="AE1007"):
        bench.admission.admit(to_xml(SCENARIO), "branch", both)


def test_the_key_before_counts_until_the_new_one_is_used(bench: Bench) -> None:
    first = bench.admit()
    second = bench.admit()
    assert bench.open(first)
    assert bench.open(second)
    with pytest.raises(CredentialsError, match="AE1033"):
        bench.open(first)


@pytest.mark.parametrize(
    ("begins", "ends", "words"), [(-60, -1, "it has expired"), (1, 30, "it is not valid before")]
)
def test_a_master_whose_certificate_is_not_valid_by_this_clock_is_told_so(
    bench: Bench, begins: float, ends: float, words: str
) -> None:
    certificate, key = Authority().make("hq", begins_days=begins, days=ends)
    bench.master = Identity(key, certificate, fingerprint_of(certificate))
    with pytest.raises(CredentialsError) as caught:
        bench.open(bench.admit())
    assert (caught.value.code, caught.value.params["host"]) == ("AE1075", "hq")
    assert words in str(caught.value.params["reason"])


def test_a_scenario_that_was_dismissed_is_let_in_no_more(bench: Bench) -> None:
    key = bench.admit()
    bench.admission.grants.dismiss(SCENARIO.id)
    bench.admission.grants.dismiss(SCENARIO.id)
    with pytest.raises(CredentialsError, match="AE1033"):
        bench.open(key)
    assert bench.admission.grants.certificates() == ()


def test_masters_are_trusted_from_their_admission_on(bench: Bench) -> None:
    assert bench.admission.grants.certificates() == ()
    bench.admit()
    assert bench.admission.grants.certificates() == (bench.master.certificate,)


def test_a_script_runs_only_where_this_host_allows_it(bench: Bench) -> None:
    properties = ScenarioProperties(replica_script_before_sync="/usr/local/bin/rest now")
    wanted = replace(SCENARIO, properties=properties)
    key = bench.admit()
    for attempt in (lambda: bench.admit(wanted), lambda: bench.open(key, wanted)):
        with pytest.raises(ArcxoError, match="AE1036"):
            attempt()
    allowed = AllowedScripts(bench.home)
    allowed.allow("/usr/local/bin/rest")
    key = bench.admit(wanted)
    assert bench.open(key, wanted)
    allowed.disallow("/usr/local/bin/rest")
    with pytest.raises(ArcxoError, match="AE1036"):
        bench.open(key, wanted)
    for text in ("rest", "/usr/../bin/sh", ""):
        with pytest.raises(UsageError, match="AE1019"):
            allowed.allow(text)


def test_a_damaged_grant_lets_nobody_in_and_is_named(bench: Bench) -> None:
    key = bench.admit()
    path = Path(bench.home.directory("grants")) / f"{SCENARIO.id}.json"
    path.write_text("{")
    with pytest.raises(ArcxoError, match="AE1034"):
        bench.open(key)
    assert bench.admission.grants.certificates() == ()
    assert bench.open(bench.admit())


def test_peers_are_kept_for_the_owner_alone_and_replaced_by_replica(tmp_path: Path) -> None:
    home = AgentHome(str(tmp_path))
    peers = Peers(home)
    assert peers.find(7, "branch") is None
    peers.put(Peer(7, "branch", "10.0.0.1:1", b"c1", "k1"))
    peers.put(Peer(7, "other", "10.0.0.2:1", b"c2", "k2"))
    peers.put(Peer(7, "branch", "10.0.0.3:1", b"c3", "k3"))
    assert Peers(home).find(7, "branch") == Peer(7, "branch", "10.0.0.3:1", b"c3", "k3")
    assert len(peers.of(7)) == 2
    path = Path(home.directory("peers")) / "7.json"
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("[]")
    with pytest.raises(ArcxoError, match="AE1034"):
        peers.find(7, "branch")
    peers.put(Peer(7, "branch", "10.0.0.3:1", b"c3", "k3"))
    assert len(peers.of(7)) == 1
    peers.forget(7)
    assert peers.of(7) == ()
