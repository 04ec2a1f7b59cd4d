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
def counted(data: bytes, kinds: int) -> tuple[int, int, int, list[bytes], list[bytes]] | None: ...
