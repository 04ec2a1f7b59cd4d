"""How a master reaches the replicas of its scenarios on other hosts: address, certificate and scenario key.

The keys lie here in clear, readable for the owner of the home alone: each opens the streams of one scenario
on one replica and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.agent.home import AgentHome, replace_durably
from app.model.errors import ArcxoError

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Peer:
    """One replica of one scenario. `address` is HOST:PORT, `certificate` what must be shown there (PEM)."""

    scenario_id: int
    replica: str
    address: str
    certificate: bytes
    key: str = field(default="", repr=False)


class Peers:
    """The peers of `engine/peers/`. Any thread, any process; a change is durable on return."""

    def __init__(self, home: AgentHome) -> None:
        self._directory = home.directory("peers")
        self._guard = threading.Lock()

    def put(self, peer: Peer) -> None:
        """Add a peer, or replace the one of that scenario and replica."""
        with self._guard:
            try:
                known = list(self.of(peer.scenario_id))
            except ArcxoError:
                known = []  # damaged: what follows is written anew, the others are put again by their server
            kept = [item for item in known if item.replica != peer.replica]
            content = {
                "version": _VERSION,
                "peers": [
                    {
                        "replica": item.replica,
                        "address": item.address,
                        "certificate": item.certificate.decode("ascii"),
                        "key": item.key,
                    }
                    for item in (*kept, peer)
                ],
            }
            replace_durably(self._path(peer.scenario_id), json.dumps(content, indent=1).encode("utf-8"))

    def of(self, scenario_id: int) -> Sequence[Peer]:
        """All of a scenario. Raises ArcxoError AE1034 for a damaged file."""
        path = self._path(scenario_id)
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return ()
        try:
            return tuple(
                Peer(
                    scenario_id,
                    str(item["replica"]),
                    str(item["address"]),
                    item["certificate"].encode("ascii"),
                    str(item["key"]),
                )
                for item in json.loads(content)["peers"]
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArcxoError("AE1034", path=path, reason=error) from error

    def find(self, scenario_id: int, replica: str) -> Peer | None:
        """One of them, or None. Raises ArcxoError AE1034."""
        return next((peer for peer in self.of(scenario_id) if peer.replica == replica), None)

    def forget(self, scenario_id: int) -> None:
        """Remove all of a scenario; none is fine."""
        with self._guard, contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(scenario_id))

    def _path(self, scenario_id: int) -> str:
        return os.path.join(self._directory, f"{int(scenario_id)}.json")
