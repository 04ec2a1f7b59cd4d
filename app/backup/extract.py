"""`python -m app.backup.extract MEDIA [SESSION [TARGET]]`: read a media that is all that is left.

Needs no home, no catalog, no server and no agent: the directory of the media, and for an encrypted session
its password. Without SESSION the sessions are listed, without TARGET the paths of the session; with both its
files are written beneath TARGET, checked after writing. Exit codes are those of the command line.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from app.backup.api import RestoreTask, restore
from app.media.api import SessionHeader, read_label, read_session, session_entries, sessions, unlock
from app.messages import describe, render
from app.model.archive import RestoreEvent, RestoreResult
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, ExitCode, Problem
from app.model.job import Conflict, Structure
from app.model.paths import shown


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the arguments say; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        if options.session is None:
            return _list_sessions(options.media)
        header = read_session(options.media, options.session)
        key = _data_key(options, header)
        if options.target is None:
            return _list_paths(options.media, header, key)
        return _write(options, header, key)
    except ArcxoError as error:
        _say(describe(error), sys.stderr)
        return int(error.exit_code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m app.backup.extract", description=__doc__.split("\n")[0])
    parser.add_argument("media", help="directory of the media: the one that holds the file `label`")
    parser.add_argument("session", nargs="?", type=int, help="number of a session")
    parser.add_argument("target", nargs="?", help="directory to write to; made when it is missing")
    parser.add_argument(
        "--path", action="append", default=[], help="only this path of the session, and what is beneath it"
    )
    parser.add_argument("--conflict", choices=[one.value for one in Conflict], default=Conflict.SKIP.value)
    parser.add_argument("--password-file", help="file whose first line is the session's password")
    return parser


def _list_sessions(media_path: str) -> int:
    label = read_label(media_path)
    _say(f"{label.name}  ID {label.media_id}  sequence {label.sequence}  serial {label.serial}")
    for one in sessions(media_path):
        key = "encrypted" if one.encrypted else ""
        taken = one.taken_at.isoformat(timespec="seconds")
        what = f"{one.machine} {one.entity}  {one.files} files  {one.size_bytes} B  {key}"
        _say(f"{one.number:6}  {taken}  {what}".rstrip())
    return int(ExitCode.DONE)


def _data_key(options: argparse.Namespace, header: SessionHeader) -> bytes | None:
    if not header.encrypted:
        return None
    if options.password_file is not None:
        text = Path(options.password_file).read_text(encoding="utf-8")
        password = text.split("\n", 1)[0]
    else:
        password = getpass.getpass(f"Password of session {header.number}: ")
    return unlock(options.media, password, header.key_id).data_key


def _list_paths(media_path: str, header: SessionHeader, key: bytes | None) -> int:
    for entry in session_entries(media_path, header.number, key):
        slash = "/" if entry.metadata.kind is EntryKind.DIRECTORY else ""
        _say(f"{entry.metadata.size_bytes:14}  {shown(entry.path)}{slash}")
    return int(ExitCode.DONE)


def _write(options: argparse.Namespace, header: SessionHeader, key: bytes | None) -> int:
    target = os.fsencode(os.path.abspath(options.target))
    task = RestoreTask(
        media_path=options.media,
        session=header.number,
        paths=tuple(os.fsencode(path) for path in options.path),
        targets=((b"/", target),),
        conflict=Conflict(options.conflict),
        structure=Structure.FULL,
        relocate=True,
        data_key=key,
    )
    result = restore(task, _tell, lambda: False)
    _summarise(result)
    if result.mismatches:
        return int(ExitCode.FAILED)
    return int(ExitCode.INCOMPLETE if result.problems else ExitCode.DONE)


def _tell(event: RestoreEvent) -> None:
    if isinstance(event, Problem):
        told = render(event.code, event.params | {"path": shown(event.path)})
        _say(f"{told.text} [{event.code}]", sys.stderr)


def _summarise(result: RestoreResult) -> None:
    _say(
        f"{result.files} files and {result.directories} directories written, {result.written_bytes} B;"
        f" {result.verified_files} checked, {result.mismatches} differ, {result.skipped} skipped,"
        f" {result.problems} problems"
    )


def _say(line: str, stream: TextIO | None = None) -> None:
    (stream or sys.stdout).write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
