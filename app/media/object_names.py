"""Names of objects that other objects tell: they become paths, so what could lead elsewhere is none."""

from __future__ import annotations

import re
from collections.abc import Iterable

_NAME = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z._-]{0,199}")


def check_names(names: Iterable[object]) -> list[str]:
    """The names, if all could be those of objects in one directory of a media. Raises ValueError."""
    found = []
    for name in names:
        if type(name) is not str or not _NAME.fullmatch(name):
            raise ValueError("it names what is no object")
        found.append(name)
    return found
