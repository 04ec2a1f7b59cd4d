# cython: language_level=3, boundscheck=False, wraparound=False
"""Catalog rows as msgpack has them, made and opened; and which of their paths are plainly beneath a directory."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy

from app.native.packing cimport HEAD_MOST, NUMBER_MOST, put_bytes, put_signed
from app.native.unpacking cimport NEGATIVE, NO_NUMBER, take_array, take_bytes, take_number

cdef extern from "Python.h":
    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) except NULL
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)

cdef enum:
    FIELDS = 6
    LONGEST = 1 << 24


cdef inline size_t _put_text(unsigned char *at, const char *text, size_t length) noexcept nogil:
    """As msgpack has text of fewer than 2**16 bytes."""
    cdef size_t head = 1
    if length < 32:
        at[0] = <unsigned char>(0xA0 | length)
    elif length < 0x100:
        at[0], at[1] = 0xD9, <unsigned char>length
        head = 2
    else:
        at[0], at[1], at[2] = 0xDA, <unsigned char>(length >> 8), <unsigned char>(length & 0xFF)
        head = 3
    memcpy(at + head, text, length)
    return head + length


cdef inline bint _take_text(
    const unsigned char **at, const unsigned char *end, const unsigned char **found, size_t *length
) noexcept nogil:
    cdef size_t size
    if at[0] >= end:
        return False
    if 0xA0 <= at[0][0] <= 0xBF:
        size = at[0][0] & 0x1F
        at[0] += 1
    elif at[0][0] == 0xD9 and end - at[0] >= 2:
        size = at[0][1]
        at[0] += 2
    else:
        return False
    if <size_t>(end - at[0]) < size:
        return False
    found[0], length[0] = at[0], size
    at[0] += size
    return True


def pack(tuple rows not None, Py_ssize_t first, size_t most):
    """(rows from `first` on as one msgpack array, the first row that is not in it): about `most` bytes at most, one row
    at least where there is one.

    A row is (path, kind, size, modification time, content id, removed). None where one is something else.
    """
    cdef:
        Py_ssize_t count = PyTuple_GET_SIZE(rows), at = first, size = 0
        size_t used = 5, room = most + (most >> 1) + 4096, length
        unsigned char *data
        unsigned char *grown
        object row, path, kind, content, removed
        const char *text
        uint64_t made
    if not 0 <= first <= count or most > LONGEST:
        raise ValueError("no such rows")
    data = <unsigned char *>malloc(room)
    if data == NULL:
        raise MemoryError
    try:
        while at < count and (used < most or at == first):
            row = <object>PyTuple_GET_ITEM(rows, at)
            if not isinstance(row, tuple) or PyTuple_GET_SIZE(row) != FIELDS:
                return None
            path = <object>PyTuple_GET_ITEM(row, 0)
            kind = <object>PyTuple_GET_ITEM(row, 1)
            content = <object>PyTuple_GET_ITEM(row, 4)
            removed = <object>PyTuple_GET_ITEM(row, 5)
            if (
                type(path) is not bytes
                or not isinstance(kind, str)
                or type(content) is not str
                or type(removed) is not bool
                or type(<object>PyTuple_GET_ITEM(row, 2)) is not int
                or type(<object>PyTuple_GET_ITEM(row, 3)) is not int
            ):
                return None
            length = PyBytes_GET_SIZE(path)
            if length > LONGEST or len(kind) > 255 or len(content) > 255:
                return None
            if used + length + 4 * HEAD_MOST + 2 * NUMBER_MOST + 8 * 255 > room:
                room = 2 * room + length
                grown = <unsigned char *>realloc(data, room)
                if grown == NULL:
                    raise MemoryError
                data = grown
            data[used] = 0x90 | FIELDS
            used += 1
            used += put_bytes(data + used, PyBytes_AS_STRING(path), length)
            text = PyUnicode_AsUTF8AndSize(kind, &size)
            used += _put_text(data + used, text, size)
            try:
                used += put_signed(data + used, <int64_t>(<object>PyTuple_GET_ITEM(row, 2)))
                used += put_signed(data + used, <int64_t>(<object>PyTuple_GET_ITEM(row, 3)))
            except OverflowError:
                return None
            text = PyUnicode_AsUTF8AndSize(content, &size)
            used += _put_text(data + used, text, size)
            data[used] = 0xC3 if removed is True else 0xC2
            used += 1
            at += 1
        made = at - first
        data[0], data[1], data[2] = 0xDD, <unsigned char>(made >> 24), <unsigned char>(made >> 16 & 0xFF)
        data[3], data[4] = <unsigned char>(made >> 8 & 0xFF), <unsigned char>(made & 0xFF)
        return PyBytes_FromStringAndSize(<char *>data, used), at
    finally:
        free(data)


def unpack(bytes data not None, type row_type not None, dict kinds not None):
    """The rows, each a `row_type` (a tuple's kind) with the kind that `kinds` gives for its name.

    None for whatever is not exactly what `pack` makes: the caller says what is wrong with it.
    """
    cdef:
        const unsigned char *at = <const unsigned char *>PyBytes_AS_STRING(data)
        const unsigned char *end = at + PyBytes_GET_SIZE(data)
        const unsigned char *path
        const unsigned char *kind
        const unsigned char *content
        const unsigned char *last = NULL
        size_t path_length = 0, kind_length = 0, content_length = 0, last_length = 0
        uint64_t count = 0, fields = 0, size = 0, modified = 0, i
        int sign
        object known = None
        tuple row
        list found = []
    if not issubclass(row_type, tuple):
        raise TypeError("a row is a tuple")
    if not take_array(&at, end, &count):
        return None
    for i in range(count):
        if not take_array(&at, end, &fields) or fields != FIELDS:
            return None
        if not take_bytes(&at, end, &path, &path_length) or not _take_text(&at, end, &kind, &kind_length):
            return None
        sign = take_number(&at, end, &size)
        if sign == NO_NUMBER or size >> 63:
            return None
        sign = take_number(&at, end, &modified)
        if sign == NO_NUMBER or (sign != NEGATIVE and modified >> 63):
            return None
        if not _take_text(&at, end, &content, &content_length) or at >= end or at[0] < 0xC2 or at[0] > 0xC3:
            return None
        if last == NULL or last_length != kind_length or memcmp(last, kind, kind_length) != 0:
            try:
                known = kinds.get(PyUnicode_DecodeUTF8(<const char *>kind, kind_length, NULL))
                if known is None:
                    return None
            except UnicodeDecodeError:
                return None
            last, last_length = kind, kind_length
        try:
            text = PyUnicode_DecodeUTF8(<const char *>content, content_length, NULL)
        except UnicodeDecodeError:
            return None
        name = PyBytes_FromStringAndSize(<const char *>path, path_length)
        row = (name, known, <int64_t>size, <int64_t>modified, text, at[0] == 0xC3)
        found.append(tuple.__new__(row_type, row))
        at += 1
    return found if at == end else None


def first_unusual(rows, Py_ssize_t first, tuple beneath not None):
    """The first row from `first` on whose path is not plainly beneath one of the directories; how many there are if none.

    Plainly: it begins with one of `beneath`, which end in a slash, and goes on; it has no NUL in it, no empty name
    and none that begins with a dot. Others may be good as well.
    """
    cdef:
        Py_ssize_t at, count = len(rows), length, i, size, inner
        bytes path, one
        const char *text
        bint good
    for at in range(first, count):
        row = rows[at]
        if not isinstance(row, tuple) or PyTuple_GET_SIZE(row) < 1:
            return at
        if type(<object>PyTuple_GET_ITEM(row, 0)) is not bytes:
            return at
        path = <bytes>PyTuple_GET_ITEM(row, 0)
        text, length = PyBytes_AS_STRING(path), PyBytes_GET_SIZE(path)
        good = False
        for i in range(PyTuple_GET_SIZE(beneath)):
            one = <bytes?><object>PyTuple_GET_ITEM(beneath, i)
            size = PyBytes_GET_SIZE(one)
            if length > size > 0 and memcmp(text, PyBytes_AS_STRING(one), size) == 0:
                good = True
                break
        if not good or text[length - 1] == b"/" or memchr(text, 0, length) != NULL:
            return at
        for inner in range(length - 1):
            if text[inner] == b"/" and (text[inner + 1] == b"/" or text[inner + 1] == b"."):
                return at
    return count


def cut(list rows not None, Py_ssize_t first, Py_ssize_t beyond, Py_ssize_t fields, type made not None):
    """Rows `first` to `beyond` as tuples of the kind `made` of their first so many fields."""
    cdef:
        Py_ssize_t at
        list found = []
    if not 0 <= first <= beyond <= len(rows) or not issubclass(made, tuple):
        raise ValueError("no such rows")
    for at in range(first, beyond):
        row = rows[at]
        if not isinstance(row, tuple) or PyTuple_GET_SIZE(row) < fields:
            raise TypeError("not a row")
        found.append(tuple.__new__(made, (<tuple>row)[:fields]))
    return found
