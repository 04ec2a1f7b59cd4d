# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The listing of a root as msgpack has it, of all that is as it was noted: without the interpreter.

What is not as it was noted is asked for, entry by entry, in its place.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.exc cimport PyErr_SetFromErrno
from libc cimport errno as system
from libc.errno cimport ELOOP, ENOENT, ENOMEM, ENOTDIR
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy, strlen

from app.native.directory cimport Found, first_error, read_entries, sort_by_name
from app.native.packing cimport put_bytes, put_signed, put_unsigned
from app.native.posix cimport (
    DIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, close, closedir, dirfd,
    fdopendir, fstat, kept_ns, openat, readlinkat, stat_t,
)

cdef enum:
    ALL_LISTED
    IS_FULL
    ROWS_USED
    MUST_ASK
    MUST_OPEN
    FAILED

cdef enum:
    NEXT_ENTRY
    HAVE_ENTRY
    INTO_DIRECTORY

cdef enum:
    HELD_MOST = 100
    TARGET_MOST = 65537
    NAME_MOST = 256

DONE, FULL, ROWS, ASK, OPEN = ALL_LISTED, IS_FULL, ROWS_USED, MUST_ASK, MUST_OPEN

cdef int64_t U63 = 0x7FFFFFFFFFFFFFFFLL

cdef struct Level:
    int fd
    DIR *opened
    char *names
    Found *found
    size_t count
    size_t next
    size_t prefix

cdef struct Noted:
    const char *key
    const char *digest
    size_t length
    size_t digest_length
    int64_t inode
    int64_t mode
    int64_t size
    int64_t modified
    int64_t changed

cdef struct Linked:
    size_t at
    size_t length
    uint64_t inode


cdef int _read(int fd, const char *hidden, Level *level) noexcept nogil:
    """All names in a directory with their status, sorted, and not those that begin with `hidden`.

    0, or the number of the error (-1: no memory); nothing is kept then, nor open.
    """
    cdef:
        DIR *opened = fdopendir(fd)
        Found *found = NULL
        char *names = NULL
        size_t count = 0, kept = 0, at, hidden_length = strlen(hidden) if hidden != NULL else 0
        int failed
    if opened == NULL:
        failed = system.errno
        close(fd)
        return failed
    failed = read_entries(opened, &found, &count, &names)
    if hidden_length:
        for at in range(count):
            if found[at].length < hidden_length or memcmp(found[at].name, hidden, hidden_length) != 0:
                found[kept] = found[at]
                kept += 1
        count = kept
    failed = failed or first_error(found, count)
    if failed != 0:
        closedir(opened)
        free(found)
        free(names)
        return -1 if failed == ENOMEM else failed
    sort_by_name(found, count)
    level.names, level.found, level.count, level.next = names, found, count, 0
    level.opened, level.fd = opened, dirfd(opened)
    return 0


