# cython: language_level=3, boundscheck=False, wraparound=False
"""Entries of a session as the parameters of SQL statements: folder and name apart, one flat list."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_GET_ITEM, PyTuple_GET_SIZE
from libc.string cimport memcmp

cdef extern from "Python.h":
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)


cdef inline bytes _path(object entry):
    if not isinstance(entry, tuple) or PyTuple_GET_SIZE(entry) < 5:
        raise TypeError("not an entry")
    path = <object>PyTuple_GET_ITEM(entry, 0)
    if type(path) is not bytes:
        raise TypeError("not a path")
    return <bytes>path


cdef inline Py_ssize_t _slash(const char *path, Py_ssize_t length) noexcept nogil:
    """Where the last slash is; -1 = nowhere."""
    while length > 0:
        length -= 1
        if path[length] == b"/":
            return length
    return -1


def runs(list batch):
    """[(folder, first, beyond the last)] of entries that follow each other and lie in one folder."""
    cdef:
        list found = []
        bytes path
        bytes folder = None
        const char *text
        const char *known = NULL
        Py_ssize_t at, cut, length, start = 0, kept = -1
    for at in range(len(batch)):
        path = _path(batch[at])
        text = PyBytes_AS_STRING(path)
        length = PyBytes_GET_SIZE(path)
        # `/` itself is the empty name in the empty folder; what lies in it has it as its folder.
        if length == 1 and text[0] == b"/":
            cut = 0
        else:
            cut = _slash(text, length)
            if cut <= 0:
                cut = 1
                text = b"/"
        if folder is not None and cut == kept and memcmp(text, known, cut) == 0:
            continue
        if folder is not None:
            found.append((folder, start, at))
        start = at
        folder = PyBytes_FromStringAndSize(text, cut)
        known = PyBytes_AS_STRING(folder)
        kept = cut
    if folder is not None:
        found.append((folder, start, len(batch)))
    return found


def values(list batch, Py_ssize_t first, Py_ssize_t beyond, place, list into):
    """Append folder, name, text, kind, size, modification time and content id of entries first to beyond.

    The folder is `place`; the text is None where it is the very name, which is when that is ASCII.
    """
    cdef:
        bytes path, name
        const char *text
        Py_ssize_t at, i, cut, length
        object kind = None, shown, last = None, entry
        bint plain
    if first < 0 or beyond > len(batch):
        raise IndexError("no such entries")
    for at in range(first, beyond):
        entry = batch[at]
        path = _path(entry)
        text = PyBytes_AS_STRING(path)
        length = PyBytes_GET_SIZE(path)
        cut = _slash(text, length) + 1
        name = PyBytes_FromStringAndSize(text + cut, length - cut)
        plain = True
        for i in range(cut, length):
            if text[i] & 0x80:
                plain = False
                break
        shown = None if plain else PyUnicode_DecodeUTF8(text + cut, length - cut, "replace")
        if <object>PyTuple_GET_ITEM(entry, 1) is not last:
            last = <object>PyTuple_GET_ITEM(entry, 1)
            kind = last.value
        into.append(place)
        into.append(name)
        into.append(shown)
        into.append(kind)
        into.append(<object>PyTuple_GET_ITEM(entry, 2))
        into.append(<object>PyTuple_GET_ITEM(entry, 3))
        into.append(<object>PyTuple_GET_ITEM(entry, 4))
