"""One connection to the agent is kept, and made again when another agent took the home over."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

import app.agent.client
import app.services.connections
from app.model.errors import ArcxoError, BusyError, CredentialsError
from app.services.connections import Connections


class FakeAgent:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[FakeAgent]:
    """The agents that were connected to, in order."""
    agents: list[FakeAgent] = []

    def connect_local(_home: str, _timeout_s: float) -> FakeAgent:
        agents.append(FakeAgent())
        return agents[-1]

    monkeypatch.setattr(app.agent.client, "connect_local", connect_local)
    return agents


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """The file by which an agent says how it is reached."""
    (tmp_path / "engine").mkdir()
    return tmp_path / "engine/agent.json"


def test_without_an_agent_the_way_out_is_named(tmp_path: Path) -> None:
    with pytest.raises(BusyError, match="E1120"):
        Connections(str(tmp_path)).local_agent()


def test_the_connection_is_kept_while_the_agent_is_the_same(record: Path, made: list[FakeAgent]) -> None:
    record.write_text("first")
    connections = Connections(str(record.parent.parent))
    assert connections.local_agent() is connections.local_agent()
    assert len(made) == 1
    connections.close()
    assert made[0].closed


def test_another_agent_is_connected_to_and_the_old_one_closed_at_the_end(
    record: Path, made: list[FakeAgent]
) -> None:
    record.write_text("first")
    connections = Connections(str(record.parent.parent))
    first = connections.local_agent()
    other = record.with_name("other")
    other.write_text("another agent")
    other.replace(record)
    assert connections.local_agent() is not first
    assert not made[0].closed, "a call of another thread may still use it"
    connections.close()
    assert made[0].closed
    assert made[1].closed


def test_an_agent_that_left_its_record_behind_counts_as_none(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connect_local(_home: str, _timeout_s: float) -> None:
        raise ArcxoError("AE1001", host="localhost", reason="gone")

    monkeypatch.setattr(app.agent.client, "connect_local", connect_local)
    record.write_text("left behind")
    with pytest.raises(BusyError, match="E1120"):
        Connections(str(record.parent.parent)).local_agent()


class Branch:
    """The way to another host: what dialing it ends with, how often it was dialed, and the time."""

    def __init__(self) -> None:
        self.error: ArcxoError | None = None
        self.dialed = 0
        self.now = 100.0

    def dial(self, _host: str, _timeout_s: float) -> FakeAgent:
        self.dialed += 1
        if self.error is not None:
            raise type(self.error)(self.error.code, exit_code=None, **self.error.params)
        return FakeAgent()


@pytest.fixture
def branch(monkeypatch: pytest.MonkeyPatch) -> Branch:
    made = Branch()
    monkeypatch.setattr(Connections, "_far_agent", made.dial)
    monkeypatch.setattr(Connections, "is_here", lambda *_: False)
    monkeypatch.setattr(app.services.connections, "time", SimpleNamespace(monotonic=lambda: made.now))
    return made


def _looked_at(connections: Connections, branch: Branch, seconds: float) -> None:
    """Somebody looks at the host twice a second, as lists do, and tells how it went."""
    until = branch.now + seconds
    while branch.now < until:
        try:
            connections.status_agent_of("branch")
        except ArcxoError as error:
            connections.found_silent("branch", error)
        branch.now += 0.5


def test_a_host_that_is_looked_at_all_the_time_is_dialed_again_every_few_seconds(
    branch: Branch, tmp_path: Path
) -> None:
    connections = Connections(str(tmp_path))
    branch.error = ArcxoError("AE1001", host="branch", reason="gone")
    _looked_at(connections, branch, 30)
    assert 5 <= branch.dialed <= 7
    branch.error = None
    _looked_at(connections, branch, 6)
    assert connections.status_agent_of("branch")


def test_a_refused_log_in_is_tried_so_seldom_that_the_host_does_not_lock_it_out(
    branch: Branch, tmp_path: Path
) -> None:
    connections = Connections(str(tmp_path))
    branch.error = CredentialsError("AE1026", user="caroot")
    _looked_at(connections, branch, 120)
    assert branch.dialed == 2
    branch.error = None
    connections.found_silent("branch", CredentialsError("AE1026", user="caroot"))
    with pytest.raises(CredentialsError, match="AE1026"):
        connections.status_agent_of("branch")
    connections.forget_host("branch")
    assert connections.status_agent_of("branch")
