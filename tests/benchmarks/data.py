"""The data benchmarks work on: a copy of real files, capped in number and size."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def copy_files(
    source: Path, target: Path, files: int, size_bytes: int, one_file_bytes: int
) -> tuple[int, int]:
    """Copy up to `files` regular files and `size_bytes` from `source`; returns what was copied.

    Files over `one_file_bytes` are left out, so that many small files dominate, as on a file server.
    """
    copied = total = 0
    for directory, names, files_here in os.walk(source):
        names.sort()
        relative = Path(directory).relative_to(source)
        for name in sorted(files_here):
            path = Path(directory, name)
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                size = path.stat().st_size
            except OSError:
                continue
            if size > one_file_bytes or total + size > size_bytes:
                continue
            (target / relative).mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target / relative / name)
            copied += 1
            total += size
            if copied >= files:
                return copied, total
    return copied, total
