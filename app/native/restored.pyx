# cython: language_level=3, boundscheck=False, wraparound=False
"""What a restore has made, a directory's files at a time: noted in its journal, and looked at where they are.

Entries of a session are given as they come from `app.media.node`; numbers that no file can have, or anything
else that is out of the ordinary, is left to the caller: None.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc cimport errno as system
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy, strlen

from app.native.directory cimport Found, first_error, read_directory
from app.native.packing cimport HEAD_MOST, NUMBER_MOST, put_bytes, put_head, put_signed, put_unsigned
from app.native.posix cimport AT_SYMLINK_NOFOLLOW, S_IFMT, S_IFREG, fstatat, kept_ns, stat_t
from app.native.unpacking cimport NEGATIVE, NO_NUMBER, POSITIVE, take_array, take_bytes, take_number

cdef enum:
    MODE = 0o7777
    NAME_MOST = 255
    VALUES = 6
    # As many values an entry of a session has, at least: up to the time.
    ENTRY = 7
    # What a record has besides its target and numbers, and more.
    AROUND = 40

cdef struct File:
    const char *name
    size_t length
    uint64_t inode
    int64_t size
    int64_t modified
    uint32_t permissions
    uint32_t uid
    uint32_t gid
    bint there

cdef uint32_t[256] _check


cdef void _prepare() noexcept:
    cdef uint32_t number, value
    cdef int step
    for number in range(256):
        value = number
        for step in range(8):
            value = (value >> 1) ^ 0xEDB88320 if value & 1 else value >> 1
        _check[number] = value


_prepare()


cdef uint32_t _crc32(const unsigned char *data, size_t length) noexcept nogil:
    """As zlib has it."""
    cdef uint32_t value = 0xFFFFFFFF
    cdef size_t at
    for at in range(length):
        value = _check[(value ^ data[at]) & 0xFF] ^ (value >> 8)
    return ~value


cdef inline size_t _put_u32(unsigned char *at, uint32_t value) noexcept nogil:
    at[0] = value & 0xFF
    at[1] = (value >> 8) & 0xFF
    at[2] = (value >> 16) & 0xFF
    at[3] = value >> 24
    return 4


cdef int _take(File *file, list entry, inode, list kept) except -1:
    """Take what the entry of a plain file says. False for what no file can have."""
    cdef bytes name
    if entry is None or len(entry) < ENTRY:
        raise ValueError("no entry of a session")
    name = entry[0]
    if name is None:
        raise ValueError("no name")
    kept.append(name)
    file.name = PyBytes_AS_STRING(name)
    file.length = PyBytes_GET_SIZE(name)
    try:
        file.inode = inode
        file.permissions = <uint32_t>entry[2] & MODE
        file.uid = entry[3]
        file.gid = entry[4]
        file.size = entry[5]
        file.modified = entry[6]
    except OverflowError:
        return False
    return file.size >= 0


def records(bytes base, list entries, list inodes):
    """The records of a restore's journal for new files in the directory `base`, which ends with a slash.

    Each is what `app.backup.journal` makes of the creation of one; None where that has to be done there.
    """
    cdef:
        list kept = []
        Py_ssize_t count = len(entries), number
        size_t room = 0, used = 0, above = len(base), start
        const char *first = base
        unsigned char *out = NULL
        File *files
        File file
    if len(inodes) != count:
        raise ValueError("an inode for each entry")
    files = <File *>calloc(count + 1, sizeof(File))
    if files == NULL:
        raise MemoryError
    try:
        for number in range(count):
            if not _take(&files[number], entries[number], inodes[number], kept):
                return None
            room += above + files[number].length + HEAD_MOST + VALUES * NUMBER_MOST + AROUND
        out = <unsigned char *>malloc(room + 1)
        if out == NULL:
            raise MemoryError
        for number in range(count):
            file = files[number]
            start = used
            used += 8
            memcpy(out + used, b"\x97\xa6create", 8)
            used += 8
            used += put_head(out + used, above + file.length)
            memcpy(out + used, first, above)
            memcpy(out + used + above, file.name, file.length)
            used += above + file.length
            # Nothing is kept, nothing was before.
            memcpy(out + used, b"\xc4\x00\xc0\x96", 4)
            used += 4
            used += put_unsigned(out + used, file.inode)
            used += put_unsigned(out + used, <uint64_t>file.size)
            used += put_signed(out + used, file.modified)
            used += put_unsigned(out + used, S_IFREG | file.permissions)
            used += put_unsigned(out + used, file.uid)
            used += put_unsigned(out + used, file.gid)
            memcpy(out + used, b"\x90\xc0", 2)
            used += 2
            _put_u32(out + start, <uint32_t>(used - start - 8))
            _put_u32(out + start + 4, _crc32(out + start + 8, used - start - 8))
        return PyBytes_FromStringAndSize(<char *>out, used)
    finally:
        free(files)
        free(out)


cdef bint _is(const File *file, const stat_t *found) noexcept nogil:
    """Whether what was found is a file with these metadata. The inode is not looked at."""
    return (
        (found.st_mode & S_IFMT) == S_IFREG
        and (found.st_mode & MODE) == file.permissions
        and found.st_uid == file.uid
        and found.st_gid == file.gid
        and found.st_size == file.size
        and kept_ns(&found.st_mtim) == file.modified
    )


cdef bint _is_name(const char *name, size_t length) noexcept nogil:
    return 0 < length <= NAME_MOST and strlen(name) == length


def unequal(int directory, list entries, list inodes):
    """The numbers of those files of which another, or nothing, is in the open directory by the same name.

    Other threads go on.
    """
    cdef:
        Py_ssize_t count = len(entries), number
        File *files
        stat_t found
        list kept = []
        list result = []
    if len(inodes) != count:
        raise ValueError("an inode for each entry")
    files = <File *>calloc(count + 1, sizeof(File))
    if files == NULL:
        raise MemoryError
    try:
        for number in range(count):
            files[number].there = _take(&files[number], entries[number], inodes[number], kept)
        with nogil:
            for number in range(count):
                files[number].there = (
                    files[number].there
                    and _is_name(files[number].name, files[number].length)
                    and fstatat(directory, files[number].name, &found, AT_SYMLINK_NOFOLLOW) == 0
                    and found.st_ino == files[number].inode
                    and _is(&files[number], &found)
                )
        for number in range(count):
            if not files[number].there:
                result.append(number)
    finally:
        free(files)
    return result


cdef Py_ssize_t _told(bytes packed, File **files, Py_ssize_t known) except -2:
    """Add what `app.replication.staged.packed_files` packed to `files`; how many there are then, or -1."""
    cdef:
        const unsigned char *at = <const unsigned char *>PyBytes_AS_STRING(packed)
        const unsigned char *end = at + PyBytes_GET_SIZE(packed)
        const unsigned char *name
        uint64_t count, values, number, value
        uint64_t read[5]
        size_t length
        int sign
        File *more
    # Each file takes more than eight bytes: no room is made for what cannot be there.
    if not take_array(&at, end, &count) or count > <uint64_t>(end - at) // 8:
        return -1
    more = <File *>realloc(files[0], (known + count + 1) * sizeof(File))
    if more == NULL:
        raise MemoryError
    files[0] = more
    for number in range(count):
        if not take_array(&at, end, &values) or values != VALUES or not take_bytes(&at, end, &name, &length):
            return -1
        for value in range(VALUES - 1):
            sign = take_number(&at, end, &read[value])
            if sign == NO_NUMBER or (sign == NEGATIVE and value != 4):
                return -1
            if read[value] > (0xFFFFFFFFULL if value < 3 else 0x7FFFFFFFFFFFFFFFULL) and sign == POSITIVE:
                return -1
        if not 0 < length <= NAME_MOST:
            return -1
        more[known + number].name = <const char *>name
        more[known + number].length = length
        more[known + number].permissions = <uint32_t>read[0]
        more[known + number].uid = <uint32_t>read[1]
        more[known + number].gid = <uint32_t>read[2]
        more[known + number].size = <int64_t>read[3]
        more[known + number].modified = <int64_t>read[4]
        more[known + number].there = False
    return known + count if at == end else -1


def rows(int directory, list packed, int root, bytes prefix):
    """Look at an open directory for the files told of: (the rows of their states, other names, how many were told).

    `packed`: parts that `app.replication.staged.packed_files` made. A row is what
    `app.replication.replica.drift_states.state_row` makes, its key begins with `prefix`; they are in the order
    of their names. What is not a file exactly as told is among the other names. None where all has to be looked
    at one by one. Other threads go on.

    Raises:
        OSError: the directory cannot be read, or an entry not looked at.
    """
    cdef:
        File *files = NULL
        Found *found = NULL
        char *names = NULL
        const char *above = prefix
        size_t count = 0, at, before = len(prefix)
        Py_ssize_t known = 0, number
        int failed = 0
        bytes part, name, key
        dict by_name = {}
        list result = []
        list others = []
        object told
        const stat_t *status
    try:
        for part in packed:
            known = _told(part, &files, known)
            if known < 0:
                return None
        for number in range(known):
            by_name[PyBytes_FromStringAndSize(files[number].name, files[number].length)] = number
        if len(by_name) != known:
            return None
        with nogil:
            failed = read_directory(directory, b".", &found, &count, &names)
            failed = failed or first_error(found, count)
        if failed != 0:
            system.errno = failed
            PyErr_SetFromErrno(OSError)
        for at in range(count):
            name = PyBytes_FromStringAndSize(found[at].name, found[at].length)
            told = by_name.get(name)
            status = &found[at].status
            if told is None or not _is(&files[<Py_ssize_t>told], status) or status.st_ino > 0x7FFFFFFFFFFFFFFFULL:
                others.append(name)
                continue
            key = PyBytes_FromStringAndSize(NULL, before + found[at].length)
            memcpy(PyBytes_AS_STRING(key), above, before)
            memcpy(PyBytes_AS_STRING(key) + before, found[at].name, found[at].length)
            result.append((
                root, key, status.st_ino, status.st_mode, status.st_uid, status.st_gid, status.st_size,
                kept_ns(&status.st_mtim), kept_ns(&status.st_ctim), b"",
            ))
    finally:
        free(files)
        free(found)
        free(names)
    result.sort(key=_key)
    others.sort()
    return result, others, known


def _key(tuple row):
    return row[1]
