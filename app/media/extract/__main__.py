"""`python -m app.media.extract MEDIA [SESSION [TARGET]]`: read a media that is all that is left.

This package stands alone: Python's standard library and the four format libraries (blake3, cryptography,
msgpack, zstandard), nothing else of the product. It was written from `resources/docs/formats/media.md` and
not from the engine, so that the page, the engine and this reader check each other. A copy of its directory is
enough (`python -m extract`).

Without SESSION the sessions are listed, without TARGET the paths of the session; with both they are written
beneath TARGET. What is whole comes out, the rest is named. Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not
everything came out, 4 the password opens nothing, 5 no such media, session or path.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import os
import sys
from collections.abc import Sequence

from cryptography.exceptions import UnsupportedAlgorithm

from .reading import Chunks, Refused, Unreadable, data_key, document, names, tell
from .tree import DIRECTORY, Lost, Writer, beneath, text, walk

DONE, FAILED, INCOMPLETE, REFUSED, NOT_FOUND = 0, 1, 3, 4, 5
VERSIONS = (1, 2)


def say(line: str) -> None:
    """A line of the result."""
    sys.stdout.write(line.encode("utf-8", "replace").decode() + "\n")


def set_of(media: str, more: Sequence[str]) -> list[str]:
    """The media, those given with it, and all beside it that are of its set."""
    found = [media, *more]
    try:
        wanted = document(f"{media}/label")
        if wanted.get("format_version") not in VERSIONS:
            tell(f"the label says format version {wanted.get('format_version')}, which may be too new")
    except (Unreadable, ValueError) as error:
        tell(f"the label cannot be read ({error}); the sessions may be whole all the same")
        return found
    device = os.path.dirname(os.path.abspath(media))
    for name in names(device):
        with contextlib.suppress(Unreadable, ValueError):
            beside = f"{device}/{name}"
            same = document(f"{beside}/label").get("set") == wanted.get("set")
            if same and not any(os.path.samefile(beside, one) for one in found):
                found.append(beside)
    for name in names(f"{media}/members"):
        with contextlib.suppress(Unreadable, ValueError, KeyError, OSError):
            hinted = str(document(f"{media}/members/{name}")["path"])
            same = document(f"{hinted}/label").get("set") == wanted.get("set")
            if same and not any(os.path.samefile(hinted, one) for one in found):
                found.append(hinted)
    return found


def list_sessions(media: str) -> int:
    """One line per session."""
    code = DONE
    for name in names(f"{media}/sessions"):
        if not name.isdigit():
            continue
        try:
            one = document(f"{media}/sessions/{name}")
            whose = text(os.fsencode(f"{one['machine']} {one['entity']}"))
            what = f"{whose}  {one['files']} files  {one['size_bytes']} B"
            key = "  encrypted" if one["encrypted"] else ""
            say(f"{one['number']:6}  {one['taken_at']}  {what}{key}")
        except (Unreadable, KeyError, ValueError) as error:
            tell(f"session {name}: {error}")
            code = INCOMPLETE
    return code


def secret_of(options: argparse.Namespace, session: int) -> str:
    """The password or recovery key."""
    if options.password_file is None:
        return getpass.getpass(f"Password or recovery key of session {session}: ")
    with open(options.password_file, encoding="utf-8") as file:
        return file.readline().rstrip("\r\n")


def extract(options: argparse.Namespace) -> int:
    """List or write a session."""
    path = f"{options.media}/sessions/{options.session:06d}"
    if not os.path.exists(path):
        tell(f"there is no session {options.session} on {options.media}")
        return NOT_FOUND
    header = document(path)
    media = set_of(options.media, options.also)
    key = None
    if header["encrypted"]:
        key = data_key(media, header["key_id"], secret_of(options, options.session))
    chunks = Chunks(media, header["key_id"], key)
    paths = [b"/" + os.fsencode(one).strip(b"/") for one in options.path]
    missing = set(paths) - {b"/"}
    lost: Lost = []
    chosen = walk(chunks, bytes.fromhex(header["root_id"]), lost, paths)
    if options.target is None:
        for entry in chosen:
            missing.discard(entry.path)
            say(f"{entry.fields[5]:14}  {text(entry.path)}{'/' if entry.kind == DIRECTORY else ''}")
    else:
        target = os.fsencode(os.path.abspath(options.target))
        os.makedirs(target, exist_ok=True)
        writer = Writer(target, chunks, lost)
        for entry in chosen:
            missing.discard(entry.path)
            writer.put(entry)
        writer.finish()
        say(f"{writer.written} files written, {len(lost)} not")
    for name, reason in lost:
        tell(f"lost: {text(name)}: {reason}")
    for absent in sorted(missing):
        tell(f"{text(absent)} is not in session {options.session}")
    if missing and not any(beneath(absent, name) for absent in missing for name, _ in lost):
        return NOT_FOUND
    return INCOMPLETE if lost else DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.media.extract", description=__doc__.split("\n")[0])
    parser.add_argument("media", help="directory of the media: the one that holds the file `label`")
    parser.add_argument("session", nargs="?", type=int, help="number of a session")
    parser.add_argument("target", nargs="?", help="directory to write to; made when it is missing")
    parser.add_argument("--path", action="append", default=[], help="only this path, and what is beneath it")
    parser.add_argument("--also", action="append", default=[], help="another media of the set; repeatable")
    parser.add_argument("--password-file", help="file whose first line is a password or recovery key")
    options = parser.parse_args(arguments)
    if not os.path.isdir(f"{options.media}/sessions"):
        tell(f"{options.media} is not the directory of a media")
        return NOT_FOUND
    try:
        return list_sessions(options.media) if options.session is None else extract(options)
    except Refused as error:
        tell(str(error))
        return REFUSED
    except (Unreadable, OSError, KeyError, ValueError, UnsupportedAlgorithm) as error:
        tell(f"failed: {error}")
        return FAILED


if __name__ == "__main__":
    sys.exit(main())
