"""Drive the real command line against a real home: server, agent and workers are real processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ARCXO = [sys.executable, "-m", "app"]


class Arcxo:
    """`arcxo --home HOME …`; every call is a process of its own."""

    def __init__(self, home: Path, prefix: Sequence[str] = ()) -> None:
        self.home = home
        self._command = [*prefix, *ARCXO, "--home", str(home)]

    def text(self, *arguments: str | bytes, expect: int = 0, given: str = "", timeout_s: float = 120) -> str:
        """Standard output of a command that must end with `expect`."""
        done = subprocess.run(
            [*self._command, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        shown = " ".join(str(argument) for argument in arguments)
        assert done.returncode == expect, (
            f"arcxo {shown}: exit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout if expect == 0 else done.stdout + done.stderr

    def json(self, *arguments: str | bytes, expect: int = 0, given: str = "", timeout_s: float = 120) -> Any:
        """The one JSON document of a command."""
        done = subprocess.run(
            [*self._command, "--json", *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        shown = " ".join(str(argument) for argument in arguments)
        assert done.returncode == expect, (
            f"arcxo {shown}: exit {done.returncode}, expected {expect}\n{done.stdout}\n{done.stderr}"
        )
        return json.loads(done.stdout)

    def start(self) -> None:
        """Start server and agent; returns when they are ready."""
        self.text("server", "start")

    def stop(self) -> None:
        """Stop server and agent."""
        self.text("server", "stop")

    def wait(self, scenario: str, state: str, timeout_s: float = 60) -> None:
        """`scenario wait`."""
        self.text(
            "scenario",
            "wait",
            scenario,
            "--state",
            state,
            "--timeout",
            str(timeout_s),
            timeout_s=timeout_s + 30,
        )

    def processes(self, containing: str = "") -> dict[int, str]:
        """Running processes of this home, by pid, whose command line holds `containing`."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = (entry / "environ").read_bytes().decode(errors="replace")
                own = str(self.home) in command or str(self.home) in environment
                if own and containing in command and int(entry.name) != os.getpid():
                    found[int(entry.name)] = command
        return found

    def kill(self, pid: int) -> None:
        """SIGKILL, and wait until the process is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        until(lambda: _gone(pid), f"process {pid} to be gone")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def until(condition: Callable[[], Any], what: str, timeout_s: float = 30) -> Any:
    """Poll until `condition` gives something true, and return it; fails naming `what`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.02)


@contextlib.contextmanager
def running_home(directory: Path) -> Iterator[Arcxo]:
    """A new home in `directory` with server and agent running; all stopped afterwards."""
    arcxo = Arcxo(directory / "home")
    arcxo.text("init", "--password-stdin", given="caroot-secret\n")
    arcxo.start()
    try:
        yield arcxo
    finally:
        arcxo.stop()
