# cython: language_level=3, boundscheck=False, wraparound=False
"""Small files that were read together: their ids, entries and rows, made for many of them at a time."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memcpy

cdef extern from "Python.h":
    long long PyLong_AsLongLongAndOverflow(object number, int *overflow) except? -1
    str PyUnicode_New(Py_ssize_t size, Py_UCS4 largest)
    void *PyUnicode_1BYTE_DATA(object text)

cdef enum:
    TOGETHER = 1
    STEP_FIELDS = 6
    SIZE = 5
    MTIME = 6
    CTIME = 7
    EXTRA = 9
    CONTENT = 10
    ENTRY_FIELDS = 11
    WANTED_FIELDS = 4
    LINKED = 3
    ID_BYTES = 32

cdef const char *DIGITS = "0123456789abcdef"


cdef inline bint _number(object value, long long *found):
    """Whether it is a whole number that fits."""
    cdef int overflow = 0
    if not PyLong_CheckExact(value):
        return False
    found[0] = PyLong_AsLongLongAndOverflow(value, &overflow)
    return overflow == 0


cdef inline str _digits(const unsigned char *data):
    """What tells a content from others: the first half of its id."""
    cdef:
        str text = PyUnicode_New(ID_BYTES, 127)
        char *into = <char *>PyUnicode_1BYTE_DATA(text)
        int at
    for at in range(ID_BYTES // 2):
        into[2 * at] = DIGITS[data[at] >> 4]
        into[2 * at + 1] = DIGITS[data[at] & 15]
    return text


def whole_files(
    list steps not None, Py_ssize_t at, contents, bytes good not None, Py_ssize_t number, Py_ssize_t position,
    hasher, is_new, add, long long doubtful_ns, list rows not None, type row_type not None, kind, str empty not None,
):
    """(the first step that was not done, the file number and the place in `contents` that it has, bytes read, bytes new).

    Of the steps from `at` on those are done, until one is not so, that are (TOGETHER, entry, path, None, into, wanted):
    a file without a base, whose content was read to `contents`. Its entry gets content and change time, and is appended
    to `into`; what is new (`is_new(id)`) is given to `add(id, content)`; its row, a `row_type` of path, `kind`, size,
    modification time, content id (`empty` for nothing) and False, is appended to `rows`. `hasher(data).digest()`
    makes an id. Raises what these raise.
    """
    cdef:
        Py_ssize_t count = PyList_GET_SIZE(steps), files = PyBytes_GET_SIZE(good)
        const char *marks = PyBytes_AS_STRING(good)
        unsigned char *text
        long long size = 0, changed = 0, linked = 0, size_sum = 0, new_sum = 0, room = len(contents)
        tuple step, wanted
        list entry
        bytes chunk_id, content
        str content_id
        object view
    if at < 0 or number < 0 or position < 0 or not issubclass(row_type, tuple):
        raise ValueError("no such steps")
    while at < count and number < files and marks[number]:
        if type(<object>PyList_GET_ITEM(steps, at)) is not tuple:
            break
        step = <tuple>PyList_GET_ITEM(steps, at)
        if PyTuple_GET_SIZE(step) != STEP_FIELDS or <object>PyTuple_GET_ITEM(step, 3) is not None:
            break
        if not _number(<object>PyTuple_GET_ITEM(step, 0), &size) or size != TOGETHER:
            break
        if (
            type(<object>PyTuple_GET_ITEM(step, 1)) is not list
            or type(<object>PyTuple_GET_ITEM(step, 4)) is not list
            or type(<object>PyTuple_GET_ITEM(step, 5)) is not tuple
        ):
            break
        entry = <list>PyTuple_GET_ITEM(step, 1)
        wanted = <tuple>PyTuple_GET_ITEM(step, 5)
        if PyList_GET_SIZE(entry) != ENTRY_FIELDS or PyTuple_GET_SIZE(wanted) != WANTED_FIELDS:
            break
        if <object>PyList_GET_ITEM(entry, EXTRA) is not None:
            break
        if (
            not _number(<object>PyList_GET_ITEM(entry, SIZE), &size)
            or not _number(<object>PyList_GET_ITEM(entry, CTIME), &changed)
            or not _number(<object>PyTuple_GET_ITEM(wanted, LINKED), &linked)
            or size < 0
            or size > room - position
            or size > 0x7FFFFFFF
        ):
            break
        content_id = empty
        if size:
            view = contents[position:position + size]
            chunk_id = hasher(view).digest()
            if PyBytes_GET_SIZE(chunk_id) != ID_BYTES:
                raise ValueError("an id has 32 bytes")
            content = PyBytes_FromStringAndSize(NULL, ID_BYTES + 4)
            text = <unsigned char *>PyBytes_AS_STRING(content)
            memcpy(text, PyBytes_AS_STRING(chunk_id), ID_BYTES)
            text[ID_BYTES], text[ID_BYTES + 1] = size & 0xFF, size >> 8 & 0xFF
            text[ID_BYTES + 2], text[ID_BYTES + 3] = size >> 16 & 0xFF, size >> 24 & 0xFF
            if is_new(chunk_id):
                new_sum += size
                add(chunk_id, view)
            entry[CONTENT] = content
            content_id = _digits(text)
        else:
            entry[CONTENT] = b""
        if changed:
            entry[CTIME] = (linked or changed) if changed <= doubtful_ns else 0
        rows.append(
            tuple.__new__(
                row_type, (<object>PyTuple_GET_ITEM(step, 2), kind, entry[SIZE], entry[MTIME], content_id, False)
            )
        )
        (<list>PyTuple_GET_ITEM(step, 4)).append(entry)
        size_sum += size
        position += size
        number += 1
        at += 1
    return at, number, position, size_sum, new_sum
