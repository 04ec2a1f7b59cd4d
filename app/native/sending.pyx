# cython: language_level=3, boundscheck=False, wraparound=False
"""New small files and directories read and encoded as change records, many of them without the interpreter."""

from libc cimport errno as system
from libc.errno cimport EACCES, EINTR, EPERM
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from app.native.posix cimport (
    AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC, O_NOATIME, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, S_IFDIR,
    S_IFMT, S_IFREG, close, fstat, fstatat, kept_ns, openat, pread, stat_t, timespec,
)
from app.native.packing cimport HEAD_MOST, put_bytes, put_head, put_signed, put_unsigned

cdef extern from "Python.h":
    ctypedef struct PyObject:
        pass
    int _PyBytes_Resize(PyObject **what, Py_ssize_t size) except -1
    char *PyBytes_AS_STRING(PyObject *)
    PyObject *PyBytes_New "PyBytes_FromStringAndSize"(const char *, Py_ssize_t) except NULL
    void Py_DECREF(PyObject *)

cdef enum:
    RECORD_MOST = 160      # more than all of a record but its path and its content
    REPLACE_FILE = 2       # the tags of `app.replication.codec`
    MAKE_ENTRY = 4

cdef struct Wanted:
    size_t path            # where in the paths its absolute path begins, which ends with a zero
    size_t prefix          # how much of that is the root and a slash
    size_t length          # of the path beneath the root
    unsigned int mode
    int64_t size
    int64_t inode
    int64_t changed

cdef struct Done:
    size_t entries         # how many of those asked for are in the records
    size_t used            # bytes of the records
    int64_t content
    int64_t passed
    size_t files


cdef inline int64_t _ns(timespec moment) noexcept nogil:
    return kept_ns(&moment)


cdef inline bint _is_wanted(const Wanted *wanted, const stat_t *status, uint64_t device) noexcept nogil:
    """Whether it is the recorded inode, of whose attributes its change time says that there are none."""
    return (
        <int64_t>(status.st_ino & 0x7FFFFFFFFFFFFFFFULL) == wanted.inode
        and status.st_dev == device
        and status.st_mode == wanted.mode
        and wanted.changed == _ns(status.st_ctim)
    )


cdef size_t _metadata(unsigned char *at, unsigned int kind, const stat_t *status, int64_t size) noexcept nogil:
    cdef size_t used = 1
    at[0] = 0x99
    used += put_unsigned(at + used, kind)
    used += put_unsigned(at + used, status.st_mode & 0o7777)
    used += put_unsigned(at + used, status.st_uid)
    used += put_unsigned(at + used, status.st_gid)
    used += put_unsigned(at + used, <uint64_t>size)
    used += put_signed(at + used, _ns(status.st_mtim))
    at[used] = 0x90
    at[used + 1] = 0xC4
    at[used + 2] = 0
    at[used + 3] = 0
    return used + 4


cdef int _open(const char *path) noexcept nogil:
    cdef int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
    cdef int fd = openat(AT_FDCWD, path, flags | O_NOATIME)
    if fd < 0 and (system.errno == EPERM or system.errno == EACCES):
        fd = openat(AT_FDCWD, path, flags)
    return fd


cdef size_t _begin(
    unsigned char *at, unsigned char fields, unsigned char tag, const Wanted *wanted, const char *whole,
    const unsigned char *root, size_t root_length, size_t behind,
) noexcept nogil:
    """How long a record is, and all of it that is before its metadata; `behind` are the bytes from there on."""
    cdef:
        unsigned char head[HEAD_MOST]
        size_t used = put_head(at, 2 + root_length + put_head(head, wanted.length) + wanted.length + behind)
    at[used] = 0x90 | fields
    at[used + 1] = tag
    used += 2
    memcpy(at + used, root, root_length)
    used += root_length
    return used + put_bytes(at + used, whole + wanted.prefix, wanted.length)


cdef bint _directory(
    const Wanted *wanted, const char *whole, const unsigned char *root, size_t root_length, unsigned int kind,
    uint64_t device, unsigned char *into, size_t *used,
) noexcept nogil:
    cdef:
        stat_t status
        unsigned char metadata[96]
        size_t metadata_length, at = used[0]
    if fstatat(AT_FDCWD, whole, &status, AT_SYMLINK_NOFOLLOW) != 0 or not _is_wanted(wanted, &status, device):
        return False
    metadata_length = _metadata(metadata, kind, &status, 0)
    at += _begin(into + at, 4, MAKE_ENTRY, wanted, whole, root, root_length, metadata_length)
    memcpy(into + at, metadata, metadata_length)
    used[0] = at + metadata_length
    return True


