# cython: language_level=3, boundscheck=False, wraparound=False
"""Two listings side by side: what is plainly equal is passed over, what is plainly new told in runs."""

from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp

from app.native.recorded cimport Row, Rows
from app.native.unpacking cimport NO_NUMBER, POSITIVE, take_array, take_bytes, take_number

cdef extern from "Python.h":
    char *PyBytes_AS_STRING(object)
    Py_ssize_t PyBytes_GET_SIZE(object)
    object PyBytes_FromStringAndSize(const char *, Py_ssize_t)

NEED_ROWS, NEED_LISTING, NEW, PAIR, DISORDER, END = range(6)

cdef enum:
    _NEED_ROWS = 0
    _NEED_LISTING = 1
    _NEW = 2
    _PAIR = 3
    _DISORDER = 4
    _END = 5
    FILE = 8               # S_IFREG >> 12
    DIRECTORY = 4
    NUMBERS = 10
    FIELDS = 13

cdef struct Entry:
    const unsigned char *start
    const unsigned char *end
    const unsigned char *path
    size_t path_length
    const unsigned char *xattrs
    size_t xattrs_length
    const unsigned char *target
    size_t target_length
    # kind, permissions, uid, gid, size, time, rdev, device, inode, links
    int64_t numbers[NUMBERS]
    bint beyond            # one of them is too large for that
    bint ordered           # it comes after the one before


cdef inline bint _number(
    const unsigned char **at, const unsigned char *end, int64_t *number, bint *beyond
) noexcept nogil:
    """Take an integer; what is too large for that is told by `beyond`."""
    cdef uint64_t value = 0
    cdef int sign = take_number(at, end, &value)
    if sign == POSITIVE and value >> 63:
        beyond[0] = True
    number[0] = <int64_t>value
    return sign != NO_NUMBER


cdef bint _entry(const unsigned char **at, const unsigned char *end, Entry *entry) noexcept nogil:
    cdef uint64_t count
    cdef int number
    cdef bint ignored = False
    entry.start = at[0]
    entry.beyond = False
    if not take_array(at, end, &count) or count != FIELDS or not take_bytes(at, end, &entry.path, &entry.path_length):
        return False
    for number in range(6):
        if not _number(at, end, &entry.numbers[number], &entry.beyond):
            return False
    if not take_bytes(at, end, &entry.xattrs, &entry.xattrs_length):
        return False
    if not take_bytes(at, end, &entry.target, &entry.target_length):
        return False
    for number in range(6, NUMBERS):
        # Which file it is on the replica, in two numbers, may be any.
        if not _number(at, end, &entry.numbers[number], &ignored if number in (7, 8) else &entry.beyond):
            return False
    entry.end = at[0]
    return True


cdef inline int _order(
    const unsigned char *key, size_t key_length, const unsigned char *path, size_t length, bint is_path
) noexcept nogil:
    """How a key (with `is_path` a path, too) is to a path, whose slashes count as zeros."""
    cdef size_t at, common = min(key_length, length)
    cdef unsigned char one, other
    for at in range(common):
        one, other = key[at], path[at]
        if one == other:
            continue
        if other == c"/":
            other = 0
        if is_path and one == c"/":
            one = 0
        if one != other:
            return -1 if one < other else 1
        if not is_path and key[at] == c"/":
            # A path has no zero, a key no slash.
            return 1
    if key_length == length:
        return 0
    return -1 if key_length < length else 1


