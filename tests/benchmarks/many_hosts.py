"""What a server with many known hosts costs while nothing happens, alone and with a console that looks.

    python -m tests.benchmarks.many_hosts [--hosts 50] [--seconds 30]

The agents' side of the protocol is played by this process, each agent on a port with a certificate of its own
and one scenario; server, connections and console side are the real ones.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc

from app.agent.channel import SERVER_OPTIONS, server_credentials
from app.agent.convert import to_message
from app.agent.generated import agent_pb2 as pb
from app.agent.generated import agent_pb2_grpc
from app.agent.home import AgentHome
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST
from app.agent.tls import Identity, load_or_make_identity
from app.catalog import open_catalog
from app.catalog.api import Registration
from app.model.host import HostInfo
from app.model.scenario import (
    ProductType,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from tests.support.arcxo_command import Arcxo, running_home

generated: Any = agent_pb2_grpc
_LOOKER = """
import sys, time
from app import bootstrap
services = bootstrap.open_services(sys.argv[1])
wanted = int(sys.argv[2])
while len([one for one in services.scenarios.list() if one.state.value == "replicating"]) < wanted:
    time.sleep(0.2)
print("ready", flush=True)
while True:
    began = time.monotonic()
    services.scenarios.list()
    print(time.monotonic() - began, flush=True)
    time.sleep(0.5)
"""


class PlayedAgent:
    """What a server and a console ask of an agent with one scenario that replicates."""

    def __init__(self, number: int, identity: Identity) -> None:
        name = f"host{number}"
        scenario = Scenario(
            id=1000 + number,
            name=f"scenario {number}",
            server_type=ServerType.FILE_SERVER,
            product=ProductType.DR,
            master=name,
            roots=(Root(b"/data"),),
            replicas=(ReplicaSpec("localhost", (b"/copy",)),),
        )
        replica = ReplicaStatus("localhost", ReplicaState.REPLICATING)
        self.status = ScenarioStatus(scenario, ScenarioState.REPLICATING, replicas=(replica,))
        self._fingerprint = identity.fingerprint

    def __getattr__(self, name: str) -> Any:
        """Every other call is refused."""
        if name.startswith("_"):
            raise AttributeError(name)

        def refuse(_request: Any, context: grpc.ServicerContext) -> Any:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"{name} is not played")

        return refuse

    def LogIn(self, _request: Any, _context: Any) -> Any:  # noqa: N802  # the name of the call
        return pb.LogInReply(
            token="t", seconds=900, protocol_oldest=PROTOCOL_OLDEST, protocol=PROTOCOL, version="0.1.0"
        )

    def Hello(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        now = datetime.now(UTC)
        info = HostInfo(
            "played", "0.1.0", "Linux", "id", now, now, self._fingerprint, ("master",), 1, PROTOCOL
        )
        return to_message(info, pb.HostInfo)

    def SetName(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.Empty()

    def ListScenarios(self, request: Any, _context: Any) -> Any:  # noqa: N802
        # As a host's own handler: what is as it was is not sent again.
        if request.tag:
            return pb.ScenarioStatuses(tag=request.tag, unchanged=True)
        return pb.ScenarioStatuses(items=[to_message(self.status, pb.ScenarioStatus)], tag=b"as it is")

    def GetScenario(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return to_message(self.status, pb.ScenarioStatus)

    def ListEvents(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return pb.EventRecords()


def cpu_seconds(pids: list[int]) -> float:
    """What processes have used so far."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def share(pids: list[int], seconds: float) -> float:
    """Percent of one core that processes use for a while."""
    before, began = cpu_seconds(pids), time.monotonic()
    time.sleep(seconds)
    return 100 * (cpu_seconds(pids) - before) / (time.monotonic() - began)


def play(base: Path, number: int) -> tuple[grpc.Server, int, PlayedAgent]:
    """An agent that listens: (server, port, agent)."""
    identity = load_or_make_identity(AgentHome(str(base / f"played-{number}")))
    server = grpc.server(ThreadPoolExecutor(4), options=SERVER_OPTIONS)
    agent = PlayedAgent(number, identity)
    generated.add_AgentControlServicer_to_server(agent, server)
    port = server.add_secure_port("127.0.0.1:0", server_credentials(identity.key, identity.certificate))
    server.start()
    return server, port, agent


def look(home: Path, hosts: int, seconds: float) -> tuple[float, list[float]]:
    """(percent of a core of a console that asks for all scenarios twice a second, seconds per answer)."""
    looker = subprocess.Popen(
        [sys.executable, "-c", _LOOKER, str(home), str(hosts)], stdout=subprocess.PIPE, text=True
    )
    assert looker.stdout is not None
    try:
        assert looker.stdout.readline() == "ready\n"
        used = share([looker.pid], seconds)
    finally:
        looker.terminate()
        looker.wait(20)
    answers = [float(line) for line in looker.stdout.read().splitlines()]
    looker.stdout.close()
    return used, answers


def know(arcxo: Arcxo, agents: list[tuple[grpc.Server, int, PlayedAgent]]) -> None:
    """Add all as hosts, and register their scenarios."""
    from app import bootstrap
    from app.model.job import Credentials

    services = bootstrap.open_services(str(arcxo.home))
    catalog = open_catalog(str(arcxo.home))
    for number, (_, port, agent) in enumerate(agents):
        address = f"127.0.0.1:{port}"
        fingerprint = services.hosts.fingerprint(address)
        services.hosts.add(f"host{number}", address, Credentials("caroot", "x"), fingerprint)
        found = agent.status.scenario
        registration = Registration(found.id, found.name, found.master, ("localhost",), (b"/data",))
        catalog.registrations.put(registration)
    services.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        agents = [play(base, number) for number in range(given.hosts)]
        with running_home(base, processes=True) as arcxo:
            know(arcxo, agents)
            servers = list(arcxo.processes("server run"))
            every = [pid for pid in arcxo.processes() if pid != os.getpid()]
            time.sleep(10)
            print(
                f"{given.hosts} hosts; server alone: {share(servers, given.seconds):.2f} % of a core",
                flush=True,
            )
            print(f"with its own agent: {share(every, given.seconds):.2f} %", flush=True)
            used, answers = look(arcxo.home, given.hosts, given.seconds)
            again = share(servers, 1.0)
            print(
                f"a console that looks at all twice a second: {used:.2f} %, answers after"
                f" {statistics.median(answers) * 1000:.0f} ms (worst {max(answers) * 1000:.0f} ms);"
                f" server {again:.2f} %",
                flush=True,
            )
        for server, _, _ in agents:
            server.stop(None)


if __name__ == "__main__":
    main()
