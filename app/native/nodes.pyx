# cython: language_level=3, boundscheck=False, wraparound=False
"""The entries of a directory node as tuples for the catalog, without what only a restore wants; or counted.

A node is what `app.media.node` says; what is unusual in it is left to that.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_INCREF
from cpython.tuple cimport PyTuple_SET_ITEM
from libc.stdint cimport INT64_MAX, UINT32_MAX, int64_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy

from app.native.unpacking cimport (
    ALL_THERE, NO_NUMBER, POSITIVE, pass_value, take_array, take_bytes, take_number,
)

cdef extern from "Python.h":
    object PyUnicode_DecodeASCII(const char *text, Py_ssize_t size, const char *errors)
    object _alloc "PyType_GenericAlloc"(PyTypeObject *made, Py_ssize_t items)

ctypedef const unsigned char *at_t

cdef enum:
    FILE = 0
    DIRECTORY = 1
    SYMLINK = 2
    ID_BYTES = 32
    PIECE_BYTES = 36
    TOLD_BYTES = 16
    NAME_MOST = 4095


cdef object _hex(at_t content):
    cdef char text[2 * TOLD_BYTES]
    cdef const char *digits = b"0123456789abcdef"
    cdef int i
    for i in range(TOLD_BYTES):
        text[2 * i] = digits[content[i] >> 4]
        text[2 * i + 1] = digits[content[i] & 15]
    return PyUnicode_DecodeASCII(text, 2 * TOLD_BYTES, NULL)


cdef inline void _put(object made, Py_ssize_t place, object value):
    Py_INCREF(value)
    PyTuple_SET_ITEM(made, place, value)


cdef struct One:
    # An entry as it was read; `begun` is where it begins.
    at_t begun
    at_t name
    size_t length
    uint64_t kind
    uint64_t size
    int64_t modified
    bint plain
    at_t content
    size_t content_bytes


cdef bint _head(at_t *at, at_t end, uint64_t *count) noexcept nogil:
    """What a node begins with, and how many entries it has."""
    cdef uint64_t number
    if not take_array(at, end, &number) or number != 2 or take_number(at, end, &number) != POSITIVE or number != 1:
        return False
    return take_array(at, end, count)


cdef bint _entry(at_t *at, at_t end, size_t kinds, One *one) noexcept nogil:
    """The next entry; `one` is the one before, with no name for the first."""
    cdef:
        at_t last = one.name
        size_t before = one.length
        uint64_t number
        uint64_t fields[8]
        int signs[8]
        int i, order
    one.begun = at[0]
    if not take_array(at, end, &number) or number != 11 or not take_bytes(at, end, &one.name, &one.length):
        return False
    if one.length == 0 or one.length > NAME_MOST:
        return False
    if memchr(one.name, 0, one.length) != NULL or memchr(one.name, b"/", one.length) != NULL:
        return False
    if one.name[0] == b"." and (one.length == 1 or (one.length == 2 and one.name[1] == b".")):
        return False
    if last != NULL:
        order = memcmp(last, one.name, before if before < one.length else one.length)
        if order > 0 or (order == 0 and before >= one.length):
            return False
    # Kind, permissions, owner, group, size, when modified, when changed, inode.
    for i in range(8):
        signs[i] = take_number(at, end, &fields[i])
        if i == 5 or i == 6:
            if signs[i] == NO_NUMBER or (signs[i] == POSITIVE and fields[i] > INT64_MAX):
                return False
        elif signs[i] != POSITIVE:
            return False
    if fields[0] >= kinds or fields[1] > UINT32_MAX or fields[2] >= UINT32_MAX:
        return False
    if fields[3] >= UINT32_MAX or fields[4] > INT64_MAX or at[0] >= end:
        return False
    one.kind = fields[0]
    one.size = fields[4]
    one.modified = <int64_t>fields[5]
    one.plain = at[0][0] == 0xC0
    if one.plain:
        at[0] += 1
    elif pass_value(at, end) != ALL_THERE:
        return False
    if not take_bytes(at, end, &one.content, &one.content_bytes):
        return False
    if one.kind == FILE and one.content_bytes % PIECE_BYTES != 0:
        return False
    if one.kind == DIRECTORY and one.content_bytes != ID_BYTES:
        return False
    return not (one.kind == SYMLINK and one.plain)


def entries(bytes data, bytes prefix, type made, tuple kinds, str empty, odd):
    """([`made`(path, kind, size, modification time, content id)], [(place in that list, node id)]) of a node.

    `made` is a named tuple of five fields, `kinds` are kinds by their number, `empty` is the content id of an
    empty file. `odd` is given the bytes of an entry that has extras or several pieces and tells its content
    id; what it raises is raised. Each path is `prefix`, a slash and the name. The second list has the
    directories.

    None when the node is not as it should be: the caller finds out why.
    """
    cdef:
        at_t at = <at_t>PyBytes_AS_STRING(data)
        at_t end = at + PyBytes_GET_SIZE(data)
        One one
        uint64_t count
        Py_ssize_t whole = PyBytes_GET_SIZE(prefix)
        bytes path
        char *into
        object entry, told
        list found = []
        list directories = []
    if not issubclass(made, tuple) or made.__basicsize__ != tuple.__basicsize__ or len(kinds) > 255:
        raise TypeError("not a named tuple, or too many kinds")
    if not _head(&at, end, &count):
        return None
    one.name = NULL
    one.length = 0
    while count > 0:
        count -= 1
        if not _entry(&at, end, <size_t>len(kinds), &one):
            return None
        if not one.plain or (one.kind == FILE and one.content_bytes > PIECE_BYTES):
            told = odd(PyBytes_FromStringAndSize(<const char *>one.begun, at - one.begun))
        elif one.kind != FILE:
            told = ""
        else:
            told = empty if one.content_bytes == 0 else _hex(one.content)
        path = PyBytes_FromStringAndSize(NULL, whole + 1 + <Py_ssize_t>one.length)
        into = PyBytes_AS_STRING(path)
        memcpy(into, PyBytes_AS_STRING(prefix), whole)
        into[whole] = b"/"
        memcpy(into + whole + 1, one.name, one.length)
        entry = _alloc(<PyTypeObject *>made, 5)
        _put(entry, 0, path)
        _put(entry, 1, kinds[<Py_ssize_t>one.kind])
        _put(entry, 2, one.size)
        _put(entry, 3, one.modified)
        _put(entry, 4, told)
        if one.kind == DIRECTORY:
            directories.append((len(found), PyBytes_FromStringAndSize(<const char *>one.content, ID_BYTES)))
        found.append(entry)
    return (found, directories) if at == end else None


def counted(bytes data, int kinds):
    """(how many entries, how many of them are no directories, bytes of these, node ids, odd ones) of a node.

    There are so many `kinds`. An odd one has extras: it is not in the bytes, but given as its own bytes, to be
    checked and counted by the caller. None when the node is not as it should be, or has very many bytes.
    """
    cdef:
        at_t at = <at_t>PyBytes_AS_STRING(data)
        at_t end = at + PyBytes_GET_SIZE(data)
        One one
        uint64_t count, left, files = 0, size = 0
        list directories = []
        list odd = []
    if not _head(&at, end, &count):
        return None
    left = count
    one.name = NULL
    one.length = 0
    while left > 0:
        left -= 1
        if not _entry(&at, end, <size_t>kinds, &one):
            return None
        if one.kind == DIRECTORY:
            directories.append(PyBytes_FromStringAndSize(<const char *>one.content, ID_BYTES))
        else:
            files += 1
        if not one.plain:
            odd.append(PyBytes_FromStringAndSize(<const char *>one.begun, at - one.begun))
        elif one.kind != DIRECTORY:
            # Neither of both is more than the largest int64.
            size += one.size
            if size > INT64_MAX:
                return None
    return (count, files, size, directories, odd) if at == end else None
