# cython: language_level=3, boundscheck=False, wraparound=False
"""The walk that fills the shadow: entries beneath a root in the order of their keys, as the rows kept of them."""

from libc cimport errno as system
from libc.errno cimport ENAMETOOLONG, ENODATA, ENOMEM, EOPNOTSUPP
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcmp, memcpy

from app.native.directory cimport Found, first_error, read_entries, sort_by_name
from app.native.posix cimport (
    AT_FDCWD, DIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, S_IFDIR, S_IFMT, S_IFREG, S_IFSOCK, close, closedir,
    fdopendir, fstat, kept_ns, llistxattr, openat, stat_t,
)
from app.native.recorded cimport Row, Rows

cdef extern from "<sys/stat.h>" nogil:
    unsigned int S_IFCHR
    unsigned int S_IFBLK

cdef extern from "<limits.h>" nogil:
    size_t PATH_MAX

cdef extern from "Python.h":
    char *PyBytes_AS_STRING(object)
    Py_ssize_t PyBytes_GET_SIZE(object)
    object PyBytes_FromStringAndSize(const char *, Py_ssize_t)

DIRECTORY, UNUSUAL, NEED_ROWS, FULL, END = range(5)
REFUSED, ENTERED, LISTED = range(3)

cdef enum:
    _DIRECTORY = 0
    _UNUSUAL = 1
    _NEED_ROWS = 2
    _FULL = 3
    _END = 4
    _REFUSED = 0
    _ENTERED = 1
    _LISTED = 2
    NAMES_MOST = 256
    NAME_LONGEST = 255     # as `NAME_MAX_BYTES` of app.model.paths

cdef uint64_t U63 = 0x7FFFFFFFFFFFFFFFULL

cdef struct Level:
    Found *found
    char *names
    size_t count
    size_t next
    size_t prefix          # how long the path of the directory is, with the slash behind it


cdef int _order(Rows rows, Py_ssize_t number, const char *path, size_t length) noexcept nogil:
    """How the key of a row is to a path (or a key), whose slashes count as zeros."""
    cdef:
        const Row *row = &rows.items[number]
        const unsigned char *key = rows.heap + row.key
        size_t at, common = min(row.key_length, length)
        unsigned char other
    for at in range(common):
        other = <unsigned char>path[at]
        if other == c"/":
            other = 0
        if key[at] != other:
            return -1 if key[at] < other else 1
    return -1 if row.key_length < length else 1 if row.key_length > length else 0


cdef inline bint _begins(const Found *found, const char *start, size_t length) noexcept nogil:
    return found.length >= length and memcmp(found.name, start, length) == 0


cdef inline int64_t _mtime(const stat_t *status) noexcept nogil:
    return kept_ns(&status.st_mtim)


cdef inline int64_t _ctime(const stat_t *status) noexcept nogil:
    return kept_ns(&status.st_ctim)


