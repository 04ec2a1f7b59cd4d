from collections.abc import Callable
from typing import Any

def entries(
    data: bytes,
    prefix: bytes,
    made: type[Any],
    kinds: tuple[Any, ...],
    empty: str,
    odd: Callable[[bytes], str],
) -> tuple[list[Any], list[tuple[int, bytes]]] | None: ...
