from typing import Any

class Rows:
    def feed(self, data: bytes) -> None: ...
    @property
    def waiting(self) -> int: ...
    def take(self) -> bytes | None: ...
    def files(
        self,
        relative: bytes,
        above: bytes,
        into: list[Any],
        steps: list[Any],
        wanted: list[Any],
        together: int,
        most_steps: int,
        most_bytes: int,
        largest: int,
    ) -> tuple[int, int]: ...
