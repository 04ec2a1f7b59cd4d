"""Files that programs have mapped into memory to write: what they store there, no event and no time tells.

The kernel notes the time of the first store into a page only, and tells of the writing when the last mapping
ends. Until then, reading is the only way to find out. Blocks for reading a small file of `/proc` per process;
programs of other users are seen by root alone.
"""

from __future__ import annotations

import os
import re

_SHARED = re.compile(rb"^\S+ .w.s \S+ ([0-9a-f]+):([0-9a-f]+) (\d+) +(/.*)$", re.MULTILINE)
_ESCAPE = re.compile(rb"\\([0-7]{3})")


def mapped_files() -> dict[tuple[int, int], bytes]:
    """Files mapped shared and writable by any program: (device, inode) → a path. Empty where none is told."""
    found: dict[tuple[int, int], bytes] = {}
    try:
        processes = [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return found
    own = str(os.getpid())
    for process in processes:
        if process == own:
            continue
        try:
            with open(f"/proc/{process}/maps", "rb") as file:
                text = file.read()
        except OSError:
            continue
        for major, minor, inode, path in _SHARED.findall(text):
            device = os.makedev(int(major, 16), int(minor, 16))
            found[device, int(inode)] = _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), path)
    return found
