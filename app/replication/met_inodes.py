"""Which inodes were met already, a bit for each.

A kept backup point has each file of a replica once more, so that every one of a million files may be one
with another: a dictionary of them takes some 250 bytes for each.
"""

from __future__ import annotations

_PAGE_BITS = 7


class MetInodes:
    """Inodes by device. Those near each other, as file systems number them, share an entry of 128 bits.

    Numbers far apart take some 170 bytes each. Not safe to share between threads.
    """

    def __init__(self) -> None:
        self._pages: dict[int, dict[int, int]] = {}

    def again(self, device: int, inode: int) -> bool:
        """Whether this one was met before; from now on it was."""
        pages = self._pages.get(device)
        if pages is None:
            pages = self._pages[device] = {}
        page, bit = inode >> _PAGE_BITS, 1 << (inode & ((1 << _PAGE_BITS) - 1))
        known = pages.get(page, 0)
        if known & bit:
            return True
        pages[page] = known | bit
        return False
