"""`python -m app.agent.main HOME LISTEN`: the agent as a process of its own."""

from __future__ import annotations

import sys

from app.agent.run import run_agent
from app.agent.trimming import trim_now_and_then
from app.messages import exit_code
from app.model.errors import ArcxoError


def main() -> int:
    """Run until asked to end; returns the exit code."""
    home, listen = sys.argv[1:]
    trim_now_and_then()
    try:
        return run_agent(home, listen)
    except ArcxoError as error:
        sys.stderr.write(f"{error}\n")
        return int(exit_code(error))


if __name__ == "__main__":
    sys.exit(main())
