"""Drive the real command line against a real home: server, agent and workers are real processes."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ARCXO = [sys.executable, "-m", "app"]


_STARTING = ("server", "agent", "demo")
"""What is or starts processes that outlive the command: they must not be children of the tests."""


class Arcxo:
    """`arcxo --home HOME …`.

    A command runs in this process, where nothing has to be imported again; with `processes`, from another
    thread than the main one, or where it starts processes, it is a process of its own.
    """

    def __init__(self, home: Path, prefix: Sequence[str] = (), *, processes: bool = False) -> None:
        self.home = home
        self._command = [*prefix, *ARCXO, "--home", str(home)]
        self._processes = processes or bool(prefix)

    def text(self, *arguments: str | bytes, expect: int = 0, given: str = "", timeout_s: float = 120) -> str:
        """Standard output of a command that must end with `expect`."""
        out, err = self._run(arguments, expect, given, timeout_s)
        return out if expect == 0 else out + err

    def json(self, *arguments: str | bytes, expect: int = 0, given: str = "", timeout_s: float = 120) -> Any:
        """The one JSON document of a command."""
        return json.loads(self._run(("--json", *arguments), expect, given, timeout_s)[0])

    def _run(
        self, arguments: Sequence[str | bytes], expect: int, given: str, timeout_s: float
    ) -> tuple[str, str]:
        """What a command writes to standard output and to standard error."""
        apart = self._processes or threading.current_thread() is not threading.main_thread()
        if apart or any(word in _STARTING for word in arguments[:2]):
            done = subprocess.run(
                [*self._command, *arguments],
                input=given,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                check=False,
            )
            code, out, err = done.returncode, done.stdout, done.stderr
        else:
            code, out, err = run_here(["--home", str(self.home), *map(os.fsdecode, arguments)], given)
        shown = " ".join(str(argument) for argument in arguments)
        assert code == expect, f"arcxo {shown}: exit {code}, expected {expect}\n{out}\n{err}"
        return out, err

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


def run_here(arguments: Sequence[str], given: str = "") -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of a command run in this process."""
    from app import bootstrap
    from app.cli import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(given.encode()), encoding="utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments, bootstrap)
    finally:
        sys.stdin = before
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode())
    return code, texts[0], texts[1]


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
def running_home(directory: Path, *, processes: bool = False) -> Iterator[Arcxo]:
    """A new home in `directory` with server and agent running; all stopped afterwards."""
    arcxo = Arcxo(directory / "home", processes=processes)
    arcxo.text("init", "--password-stdin", given="caroot-secret\n")
    try:
        # One that is slow to start runs none the less.
        arcxo.start()
        yield arcxo
    finally:
        arcxo.stop()
