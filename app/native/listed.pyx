# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A manifest read from its bytes: small plain files of a directory many at a time, whatever else one by one."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from app.native.unpacking cimport (
    BROKEN, CUT_OFF, NEGATIVE, NO_NUMBER, POSITIVE, pass_value, take_array, take_bytes, take_number,
)

ctypedef const unsigned char *at_t

cdef enum:
    FIELDS = 14
    PERMISSIONS = 0
    UID = 1
    GID = 2
    SIZE = 3
    MODIFIED = 4
    INODE = 5
    CHANGED = 6
    LINKS = 7
    LINKED = 8
    NUMBERS = 9
    FILE_KIND = 0

cdef struct File:
    at_t path
    size_t length
    uint64_t numbers[NUMBERS]
    int signs[NUMBERS]


cdef bint _is_file(at_t *at, at_t end) noexcept nogil:
    if end - at[0] < 5 or memcmp(at[0], b"\xa4file", 5) != 0:
        return False
    at[0] += 5
    return True


cdef bint _file(at_t *at, at_t end, File *file) noexcept nogil:
    """A row of a regular file that has neither attributes nor other names, and was linked."""
    cdef:
        uint64_t count
        at_t none
        size_t length
        int field
    if not take_array(at, end, &count) or count != FIELDS or not take_bytes(at, end, &file.path, &file.length):
        return False
    if not _is_file(at, end):
        return False
    for field in range(NUMBERS):
        if field == INODE:
            if not take_array(at, end, &count) or count or not take_bytes(at, end, &none, &length) or length:
                return False
            if take_number(at, end, &count) != POSITIVE or count:
                return False
        file.signs[field] = take_number(at, end, &file.numbers[field])
        if file.signs[field] == NO_NUMBER:
            return False
    if file.signs[LINKS] != POSITIVE or file.numbers[LINKS] > 1:
        return False
    return file.signs[LINKED] == POSITIVE and file.numbers[LINKED] != 0 and file.signs[SIZE] == POSITIVE


cdef inline object _number(const File *file, int field):
    return <int64_t>file.numbers[field] if file.signs[field] == NEGATIVE else file.numbers[field]


cdef class Rows:
    """The items of a manifest, whose bytes come by `feed`. One thread."""

    cdef:
        bytes _data
        Py_ssize_t _at

    def __cinit__(self):
        self._data = b""
        self._at = 0

    def feed(self, bytes data not None):
        """More bytes, which follow those before."""
        if self._at < PyBytes_GET_SIZE(self._data):
            data = self._data[self._at:] + data
        self._data = data
        self._at = 0

    @property
    def waiting(self):
        """How many bytes have not been taken."""
        return PyBytes_GET_SIZE(self._data) - self._at

    def take(self):
        """The bytes of the next item; None when they are not all there. Raises ValueError for what is none."""
        cdef:
            at_t first = <at_t>PyBytes_AS_STRING(self._data) + self._at
            at_t at = first
            int found = pass_value(&at, <at_t>PyBytes_AS_STRING(self._data) + PyBytes_GET_SIZE(self._data))
        if found == BROKEN:
            raise ValueError("not an item of a manifest")
        if found == CUT_OFF:
            return None
        self._at += at - first
        return PyBytes_FromStringAndSize(<const char *>first, at - first)

    def files(
        self, bytes relative not None, bytes above not None, list into not None, list steps not None,
        list wanted not None, together, Py_ssize_t most_steps, long long most_bytes, unsigned long long largest,
    ):
        """(how many rows were taken, the bytes of their files): small plain files that come next.

        They lie in the directory `relative` of the manifest, `above` is its path in the session, and none has more
        than `largest` bytes. For each (path in the manifest, size, modification time, change time after the link) is
        appended to `wanted`, and (`together`, entry, path, None, `into`, that tuple) to `steps`, until these are
        `most_steps` or the bytes `most_bytes`. What is not such a row, or not all there, is left to `take`.
        """
        cdef:
            at_t at, end = <at_t>PyBytes_AS_STRING(self._data) + PyBytes_GET_SIZE(self._data)
            Py_ssize_t prefix = PyBytes_GET_SIZE(relative), high = PyBytes_GET_SIZE(above), length, count = 0
            long long total = 0
            char *text
            File file
            bytes name, path
            list entry
            tuple one
            object size, modified
        if prefix:
            prefix += 1
        while PyList_GET_SIZE(steps) < most_steps and total < most_bytes:
            at = <at_t>PyBytes_AS_STRING(self._data) + self._at
            if not _file(&at, end, &file) or file.numbers[SIZE] > largest or <Py_ssize_t>file.length <= prefix:
                break
            if prefix and (
                memcmp(file.path, PyBytes_AS_STRING(relative), prefix - 1) != 0 or file.path[prefix - 1] != b"/"
            ):
                break
            length = <Py_ssize_t>file.length - prefix
            if memchr(file.path + prefix, b"/", length) != NULL:
                break
            name = PyBytes_FromStringAndSize(<const char *>file.path + prefix, length)
            path = PyBytes_FromStringAndSize(NULL, high + 1 + length)
            text = PyBytes_AS_STRING(path)
            memcpy(text, PyBytes_AS_STRING(above), high)
            text[high] = b"/"
            memcpy(text + high + 1, PyBytes_AS_STRING(name), length)
            size = file.numbers[SIZE]
            modified = _number(&file, MODIFIED)
            one = (
                PyBytes_FromStringAndSize(<const char *>file.path, file.length), size, modified, file.numbers[LINKED],
            )
            entry = [
                name, FILE_KIND, _number(&file, PERMISSIONS), _number(&file, UID), _number(&file, GID), size, modified,
                _number(&file, CHANGED), _number(&file, INODE), None, b"",
            ]
            wanted.append(one)
            steps.append((together, entry, path, None, into, one))
            total += file.numbers[SIZE]
            count += 1
            self._at = at - <at_t>PyBytes_AS_STRING(self._data)
        return count, total
