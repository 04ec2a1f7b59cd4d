from collections.abc import Callable
from typing import Any

def whole_files(
    steps: list[Any],
    at: int,
    contents: memoryview,
    good: bytes,
    number: int,
    position: int,
    hasher: Callable[[memoryview], Any],
    is_new: Callable[[bytes], bool],
    add: Callable[[bytes, memoryview], None],
    doubtful_ns: int,
    rows: list[Any],
    row_type: type[tuple[Any, ...]],
    kind: Any,
    empty: str,
) -> tuple[int, int, int, int, int]: ...
