"""The inner loops in C: what is done for each of very many entries, and the system calls among it.

Each module is optional. It is written in Cython (`NAME.pyx`, typed for others in `NAME.pyi`) and built by
the set-up (`packaging/native`). Where there is no compiler, or `ARCXO_NATIVE` is `off`, whoever asks for it
does the same in Python: slower, with the same result, which tests compare. Nothing here knows of Arcxo more
than the values given to it; nothing decides what is right, or what an error means.
"""

from __future__ import annotations

import importlib
import os
from typing import Any

OFF = "off"
_CALLS: dict[str, Any] = {
    name: getattr(os, name)
    for name in (
        *("chmod", "chown", "close", "fchmod", "fchown", "fstat", "mkdir", "open", "pread", "pwrite", "read"),
        *("stat", "symlink", "unlink", "utime", "write"),
    )
}


def native(name: str) -> Any | None:
    """The module of this name; None where it is not built, or not wanted.

    Raises ImportError for one that is built, but damaged.
    """
    if os.environ.get("ARCXO_NATIVE") == OFF:
        return None
    try:
        return importlib.import_module(f"app.native.{name}")
    except ModuleNotFoundError:
        return None


def same_calls(names: tuple[str, ...]) -> bool:
    """Whether `os` has its own functions of these names: who has put others there wants them to be called."""
    return all(getattr(os, name) is _CALLS[name] for name in names)