cdef class Walk:
    """For one thread. `step` says what comes next:

    DIRECTORY: one that is to be watched: then `enter` it, or, where that says False, `leave_out` it;
    UNUSUAL: an entry that is not for this class: look at it (`path`), then `leave_out` it;
    NEED_ROWS: the next rows that are recorded are wanted (`recorded`, `SeenRow`s, best as `Rows`; None: there are no
    more);
    FULL: as many entries as a part may have were passed; END: all were.

    Names that begin with `reserved` (with `ask_all` all) are left out where `leaves_out(path, directory=)` says
    so. An extended attribute `passed_over` that is the only one counts as none.

    `part`, `plain` and `gone` are what was found since they were taken last: `Rows` as `ShadowRow`, the values for
    `Shadow.put_plain` of those that are not recorded so, and the keys recorded of what is not there. Whoever handles an
    entry itself adds to them, and takes what is recorded of it by `recorded_at`.

    What is as it is recorded is passed over without the interpreter.
    """

    cdef:
        bytes _root
        uint64_t _device
        bytes _reserved
        bytes _passed_over
        bint _ask_all
        object _leaves_out
        Level *_levels
        size_t _depth
        size_t _room
        char *_path            # the root, a slash, the path of what comes next, a zero
        size_t _path_room
        size_t _path_length
        size_t _path_start
        bint _ready
        Rows _rows
        Py_ssize_t _at
        bint _rows_over
        object _empty
        object _zero
        readonly Rows part
        readonly list plain
        readonly list gone
        readonly int64_t youngest_ns
        public Py_ssize_t room

    def __cinit__(
        self, bytes root, uint64_t device, bytes reserved, bytes passed_over, bint ask_all,
        leaves_out, Py_ssize_t room,
    ):
        self._root = root
        self._device = device
        self._reserved = reserved
        self._passed_over = passed_over
        self._ask_all = ask_all
        self._leaves_out = leaves_out
        self._rows = Rows(seen=True)
        self._empty = b""
        self._zero = 0
        self.part = Rows()
        self.plain = []
        self.gone = []
        self.room = room
        self._path_start = len(root) + 1
        self._path_room = self._path_start + 4096
        self._path = <char *>malloc(self._path_room)
        if self._path == NULL:
            raise MemoryError
        memcpy(self._path, PyBytes_AS_STRING(root), len(root))
        self._path[len(root)] = b"/"

    def __dealloc__(self):
        while self._depth:
            self._pop()
        free(self._levels)
        free(self._path)

    cdef void _pop(self) noexcept nogil:
        self._depth -= 1
        free(self._levels[self._depth].found)
        free(self._levels[self._depth].names)

    def recorded(self, rows):
        """The next rows that are recorded, `SeenRow`s, in their order. Raises as `Rows` for what is none."""
        cdef Rows given
        if self._at < self._rows.count:
            raise ValueError("there are rows left")
        given = rows if isinstance(rows, Rows) else Rows(() if rows is None else rows, seen=True)
        if not given.seen:
            raise ValueError("rows of another kind")
        self._rows_over |= rows is None
        self._rows = given
        self._at = 0

    def taken(self):
        """(part, plain, gone) since the last time."""
        found = self.part, self.plain, self.gone
        self.part, self.plain, self.gone = Rows(), [], []
        return found

    def path(self):
        """The path of what `step` told of, beneath the root, and device and inode as they were seen."""
        cdef Found *found = self._next()
        return (
            PyBytes_FromStringAndSize(self._path + self._path_start, self._path_length - self._path_start),
            found.status.st_dev, found.status.st_ino,
        )

    def leave_out(self):
        """Go on behind what `step` told of."""
        self._next()
        self._levels[self._depth - 1].next += 1
        self._ready = False
        self.room -= 1

    def recorded_at(self, bytes key):
        """The row that is recorded with this key; None where there is none, or more are wanted first.

        What is recorded before it is gone. False: `recorded` has to give more rows first.
        """
        cdef int order
        while True:
            if self._at == self._rows.count:
                return None if self._rows_over else False
            order = _order(self._rows, self._at, PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key))
            if order < 0:
                self._is_gone()
                continue
            if order > 0:
                return None
            self._at += 1
            return self._rows.row(self._at - 1)

    def drop_rest(self):
        """All rows that are recorded and were given are gone."""
        while self._at < self._rows.count:
            self._is_gone()

    cdef int _is_gone(self) except -1 nogil:
        """What is recorded next is not there."""
        cdef Row *row
        with gil:
            row = &self._rows.items[self._at]
            self.gone.append(
                PyBytes_FromStringAndSize(
                    <const char *>self._rows.heap + row.key if row.key_length else NULL, row.key_length
                )
            )
        self._at += 1
        return 0

    cdef Found *_next(self) except NULL:
        if not self._depth or self._levels[self._depth - 1].next >= self._levels[self._depth - 1].count:
            raise ValueError("nothing comes next")
        return &self._levels[self._depth - 1].found[self._levels[self._depth - 1].next]

    def top(self):
        """List the root itself, of which nothing else is done. False: it cannot be."""
        cdef stat_t status
        if self._depth:
            raise ValueError("begun already")
        return self._list(&status, True)

    def enter(self):
        """Take the state of the directory that `step` told of, and list it: what is in it comes next.

        REFUSED: it is gone, none any more or cannot be read; nothing was done. ENTERED: all is done. LISTED:
        its own row is for the caller.
        """
        cdef:
            stat_t status
            Found *found = self._next()
            size_t length = self._path_length
            size_t level = self._depth - 1
            bint kept
        if found.status.st_mode & S_IFMT != S_IFDIR:
            raise ValueError("no directory")
        if not self._list(&status, False):
            return _REFUSED
        with nogil:
            kept = self._keep(&status)
        self._levels[level].next += 1
        self._path[length] = b"/"
        self._ready = False
        self.room -= 1
        return _ENTERED if kept else _LISTED

    cdef bint _list(self, stat_t *status, bint is_root) except -1:
        cdef:
            Found *found = NULL
            Level *levels
            char *names = NULL
            size_t count = 0, at, kept
            DIR *opened = NULL
            int fd, failed = 0
            size_t reserved_length = PyBytes_GET_SIZE(self._reserved)
            size_t prefix_length = self._path_start if is_root else self._path_length + 1
            const char *reserved = PyBytes_AS_STRING(self._reserved)
        if is_root:
            self._path[self._path_start - 1] = 0
        with nogil:
            fd = openat(AT_FDCWD, self._path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if fd < 0:
                failed = system.errno
            else:
                if fstat(fd, status) == 0:
                    opened = fdopendir(fd)
                if opened == NULL:
                    failed = system.errno
                    close(fd)
            if opened != NULL:
                failed = read_entries(opened, &found, &count, &names)
                closedir(opened)
                failed = failed or first_error(found, count)
                kept = 0
                for at in range(count):
                    if found[at].length > NAME_LONGEST or prefix_length + found[at].length >= PATH_MAX:
                        # No record, or no call, takes such a path: the caller tells of it.
                        failed = failed or ENAMETOOLONG
                        break
                    if found[at].status.st_mode & S_IFMT != S_IFSOCK:
                        found[kept] = found[at]
                        kept += 1
                count = kept
                sort_by_name(found, count)
        if is_root:
            self._path[self._path_start - 1] = b"/"
        if failed != 0:
            free(found)
            free(names)
            if failed == ENOMEM:
                raise MemoryError
            return False
        try:
            prefix = b"" if is_root else PyBytes_FromStringAndSize(
                self._path + self._path_start, self._path_length - self._path_start
            ) + b"/"
            kept = 0
            for at in range(count):
                if (self._ask_all or _begins(&found[at], reserved, reserved_length)) and self._leaves_out(
                    prefix + PyBytes_FromStringAndSize(found[at].name, found[at].length),
                    directory=found[at].status.st_mode & S_IFMT == S_IFDIR,
                ):
                    continue
                if kept != at:
                    found[kept] = found[at]
                kept += 1
            if self._depth == self._room:
                levels = <Level *>realloc(self._levels, (self._room + 64) * sizeof(Level))
                if levels == NULL:
                    raise MemoryError
                self._levels = levels
                self._room += 64
        except BaseException:
            free(found)
            free(names)
            raise
        self._levels[self._depth].found = found
        self._levels[self._depth].names = names
        self._levels[self._depth].count = kept
        self._levels[self._depth].next = 0
        self._levels[self._depth].prefix = self._path_start if is_root else self._path_length + 1
        self._depth += 1
        return True

    cdef int _place(self, const Found *found) except -1 nogil:
        """Make the path that of an entry of the level that is on top."""
        cdef size_t prefix = self._levels[self._depth - 1].prefix
        cdef char *longer
        if prefix + found.length + 2 > self._path_room:
            longer = <char *>realloc(self._path, 2 * self._path_room + found.length)
            if longer == NULL:
                with gil:
                    raise MemoryError
            self._path = longer
            self._path_room = 2 * self._path_room + found.length
        memcpy(self._path + prefix, found.name, found.length + 1)
        self._path_length = prefix + found.length
        return 0

    cdef int _recorded(self, const stat_t *status) except -1 nogil:
        """0: not recorded, 1: recorded so, 2: otherwise. The row is passed over."""
        cdef:
            const Row *row
            Row *known
            Py_ssize_t at = self._at
            unsigned int kind = status.st_mode & S_IFMT
        # The caller has seen to it that there is one, if any.
        if at == self._rows.count or _order(
            self._rows, at, self._path + self._path_start, self._path_length - self._path_start
        ) != 0:
            return 0
        row = &self._rows.items[at]
        self._at += 1
        if (
            row.changed != _ctime(status)
            or row.modified != _mtime(status)
            or row.mode != <int64_t>status.st_mode
            or row.inode != <int64_t>(status.st_ino & U63)
            or row.device != (0 if status.st_dev == self._device else <int64_t>(status.st_dev & U63))
            or row.links != <int64_t>status.st_nlink
            or row.size != (status.st_size if kind == S_IFREG else 0)
        ):
            return 2
        if not self.part.copy(self._rows, row):
            with gil:
                raise MemoryError
        known = &self.part.items[self.part.count - 1]
        known.uid, known.gid = status.st_uid, status.st_gid
        known.rdev = <int64_t>(status.st_rdev & U63) if kind == S_IFCHR or kind == S_IFBLK else 0
        return 1

    cdef bytes _key(self):
        cdef:
            bytes key = PyBytes_FromStringAndSize(NULL, self._path_length - self._path_start)
            char *into = PyBytes_AS_STRING(key)
            const char *path = self._path + self._path_start
            size_t at
        for at in range(self._path_length - self._path_start):
            into[at] = 0 if path[at] == b"/" else path[at]
        return key

    cdef bint _keep(self, const stat_t *status) except -1 nogil:
        """Keep what is there. False: it is for the caller; nothing was passed over then."""
        cdef:
            unsigned int mode = status.st_mode
            ssize_t attributes
            char names[NAMES_MOST]
            Py_ssize_t at = self._at
        if self._recorded(status) == 1:
            return True
        if mode & S_IFMT != S_IFREG and mode & S_IFMT != S_IFDIR:
            self._at = at
            return False
        attributes = llistxattr(self._path, names, NAMES_MOST)
        if attributes < 0 and (system.errno == EOPNOTSUPP or system.errno == ENODATA):
            attributes = 0
        with gil:
            if attributes != 0 and (
                attributes != PyBytes_GET_SIZE(self._passed_over) + 1
                or memcmp(names, PyBytes_AS_STRING(self._passed_over), attributes)
            ):
                self._at = at
                return False
            self._add(status)
        return True

    cdef int _add(self, const stat_t *status) except -1:
        """A row of what is not recorded so."""
        cdef:
            bytes key = self._key()
            unsigned int mode = status.st_mode
            int64_t changed = _ctime(status)
            list plain = self.plain
        if changed > self.youngest_ns:
            self.youngest_ns = changed
        device = self._zero if status.st_dev == self._device else <int64_t>(status.st_dev & U63)
        inode = <int64_t>(status.st_ino & U63)
        links, uid, gid = status.st_nlink, status.st_uid, status.st_gid
        size = status.st_size if mode & S_IFMT == S_IFREG else self._zero
        modified_ns, changed_ns, whole_mode = _mtime(status), changed, mode
        plain.append(key)
        plain.append(device)
        plain.append(inode)
        plain.append(links)
        plain.append(whole_mode)
        plain.append(uid)
        plain.append(gid)
        plain.append(size)
        plain.append(modified_ns)
        plain.append(changed_ns)
        self.part.append(
            (
                key, mode >> 12, mode & 0o7777, uid, gid, size, modified_ns, self._empty, self._empty,
                self._zero, links, device, inode, changed_ns, whole_mode, None,
            )
        )
        return 0

    def step(self):
        """What comes next; see the class."""
        cdef int why
        with nogil:
            why = self._step()
        return why

    cdef int _step(self) except -1 nogil:
        cdef:
            Level *level
            Found *found
        while True:
            if self.room <= 0:
                return _FULL
            if not self._depth:
                return _END
            level = &self._levels[self._depth - 1]
            if level.next == level.count:
                self._pop()
                self._ready = False
                continue
            found = &level.found[level.next]
            if not self._ready:
                self._place(found)
                self._ready = True
            while self._at < self._rows.count and _order(
                self._rows, self._at, self._path + self._path_start, self._path_length - self._path_start
            ) < 0:
                self._is_gone()
            if self._at == self._rows.count and not self._rows_over:
                return _NEED_ROWS
            if found.status.st_mode & S_IFMT == S_IFDIR:
                return _DIRECTORY
            if not self._keep(&found.status):
                return _UNUSUAL
            self.room -= 1
            level.next += 1
            self._ready = False
