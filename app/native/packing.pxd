# What msgpack makes of values, byte for byte. Each writes at `at`, where there is room, and tells how much it wrote.

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy

cdef enum:
    NUMBER_MOST = 9
    HEAD_MOST = 5


cdef inline size_t _put(unsigned char *at, unsigned char head, uint64_t value, int width) noexcept nogil:
    cdef int number
    at[0] = head
    for number in range(width):
        at[1 + number] = <unsigned char>(value >> (8 * (width - 1 - number)))
    return 1 + width


cdef inline size_t put_unsigned(unsigned char *at, uint64_t value) noexcept nogil:
    if value < 0x80:
        at[0] = <unsigned char>value
        return 1
    if value < 0x100:
        return _put(at, 0xCC, value, 1)
    if value < 0x10000:
        return _put(at, 0xCD, value, 2)
    if value < 0x100000000ULL:
        return _put(at, 0xCE, value, 4)
    return _put(at, 0xCF, value, 8)


cdef inline size_t put_signed(unsigned char *at, int64_t value) noexcept nogil:
    if value >= 0:
        return put_unsigned(at, <uint64_t>value)
    if value >= -0x20:
        at[0] = <unsigned char>(value & 0xFF)
        return 1
    if value >= -0x80:
        return _put(at, 0xD0, <uint64_t>value, 1)
    if value >= -0x8000:
        return _put(at, 0xD1, <uint64_t>value, 2)
    if value >= -0x80000000LL:
        return _put(at, 0xD2, <uint64_t>value, 4)
    return _put(at, 0xD3, <uint64_t>value, 8)


cdef inline size_t put_head(unsigned char *at, size_t length) noexcept nogil:
    """What stands before so many bytes, which are fewer than 2**32."""
    if length < 0x100:
        return _put(at, 0xC4, length, 1)
    if length < 0x10000:
        return _put(at, 0xC5, length, 2)
    return _put(at, 0xC6, length, 4)


cdef inline size_t put_bytes(unsigned char *at, const char *data, size_t length) noexcept nogil:
    cdef size_t head = put_head(at, length)
    memcpy(at + head, data, length)
    return head + length
