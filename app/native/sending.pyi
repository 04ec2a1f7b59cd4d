from typing import Any

def new_entries(
    root_path: bytes,
    root: int,
    device: int,
    file_kind: int,
    directory_kind: int,
    rows: list[tuple[Any, ...]],
    first: int,
    size_most: int,
) -> tuple[bytes, int, int, int, int]: ...
