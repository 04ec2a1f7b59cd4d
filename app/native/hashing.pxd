# Where the id of a chunk belongs in a table.

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

cdef enum:
    ID_BYTES = 32
    SMALLEST = 1024  # as many places a table begins with


cdef inline uint64_t hash_of(const unsigned char *chunk, const uint64_t *seeds) noexcept nogil:
    """All of an id counts, and four numbers that nobody can guess: whoever makes ids cannot make them meet."""
    cdef uint64_t words[4]
    cdef uint64_t mixed
    memcpy(words, chunk, ID_BYTES)
    mixed = (words[0] ^ seeds[0]) * ((words[1] ^ seeds[1]) | 1)
    mixed ^= mixed >> 32
    mixed += (words[2] ^ seeds[2]) * ((words[3] ^ seeds[3]) | 1)
    return mixed ^ (mixed >> 29)
