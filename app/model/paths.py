"""Checks and forms of path names; everything that came from outside goes through here first."""

from __future__ import annotations

import base64

from app.model.errors import ArcxoError

NAME_MAX_BYTES = 255
"""What the file systems of replicas take."""
PATH_MAX_BYTES = 65_536


def check_relative(path: bytes, name_max_bytes: int = NAME_MAX_BYTES) -> bytes:
    """Return `path` if it is a clean relative path (see `app.model.entry`), else raise.

    Raises:
        ArcxoError: E1010 for absolute paths, `.`/`..`, empty or overlong components and NUL bytes.
    """
    if path == b"":
        return path
    if len(path) > PATH_MAX_BYTES or b"\0" in path:
        raise ArcxoError("E1010", path=shown(path[:200]))
    names = path.split(b"/")
    if b"" in names or b"." in names or b".." in names or max(map(len, names)) > name_max_bytes:
        raise ArcxoError("E1010", path=shown(path[:200]))
    return path


def check_directory(text: str) -> str:
    """A directory given as text, absolute and clean, as it is kept.

    Raises:
        ValueError: it is not; the message is what it can be.
    """
    kept = text.rstrip("/")
    try:
        clean = kept.startswith("/") and check_relative(kept[1:].encode()) != b""
    except (ArcxoError, UnicodeEncodeError):
        clean = False
    if not clean:
        raise ValueError("a directory beneath /, given from / on, without . and ..")
    return kept


def is_beneath(path: bytes, directory: bytes) -> bool:
    """Whether `path` is `directory` or inside it (both relative, or both absolute and clean)."""
    if directory in (b"", b"/"):
        return True
    return path == directory or path.startswith(directory + b"/")


_KERNEL_TREES = (b"/proc", b"/sys", b"/dev")
_MEMORY = b"/dev/shm"


def is_of_the_kernel(path: bytes) -> bool:
    """Whether an absolute path is in a tree that shows the kernel and no files that could be kept there."""
    return any(is_beneath(path, tree) for tree in _KERNEL_TREES) and not is_beneath(path, _MEMORY)


def shown(path: bytes) -> str:
    """`path` as text for people: bytes that are not UTF-8 become U+FFFD."""
    return path.decode("utf-8", "replace")


def is_utf8(path: bytes) -> bool:
    """Whether `path` survives the trip through text."""
    try:
        path.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def json_path(path: bytes, field: str = "path") -> dict[str, str]:
    """The JSON fields of a path: text, and `<field>_b64` besides where it is not UTF-8."""
    fields = {field: shown(path)}
    if not is_utf8(path):
        fields[field + "_b64"] = base64.b64encode(path).decode("ascii")
    return fields
