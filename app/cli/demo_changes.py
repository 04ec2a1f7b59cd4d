"""What people and programs do to the demonstration's files while they are replicated."""

from __future__ import annotations

import contextlib
import os
import shutil

from app.cli.demo_data import DATABASE, LIBRARY, update_rows

DAMAGED_NAME = "enum.py"
CHANGED_TWICE = ("abc.py", "ast.py")
QUERY_NAME = "abc.py"


def everyday_changes(master: str) -> None:
    """Edits, renames of files and directories, deletes, a new tree, modes, attributes, links."""
    library = os.path.join(master, LIBRARY)

    def at(*names: str) -> str:
        return os.path.join(library, *names)

    with open(at("os.py"), "ab") as stream:
        stream.write(b"\n# appended while replicating\n")
    _write_into(at("tarfile.py"), 4096, b"# written into the middle\n")
    os.truncate(at("pydoc.py"), 1000)
    _replace(at("shutil.py"), b"# saved the way editors do: a new file renamed over the old one\n")
    os.rename(at("zipfile.py") if os.path.exists(at("zipfile.py")) else at("uuid.py"), at("renamed.py"))
    os.rename(at("json"), at("json renamed"))
    os.rename(at("http", "client.py"), at("http_client.py"))
    os.unlink(at("this.py"))
    shutil.rmtree(at("urllib"))
    shutil.copytree(at("email"), os.path.join(master, "new tree", "deep", "email"), symlinks=True)
    os.makedirs(os.path.join(master, "new tree", "empty directory"))
    os.chmod(at("glob.py"), 0o600)
    os.chmod(at("xml"), 0o700)
    with contextlib.suppress(OSError, AttributeError):
        # Not every file system has extended attributes; the comparison reads them where they are.
        os.setxattr(at("copy.py"), "user.arcxo.note", b"an attribute")
    os.utime(at("queue.py"), ns=(1_000_000_000, 1_234_567_890_123_456_789))
    os.symlink("library/os.py", os.path.join(master, "pointer"))
    os.symlink("nowhere", os.path.join(master, "broken pointer"))
    os.link(at("bisect.py"), os.path.join(master, "hard link"))
    with open(os.path.join(os.fsencode(master), b"not utf-8 \xff\xfe"), "wb") as stream:
        stream.write(b"a name that is not text\n")
    update_rows(os.path.join(master, DATABASE), range(10, 400, 7))


def damage(master: str) -> int:
    """Overwrite, empty and delete files on purpose; returns how many."""
    library = os.path.join(master, LIBRARY)
    with open(os.path.join(library, DAMAGED_NAME), "wb") as stream:
        stream.write(os.urandom(50_000))
    with open(os.path.join(library, "types.py"), "wb"):
        pass
    os.unlink(os.path.join(library, "inspect.py"))
    removed = sum(len(files) for _, _, files in os.walk(os.path.join(library, "asyncio")))
    shutil.rmtree(os.path.join(library, "asyncio"))
    os.rename(os.path.join(library, "email"), os.path.join(library, "email.locked"))
    _write_into(os.path.join(master, DATABASE), 32 * 2**20, os.urandom(2**20))
    return removed + 4


def changes_while_suspended(master: str) -> None:
    """What waits in the spool until the replica goes on."""
    library = os.path.join(master, LIBRARY)
    for number in range(50):
        with open(os.path.join(master, f"written while suspended {number}"), "wb") as stream:
            stream.write(os.urandom(20_000))
    os.rename(os.path.join(library, "email.locked"), os.path.join(library, "email again"))
    os.unlink(os.path.join(library, "types.py"))
    update_rows(os.path.join(master, DATABASE), range(1000, 1020))


def change_two_files(master: str) -> None:
    """Change two files between two backups."""
    for name in CHANGED_TWICE:
        with open(os.path.join(master, LIBRARY, name), "ab") as stream:
            stream.write(b"\n# changed between two backups\n")


def spoil_replica(replica: str) -> None:
    """Lose files of the replica itself, while nothing replicates."""
    library = os.path.join(replica, LIBRARY)
    shutil.rmtree(os.path.join(library, "json renamed"))
    os.unlink(os.path.join(library, QUERY_NAME))
    with open(os.path.join(library, "os.py"), "wb") as stream:
        stream.write(b"lost\n")


def _write_into(path: str, offset: int, content: bytes) -> None:
    with open(path, "r+b") as stream:
        stream.seek(offset)
        stream.write(content)


def _replace(path: str, content: bytes) -> None:
    temporary = path + ".new"
    with open(temporary, "wb") as stream:
        stream.write(content)
    shutil.copymode(path, temporary)
    os.replace(temporary, path)
