"""One connection to the agent is kept, and made again when another agent took the home over."""

from __future__ import annotations

from pathlib import Path

import pytest

import app.agent.client
from app.model.errors import ArcxoError, BusyError
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
