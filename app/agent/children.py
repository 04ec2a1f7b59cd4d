"""Starting the agent's child processes, so that none outlives it."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

_PR_SET_PDEATHSIG = 1


class Spawner:
    """Starts children from one thread that lives as long as the process.

    The death signal of a child is tied to the *thread* that started it. Children inherit the lock of the
    home: no other agent can have the home while one of them is left.
    """

    def __init__(self, lock_fd: int, log_path: str) -> None:
        self._lock_fd = lock_fd
        self.log_path = log_path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spawner")

    def start(self, module: str, arguments: Sequence[str], pipe: socket.socket) -> subprocess.Popen[bytes]:
        """`python -m module PIPE_FD PARENT_PID arguments…`; takes the child's end of the pipe."""

        def start() -> subprocess.Popen[bytes]:
            with pipe:
                return subprocess.Popen(
                    python_module(module, str(pipe.fileno()), str(os.getpid()), *arguments),
                    stdin=subprocess.DEVNULL,
                    env=child_environment(),
                    pass_fds=(pipe.fileno(), self._lock_fd),
                )

        return self._thread.submit(start).result()

    def close(self) -> None:
        """End the thread, and with it whatever child is left."""
        self._thread.shutdown()


def end_with_parent(parent_pid: int) -> None:
    """Have this process killed when the control process ends. Kills itself when it has ended already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)
    # The terminal's interrupt is for the control process, which ends its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


def python_module(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of ours; the working directory is no place to import from."""
    return [sys.executable, "-P", "-m", module, *arguments]


def child_environment() -> dict[str, str]:
    """The environment of a child: it finds this very package, wherever it was started from.

    glibc gives each few threads an arena of their own, which never get smaller: two instead of sixteen make a
    role process with many threads a quarter smaller after a synchronisation (measured: 157 to 110 MB).
    """
    import app

    here = os.path.dirname(os.path.dirname(os.path.abspath(app.__file__)))
    inherited = os.environ.get("PYTHONPATH", "")
    path = here + (os.pathsep + inherited if inherited else "")
    kept = {key: value for key, value in os.environ.items() if key != "ARCXO_HOME"}
    return {"MALLOC_ARENA_MAX": "2"} | kept | {"PYTHONPATH": path}
