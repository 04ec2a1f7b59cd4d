"""Both engines as processes that can be killed, and one run of churn, mischief and convergence."""

from __future__ import annotations

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.support.convergence_churn import Churn
from tests.support.trees import picture

_REPOSITORY = Path(__file__).parents[2]
_ANSWER_S = 90.0


class RefusedError(Exception):
    """An engine answered with an error code."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class GoneError(Exception):
    """An engine ended by itself or does not answer."""


class Engine:
    """One engine's process."""

    def __init__(self, role: str, base: Path) -> None:
        self.role = role
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
                env={**os.environ, "PYTHONPATH": str(_REPOSITORY)},
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

    def __init__(self, base: Path, **properties: object) -> None:
        self.base = base
        self.masters = [base / "master-one", base / "master-two"]
        self.replicas = [base / "replica-one", base / "replica-two"]
        self.outside = base / "outside"
        for directory in (*self.masters, *self.replicas, self.outside):
            directory.mkdir()
        self.replica = Engine("replica", base)
        self.master = Engine("master", base)
        self.id: int = self.master.call(
            "create", [str(p) for p in self.masters], [str(p) for p in self.replicas], properties
        )

    def pictures(self) -> list[dict[bytes, tuple[object, ...]]]:
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
            differences = _differences(picture(ours), picture(theirs))
            assert not differences, (
                f"{ours.name}: {len(differences)} differences\n" + "\n".join(differences[:10])
                + f"\n{self.master.call('problems', self.id)}\n{self.logs()}"
            )  # fmt: skip

    def logs(self) -> str:
        return f"master: {self.master.tail()}\nreplica: {self.replica.tail()}"

    def settled_bookmark(self, text: str) -> tuple[str, list[dict[bytes, tuple[object, ...]]]]:
        """A bookmark of the converged state, and that state."""
        point = self.master.call("bookmark", self.id, text)
        self.converge()
        return point, self.pictures()

    def assert_no_exceptions(self) -> None:
        logs = self.logs()
        assert "Traceback" not in logs, logs

    def abandon(self) -> None:
        for engine in (self.master, self.replica):
            engine.kill()


def _differences(wanted: dict[bytes, tuple[object, ...]], got: dict[bytes, tuple[object, ...]]) -> list[str]:
    return [
        f"{path!r}: {wanted.get(path, 'absent')} != {got.get(path, 'absent')}"
        for path in sorted(wanted.keys() | got.keys())
        if wanted.get(path) != got.get(path)
    ]


def run_once(
    base: Path, seed: int, rounds: int, *, threads: int = 3, properties: dict[str, object]
) -> dict[str, int]:
    """Churn with mischief for `rounds`, converging after each, then rewind to a bookmark. What was done."""
    rng = random.Random(seed)
    rig = Rig(base, **properties)
    marks: list[tuple[str, list[dict[bytes, tuple[object, ...]]]]] = []
    # What a comparison by size and time cannot see, nobody asks of a synchronisation by size and time.
    without = ("op_same_size_and_time",) if properties.get("ignore_same_size_time", True) else ()
    churn = Churn(
        seed, [os.fsencode(path) for path in rig.masters], os.fsencode(rig.outside), threads, without
    )
    mischief: list[str] = []
    try:
        churn.resume()
        time.sleep(0.2)
        rig.master.call("run", rig.id)
        for number in range(rounds):
            churn.resume()
            for _ in range(rng.randrange(1, 4)):
                time.sleep(rng.random() * 0.5)
                mischief.append(_misbehave(rig, rng))
            churn.pause()
            try:
                with contextlib.suppress(RefusedError):
                    rig.master.call("resume", rig.id)
                rig.converge()
            except AssertionError as error:
                raise AssertionError(f"round {number}, after {mischief}: {error}") from error
            if rng.random() < 0.5:
                marks.append(rig.settled_bookmark(f"quiet {number}"))
        rig.master.call("stop", rig.id)
        if marks:
            _check_rewinding(rig, rng.choice(marks))
        for engine in (rig.master, rig.replica):
            assert engine.close() == [], f"{engine.role} leaves threads behind: {engine.tail()}"
        rig.assert_no_exceptions()
    finally:
        churn.close()
        rig.abandon()
    return churn.done


def _misbehave(rig: Rig, rng: random.Random) -> str:
    what = rng.choice(
        (
            "nothing",
            "suspend",
            "cut",
            "kill master",
            "kill replica",
            "kill both",
            "synchronize",
            "stop and run",
        )
    )
    with contextlib.suppress(RefusedError):
        if what == "suspend":
            rig.master.call("suspend", rig.id)
            time.sleep(rng.random() * 0.4)
            rig.master.call("resume", rig.id)
        elif what == "cut":
            rig.master.call("cut")
        elif what == "synchronize":
            rig.master.call("synchronize", rig.id)
        elif what == "stop and run":
            rig.master.call("stop", rig.id)
            rig.master.call("run", rig.id)
    killed = [engine for engine in (rig.master, rig.replica) if what in (f"kill {engine.role}", "kill both")]
    for engine in killed:
        engine.kill()
    if killed:
        time.sleep(rng.random() * 0.1)
    for engine in reversed(killed):
        engine.start()
    return what


def _check_rewinding(rig: Rig, mark: tuple[str, list[dict[bytes, tuple[object, ...]]]]) -> None:
    point, saved = mark
    rig.replica.call("rewind", rig.id, point)
    for wanted, got in zip(saved, rig.pictures(), strict=True):
        differences = _differences(wanted, got)
        assert not differences, "rewound is not what it was:\n" + "\n".join(differences[:10])
