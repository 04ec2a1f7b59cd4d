"""A cable between two network namespaces that delays, loses and limits.

`python frame_relay.py NAMESPACE DEVICE NAMESPACE DEVICE`. Both ends are TAP devices of this process, so
that it works where the kernel has no `tc netem`. Lines of JSON on standard input set `delay_ms` (one way),
`loss` (0 to 1), `rate_bytes` (a second; 0 = any) and `cut`. It ends with its input. Imports nothing of the
product.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import fcntl
import json
import os
import random
import select
import struct
import subprocess
import sys
import time

_TUNSETIFF = 0x400454CA
_TAP_NO_INFO = 0x0002 | 0x1000
_QUEUE_FRAMES = 4_000
_FRAME = 65_536


def _tap(namespace: str, name: str) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    own = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    if libc.setns(own, 0):
        raise OSError(ctypes.get_errno(), "setns")
    os.close(own)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP_NO_INFO))
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return fd


class _Way:
    """Frames in one direction: when each is due, and when the wire is free again."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.waiting: collections.deque[tuple[float, bytes]] = collections.deque()
        self.free_at = 0.0

    def take(self, frame: bytes, rules: dict[str, float]) -> None:
        if rules["cut"] or random.random() < rules["loss"] or len(self.waiting) >= _QUEUE_FRAMES:
            return
        now = time.monotonic()
        begin = max(now, self.free_at)
        self.free_at = begin + (len(frame) / rules["rate_bytes"] if rules["rate_bytes"] else 0.0)
        self.waiting.append((self.free_at + rules["delay_ms"] / 1000, frame))

    def give(self) -> None:
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, frame = self.waiting.popleft()
            with contextlib.suppress(OSError):
                os.write(self.target, frame)


def main() -> None:
    ends = [_tap(sys.argv[1], sys.argv[2]), _tap(sys.argv[3], sys.argv[4])]
    ways = {ends[0]: _Way(ends[1]), ends[1]: _Way(ends[0])}
    rules: dict[str, float] = {"delay_ms": 0.0, "loss": 0.0, "rate_bytes": 0.0, "cut": 0.0}
    rest = b""
    print("ready", flush=True)
    while True:
        due = min((way.waiting[0][0] for way in ways.values() if way.waiting), default=None)
        wait = None if due is None else max(0.0, due - time.monotonic())
        ready, _, _ = select.select([*ends, 0], [], [], wait)
        if 0 in ready:
            told = os.read(0, _FRAME)
            if not told:
                return
            # Not by lines of a buffered file: what waits in its buffer is not seen by select.
            *lines, rest = (rest + told).split(b"\n")
            for line in lines:
                rules.update({key: float(value) for key, value in json.loads(line).items()})
        for end in ends:
            if end in ready:
                with contextlib.suppress(BlockingIOError):
                    while True:
                        ways[end].take(os.read(end, _FRAME), rules)
        for way in ways.values():
            way.give()


if __name__ == "__main__":
    main()
