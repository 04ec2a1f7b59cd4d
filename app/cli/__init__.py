"""The command line: one file per noun, over the services."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.services.composition import Composition


def main(argv: Sequence[str], composition: Composition) -> int:
    """Run one command and return its exit code (`app.model.errors.ExitCode`).

    `composition` is the composition root (`app.bootstrap`, or a fake in tests): it opens services and starts
    the long-running processes. Output goes to stdout, errors to stderr. Blocks until the command ended.
    """
    from app.cli.entry import run_command

    return run_command(list(argv), composition)
