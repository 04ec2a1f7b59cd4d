"""What a disk refuses is told with the volume, never as a fault of the program."""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from multiprocessing.connection import Connection

import pytest

from app.agent.pipe import PipeCaller, make_pipe, serve_pipe
from app.agent.refused import refused
from app.model.errors import ArcxoError


def _full() -> sqlite3.Error:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE t (x)")
        database.execute("PRAGMA max_page_count = 2")
        try:
            database.execute("INSERT INTO t VALUES (zeroblob(1000000))")
        except sqlite3.Error as error:
            return error
    raise AssertionError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_what_the_disk_refuses_names_the_file_or_the_home(number: int) -> None:
    told = refused(OSError(number, os.strerror(number)), "/home/of/it")
    assert told is not None
    assert (told.code, told.params["path"]) == ("AE1090", "/home/of/it")
    told = refused(OSError(number, os.strerror(number), "/a/file"), "/home/of/it")
    assert told is not None
    assert told.params["path"] == "/a/file"


def test_a_full_database_is_the_disk_and_other_errors_are_not() -> None:
    told = refused(_full(), "/home/of/it")
    assert told is not None
    assert told.code == "AE1090"
    assert refused(sqlite3.OperationalError("no such table: t"), "/h") is None
    assert refused(FileNotFoundError(errno.ENOENT, "gone"), "/h") is None
    assert refused(ValueError("a bug"), "/h") is None


def test_a_call_over_the_pipe_is_told_of_the_volume() -> None:
    class Role:
        def work(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    ours, theirs = make_pipe()
    connection = Connection(theirs.detach())
    server = threading.Thread(
        target=serve_pipe, args=(connection, Role(), None), kwargs={"home": "/home/of/it"}
    )
    server.start()
    caller = PipeCaller(ours, "role", lambda: None)
    with pytest.raises(ArcxoError) as raised:
        caller.call("work", timeout_s=10.0)
    assert (raised.value.code, raised.value.params["path"]) == ("AE1090", "/home/of/it")
    caller.close()
    server.join(10)
