# cython: language_level=3, boundscheck=False, wraparound=False
"""Links to the files of a directory, made in another one, with the rows of a manifest that say what they are."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc cimport errno as system
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcpy

from app.native.posix cimport AT_SYMLINK_NOFOLLOW, S_IFMT, S_IFREG, fstatat, kept_ns, linkat, llistxattr, stat_t
from app.native.packing cimport put_head, put_signed, put_unsigned

cdef enum:
    ROW_BYTES = 128  # more than a row has besides its path
    PATH_BYTES = 1 << 16

cdef struct Rows:
    unsigned char *data
    size_t used
    size_t room

cdef struct Job:
    int reading
    int writing
    char *path  # the directory, a slash, and room for a name
    size_t above
    const char *prefix
    size_t prefix_length
    Rows rows
    int error  # 0 = there is no memory


def link_files(int reading, bytes directory, int writing, bytes prefix, list names):
    """(rows, how many): link the files `names` of the open directory `reading` into the open one `writing`.

    `directory` is the path of the first; a row is as `app.model.manifest.file_entry` packs it, its path `prefix` and the
    name, its last field the change time after the link. Ends before a name that is no regular file or has
    attributes: that one is its caller's. Links are not followed. Other threads go on.

    Raises:
        OSError: a file cannot be looked at or linked.
        TypeError, ValueError: a name is not bytes, or no name.
    """
    cdef:
        Py_ssize_t count = len(names), at = 0, longest = 0, length
        Job job
        bytes name
        const char *first
        int state = 1
    for at in range(count):
        name = names[at]
        if name is None:
            raise TypeError("a name is bytes")
        length = PyBytes_GET_SIZE(name)
        first = PyBytes_AS_STRING(name)
        if length == 0 or memchr(first, 0, length) != NULL or memchr(first, b"/", length) != NULL:
            raise ValueError("an impossible name")
        longest = max(longest, length)
    if longest > PATH_BYTES or PyBytes_GET_SIZE(directory) > PATH_BYTES or PyBytes_GET_SIZE(prefix) > 16 * PATH_BYTES:
        raise ValueError("an impossible name")
    if memchr(PyBytes_AS_STRING(directory), 0, PyBytes_GET_SIZE(directory)) != NULL:
        raise ValueError("an impossible directory")
    job.reading, job.writing = reading, writing
    job.above = PyBytes_GET_SIZE(directory) + 1
    job.prefix, job.prefix_length = PyBytes_AS_STRING(prefix), PyBytes_GET_SIZE(prefix)
    job.rows.data, job.rows.used, job.rows.room = NULL, 0, 0
    job.path = <char *>malloc(job.above + longest + 1)
    if job.path == NULL:
        raise MemoryError
    memcpy(job.path, PyBytes_AS_STRING(directory), job.above - 1)
    job.path[job.above - 1] = b"/"
    try:
        at = 0
        while at < count and state == 1:
            at = _link_some(&job, names, at, count, &state)
        if state < 0 and job.error == 0:
            raise MemoryError
        if state < 0:
            system.errno = job.error
            PyErr_SetFromErrno(OSError)
        return PyBytes_FromStringAndSize(<char *>job.rows.data, job.rows.used), at
    finally:
        free(job.path)
        free(job.rows.data)


cdef Py_ssize_t _link_some(Job *job, list names, Py_ssize_t at, Py_ssize_t count, int *state) except -1:
    """Up to 64 names. `state`: 1 = all of them done, 0 = the next one is its caller's, -1 = it has failed."""
    cdef:
        const char *some[64]
        size_t lengths[64]
        Py_ssize_t number = min(<Py_ssize_t>64, count - at), done = 0, one
    for one in range(number):
        some[one] = PyBytes_AS_STRING(names[at + one])
        lengths[one] = PyBytes_GET_SIZE(names[at + one])
    with nogil:
        while done < number:
            state[0] = _link_one(job, some[done], lengths[done])
            if state[0] != 1:
                break
            done += 1
    return at + done


cdef int _link_one(Job *job, const char *name, size_t length) noexcept nogil:
    cdef:
        stat_t found
        stat_t linked
        Rows *rows = &job.rows
        unsigned char *at
    if fstatat(job.reading, name, &found, AT_SYMLINK_NOFOLLOW) != 0:
        return _failed(job)
    if (found.st_mode & S_IFMT) != S_IFREG:
        return 0
    memcpy(job.path + job.above, name, length + 1)
    if llistxattr(job.path, NULL, 0) > 0:
        return 0
    if not _has_room(rows, ROW_BYTES + job.prefix_length + length):
        job.error = 0
        return -1
    if linkat(job.reading, name, job.writing, name, 0) != 0:
        return _failed(job)
    if fstatat(job.writing, name, &linked, AT_SYMLINK_NOFOLLOW) != 0:
        return _failed(job)
    at = rows.data + rows.used
    at[0] = 0x9E
    at += 1
    at += put_head(at, job.prefix_length + length)
    memcpy(at, job.prefix, job.prefix_length)
    at += job.prefix_length
    memcpy(at, name, length)
    at += length
    memcpy(at, b"\xa4file", 5)
    at += 5
    at += put_unsigned(at, found.st_mode & 0o7777)
    at += put_unsigned(at, found.st_uid)
    at += put_unsigned(at, found.st_gid)
    at += put_signed(at, found.st_size)
    at += put_signed(at, kept_ns(&found.st_mtim))
    memcpy(at, b"\x90\xc4\x00", 3)
    at += 3
    at += put_unsigned(at, found.st_rdev)
    at += put_unsigned(at, found.st_ino)
    at += put_signed(at, kept_ns(&found.st_ctim))
    at += put_unsigned(at, found.st_nlink)
    at += put_signed(at, kept_ns(&linked.st_ctim))
    rows.used = at - rows.data
    return 1


cdef int _failed(Job *job) noexcept nogil:
    job.error = system.errno
    return -1


cdef bint _has_room(Rows *rows, size_t more) noexcept nogil:
    cdef:
        size_t room = rows.room
        unsigned char *grown
    if rows.used + more <= room:
        return True
    room = 2 * room + more + 4096
    grown = <unsigned char *>realloc(rows.data, room)
    if grown == NULL:
        return False
    rows.data, rows.room = grown, room
    return True
