# cython: language_level=3, boundscheck=False, wraparound=False
"""The entries of a directory with what `stat` says of them, read without the interpreter."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from libc cimport errno as system
from libc.errno cimport ENOMEM
from libc.stdlib cimport free
from libc.string cimport memcpy

from app.native.directory cimport Found, read_directory
from app.native.posix cimport kept_ns, stat_t


cdef class Status:
    """What `stat` says of an entry, by the names that `os.stat_result` has."""

    cdef readonly unsigned int st_mode
    cdef readonly unsigned int st_uid
    cdef readonly unsigned int st_gid
    cdef readonly unsigned long long st_ino
    cdef readonly unsigned long long st_dev
    cdef readonly unsigned long long st_rdev
    cdef readonly unsigned long st_nlink
    cdef readonly long long st_size
    cdef readonly long long st_blocks
    cdef readonly long long st_mtime_ns
    cdef readonly long long st_ctime_ns


cdef Status _status(const stat_t *found):
    cdef Status status = Status.__new__(Status)
    status.st_mode = found.st_mode
    status.st_uid = found.st_uid
    status.st_gid = found.st_gid
    status.st_ino = found.st_ino
    status.st_dev = found.st_dev
    status.st_rdev = found.st_rdev
    status.st_nlink = found.st_nlink
    status.st_size = found.st_size
    status.st_blocks = found.st_blocks
    status.st_mtime_ns = kept_ns(&found.st_mtim)
    status.st_ctime_ns = kept_ns(&found.st_ctim)
    return status


def entries(int directory, bytes path, bytes prefix):
    """What is in the directory `path`, as (path, status) by name, and what `stat` refused, as (path, error number).

    `path` is beneath the open directory `directory`, or AT_FDCWD, and not followed if it is a link; each path
    found is a name with `prefix` before it. What vanished meanwhile is left out. Other threads go on.

    Raises:
        OSError: the directory cannot be opened or read.
    """
    cdef:
        Found *found = NULL
        char *names = NULL
        size_t count = 0, at
        const char *name = path
        int failed
        list result = []
        list unread = []
        bytes whole
        char *into
        Py_ssize_t before = len(prefix)
        const char *first = prefix
    with nogil:
        failed = read_directory(directory, name, &found, &count, &names)
    try:
        if failed == ENOMEM:
            raise MemoryError
        if failed != 0:
            system.errno = failed
            PyErr_SetFromErrno(OSError)
        for at in range(count):
            whole = PyBytes_FromStringAndSize(NULL, before + found[at].length)
            into = whole
            memcpy(into, first, before)
            memcpy(into + before, found[at].name, found[at].length)
            if found[at].error != 0:
                unread.append((whole, found[at].error))
            else:
                result.append((whole, _status(&found[at].status)))
    finally:
        free(found)
        free(names)
    result.sort(key=_first)
    return result, unread


def _first(tuple pair):
    return pair[0]
