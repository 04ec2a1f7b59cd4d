import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.agent.home import AgentHome, AgentInfo
from app.model.host import Host
from app.services.host_names import HostNames


class Hosts:
    """The catalog's hosts; how often all of them were read."""

    def __init__(self) -> None:
        self.known = [Host("localhost", ""), Host("hq", "a:1", "u", "aa"), Host("branch", "b:1", "u", "bb")]
        self.reads = 0

    def list(self) -> list[Host]:
        self.reads += 1
        return self.known

    def show(self, name: str) -> Host:
        raise LookupError(name)


@pytest.fixture
def hosts() -> Hosts:
    return Hosts()


@pytest.fixture
def names(hosts: Hosts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HostNames:
    running = AgentInfo(1, "a:1", "a:2", "aa", "")
    monkeypatch.setattr(AgentHome, "running", lambda _self: running)
    catalog: Any = SimpleNamespace(hosts=hosts)
    return HostNames(str(tmp_path), lambda: catalog, lambda: (1, 2, 3))


def test_the_catalog_is_read_once_for_all_questions_of_a_moment(names: HostNames, hosts: Hosts) -> None:
    for _ in range(20):
        assert names.is_own("hq")
        assert not names.is_own("branch")
        assert names.show("branch").address == "b:1"
    assert hosts.reads == 1


def test_what_changed_is_seen_when_it_is_told_or_soon(
    names: HostNames, hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert names.show("branch").address == "b:1"
    hosts.known[2] = Host("branch", "c:1", "u", "cc")
    names.forget()
    assert names.show("branch").address == "c:1"
    hosts.known[2] = Host("branch", "d:1", "u", "dd")
    moment = time.monotonic()
    monkeypatch.setattr("app.services.host_names.time.monotonic", lambda: moment + 10)
    assert names.show("branch").address == "d:1"


def test_a_host_that_is_not_known_is_asked_of_the_catalog(names: HostNames) -> None:
    with pytest.raises(LookupError):
        names.show("nobody")
