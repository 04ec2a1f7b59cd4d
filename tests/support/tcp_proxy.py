"""A TCP proxy between two ends of a stream: counts what passes, stalls, cuts."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

_CHUNK = 65_536


class TcpProxy:
    """Listens on a free port of this machine and passes on to `target` (HOST:PORT).

    `passed` are (monotonic seconds, bytes) towards the target. While stalled, bytes are neither read nor
    passed on, and connections stay open: a half-open link.
    """

    def __init__(self, target: str, listen: str = "127.0.0.1", source: str = "") -> None:
        """`source` is the address from which the target sees connections come."""
        self.target = target
        self._source = (source, 0) if source else None
        self.passed: list[tuple[float, int]] = []
        self.connections = 0
        self._running = threading.Event()
        self._running.set()
        self._closed = False
        self._sockets: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server((listen, 0))
        self.address = f"{listen}:{self._listener.getsockname()[1]}"
        self._threads = [threading.Thread(target=self._accept, name="proxy")]
        self._threads[0].start()

    def stall(self) -> None:
        self._running.clear()

    def go_on(self) -> None:
        self._running.set()

    def cut(self) -> None:
        """Reset all connections; new ones are taken."""
        with self._lock:
            sockets, self._sockets = self._sockets, []
        for one in sockets:
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._closed = True
        self._running.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(10)

    def fullest_and_emptiest(self, window_s: float = 1.0) -> tuple[int, int]:
        """Most and least bytes of any window that begins with a byte and lies within the whole."""
        most, least = 0, 1 << 62
        passed = self.passed
        last = passed[-1][0]
        for index, (start, _) in enumerate(passed):
            if start + window_s > last:
                break
            total = 0
            for at, size in passed[index:]:
                if at >= start + window_s:
                    break
                total += size
            most, least = max(most, total), min(least, total)
        return most, least

    def _accept(self) -> None:
        while not self._closed:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            host, _, port = self.target.rpartition(":")
            try:
                far = socket.create_connection((host, int(port)), 5, self._source)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            self.connections += 1
            for one in (near, far):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._sockets += [near, far]
            for source, sink, counts in ((near, far, True), (far, near, False)):
                thread = threading.Thread(target=self._pass, args=(source, sink, counts), name="proxy-pass")
                self._threads.append(thread)
                thread.start()

    def _pass(self, source: socket.socket, sink: socket.socket, counts: bool) -> None:
        try:
            while True:
                self._running.wait()
                data = source.recv(_CHUNK)
                self._running.wait()
                if not data:
                    break
                if counts:
                    self.passed.append((time.monotonic(), len(data)))
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
