"""Hosts in network namespaces, each with a home, an address and a volume of its own. They need root.

All hang on one switch (a bridge in a namespace of its own): by a veth pair, or, `shaped`, by a cable that can
be given delay, loss and a limit while it is used (see `frame_relay`).
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from app.agent.home import AgentHome
from tests.support.arcxo_command import ARCXO, Arcxo, until
from tests.support.capabilities import missing
from tests.support.volumes import loop_volume

PORT = 25_000
PASSWORD = "host-secret"
_numbers = itertools.count(1)


class NetworkHost:
    """One host. `arcxo` is its command line; files of its own go beneath `directory`."""

    def __init__(self, name: str, number: int, namespace: str, directory: Path) -> None:
        self.name = name
        self.namespace = namespace
        self.directory = directory
        self.ip = f"10.77.0.{number}"
        self.address = f"{self.ip}:{PORT}"
        self.prefix = ["ip", "netns", "exec", namespace]
        self.arcxo = Arcxo(directory / "home", prefix=self.prefix)
        self.relay: subprocess.Popen[str] | None = None
        self._agent: subprocess.Popen[bytes] | None = None

    def path(self, name: str) -> Path:
        """A directory on this host's volume, made."""
        made = self.directory / name
        made.mkdir(exist_ok=True)
        return made

    def set_up_agent(self) -> str:
        """A home without a backup server; returns the fingerprint."""
        state = self.arcxo.json("agent", "init", "--password-stdin", given=f"{PASSWORD}\n")
        return str(state["fingerprint"])

    def start_agent(self, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        """`agent run` in this host, with more in its environment; returns when it answers."""
        log = (self.directory / "agent.out").open("ab")
        command = [
            *self.prefix,
            *ARCXO,
            "--home",
            str(self.arcxo.home),
            "agent",
            "run",
            "--listen",
            self.address,
        ]
        with log:
            self._agent = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ | dict(environment)
            )
        home = AgentHome(str(self.arcxo.home))
        until(home.running, f"the agent of {self.name}")

    def stop_agent(self) -> None:
        """End it in order."""
        if self._agent is not None:
            self._agent.terminate()
            self._agent.wait(60)
            self._agent = None

    def pids(self) -> list[int]:
        found = subprocess.run(
            ["ip", "netns", "pids", self.namespace], check=True, capture_output=True, text=True
        )
        return [int(word) for word in found.stdout.split()]

    def die(self) -> None:
        """All processes of the host are killed at once."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self._agent is not None:
            self._agent.wait(30)
            self._agent = None
        until(lambda: not self.pids(), f"the processes of {self.name} to be gone")

    def cut(self) -> None:
        """Pull its cable."""
        self._link("down")

    def join(self) -> None:
        """Plug it in again."""
        self._link("up")

    def shape(self, **rules: float) -> None:
        """`delay_ms` one way, `loss`, `rate_bytes`; for hosts that are `shaped`."""
        assert self.relay is not None
        assert self.relay.stdin is not None
        self.relay.stdin.write(json.dumps(rules) + "\n")
        self.relay.stdin.flush()

    def _link(self, state: str) -> None:
        if self.relay is not None:
            self.shape(cut=state == "down")
            return
        subprocess.run([*self.prefix, "ip", "link", "set", "eth0", state], check=True)


class Network:
    """The switch and its hosts, made by `network`."""

    def __init__(self, base: Path, stack: contextlib.ExitStack) -> None:
        self._base = base
        self._stack = stack
        self._prefix = f"arcxo-{os.getpid()}-{next(_numbers)}"
        self._hub = f"{self._prefix}-hub"
        self._hosts = itertools.count(1)
        self._namespace(self._hub)
        _in(self._hub, "ip", "link", "add", "br0", "type", "bridge")
        _in(self._hub, "ip", "link", "set", "br0", "up")

    def host(
        self, name: str, *, shaped: bool = False, kind: str = "ext4", size_mb: int = 2_600
    ) -> NetworkHost:
        """A new host with a volume of that kind."""
        number = next(self._hosts)
        namespace = f"{self._prefix}-{number}"
        self._namespace(namespace)
        directory = self._base / name
        directory.mkdir()
        volume = self._stack.enter_context(loop_volume(directory, kind, size_mb))
        host = NetworkHost(name, number, namespace, volume)
        if shaped:
            host.relay = self._cable(namespace, number)
        else:
            pair = [
                "ip",
                "link",
                "add",
                "eth0",
                "type",
                "veth",
                "peer",
                "name",
                f"p{number}",
                "netns",
                self._hub,
            ]
            _in(namespace, *pair)
            _in(self._hub, "ip", "link", "set", f"p{number}", "up")
        _in(self._hub, "ip", "link", "set", f"p{number}", "master", "br0")
        _in(namespace, "ip", "addr", "add", f"{host.ip}/24", "dev", "eth0")
        _in(namespace, "ip", "link", "set", "eth0", "up")
        _in(namespace, "ip", "link", "set", "lo", "up")
        self._stack.callback(host.die)
        return host

    def _cable(self, namespace: str, number: int) -> subprocess.Popen[str]:
        script = str(Path(__file__).with_name("frame_relay.py"))
        relay = subprocess.Popen(
            [sys.executable, script, namespace, "eth0", self._hub, f"p{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._stack.callback(_end, relay)
        assert relay.stdout is not None
        assert relay.stdout.readline() == "ready\n"
        return relay

    def _namespace(self, name: str) -> None:
        subprocess.run(["ip", "netns", "add", name], check=True)
        self._stack.callback(subprocess.run, ["ip", "netns", "del", name], check=True)


@contextlib.contextmanager
def network(base: Path) -> Iterator[Network]:
    """A switch without hosts; all is taken down at the end. Ends the test where namespaces are missing."""
    if os.geteuid() != 0:
        missing("root, for network namespaces")
    if shutil.which("ip") is None:
        missing("the program ip")
    probe = subprocess.run(["unshare", "-n", "true"], check=False, capture_output=True)
    if probe.returncode or not os.path.exists("/dev/net/tun"):
        missing("network namespaces and /dev/net/tun")
    with contextlib.ExitStack() as stack:
        yield Network(base, stack)


def add_host(server: Arcxo, host: NetworkHost, fingerprint: str, name: str = "") -> Any:
    """`host add` with the fingerprint that was printed there."""
    return server.json(
        "host", "add", name or host.name, host.address, "--user", "caroot", "--password-stdin",
        "--fingerprint", fingerprint, given=f"{PASSWORD}\n",
    )  # fmt: skip


def _in(namespace: str, *command: str) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, *command], check=True)


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.wait(10)
    if process.stdout is not None:
        process.stdout.close()
