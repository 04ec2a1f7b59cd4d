"""Scenarios that hosts have and this home does not list."""

from __future__ import annotations

from types import SimpleNamespace

from app.model.errors import ArcxoError
from app.model.host import Host
from app.model.scenario import ScenarioState, ScenarioStatus
from app.services.discovery import discover
from app.services.host_states import host_states
from tests.support.memory_services import scenario


class Hosts:
    """Connections to `localhost`, which has two scenarios, to one that is away, and to one that has one."""

    def __init__(self) -> None:
        self.silent: list[str] = []
        names = ("away", "branch", "localhost")
        self.catalog = SimpleNamespace(hosts=SimpleNamespace(list=lambda: [Host(one, "") for one in names]))
        self._has = {
            "localhost": [scenario(1, "Known", ["/a"]), scenario(2, "beta", ["/b"])],
            "branch": [scenario(3, "Alpha", ["/c"])],
        }

    def registered(self) -> SimpleNamespace:
        known = self._has["localhost"][0]
        one = SimpleNamespace(id=known.id, name="Known", master="localhost", replicas=("branch",))
        return SimpleNamespace(registrations=(one,))

    def is_here(self, host: str) -> bool:
        return host == "localhost"

    def status_agent_of(self, host: str) -> SimpleNamespace:
        if host == "away":
            raise ArcxoError("AE1001", host=host, reason="refused")
        found = [ScenarioStatus(one, ScenarioState.STOPPED) for one in self._has[host]]
        return SimpleNamespace(scenarios=lambda: found, hello=lambda: f"info of {host}")

    def found_silent(self, host: str, _error: ArcxoError) -> None:
        self.silent.append(host)


def test_all_hosts_are_asked_and_a_silent_one_keeps_nothing_back() -> None:
    hosts = Hosts()
    found = discover(hosts)  # type: ignore[arg-type] # structurally the same
    assert [status.scenario.name for status in found.found] == ["Alpha", "beta"]
    assert [(one.code, one.params["host"]) for one in found.silent] == [("AE1001", "away")]
    assert hosts.silent == ["away"]


def test_hosts_tell_their_state_or_why_not_and_who_needs_them() -> None:
    states = host_states(Hosts())  # type: ignore[arg-type] # structurally the same
    assert [(one.host.name, one.info, one.error_code) for one in states] == [
        ("localhost", "info of localhost", ""),
        ("away", None, "AE1001"),
        ("branch", "info of branch", ""),
    ]
    assert [one.scenarios for one in states] == [("Known",), (), ("Known",)]