cdef class Merge:
    """Rows of the shadow and entries of a listing, both given in parts and in order.

    `step` says what comes next: more rows or a part of the listing are wanted (`rows`, `listing`; None: there
    are no more), a run of new entries is there (`run`), or a pair (`pair`) that is neither that nor equal.
    """

    cdef:
        Rows _rows
        Py_ssize_t _at
        Py_ssize_t _first
        bint _rows_over
        bytes _listing
        Entry *_entries
        size_t _count
        size_t _next
        bint _listing_over
        bint _trusted
        bint _proves
        int64_t _unproved
        int64_t _new_most
        Py_ssize_t _run_entries
        int64_t _run_bytes
        object _pair_row
        object _pair_entry
        readonly int64_t same_files
        readonly int64_t same_bytes
        readonly int64_t run_bytes
        readonly int64_t run_files

    def __cinit__(
        self, bint trusted, unproved_ns, int64_t new_most, Py_ssize_t run_entries, int64_t run_bytes
    ):
        self._rows = Rows()
        self._trusted = trusted
        self._proves = unproved_ns is not None
        self._unproved = unproved_ns if unproved_ns is not None else 0
        self._new_most = new_most
        self._run_entries = run_entries
        self._run_bytes = run_bytes

    def __dealloc__(self):
        free(self._entries)

    def rows(self, rows):
        """The next rows of the shadow, `ShadowRow`s, best as `Rows`; None: there are no more.

        Raises TypeError for what is no row.
        """
        cdef Rows given
        if self._at < self._rows.count or self._first != self._at:
            raise ValueError("there are rows left")
        given = rows if isinstance(rows, Rows) else Rows(() if rows is None else rows)
        if given.seen:
            raise ValueError("rows of another kind")
        self._rows_over |= rows is None
        self._rows = given
        self._at = self._first = 0

    def listing(self, bytes part, size_t entries_most):
        """The next part of the listing, the bytes of its frame; None: there are no more. False: it is none.

        Until `step` says so no other part may be given.
        """
        cdef:
            const unsigned char *at
            const unsigned char *end
            uint64_t fields, count
            size_t number
            int64_t ignored
            bint beyond
            Entry *entries
            Entry *last
        if self._next < self._count:
            raise ValueError("there are entries left")
        if part is None:
            self._listing_over = True
            return True
        at = <const unsigned char *>PyBytes_AS_STRING(part)
        end = at + PyBytes_GET_SIZE(part)
        if (
            not take_array(&at, end, &fields)
            or fields != 3
            or not _number(&at, end, &ignored, &beyond)
            or not _number(&at, end, &ignored, &beyond)
            or not take_array(&at, end, &count)
            or not 0 < count <= entries_most
            # Each entry is so many bytes at least: no room is made for what cannot be.
            or <uint64_t>(end - at) < count * FIELDS
        ):
            return False
        entries = <Entry *>calloc(count, sizeof(Entry))
        if entries == NULL:
            raise MemoryError
        for number in range(count):
            if not _entry(&at, end, &entries[number]):
                free(entries)
                return False
            if number:
                last = &entries[number - 1]
            else:
                last = &self._entries[self._count - 1] if self._count else NULL
            entries[number].ordered = last == NULL or _order(
                last.path, last.path_length, entries[number].path, entries[number].path_length, True
            ) < 0
        if at != end:
            free(entries)
            return False
        free(self._entries)
        self._entries = entries
        self._listing = part
        self._count = count
        self._next = 0
        return True

    def run(self):
        """The new rows that `step` told of."""
        cdef Py_ssize_t at
        cdef list run = [self._rows.row(at) for at in range(self._first, self._at)]
        self._first = self._at
        return run

    def pair(self):
        """(row, bytes of the entry) that `step` told of, None where there is none."""
        return self._pair_row, self._pair_entry

    cdef bytes _taken(self):
        cdef Entry *entry = &self._entries[self._next]
        self._next += 1
        return PyBytes_FromStringAndSize(<const char *>entry.start, entry.end - entry.start)

    cdef bint _known_equal(self, const Row *row, Entry *entry) noexcept nogil:
        """As `_equal`, of a row that is none of the interpreter's."""
        cdef:
            const int64_t *numbers = entry.numbers
            const unsigned char *heap = self._rows.heap
            int64_t changed
        if entry.beyond:
            return False
        if (
            row.mode >> 12 != numbers[0]
            or row.mode & 0o7777 != numbers[1]
            or row.uid != numbers[2]
            or row.gid != numbers[3]
            or row.size != numbers[4]
            or row.modified != numbers[5]
            or row.rdev != numbers[6]
            or row.xattrs_length != entry.xattrs_length
            or row.target_length != entry.target_length
            or memcmp(heap + row.xattrs, entry.xattrs, row.xattrs_length)
            or memcmp(heap + row.target, entry.target, row.target_length)
        ):
            return False
        changed = row.changed if row.changed > 0 else -row.changed
        return self._counts(row.links, changed, entry)

    cdef bint _counts(self, int64_t links, int64_t changed, Entry *entry) noexcept nogil:
        """Whether what has the same state is the same; then it is counted. `changed` without its sign."""
        if entry.numbers[0] == DIRECTORY:
            return True
        if links != 1 or entry.numbers[9] != 1:
            return False
        if entry.numbers[0] != FILE:
            return True
        if not self._trusted:
            return False
        if self._proves and (changed == 0 or changed >= self._unproved):
            return False
        self.same_files += 1
        self.same_bytes += entry.numbers[4]
        return True

    cdef bint _equal(self, tuple row, Entry *entry) except -1:
        cdef int64_t changed
        cdef int number
        cdef object text
        if entry.beyond:
            return False
        for number in range(6):
            if <int64_t>row[number + 1] != entry.numbers[number]:
                return False
        if <int64_t>row[9] != entry.numbers[6]:
            return False
        text = row[7]
        if <size_t>len(<bytes?>text) != entry.xattrs_length or memcmp(
            PyBytes_AS_STRING(text), entry.xattrs, entry.xattrs_length
        ):
            return False
        text = row[8]
        if <size_t>len(<bytes?>text) != entry.target_length or memcmp(
            PyBytes_AS_STRING(text), entry.target, entry.target_length
        ):
            return False
        changed = row[13]
        return self._counts(row[10], changed if changed > 0 else -changed, entry)

    cdef int _passed(self) noexcept nogil:
        """Pass over what is plainly equal, or new. What `step` says, or -1: at what is next."""
        cdef:
            Py_ssize_t total = self._rows.count
            const Row *row
            Entry *entry
            int order
        while True:
            if self._next == self._count and not self._listing_over:
                return _NEW if self._first != self._at else _NEED_LISTING
            if self._at == total and not self._rows_over:
                return _NEW if self._first != self._at else _NEED_ROWS
            entry = NULL if self._next == self._count else &self._entries[self._next]
            if entry != NULL and not entry.ordered:
                return _NEW if self._first != self._at else _DISORDER
            if self._at == total or entry == NULL:
                return -1
            row = &self._rows.items[self._at]
            if row.made != NULL or self._first != self._at:
                return -1
            order = _order(self._rows.heap + row.key, row.key_length, entry.path, entry.path_length, False)
            if order != 0 or not self._known_equal(row, entry):
                return -1
            self._at += 1
            self._first = self._at
            self._next += 1

    def step(self):
        """What comes next, a number; see the class. `same_files` and `same_bytes` tell what was passed over.

        Raises ValueError, TypeError or OverflowError for rows that are none.
        """
        cdef:
            tuple row
            bytes key
            Entry *entry
            int order, found
            int64_t kind, size
        while True:
            found = self._passed()
            if found >= 0:
                return found
            entry = NULL if self._next == self._count else &self._entries[self._next]
            if self._at == self._rows.count:
                if self._first != self._at:
                    return _NEW
                if entry == NULL:
                    return _END
                self._pair_row, self._pair_entry = None, self._taken()
                return _PAIR
            row = self._rows.row(self._at)
            if len(row) != 16:
                raise ValueError("not a row")
            key = <bytes?>row[0]
            order = -1
            if entry != NULL:
                order = _order(
                    <const unsigned char *>PyBytes_AS_STRING(key), PyBytes_GET_SIZE(key), entry.path,
                    entry.path_length, False,
                )
            if order < 0:
                kind, size = row[1], row[5]
                if kind == DIRECTORY or (kind == FILE and <int64_t>row[10] == 1 and size <= self._new_most):
                    if self._first == self._at:
                        self.run_bytes = self.run_files = 0
                    self._at += 1
                    if kind == FILE:
                        self.run_bytes += size
                        self.run_files += 1
                    if self._at - self._first >= self._run_entries or self.run_bytes >= self._run_bytes:
                        return _NEW
                    continue
            if self._first != self._at:
                return _NEW
            if order < 0:
                self._pair_row, self._pair_entry = row, None
                self._at += 1
                self._first = self._at
                return _PAIR
            if order > 0:
                self._pair_row, self._pair_entry = None, self._taken()
                return _PAIR
            self._at += 1
            self._first = self._at
            if self._equal(row, entry):
                self._next += 1
                continue
            self._pair_row, self._pair_entry = row, self._taken()
            return _PAIR
