"""`arcxo`: without arguments the console opens, otherwise the command line answers."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with `argv` (default: the process arguments); returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        from app.agent.secrecy import keep_memory_private

        keep_memory_private()
        from app import bootstrap
        from app.cli import main as run_command

        return run_command(arguments, bootstrap)
    except KeyboardInterrupt:
        # While modules are still being imported: later `run_command` sees to it.
        return 7


if __name__ == "__main__":
    sys.exit(main())
