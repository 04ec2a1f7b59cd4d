"""`python -m app.agent.restore_helper PIPE_FD PARENT_PID LOG`: helps one restore; a child of its worker."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection

from app.agent.children import child_environment, end_with_parent, python_module
from app.agent.logs import log_beside
from app.agent.pipe import make_pipe
from app.agent.secrecy import keep_memory_private
from app.collecting import collect_seldom
from app.model.errors import ArcxoError

_log = logging.getLogger("arcxo.agent.restore_helper")


class Helping:
    """A helper that was started. It ends with the thread that starts it, and by `end`."""

    def __init__(self, log_path: str) -> None:
        """Raises OSError when no process can be started."""
        self.line, theirs = make_pipe()
        with theirs:
            self._process = _spawn(theirs, log_path)

    def end(self) -> None:
        """See `app.backup.api.HelperProcess`."""
        self._process.kill()
        self._process.wait()


def _spawn(pipe: socket.socket, log_path: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        python_module("app.agent.restore_helper", str(pipe.fileno()), str(os.getpid()), log_path),
        stdin=subprocess.DEVNULL,
        env=child_environment(),
        pass_fds=(pipe.fileno(),),
    )


def main() -> None:
    """Help until the pipe ends. The priority is the worker's."""
    pipe_fd, parent, log_path = sys.argv[1:]
    end_with_parent(int(parent))
    keep_memory_private()
    log_beside(log_path)
    os.set_inheritable(int(pipe_fd), False)
    from app.backup.helping import serve

    collect_seldom()
    line = Connection(int(pipe_fd))
    try:
        serve(line)
    except BrokenPipeError:
        return  # nobody wants it any more
    except Exception as error:  # noqa: BLE001 - told where the restore is told of
        _log.exception("helping a restore failed")
        text = f"{type(error).__name__}: {error}"
        line.send(("error", ArcxoError("AE1099", where="restore helper", error=text)))


if __name__ == "__main__":
    main()
