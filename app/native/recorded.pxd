# Rows of the shadow without an object for each: what the walk compares with, and what it passes on.

from cpython.object cimport PyObject
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef struct Row:
    # Where its bytes are in `heap`, and how many.
    size_t key
    size_t key_length
    size_t xattrs
    size_t xattrs_length
    size_t target
    size_t target_length
    size_t hashes
    Py_ssize_t hashes_length     # -1: none
    int64_t changed
    int64_t modified
    int64_t inode
    int64_t device
    int64_t links
    int64_t size
    int64_t rdev
    int64_t mode
    uint32_t uid
    uint32_t gid
    PyObject *made               # the row itself, and nothing of the above


cdef class Rows:
    cdef Row *items
    cdef Py_ssize_t count
    cdef Py_ssize_t room
    cdef unsigned char *heap
    cdef size_t used
    cdef size_t space
    cdef bint seen
    cdef Row *add(self) noexcept nogil
    cdef bint keep(self, const void *data, size_t length, size_t *at) noexcept nogil
    cdef bint copy(self, Rows other, const Row *row) noexcept nogil
    cdef tuple row(self, Py_ssize_t at)
    cdef bytes _bytes(self, size_t at, size_t length)
    cdef int _pack(self, object given) except -1
    cdef Py_ssize_t _kept(self, bytes data, size_t *at) except -1
