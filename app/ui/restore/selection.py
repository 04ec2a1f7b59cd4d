"""Which paths of a tree are chosen, with the markers that show it. Qt-free.

Choosing a folder chooses everything beneath it, also what is not loaded yet. Taking one entry out of a
chosen folder chooses its siblings instead, so the caller tells which those are.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

from app.model.entry import order_key
from app.model.paths import is_beneath
from app.ui.models.cell import Mark

Children = Callable[[bytes], Sequence[bytes]]


class PathSelection:
    """Chosen absolute paths of several sources (a session, or a machine)."""

    def __init__(self) -> None:
        self._chosen: dict[Hashable, set[bytes]] = {}

    def mark(self, source: Hashable, path: bytes) -> Mark:
        """How the marker of `path` is filled."""
        chosen = self._chosen.get(source, set())
        if any(is_beneath(path, one) for one in chosen):
            return Mark.FULL
        if any(is_beneath(one, path) for one in chosen):
            return Mark.PARTIAL
        return Mark.EMPTY

    def toggle(self, source: Hashable, path: bytes, children: Children) -> None:
        """A click on the marker: full becomes empty, all else full."""
        if self.mark(source, path) is Mark.FULL:
            self.drop(source, path, children)
        else:
            self.choose(source, path)

    def choose(self, source: Hashable, path: bytes) -> None:
        """Choose `path` with everything beneath it."""
        if self.mark(source, path) is Mark.FULL:
            return
        chosen = self._chosen.setdefault(source, set())
        chosen -= {one for one in chosen if is_beneath(one, path)}
        chosen.add(path)

    def drop(self, source: Hashable, path: bytes, children: Children) -> None:
        """Take `path` and what is beneath it out again; `children(folder)` lists a folder's entries."""
        chosen = self._chosen.get(source, set())
        chosen -= {one for one in chosen if is_beneath(one, path)}
        above = next((one for one in chosen if is_beneath(path, one)), None)
        if above is not None:
            chosen.discard(above)
            folder = above
            while folder != path:
                step = next((child for child in children(folder) if is_beneath(path, child)), path)
                chosen.update(child for child in children(folder) if child != step)
                folder = step
        if not chosen:
            self._chosen.pop(source, None)

    def clear(self, source: Hashable | None = None) -> None:
        """Forget one source, or everything."""
        if source is None:
            self._chosen.clear()
        else:
            self._chosen.pop(source, None)

    def chosen(self) -> Iterator[tuple[Hashable, tuple[bytes, ...]]]:
        """Each source with its chosen paths, in listing order."""
        for source, paths in self._chosen.items():
            yield source, tuple(sorted(paths, key=order_key))

    def __len__(self) -> int:
        return sum(len(paths) for paths in self._chosen.values())