cdef bint _file(
    const Wanted *wanted, const char *whole, const unsigned char *root, size_t root_length, unsigned int kind,
    uint64_t device, unsigned char *into, size_t *used, int64_t *content,
) noexcept nogil:
    cdef:
        stat_t status, after
        unsigned char rest[128]
        size_t rest_length, at = used[0]
        int64_t size, got = 0, part
        int fd = _open(whole)
        bint same
    if fd < 0:
        return False
    size = wanted.size
    if (
        fstat(fd, &status) != 0
        or not _is_wanted(wanted, &status, device)
        # The room is for what is recorded; a file with holes is no usual one.
        or status.st_size != size
        or status.st_blocks * 512 < size
    ):
        close(fd)
        return False
    rest_length = _metadata(rest, kind, &status, size)
    if size:
        rest[rest_length] = 0x92
        rest[rest_length + 1] = 0
        rest_length += 2 + put_unsigned(rest + rest_length + 2, <uint64_t>size)
    else:
        rest[rest_length] = 0x90
        rest_length += 1
    rest_length += put_head(rest + rest_length, <size_t>size)
    at += _begin(
        into + at, 7, REPLACE_FILE, wanted, whole, root, root_length, rest_length + <size_t>size + 1
    )
    memcpy(into + at, rest, rest_length)
    at += rest_length
    while got < size:
        part = pread(fd, into + at + got, <size_t>(size - got), got)
        if part < 0 and system.errno == EINTR:
            continue
        if part <= 0:
            break
        got += part
    same = (
        got == size
        and fstat(fd, &after) == 0
        and after.st_ino == status.st_ino
        and after.st_dev == status.st_dev
        and after.st_size == status.st_size
        and _ns(after.st_mtim) == _ns(status.st_mtim)
        and _ns(after.st_ctim) == _ns(status.st_ctim)
    )
    close(fd)
    if not same:
        return False
    at += <size_t>size
    into[at] = 0
    used[0] = at + 1
    content[0] += size
    return True


cdef void _read(
    const Wanted *wanted, size_t count, const char *paths, const unsigned char *root, size_t root_length,
    unsigned int file_kind, unsigned int directory_kind, uint64_t device, unsigned char *into, Done *done,
) noexcept nogil:
    cdef size_t at
    cdef bint is_file
    for at in range(count):
        is_file = wanted[at].mode & S_IFMT == S_IFREG
        if is_file:
            if not _file(
                &wanted[at], paths + wanted[at].path, root, root_length, file_kind, device, into, &done.used,
                &done.content,
            ):
                return
            done.files += 1
            done.passed += wanted[at].size
        elif not _directory(
            &wanted[at], paths + wanted[at].path, root, root_length, directory_kind, device, into, &done.used
        ):
            return
        done.entries += 1


def new_entries(
    bytes root_path, unsigned int root, uint64_t device, unsigned int file_kind, unsigned int directory_kind,
    list rows, Py_ssize_t first, int64_t size_most,
):
    """The records of `rows` from `first` on, in their order, up to the first that is not as it is recorded.

    Each row is (key, _, _, _, _, size, _, xattrs, _, _, _, device, inode, changed, mode, hashes) of a file or
    directory without attributes on the device of the root; another one ends it as well, and so does a file
    of more than `size_most` bytes. A record comes behind the header that msgpack gives to so many bytes.
    Returns (records, entries, files, bytes of content, bytes passed). Other threads go on.
    """
    cdef:
        Py_ssize_t number, total = len(rows), asked = 0
        Wanted *wanted = NULL
        char *paths = NULL
        char *path
        const char *key
        size_t space = 0, room = 0, prefix = len(root_path) + 1, length, at
        const char *root_start = root_path
        unsigned char packed_root[9]
        size_t root_length = put_unsigned(packed_root, root)
        tuple row
        Done done
        PyObject *records = NULL
        unsigned char *into
        int64_t size, moment
        unsigned int mode
    if first < 0 or first > total:
        raise ValueError("beyond the rows")
    done.entries = done.used = done.files = 0
    done.content = done.passed = 0
    wanted = <Wanted *>calloc(total - first + 1, sizeof(Wanted))
    if wanted == NULL:
        raise MemoryError
    try:
        for number in range(first, total):
            row = rows[number]
            if len(row) != 16:
                raise ValueError("not a row")
            mode = row[14]
            size = row[5]
            moment = row[13]
            if (
                row[7]
                or row[11] != 0
                or moment == 0
                or row[15] is not None
                or (mode & S_IFMT != S_IFREG and mode & S_IFMT != S_IFDIR)
                or (mode & S_IFMT == S_IFREG and (size < 0 or size > size_most))
                or len(<bytes?>row[0]) == 0
            ):
                break
            length = len(<bytes>row[0])
            wanted[asked].path = space
            wanted[asked].prefix = prefix
            wanted[asked].length = length
            wanted[asked].mode = mode
            wanted[asked].size = size if mode & S_IFMT == S_IFREG else 0
            wanted[asked].inode = row[12]
            wanted[asked].changed = moment if moment > 0 else -moment
            space += prefix + length + 1
            room += length + RECORD_MOST + <size_t>wanted[asked].size
            asked += 1
        if asked == 0:
            return b"", 0, 0, 0, 0
        paths = <char *>malloc(space)
        if paths == NULL:
            raise MemoryError
        for number in range(asked):
            path = paths + wanted[number].path
            memcpy(path, root_start, prefix - 1)
            path[prefix - 1] = b"/"
            key = <bytes>(<tuple>rows[first + number])[0]
            for at in range(wanted[number].length):
                path[prefix + at] = key[at] if key[at] != 0 else b"/"
            path[prefix + wanted[number].length] = 0
        records = PyBytes_New(NULL, <Py_ssize_t>room)
        into = <unsigned char *>PyBytes_AS_STRING(records)
        with nogil:
            _read(
                wanted, asked, paths, packed_root, root_length, file_kind, directory_kind, device, into, &done
            )
        _PyBytes_Resize(&records, <Py_ssize_t>done.used)
        result = <object>records
        return result, done.entries, done.files, done.content, done.passed
    finally:
        if records != NULL:
            Py_DECREF(records)
        free(wanted)
        free(paths)
