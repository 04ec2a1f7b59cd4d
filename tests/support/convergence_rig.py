"""Both engines as processes that can be killed, on real directories."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.inotify_queue import QUEUE_EVENTS
from tests.support.trees import picture

_REPOSITORY = Path(__file__).parents[2]
_ANSWER_S = 90.0

Picture = dict[bytes, tuple[object, ...]]


class RefusedError(Exception):
    """An engine answered with an error code."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class GoneError(Exception):
    """An engine ended by itself or does not answer."""


class Engine:
    """One engine's process. The queues of events that it opens hold `queue_events`; 0: the usual number."""

    def __init__(self, role: str, base: Path, queue_events: int = 0) -> None:
        self.role = role
        self.queue_events = queue_events
        self._home = base / f"home-{role}"
        (self._home / "engine").mkdir(parents=True, exist_ok=True)
        self._address = str(base / "link")
        self.log = base / f"{role}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        module = ("-m", "tests.support.convergence_engine")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *module, self.role, str(self._home), self._address],
                cwd=_REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={
                    **os.environ,
                    "PYTHONPATH": str(_REPOSITORY),
                    QUEUE_EVENTS: str(self.queue_events),
                },
            )
        assert self._answer("start") == "ready"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._reap()

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process = None

    def call(self, name: str, *arguments: object) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps([name, *arguments]).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise GoneError(f"{self.role}: {self.tail()}") from error
        return self._answer(name)

    def _answer(self, name: str) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], _ANSWER_S)[0]:
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            raise GoneError(f"{self.role} does not answer {name}: {self.tail()}")
        line = self._process.stdout.readline()
        if not line:
            raise GoneError(f"{self.role} ended by itself in {name}: {self.tail()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RefusedError(answer["error"], answer["text"])
        return answer["result"]

    def close(self) -> list[str]:
        """End it in good order; the threads it leaves behind."""
        left: list[str] = self.call("close")
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGUSR1)
            time.sleep(1)
            self._process.kill()
            left = [*left, f"process does not end: {self.tail()}"]
        self._reap()
        return left

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-12_000:]


class Rig:
    """Two roots, both engines, one scenario."""

    def __init__(
        self, base: Path, *, replica_base: Path | None = None, queue_events: int = 0, **properties: object
    ) -> None:
        self.base = base
        self._ballast = None if replica_base is None else replica_base / "ballast"
        there = replica_base or base
        self.masters = [base / "master-one", base / "master-two"]
        self.replicas = [there / "replica-one", there / "replica-two"]
        self.outside = base / "outside"
        for directory in (*self.masters, *self.replicas, self.outside):
            directory.mkdir()
        self.replica = Engine("replica", base, queue_events)
        self.master = Engine("master", base, queue_events)
        self.id: int = self.master.call(
            "create", [str(p) for p in self.masters], [str(p) for p in self.replicas], properties
        )

    def fill_disk(self) -> None:
        """Leave no room on the volume of the replicas."""
        assert self._ballast is not None
        fd = os.open(self._ballast, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            size = 1 << 30
            while size >= 4096:
                try:
                    os.posix_fallocate(fd, os.fstat(fd).st_size, size)
                except OSError:
                    size //= 2
        finally:
            os.close(fd)

    def free_disk(self) -> None:
        """Give the room back."""
        if self._ballast is not None:
            self._ballast.unlink(missing_ok=True)

    def pictures(self) -> list[Picture]:
        return [picture(directory) for directory in self.replicas]

    def converge(self, timeout_s: float = 60.0) -> None:
        """Barrier, then every root and its replica identical."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.master.call("barrier", self.id, max(1.0, deadline - time.monotonic()))
                break
            except RefusedError as error:
                # Not connected yet, or a synchronisation began again; what lasts is a failure.
                if time.monotonic() > deadline:
                    state = self.master.call("state", self.id)
                    raise AssertionError(f"does not converge: {error}; {state}; {self.logs()}") from error
                time.sleep(0.1)
        for ours, theirs in zip(self.masters, self.replicas, strict=True):
            found = differences(picture(ours), picture(theirs))
            assert not found, (
                f"{ours.name}: {len(found)} differences\n" + "\n".join(found[:10])
                + f"\n{self.master.call('problems', self.id)}\n{self.logs()}"
            )  # fmt: skip

    def logs(self) -> str:
        return f"master: {self.master.tail()}\nreplica: {self.replica.tail()}"

    def assert_no_exceptions(self) -> None:
        logs = self.logs()
        assert "Traceback" not in logs, logs

    def abandon(self) -> None:
        for engine in (self.master, self.replica):
            engine.kill()


def differences(wanted: Picture, got: Picture) -> list[str]:
    """What is not the same in two pictures, in words."""
    return [
        f"{path!r}: {wanted.get(path, 'absent')} != {got.get(path, 'absent')}"
        for path in sorted(wanted.keys() | got.keys())
        if wanted.get(path) != got.get(path)
    ]
