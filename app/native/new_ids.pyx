# cython: language_level=3, boundscheck=False, wraparound=False
"""A set of chunk ids that only grows, in 40 to 52 bytes each."""

import os

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from libc.stdint cimport UINT32_MAX, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

from app.native.hashing cimport ID_BYTES, SMALLEST, hash_of


cdef class NewIds:
    """As `app.backup.new_ids.NewIds`: a slot has one more than the number of an id, at the place that its
    bytes say, or the next free one. One thread at a time.
    """

    cdef:
        unsigned char *ids
        uint64_t room
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
        free(self.ids)
        free(self.slots)

    def __len__(self):
        return <Py_ssize_t>self.count

    def __contains__(self, bytes chunk_id not None):
        """ValueError for what is no id."""
        return self.slots[self._place(_id(chunk_id))] != 0

    def add(self, bytes chunk_id not None):
        """Add an id; False when it is there already. ValueError for what is no id."""
        cdef:
            const unsigned char *one = _id(chunk_id)
            uint64_t place = self._place(one), room
            unsigned char *grown
        if self.slots[place] != 0:
            return False
        if self.count == self.room:
            room = self.room + self.room // 4 + SMALLEST
            if room >= UINT32_MAX:
                raise MemoryError
            grown = <unsigned char *>realloc(self.ids, room * ID_BYTES)
            if grown == NULL:
                raise MemoryError
            self.ids, self.room = grown, room
        memcpy(self.ids + self.count * ID_BYTES, one, ID_BYTES)
        self.count += 1
        self.slots[place] = <uint32_t>self.count
        if 3 * self.count > 2 * (self.mask + 1):
            self._grow()
        return True

    cdef uint64_t _place(self, const unsigned char *one) noexcept nogil:
        cdef:
            uint64_t place = hash_of(one, self.seeds) & self.mask
            uint32_t number
        while True:
            number = self.slots[place]
            if number == 0 or memcmp(self.ids + (number - 1) * <uint64_t>ID_BYTES, one, ID_BYTES) == 0:
                break
            place = (place + 1) & self.mask
        return place

    cdef int _grow(self) except -1:
        """There is a place left as long as it fails."""
        cdef:
            uint64_t mask = 2 * self.mask + 1, number, place
            uint32_t *slots
        slots = <uint32_t *>calloc(mask + 1, sizeof(uint32_t))
        if slots == NULL:
            raise MemoryError
        for number in range(self.count):
            place = hash_of(self.ids + number * ID_BYTES, self.seeds) & mask
            while slots[place] != 0:
                place = (place + 1) & mask
            slots[place] = <uint32_t>(number + 1)
        free(self.slots)
        self.slots, self.mask = slots, mask
        return 0


cdef const unsigned char *_id(bytes chunk_id) except NULL:
    if PyBytes_GET_SIZE(chunk_id) != ID_BYTES:
        raise ValueError("an id has 32 bytes")
    return <const unsigned char *>PyBytes_AS_STRING(chunk_id)
