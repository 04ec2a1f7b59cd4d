"""Golden media: small media of each format version, kept as they were written, with what they hold.

`python -m tests.support.golden_media FILE.tar.xz` makes one of the current version. It is done once per
version of the format, and the file is committed; later code must read it for ever.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from app.media import repack
from app.media.api import FORMAT_VERSION, collect, remove_sessions
from tests.support.media_samples import back_up, new_key, new_media

PASSWORD = "pässwörd of the golden media"
GOLDEN = Path(__file__).parent.parent / "golden"
_PATTERN = bytes(range(251))


def versions() -> list[Path]:
    """The golden media there are."""
    return sorted(GOLDEN.glob("media-*.tar.xz"))


def unpack(archive: Path, directory: Path) -> tuple[str, dict[str, Any]]:
    """The path of the media, and what its sessions hold: number → path (base64) → facts."""
    with tarfile.open(archive) as tar:
        tar.extractall(directory, filter="fully_trusted")  # a file of our own
    return f"{directory}/golden", json.loads((directory / "expected.json").read_text())


def facts(path: bytes) -> dict[str, Any]:
    """What must come back of an entry, as JSON. Owners are left out: who unpacks may not be root."""
    found = os.lstat(path)
    kind = stat.S_IFMT(found.st_mode)
    content = ""
    if kind == stat.S_IFREG:
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    elif kind == stat.S_IFLNK:
        content = base64.b64encode(os.readlink(path)).decode()
    return {
        "mode": found.st_mode if kind != stat.S_IFLNK else kind,
        "size": found.st_size if kind == stat.S_IFREG else 0,
        "modified_ns": found.st_mtime_ns,
        "content": content,
        "names": found.st_nlink if kind == stat.S_IFREG else 0,
        "attributes": {
            name: base64.b64encode(os.getxattr(path, name, follow_symlinks=False)).decode()
            for name in sorted(os.listxattr(path, follow_symlinks=False))
            if name.startswith("user.")
        },
    }


def tree_facts(root: Path) -> dict[str, Any]:
    """`facts` of everything beneath a directory, and of itself, by relative path in base64."""
    top = os.fsencode(root)
    found = {"": facts(top)}
    for directory, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = os.path.join(directory, name)
            found[base64.b64encode(path[len(top) + 1 :]).decode()] = facts(path)
    return found


def _fill(root: Path) -> None:
    (root / "folder/inner").mkdir(parents=True)
    (root / "folder/one.txt").write_text("one\n")
    os.setxattr(root / "folder/one.txt", "user.colour", b"green")
    os.link(root / "folder/one.txt", root / "folder/again.txt")
    (root / "folder/inner/large").write_bytes((_PATTERN * 12_000)[: 3 << 20])
    (root / "folder/inner/small").write_bytes(_PATTERN * 20)
    (root / "nothing").touch()
    os.symlink("folder/one.txt", root / "link")
    os.mkfifo(root / "pipe", 0o620)
    with open(os.fsencode(root) + b"/not-\xff\xfe-utf8", "wb") as raw:
        raw.write(b"raw name")
    (root / "ünïcödé ☃").write_text("snow")
    with (root / "sparse").open("wb") as sparse:
        sparse.write(b"begin")
        sparse.seek(8 << 20)
        sparse.write(b"end")
    os.chmod(root / "folder/inner", 0o751)


def _settle(root: Path, at_ns: int) -> None:
    for directory, folders, names in os.walk(root, topdown=False):
        for name in (*names, *folders):
            os.utime(os.path.join(directory, name), ns=(at_ns, at_ns), follow_symlinks=False)
    os.utime(root, ns=(at_ns, at_ns))


def make(archive: Path) -> None:
    """Sessions 1, 2 without and 4, 5, 7 with encryption; 3 and 6 were removed, and what only they held."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        media = new_media(directory, "golden")
        source = directory / "source"
        source.mkdir()
        _fill(source)
        expected: dict[str, Any] = {}

        def session(number: int, base: int, key: Any = None) -> None:
            _settle(source, 1_000_000_000_123_456_789 + number)
            back_up(media, source, base=base, key=key)
            expected[str(number)] = tree_facts(source)

        session(1, 0)
        (source / "folder/one.txt").write_text("another one\n")
        (source / "nothing").unlink()
        session(2, 1)
        (source / "passing").write_bytes(os.urandom(70_000))
        session(3, 2)
        (source / "passing").unlink()
        remove_sessions(media, [3])
        del expected["3"]
        collect(media)
        key = new_key(media, PASSWORD)
        session(4, 0, key)
        (source / "added").write_text("added")
        session(5, 4, key)
        # A pack of which half is in use, and a third session beside it: sealed blocks are moved.
        repack.WORTH_BYTES = 0
        for file in ("gone", "stays"):
            # More than a block, and little when it is compressed.
            (source / file).write_bytes(os.urandom(6_000) + bytes(600_000))
        session(6, 5, key)
        (source / "gone").unlink()
        session(7, 6, key)
        remove_sessions(media, [6])
        del expected["6"]
        assert collect(media).repacked_packs == (1 if FORMAT_VERSION > 1 else 0)
        # A mebibyte of chance would not be small.
        os.unlink(f"{media}/reserve")
        (directory / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True))
        with tarfile.open(archive, "w:xz") as tar:
            tar.add(media, "golden")
            tar.add(directory / "expected.json", "expected.json")


if __name__ == "__main__":
    make(Path(sys.argv[1]))
