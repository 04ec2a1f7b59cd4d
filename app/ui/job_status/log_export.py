"""Write the exported activity log."""

from __future__ import annotations

from pathlib import Path

from app.model.errors import ArcxoError


def write_export(name: str, text: str) -> None:
    """Write an exported file; raises ArcxoError E1301. `newline` stays as CSV has it. Blocks on the disk."""
    try:
        with Path(name).open("w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as error:
        raise ArcxoError("E1301", path=name, reason=error.strerror or error) from error
