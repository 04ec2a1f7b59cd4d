def files(
    directories: list[bytes],
    rows: list[tuple[int, bytes, int, int, int, int, int, int]],
    data: bytes,
) -> list[int]: ...
