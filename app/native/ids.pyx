# cython: language_level=3, boundscheck=False, wraparound=False
"""Which chunk ids are known, and where: found by hashing, kept where their packs' tables have them."""

import os

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

from app.native.hashing cimport ID_BYTES, SMALLEST, hash_of

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) noexcept nogil

cdef enum:
    AHEAD = 32  # ids whose places are on their way from memory while those before them are put there

cdef struct Part:
    Py_buffer ids
    uint64_t first
    uint64_t count


cdef class Ids:
    """32-byte ids to numbers: those of a part follow each other from its first number on.

    8 to 12 bytes for each besides the part's own, which are kept as they are, and must not change.
    """

    cdef:
        Part *parts
        Py_ssize_t part_count
        uint32_t *slots
        uint64_t mask
        uint64_t count
        uint64_t seeds[4]

    def __cinit__(self):
        cdef bytes seeds = os.urandom(sizeof(self.seeds))
        memcpy(self.seeds, PyBytes_AS_STRING(seeds), sizeof(self.seeds))
        self.slots = <uint32_t *>calloc(SMALLEST, sizeof(uint32_t))
        if self.slots == NULL:
            raise MemoryError
        self.mask = SMALLEST - 1

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.part_count):
            PyBuffer_Release(&self.parts[i].ids)
        free(self.parts)
        free(self.slots)

    def __len__(self):
        return <Py_ssize_t>self.count

    cdef const unsigned char *_id(self, uint64_t number) noexcept nogil:
        """The id of a number that is in a slot."""
        cdef Py_ssize_t low = 0, high = self.part_count - 1, middle
        while low < high:
            middle = (low + high + 1) // 2
            if self.parts[middle].first <= number:
                low = middle
            else:
                high = middle - 1
        return <const unsigned char *>self.parts[low].ids.buf + ID_BYTES * (number - self.parts[low].first)

    cdef uint64_t _place(self, const unsigned char *chunk) noexcept nogil:
        """The slot of an id, or the free one that it would get."""
        return self._from(hash_of(chunk, self.seeds) & self.mask, chunk)

    cdef uint64_t _from(self, uint64_t place, const unsigned char *chunk) noexcept nogil:
        """The same, from where its search begins."""
        while self.slots[place] != 0 and memcmp(self._id(self.slots[place] - 1), chunk, ID_BYTES) != 0:
            place = (place + 1) & self.mask
        return place

    cdef bint _make_room(self, uint64_t wanted) noexcept nogil:
        """Slots for so many ids, a third of them free."""
        cdef uint64_t size = self.mask + 1, old = self.mask + 1, i, place
        cdef uint32_t *slots
        cdef uint32_t *before = self.slots
        while 2 * size < 3 * wanted:
            size *= 2
        if size == old:
            return True
        slots = <uint32_t *>calloc(size, sizeof(uint32_t))
        if slots == NULL:
            return False
        for i in range(old):
            if before[i] != 0:
                place = hash_of(self._id(before[i] - 1), self.seeds) & (size - 1)
                while slots[place] != 0:
                    place = (place + 1) & (size - 1)
                slots[place] = before[i]
        self.slots = slots
        self.mask = size - 1
        free(before)
        return True

    def expect(self, count):
        """Make room for so many more ids, which are added next: it is made once then. Raises MemoryError."""
        cdef uint64_t more = min(count, UINT32_MAX)
        if not self._make_room(self.count + more):
            raise MemoryError

    def add(self, ids, first):
        """Add the ids that `ids` has one after the other; the first gets the number `first`, beyond all before.

        The places in it of those that were known already: they keep their number. Raises ValueError for
        bytes that are no ids or a number that others have, OverflowError for more than 4 thousand million.
        """
        cdef:
            Part part, last
            Part *parts
            uint64_t i, place, at, end
            uint64_t places[AHEAD]
            const unsigned char *chunks
            list again = []
        part.first = first
        if self.part_count:
            last = self.parts[self.part_count - 1]
            if part.first < last.first + last.count:
                raise ValueError("numbers that others have")
        PyObject_GetBuffer(ids, &part.ids, PyBUF_SIMPLE)
        part.count = part.ids.len // ID_BYTES
        try:
            if part.ids.len % ID_BYTES:
                raise ValueError("not ids of 32 bytes")
            if part.first >= UINT32_MAX or part.first + part.count >= UINT32_MAX:
                raise OverflowError("too many ids")
            parts = <Part *>realloc(self.parts, (self.part_count + 1) * sizeof(Part))
            if parts == NULL:
                raise MemoryError
            self.parts = parts
            if not self._make_room(self.count + part.count):
                raise MemoryError
        except BaseException:
            PyBuffer_Release(&part.ids)
            raise
        self.parts[self.part_count] = part
        self.part_count += 1
        chunks = <const unsigned char *>part.ids.buf
        for at in range(0, part.count, AHEAD):
            end = min(at + AHEAD, part.count)
            for i in range(at, end):
                places[i - at] = hash_of(chunks + ID_BYTES * i, self.seeds) & self.mask
                prefetch(&self.slots[places[i - at]])
            for i in range(at, end):
                place = self.slots[places[i - at]]
                if place != 0:
                    prefetch(self._id(place - 1))
            for i in range(at, end):
                place = self._from(places[i - at], chunks + ID_BYTES * i)
                if self.slots[place] == 0:
                    self.slots[place] = <uint32_t>(part.first + i + 1)
                    self.count += 1
                else:
                    again.append(i)
        return again

    def get(self, chunk):
        """The number of an id, as bytes or a view of them; None when it is not known."""
        cdef uint32_t found
        if type(chunk) is not bytes:
            if not isinstance(chunk, (bytearray, memoryview)):
                raise TypeError("not an id")
            chunk = bytes(chunk)
        if PyBytes_GET_SIZE(chunk) != ID_BYTES:
            return None
        found = self.slots[self._place(<const unsigned char *>PyBytes_AS_STRING(chunk))]
        return None if found == 0 else found - 1

    def __iter__(self):
        """All ids, in any order."""
        cdef uint64_t i
        cdef list found = []
        for i in range(self.mask + 1):
            if self.slots[i] != 0:
                found.append(PyBytes_FromStringAndSize(<const char *>self._id(self.slots[i] - 1), ID_BYTES))
        return iter(found)

    def __getitem__(self, chunk):
        found = self.get(chunk)
        if found is None:
            raise KeyError(chunk)
        return found

    def __contains__(self, chunk):
        return self.get(chunk) is not None
