# cython: language_level=3, boundscheck=False, wraparound=False
"""Rows of the shadow without an object for each, and a reader that takes them from SQLite without the interpreter.

The functions of SQLite are those that the interpreter's own module calls: whoever makes a `Reader` gives them. Two
libraries of SQLite in one process must never have the same file open.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

cdef enum:
    SQLITE_OK = 0
    SQLITE_NULL = 5
    SQLITE_ROW = 100
    SQLITE_DONE = 101
    OPEN_READONLY = 0x1
    OPEN_URI = 0x40
    OPEN_NOMUTEX = 0x8000
    COLUMNS = 11
    FILE = 8               # S_IFREG >> 12
    HEAP_MOST = 4 << 20    # of a part, about: hashes of large files are long

FUNCTIONS = (
    "open_v2", "close_v2", "busy_timeout", "prepare_v2", "bind_int64", "step", "finalize", "column_count",
    "column_type", "column_int64", "column_blob", "column_bytes", "errmsg",
)

ctypedef int (*open_v2_t)(const char *, void **, int, const char *) noexcept nogil
ctypedef int (*on_pointer_t)(void *) noexcept nogil
ctypedef int (*with_number_t)(void *, int) noexcept nogil
ctypedef int (*prepare_v2_t)(void *, const char *, int, void **, const char **) noexcept nogil
ctypedef int (*bind_int64_t)(void *, int, int64_t) noexcept nogil
ctypedef int64_t (*column_int64_t)(void *, int) noexcept nogil
ctypedef const void *(*column_blob_t)(void *, int) noexcept nogil
ctypedef const char *(*errmsg_t)(void *) noexcept nogil


cdef class Rows:
    """Rows in order, a sequence of `SeenRow`s (`seen`) or `ShadowRow`s; each becomes a tuple where it is asked for."""

    def __init__(self, rows=(), *, bint seen=False):
        """`rows` are to be tuples as they are given back. Raises ValueError, TypeError, OverflowError for others."""
        self.seen = seen
        for row in rows:
            self.append(row)

    def __dealloc__(self):
        cdef Py_ssize_t at
        for at in range(self.count):
            Py_XDECREF(self.items[at].made)
        free(self.items)
        free(self.heap)

    def __len__(self):
        return self.count

    def __getitem__(self, Py_ssize_t at):
        if at < 0:
            at += self.count
        if not 0 <= at < self.count:
            raise IndexError(at)
        return self.row(at)

    def append(self, tuple row not None):
        """Add a row that is made already."""
        cdef Row *added
        if self.seen:
            self._pack(row)
            return
        added = self.add()
        if added == NULL:
            raise MemoryError
        Py_INCREF(row)
        added.made = <PyObject *>row

    def extend(self, Rows rows not None):
        """Add all of the same kind."""
        cdef Py_ssize_t at, count = rows.count
        if rows.seen != self.seen or rows is self:
            raise ValueError("rows of another kind, or the same")
        for at in range(count):
            if not self.copy(rows, &rows.items[at]):
                raise MemoryError

    def add_known(self, Rows seen not None, Py_ssize_t at, uint32_t uid, uint32_t gid, int64_t rdev):
        """Add what is as it was recorded by a `SeenRow`, with what a look at it tells besides."""
        if self.seen or not seen.seen or not 0 <= at < seen.count:
            raise ValueError("no such row")
        if not self.copy(seen, &seen.items[at]):
            raise MemoryError
        self.items[self.count - 1].uid = uid
        self.items[self.count - 1].gid = gid
        self.items[self.count - 1].rdev = rdev

    def files(self):
        """(files, their bytes) of `ShadowRow`s."""
        cdef Py_ssize_t at
        cdef int64_t count = 0, size = 0
        cdef tuple made
        if self.seen:
            raise ValueError("rows of another kind")
        for at in range(self.count):
            if self.items[at].made != NULL:
                made = <tuple>self.items[at].made
                if len(made) < 6:
                    raise ValueError("not a row")
                if made[1] == FILE:
                    count += 1
                    size += <int64_t>made[5]
            elif self.items[at].mode >> 12 == FILE:
                count += 1
                size += self.items[at].size
        return count, size

    cdef Row *add(self) noexcept nogil:
        """A new row with nothing in it. NULL: no memory."""
        cdef Row *items
        cdef Py_ssize_t room
        if self.count == self.room:
            room = 256 if self.room == 0 else self.room * 2
            items = <Row *>realloc(self.items, room * sizeof(Row))
            if items == NULL:
                return NULL
            self.items, self.room = items, room
        items = &self.items[self.count]
        memset(items, 0, sizeof(Row))
        items.hashes_length = -1
        self.count += 1
        return items

    cdef bint keep(self, const void *data, size_t length, size_t *at) noexcept nogil:
        """Keep these bytes, and where. False: no memory."""
        cdef unsigned char *heap
        cdef size_t space
        at[0] = self.used
        if length == 0:
            return True
        if self.used + length > self.space:
            space = 16384 if self.space == 0 else self.space * 2
            while space < self.used + length:
                space *= 2
            heap = <unsigned char *>realloc(self.heap, space)
            if heap == NULL:
                return False
            self.heap, self.space = heap, space
        memcpy(self.heap + self.used, data, length)
        self.used += length
        return True

    cdef bint copy(self, Rows other, const Row *row) noexcept nogil:
        """Add a row of others. False: no memory."""
        cdef Row *added = self.add()
        cdef size_t length
        if added == NULL:
            return False
        added[0] = row[0]
        if row.made != NULL:
            with gil:
                Py_INCREF(<object>row.made)
            return True
        if row.hashes_length > 0:
            length = row.hashes_length
        else:
            length = 0
        if (
            self.keep(other.heap + row.key, row.key_length, &added.key)
            and self.keep(other.heap + row.xattrs, row.xattrs_length, &added.xattrs)
            and self.keep(other.heap + row.target, row.target_length, &added.target)
            and self.keep(other.heap + row.hashes, length, &added.hashes)
        ):
            return True
        self.count -= 1
        return False

    cdef bytes _bytes(self, size_t at, size_t length):
        return PyBytes_FromStringAndSize(<const char *>self.heap + at if length else NULL, length)

    cdef tuple row(self, Py_ssize_t at):
        cdef Row *row = &self.items[at]
        if row.made != NULL:
            return <tuple>row.made
        key = self._bytes(row.key, row.key_length)
        xattrs = self._bytes(row.xattrs, row.xattrs_length)
        target = self._bytes(row.target, row.target_length)
        hashes = None if row.hashes_length < 0 else self._bytes(row.hashes, row.hashes_length)
        if self.seen:
            return (
                key, row.changed, row.modified, row.mode, row.inode, row.device, row.links, row.size, xattrs, target,
                hashes,
            )
        return (
            key, row.mode >> 12, row.mode & 0o7777, row.uid, row.gid, row.size, row.modified, xattrs, target, row.rdev,
            row.links, row.device, row.inode, row.changed, row.mode, hashes,
        )

    cdef int _pack(self, object given) except -1:
        cdef tuple row = <tuple?>given
        cdef Row one
        cdef Row *added
        if len(row) != COLUMNS:
            raise ValueError("not a row")
        memset(&one, 0, sizeof(Row))
        one.changed, one.modified, one.mode = row[1], row[2], row[3]
        one.inode, one.device, one.links, one.size = row[4], row[5], row[6], row[7]
        key, xattrs, target, hashes = <bytes?>row[0], <bytes?>row[8], <bytes?>row[9], row[10]
        added = self.add()
        if added == NULL:
            raise MemoryError
        added[0] = one
        added.hashes_length = -1
        added.key_length = self._kept(key, &added.key)
        added.xattrs_length = self._kept(xattrs, &added.xattrs)
        added.target_length = self._kept(target, &added.target)
        if hashes is not None:
            added.hashes_length = self._kept(<bytes?>hashes, &added.hashes)
        return 0

    cdef Py_ssize_t _kept(self, bytes data, size_t *at) except -1:
        if not self.keep(PyBytes_AS_STRING(data), PyBytes_GET_SIZE(data), at):
            raise MemoryError
        return PyBytes_GET_SIZE(data)


cdef class Reader:
    """Rows of one statement whose columns are those of a `SeenRow`. For one thread at a time, but any."""

    cdef:
        void *_database
        void *_statement
        bint _over
        on_pointer_t _close_v2
        prepare_v2_t _prepare_v2
        on_pointer_t _step
        on_pointer_t _finalize
        with_number_t _column_type
        column_int64_t _column_int64
        column_blob_t _column_blob
        with_number_t _column_bytes
        errmsg_t _errmsg

    def __cinit__(self, dict functions not None, bytes uri not None, bytes statement not None, int64_t number, int wait_ms):
        """`functions`: the addresses of `FUNCTIONS`; `number` is the one parameter of the statement.

        Raises RuntimeError with what SQLite says.
        """
        cdef:
            dict at = {name: <size_t>functions[name] for name in FUNCTIONS}
            const char *place = uri
            const char *text = statement
            open_v2_t open_v2 = <open_v2_t><size_t>at["open_v2"]
            with_number_t busy_timeout = <with_number_t><size_t>at["busy_timeout"]
            bind_int64_t bind_int64 = <bind_int64_t><size_t>at["bind_int64"]
            on_pointer_t column_count = <on_pointer_t><size_t>at["column_count"]
            int code
        if not all(at.values()):
            raise ValueError("a function is missing")
        self._close_v2 = <on_pointer_t><size_t>at["close_v2"]
        self._prepare_v2 = <prepare_v2_t><size_t>at["prepare_v2"]
        self._step = <on_pointer_t><size_t>at["step"]
        self._finalize = <on_pointer_t><size_t>at["finalize"]
        self._column_type = <with_number_t><size_t>at["column_type"]
        self._column_int64 = <column_int64_t><size_t>at["column_int64"]
        self._column_blob = <column_blob_t><size_t>at["column_blob"]
        self._column_bytes = <with_number_t><size_t>at["column_bytes"]
        self._errmsg = <errmsg_t><size_t>at["errmsg"]
        with nogil:
            code = open_v2(place, &self._database, OPEN_READONLY | OPEN_URI | OPEN_NOMUTEX, NULL)
            if code == SQLITE_OK:
                code = busy_timeout(self._database, wait_ms)
            if code == SQLITE_OK:
                code = self._prepare_v2(self._database, text, -1, &self._statement, NULL)
            if code == SQLITE_OK:
                code = bind_int64(self._statement, 1, number)
        if code != SQLITE_OK:
            self._fail(code)
        if column_count(self._statement) != COLUMNS:
            raise ValueError("not the columns of a row")

    def __dealloc__(self):
        self._end()

    def close(self):
        """Give everything back; there are no more rows then."""
        self._end()

    cdef void _end(self) noexcept:
        cdef void *statement = self._statement
        cdef void *database = self._database
        self._over = True
        self._statement = self._database = NULL
        with nogil:
            if statement != NULL:
                self._finalize(statement)
            if database != NULL:
                self._close_v2(database)

    cdef int _fail(self, int code) except -1:
        cdef bytes text = b"out of memory" if self._database == NULL else <bytes>self._errmsg(self._database)
        self._end()
        raise RuntimeError(f"{text.decode('utf-8', 'replace')} ({code})")

    def part(self, Py_ssize_t most):
        """The next rows, `most` or fewer; None: there are no more. Raises RuntimeError with what SQLite says."""
        cdef Rows rows = Rows(seen=True)
        cdef int code = SQLITE_ROW
        if self._over:
            return None
        with nogil:
            while rows.count < most and rows.used < HEAP_MOST:
                code = self._step(self._statement)
                if code != SQLITE_ROW:
                    break
                if not self._take(rows):
                    code = -1
                    break
        if code == -1:
            raise MemoryError
        if code == SQLITE_DONE:
            self._over = True
        elif code != SQLITE_ROW:
            self._fail(code)
        return rows if rows.count else None

    cdef bint _blob(self, Rows rows, int column, size_t *at, size_t *length) noexcept nogil:
        cdef const void *data = self._column_blob(self._statement, column)
        length[0] = self._column_bytes(self._statement, column) if data != NULL else 0
        return rows.keep(data, length[0], at)

    cdef bint _take(self, Rows rows) noexcept nogil:
        cdef Row *row = rows.add()
        cdef size_t length = 0
        if row == NULL:
            return False
        row.changed = self._column_int64(self._statement, 1)
        row.modified = self._column_int64(self._statement, 2)
        row.mode = self._column_int64(self._statement, 3)
        row.inode = self._column_int64(self._statement, 4)
        row.device = self._column_int64(self._statement, 5)
        row.links = self._column_int64(self._statement, 6)
        row.size = self._column_int64(self._statement, 7)
        if not (
            self._blob(rows, 0, &row.key, &row.key_length)
            and self._blob(rows, 8, &row.xattrs, &row.xattrs_length)
            and self._blob(rows, 9, &row.target, &row.target_length)
        ):
            return False
        if self._column_type(self._statement, 10) != SQLITE_NULL:
            if not self._blob(rows, 10, &row.hashes, &length):
                return False
            row.hashes_length = length
        return True
