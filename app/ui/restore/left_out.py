"""What a person took out of a restore's plan: paths at the destination, with all beneath them. Qt-free."""

from __future__ import annotations

from app.model.paths import is_beneath
from app.ui.models.cell import Mark


class LeftOut:
    """The paths, and how boxes show them."""

    def __init__(self) -> None:
        self._paths: set[bytes] = set()

    @property
    def paths(self) -> tuple[bytes, ...]:
        """In their order; none lies beneath another."""
        return tuple(sorted(self._paths))

    def __len__(self) -> int:
        return len(self._paths)

    def mark(self, path: bytes) -> Mark:
        """Empty where it is left out, partial where something beneath it is."""
        if self._above(path) is not None:
            return Mark.EMPTY
        return Mark.PARTIAL if any(is_beneath(one, path) for one in self._paths) else Mark.FULL

    def toggle(self, path: bytes) -> None:
        """A click on a box: out with it, or in again, with what took it out from above."""
        above = self._above(path)
        if above is not None:
            self._paths.discard(above)
            return
        partial = [one for one in self._paths if is_beneath(one, path)]
        self._paths.difference_update(partial)
        self._paths.add(path)

    def _above(self, path: bytes) -> bytes | None:
        """The path itself or one above it that was taken out."""
        if path in self._paths:
            return path
        return next((one for one in self._paths if is_beneath(path, one)), None)
