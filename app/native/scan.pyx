# cython: language_level=3, boundscheck=False, wraparound=False
"""The entries of a directory with what `stat` says of them, read without the interpreter."""

from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_SetFromErrno
from libc cimport errno as system
from libc.errno cimport ENOENT
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen

from app.native.posix cimport (
    AT_SYMLINK_NOFOLLOW, DIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, close, closedir, dirent,
    fdopendir, fstatat, kept_ns, openat, readdir, stat_t,
)

cdef struct Found:
    size_t name
    size_t length
    int error
    stat_t status


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
        Found *grown
        char *names = NULL
        char *longer
        size_t count = 0, room = 0, used = 0, space = 0, length, at
        DIR *opened = NULL
        dirent *entry
        const char *name = path
        int fd, failed = 0
        list result = []
        list unread = []
        bytes whole
        char *into
        Py_ssize_t before = len(prefix)
        const char *first = prefix
    with nogil:
        fd = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if fd < 0:
            failed = system.errno
        else:
            opened = fdopendir(fd)
            if opened == NULL:
                failed = system.errno
                close(fd)
        while failed == 0:
            system.errno = 0
            entry = readdir(opened)
            if entry == NULL:
                failed = system.errno
                break
            length = strlen(entry.d_name)
            if entry.d_name[0] == b"." and (length == 1 or (length == 2 and entry.d_name[1] == b".")):
                continue
            if count == room:
                room = 64 if room == 0 else room * 2
                grown = <Found *>realloc(found, room * sizeof(Found))
                if grown == NULL:
                    failed = -1
                    break
                found = grown
            if used + length > space:
                space = 4096 if space == 0 else space * 2
                longer = <char *>realloc(names, space)
                if longer == NULL:
                    failed = -1
                    break
                names = longer
            memcpy(names + used, entry.d_name, length)
            found[count].name = used
            found[count].length = length
            found[count].error = 0
            if fstatat(fd, entry.d_name, &found[count].status, AT_SYMLINK_NOFOLLOW) != 0:
                if system.errno == ENOENT:
                    continue
                found[count].error = system.errno
            used += length
            count += 1
        if opened != NULL:
            closedir(opened)
    try:
        if failed == -1:
            raise MemoryError
        if failed != 0:
            system.errno = failed
            PyErr_SetFromErrno(OSError)
        for at in range(count):
            whole = PyBytes_FromStringAndSize(NULL, before + found[at].length)
            into = whole
            memcpy(into, first, before)
            memcpy(into + before, names + found[at].name, found[at].length)
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
