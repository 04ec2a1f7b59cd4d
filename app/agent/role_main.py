"""`python -m app.agent.role_main PIPE_FD PARENT_PID ROLE HOME LISTEN`: one role's process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import TypeVar

from app.agent.children import end_with_parent
from app.agent.home import AgentHome
from app.agent.logs import log_beside
from app.agent.pipe import serve_pipe, tell_failed_start
from app.agent.secrecy import keep_memory_private
from app.agent.trimming import trim_now_and_then
from app.collecting import collect_seldom

Role = TypeVar("Role")


def main() -> None:
    """Serve the role until the pipe ends."""
    pipe_fd, parent, role, home_path, listen = sys.argv[1:]
    end_with_parent(int(parent))
    keep_memory_private()
    # Reads end at a vanished peer with an error of their own; nothing else uses this descriptor.
    os.set_inheritable(int(pipe_fd), False)
    connection = Connection(int(pipe_fd))
    home = AgentHome(home_path)
    log_beside(home.log_path)
    trim_now_and_then()
    if role == "master":
        from app.agent.master_role import MasterRole

        master = _started(connection, home, lambda: MasterRole(home))
        collect_seldom()
        serve_pipe(connection, master.engine, "", home=home.path)
        master.close()
    else:
        from app.agent.replica_role import ReplicaRole

        replica = _started(connection, home, lambda: ReplicaRole(home, listen))
        collect_seldom()
        serve_pipe(connection, replica, replica.data_address, home=home.path)
        replica.close()
    # Threads of engines or of gRPC that still wait for something must not keep the process.
    sys.stderr.flush()
    os._exit(0)


def _started(connection: Connection, home: AgentHome, start: Callable[[], Role]) -> Role:
    """The role, or its reason told to the control process."""
    try:
        return start()
    except Exception as error:
        tell_failed_start(connection, error, home.path)
        raise


if __name__ == "__main__":
    main()