cdef class Walk:
    """One listing of the directory `root`, whose descriptor stays open until `close`."""

    cdef:
        int _root
        bytes _hidden
        const char *_hidden_name
        Level *_levels
        size_t _depth
        size_t _levels_room
        int _state
        stat_t _status
        char *_path
        size_t _path_length
        size_t _path_room
        uint8_t *_out
        size_t _used
        size_t _out_room
        Linked *_linked
        size_t _linked_count
        size_t _linked_room
        char *_target
        list _rows
        Noted *_noted
        size_t _noted_count
        int _error

    def __cinit__(self, int root, bytes hidden):
        """`hidden` is how the names in `root` begin that are left out."""
        self._root = -1
        self._hidden = hidden
        self._hidden_name = PyBytes_AS_STRING(hidden)
        self._state = HAVE_ENTRY
        self._path_room = 4096
        self._path = <char *>malloc(self._path_room)
        self._target = <char *>malloc(TARGET_MOST)
        if self._path == NULL or self._target == NULL:
            raise MemoryError
        if fstat(root, &self._status) != 0:
            PyErr_SetFromErrno(OSError)
        self._root = openat(root, b".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if self._root < 0:
            PyErr_SetFromErrno(OSError)

    def __dealloc__(self):
        self._end()
        free(self._levels)
        free(self._path)
        free(self._out)
        free(self._linked)
        free(self._target)
        free(self._noted)

    def close(self):
        """Close all that is open; nothing can be listed any more."""
        self._end()

    cdef void _end(self) noexcept:
        while self._depth > 0:
            self._leave()
        if self._root >= 0:
            close(self._root)
        self._root = -1

    cdef void _leave(self) noexcept nogil:
        self._depth -= 1
        cdef Level *level = &self._levels[self._depth]
        if level.opened != NULL:
            closedir(level.opened)
        free(level.names)
        free(level.found)

    @property
    def path(self):
        """The path of the entry that is asked for, or is to be opened."""
        return PyBytes_FromStringAndSize(self._path, self._path_length)

    @property
    def status(self):
        """Its mode, inode, device, links, user, group, size, number of a device, and times in ns."""
        cdef stat_t *found = &self._status
        return (
            found.st_mode, found.st_ino, found.st_dev, found.st_nlink, found.st_uid, found.st_gid,
            found.st_size, found.st_rdev, kept_ns(&found.st_mtim),
            kept_ns(&found.st_ctim),
        )

    def go_on(self, bint there):
        """What was asked for is in the listing, or is not, nor what is in it."""
        self._state = NEXT_ENTRY
        if there and self._status.st_mode & S_IFMT == S_IFDIR:
            self._state = INTO_DIRECTORY

    def enter(self, int fd):
        """`fd` is the directory that is to be opened. Raises OSError."""
        self._state = NEXT_ENTRY
        cdef int failed
        with nogil:
            failed = self._open(fd, b".")
        self._check(failed)

    cdef _check(self, int failed):
        if failed == -1:
            raise MemoryError
        if failed != 0:
            system.errno = failed
            PyErr_SetFromErrno(OSError)

    cdef int _open(self, int above, const char *name) noexcept nogil:
        """Go into a directory; what is no directory any more has nothing in it. 0 or the error."""
        cdef:
            Level *more
            Level *level
            size_t room
            int failed, fd
        if self._depth == self._levels_room:
            room = 16 if self._levels_room == 0 else self._levels_room * 2
            more = <Level *>realloc(self._levels, room * sizeof(Level))
            if more == NULL:
                return -1
            self._levels, self._levels_room = more, room
        fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if fd < 0:
            failed = system.errno
            return 0 if failed == ENOENT or failed == ENOTDIR or failed == ELOOP else failed
        level = &self._levels[self._depth]
        failed = _read(fd, self._hidden_name if self._path_length == 0 else NULL, level)
        if failed != 0:
            return failed
        if self._depth >= HELD_MOST:
            closedir(level.opened)
            level.opened, level.fd = NULL, -1
        level.prefix = self._path_length
        if self._path_length > 0:
            if not self._path_fits(self._path_length + 1):
                self._depth += 1
                self._leave()
                return -1
            self._path[self._path_length] = c"/"
            level.prefix += 1
        self._depth += 1
        return 0

    cdef bint _path_fits(self, size_t length) noexcept nogil:
        cdef:
            size_t room = self._path_room
            char *longer
        if length <= room:
            return True
        while room < length:
            room *= 2
        longer = <char *>realloc(self._path, room)
        if longer == NULL:
            return False
        self._path, self._path_room = longer, room
        return True

    cdef bint _step(self) noexcept nogil:
        """Have the next entry; false at the end."""
        cdef:
            Level *level
            Found *found
        while self._depth > 0:
            level = &self._levels[self._depth - 1]
            if level.next < level.count:
                found = &level.found[level.next]
                if not self._path_fits(level.prefix + found.length):
                    self._error = -1
                    return False
                level.next += 1
                memcpy(self._path + level.prefix, found.name, found.length)
                self._path_length = level.prefix + found.length
                self._status = found.status
                return True
            self._leave()
        return False

    def run(self, list rows, Py_ssize_t at, Py_ssize_t most_entries, Py_ssize_t most_bytes):
        """List on as long as what is found is what the `rows` from `at` on say, an entry each.

        `rows` are in order, none when there are no more. Not more than so many entries, nor much more than
        so many bytes of paths and a hundred for each.

        Returns (entries in msgpack, how many, those bytes, the next row, why it ends, [(path, inode)] of
        those with several names). Raises OSError.
        """
        cdef:
            Py_ssize_t count = 0, size = 0, number
            int why = ALL_LISTED
            Noted *noted
            ssize_t target
            bint link
        if self._root < 0:
            raise ValueError("closed")
        if rows is not self._rows:
            self._take(rows)
        if at < 0:
            raise ValueError("no such row")
        self._used = self._linked_count = 0
        self._error = 0
        with nogil:
            while True:
                if self._state == INTO_DIRECTORY:
                    if self._depth > 0 and self._levels[self._depth - 1].fd < 0:
                        why = MUST_OPEN
                        break
                    self._state = NEXT_ENTRY
                    if self._depth == 0:
                        self._error = self._open(self._root, b".")
                    else:
                        self._error = self._open(self._levels[self._depth - 1].fd, self._name())
                    if self._error != 0:
                        why = FAILED
                        break
                if self._state == NEXT_ENTRY:
                    if not self._step():
                        why = FAILED if self._error != 0 else ALL_LISTED
                        break
                    self._state = HAVE_ENTRY
                if count >= most_entries or size >= most_bytes:
                    why = IS_FULL
                    break
                if at >= <Py_ssize_t>self._noted_count:
                    why = ROWS_USED if self._noted_count > 0 else MUST_ASK
                    break
                noted = &self._noted[at]
                if not self._is(noted):
                    why = MUST_ASK
                    break
                link = self._status.st_mode & S_IFMT == S_IFLNK
                target = 0
                if link:
                    if self._depth == 0 or self._levels[self._depth - 1].fd < 0:
                        why = MUST_ASK
                        break
                    target = readlinkat(
                        self._levels[self._depth - 1].fd, self._name(), self._target, TARGET_MOST
                    )
                    if target <= 0 or target == TARGET_MOST:
                        why = MUST_ASK
                        break
                if not self._pack(noted, target):
                    self._error = -1
                    why = FAILED
                    break
                at += 1
                count += 1
                size += self._path_length + target + 100
                self._state = NEXT_ENTRY
                if self._status.st_mode & S_IFMT == S_IFDIR:
                    self._state = INTO_DIRECTORY
        if why == FAILED:
            self._check(self._error)
        linked = [
            (
                PyBytes_FromStringAndSize(
                    <const char *>self._out + self._linked[number].at, self._linked[number].length
                ),
                self._linked[number].inode,
            )
            for number in range(<Py_ssize_t>self._linked_count)
        ]
        return PyBytes_FromStringAndSize(<const char *>self._out, self._used), count, size, at, why, linked

    cdef const char *_name(self) noexcept nogil:
        """The name of the entry that was stepped to last in the innermost directory."""
        cdef Level *level = &self._levels[self._depth - 1]
        return level.found[level.next - 1].name

    cdef _take(self, list rows):
        cdef:
            Noted *noted
            Py_ssize_t count = len(rows), at
            bytes key, digest
        self._rows = None
        self._noted_count = 0
        noted = <Noted *>realloc(self._noted, (count if count else 1) * sizeof(Noted))
        if noted == NULL:
            raise MemoryError
        self._noted = noted
        for at in range(count):
            key, inode, mode, _, _, size, modified, changed, digest = rows[at]
            noted = &self._noted[at]
            noted.key, noted.length = PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key)
            noted.digest, noted.digest_length = PyBytes_AS_STRING(digest), PyBytes_GET_SIZE(digest)
            noted.inode, noted.mode, noted.size = inode, mode, size
            noted.modified, noted.changed = modified, changed
        self._rows = rows
        self._noted_count = count

    cdef bint _is(self, const Noted *noted) noexcept nogil:
        """Whether what is there is just what was noted."""
        cdef:
            const stat_t *found = &self._status
            size_t at
            char one
        if noted.length != self._path_length or noted.changed == 0:
            return False
        if noted.changed != kept_ns(&found.st_ctim):
            return False
        if noted.modified != kept_ns(&found.st_mtim):
            return False
        if noted.inode != <int64_t>(found.st_ino & <uint64_t>U63) or noted.mode != found.st_mode:
            return False
        if noted.size != found.st_size and found.st_mode & S_IFMT == S_IFREG:
            return False
        for at in range(self._path_length):
            one = self._path[at]
            if noted.key[at] != (0 if one == c"/" else one):
                return False
        return True

    cdef bint _pack(self, const Noted *noted, size_t target) noexcept nogil:
        cdef:
            const stat_t *found = &self._status
            uint32_t kind = found.st_mode >> 12
            size_t needed = self._used + self._path_length + noted.digest_length + target + 128
            size_t room = self._out_room
            uint8_t *longer
            unsigned char *at
            Linked *more
            uint64_t device = 0
        if room < needed:
            room = room if room else 65536
            while room < needed:
                room *= 2
            longer = <uint8_t *>realloc(self._out, room)
            if longer == NULL:
                return False
            self._out, self._out_room = longer, room
        if found.st_nlink > 1 and found.st_mode & S_IFMT != S_IFDIR:
            if self._linked_count == self._linked_room:
                room = 64 if self._linked_room == 0 else self._linked_room * 2
                more = <Linked *>realloc(self._linked, room * sizeof(Linked))
                if more == NULL:
                    return False
                self._linked, self._linked_room = more, room
        at = self._out + self._used
        at[0] = 0x9D
        at += 1
        at += put_bytes(at, self._path, self._path_length)
        if found.st_nlink > 1 and found.st_mode & S_IFMT != S_IFDIR:
            self._linked[self._linked_count].at = at - self._out - self._path_length
            self._linked[self._linked_count].length = self._path_length
            self._linked[self._linked_count].inode = found.st_ino
            self._linked_count += 1
        at += put_unsigned(at, kind)
        at += put_unsigned(at, found.st_mode & 0o7777)
        at += put_unsigned(at, found.st_uid)
        at += put_unsigned(at, found.st_gid)
        at += put_unsigned(at, found.st_size if found.st_mode & S_IFMT == S_IFREG else 0)
        at += put_signed(at, kept_ns(&found.st_mtim))
        at += put_bytes(at, noted.digest, noted.digest_length)
        at += put_bytes(at, self._target, target)
        if kind == 2 or kind == 6:
            device = found.st_rdev
        at += put_unsigned(at, device)
        at += put_unsigned(at, found.st_dev)
        at += put_unsigned(at, found.st_ino)
        at += put_unsigned(at, found.st_nlink)
        self._used = at - self._out
        return True
