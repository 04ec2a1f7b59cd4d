# cython: language_level=3, boundscheck=False, wraparound=False
"""The contents of many small files, read in one go without the interpreter."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc cimport errno as system
from libc.errno cimport EACCES, EINTR, EPERM
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset, strlen

from app.native.posix cimport (
    O_CLOEXEC, O_DIRECTORY, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFMT, S_IFREG, close, fstat, kept_ns,
    openat, read, stat_t,
)

cdef enum:
    LONGEST = 4096
    MOST_BYTES = 1 << 30

cdef struct Wanted:
    const char *path
    Py_ssize_t length
    Py_ssize_t directory  # bytes of the path before its last slash; -1 = none
    long long size
    long long modified_ns
    long long changed_ns
    char *into
    bint good


def read_files(int top, list files):
    """(contents one after the other, one byte for each file: 1 = it is all there and as was said).

    `files` are (path beneath the open directory `top`, size, modification time, change time in ns). A file is as
    was said when it is a regular one without holes that had these values after it was read; a link at the end of
    a path is not followed. What is at the place of another one is zeros. Times of access stay as they are
    where that can be had. Other threads go on.

    Raises:
        TypeError, ValueError: a file is no such tuple, has a negative or too large size, or an impossible path.
    """
    cdef:
        Py_ssize_t count = len(files), at
        Wanted *wanted = <Wanted *>calloc(count if count > 0 else 1, sizeof(Wanted))
        long long total = 0
        bytes contents, path
        bytes good
        char *into
        char *marks
    if wanted == NULL:
        raise MemoryError
    try:
        for at in range(count):
            path, wanted[at].size, wanted[at].modified_ns, wanted[at].changed_ns = <tuple?>files[at]
            if path is None:
                raise TypeError("a path is bytes")
            wanted[at].path = PyBytes_AS_STRING(path)
            wanted[at].length = PyBytes_GET_SIZE(path)
            if strlen(wanted[at].path) != <size_t>wanted[at].length or wanted[at].path[0] in b"\0/":
                raise ValueError("an impossible path")
            if wanted[at].size < 0 or wanted[at].size > MOST_BYTES or total > MOST_BYTES:
                raise ValueError("an impossible size")
            wanted[at].directory = path.rfind(b"/")
            total += wanted[at].size
        if total > MOST_BYTES:
            raise ValueError("too much at once")
        contents = PyBytes_FromStringAndSize(NULL, total)
        into = PyBytes_AS_STRING(contents)
        for at in range(count):
            wanted[at].into = into
            into += wanted[at].size
        with nogil:
            _read_all(top, wanted, count)
        good = PyBytes_FromStringAndSize(NULL, count)
        marks = PyBytes_AS_STRING(good)
        for at in range(count):
            marks[at] = wanted[at].good
        return contents, good
    finally:
        free(wanted)


cdef void _read_all(int top, Wanted *wanted, Py_ssize_t count) noexcept nogil:
    cdef:
        Py_ssize_t at, length = -1
        const char *inside = NULL
        const char *name
        int directory = -1, place
        char buffer[LONGEST]
    for at in range(count):
        if directory >= 0 and not _lies_in(&wanted[at], inside, length):
            close(directory)
            directory = -1
        if (
            directory < 0
            and 0 < wanted[at].directory < LONGEST
            and at + 1 < count
            and _lies_in(&wanted[at + 1], wanted[at].path, wanted[at].directory)
        ):
            # Several of one directory: each name is looked up in it alone.
            inside, length = wanted[at].path, wanted[at].directory
            memcpy(buffer, inside, length)
            buffer[length] = 0
            directory = openat(top, buffer, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        place, name = top, wanted[at].path
        if directory >= 0:
            place, name = directory, wanted[at].path + length + 1
        wanted[at].good = _read_one(place, name, &wanted[at])
        if not wanted[at].good:
            memset(wanted[at].into, 0, wanted[at].size)
    if directory >= 0:
        close(directory)


cdef bint _lies_in(const Wanted *one, const char *directory, Py_ssize_t length) noexcept nogil:
    return one.directory == length and memcmp(one.path, directory, length) == 0


cdef bint _read_one(int directory, const char *name, const Wanted *wanted) noexcept nogil:
    cdef:
        int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK
        int fd = openat(directory, name, flags | O_NOATIME)
        long long done = 0
        ssize_t part
        stat_t found
        bint good
    if fd < 0 and (system.errno == EPERM or system.errno == EACCES):
        fd = openat(directory, name, flags)  # of somebody else, by a process that is not the system's
    if fd < 0:
        return False
    while done < wanted.size:
        part = read(fd, wanted.into + done, wanted.size - done)
        if part < 0 and system.errno == EINTR:
            continue
        if part <= 0:
            break
        done += part
    good = (
        done == wanted.size
        and fstat(fd, &found) == 0
        and (found.st_mode & S_IFMT) == S_IFREG
        and found.st_size == wanted.size
        and found.st_blocks * 512 >= wanted.size
        and kept_ns(&found.st_mtim) == wanted.modified_ns
        and kept_ns(&found.st_ctim) == wanted.changed_ns
    )
    close(fd)
    return good
