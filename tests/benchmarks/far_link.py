"""How much of a limited, delayed link an initial synchronisation uses, beside a bare TCP stream.

    python -m tests.benchmarks.far_link [--mbit 100] [--delay-ms 25] [--megabytes 150] [--file-kb 1024]

Needs root: hosts are network namespaces, and a relay is the link (`tests/support/frame_relay.py`). `delay-ms`
is one way. What is counted is what comes out of the link at the far host, so that nothing else is measured
than how busy the link was between the first and the last tenth of the data.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.support.network_hosts import NetworkHost, add_host, network

_PORT = 26_000
_SEND = """
import socket, sys, time
s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
end = time.monotonic() + float(sys.argv[3])
data = b"x" * (1 << 20)
while time.monotonic() < end:
    s.sendall(data)
"""
_TAKE = """
import socket, sys
s = socket.create_server(("", int(sys.argv[1])))
print("ready", flush=True)
c, _ = s.accept()
while c.recv(1 << 20):
    pass
"""


class Meter:
    """What has come out of the link at a host, looked at now and then."""

    def __init__(self, host: NetworkHost) -> None:
        self._prefix = host.prefix
        self.samples: list[tuple[float, int]] = []

    def look(self) -> int:
        """The bytes that have come since the first look."""
        path = "/sys/class/net/eth0/statistics/rx_bytes"
        told = subprocess.run([*self._prefix, "cat", path], check=True, capture_output=True, text=True)
        self.samples.append((time.monotonic(), int(told.stdout)))
        return self.samples[-1][1] - self.samples[0][1]

    def rate(self) -> float:
        """Bytes a second between the first and the last tenth."""
        first, last = self.samples[0][1], self.samples[-1][1]
        low, high = first + (last - first) // 10, last - (last - first) // 10
        middle = [(at, count) for at, count in self.samples if low <= count <= high]
        (began, a), (ended, b) = middle[0], middle[-1]
        return (b - a) / (ended - began)


def bare(sender: NetworkHost, taker: NetworkHost, seconds: float) -> float:
    """Bytes a second of a bare TCP stream over the link."""
    taking = subprocess.Popen(
        [*taker.prefix, sys.executable, "-c", _TAKE, str(_PORT)], stdout=subprocess.PIPE, text=True
    )
    assert taking.stdout is not None
    assert taking.stdout.readline() == "ready\n"
    meter = Meter(taker)
    sending = subprocess.Popen(
        [*sender.prefix, sys.executable, "-c", _SEND, taker.ip, str(_PORT), str(seconds)]
    )
    while sending.poll() is None:
        meter.look()
        time.sleep(0.2)
    taking.wait(30)
    taking.stdout.close()
    return meter.rate()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--mbit", type=float, default=100)
    parser.add_argument("--delay-ms", type=float, default=25)
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--file-kb", type=int, default=1024)
    parser.add_argument("--place", type=Path)
    given = parser.parse_args()
    rate = given.mbit * 125_000
    with tempfile.TemporaryDirectory(dir=given.place) as name, network(Path(name)) as net:
        central, hq, branch = net.host("central"), net.host("hq", shaped=True), net.host("branch")
        server = central.arcxo
        server.text("init", "--password-stdin", given="caroot-secret\n")
        for host in (hq, branch):
            fingerprint = host.set_up_agent()
            host.start_agent()
            add_host(server, host, fingerprint)
        data = hq.path("data")
        for number in range(given.megabytes * 1024 // given.file_kb):
            (data / f"file-{number}").write_bytes(os.urandom(given.file_kb << 10))
        hq.shape(rate_bytes=rate, delay_ms=given.delay_ms)
        line = bare(hq, branch, 8.0)
        print(f"bare TCP: {line / 1e6:.2f} MB/s, {line / rate:.0%} of the link", flush=True)
        root = f"{data}={branch.path('copy')}"
        server.text("scenario", "create", "far", "--master", "hq", "--replica", "branch", "--root", root)
        meter = Meter(branch)
        server.text("scenario", "run", "far")
        began = time.monotonic()
        while meter.look() < given.megabytes << 20 and time.monotonic() - began < 300:
            time.sleep(0.2)
        found = meter.rate()
        print(
            f"synchronisation: {found / 1e6:.2f} MB/s, {found / rate:.0%} of the link,"
            f" {found / line:.0%} of bare TCP, {time.monotonic() - began:.1f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
