# Reading what msgpack wrote, by whoever it was written: `at` moves behind what is taken, which lies before `end`.
# Whatever is not of the kind that is asked for, or is not all there, is not taken: false (no sign).

from libc.stdint cimport int64_t, uint64_t

cdef enum:
    NO_NUMBER = 0
    POSITIVE = 1
    NEGATIVE = 2

cdef enum:
    ALL_THERE
    CUT_OFF
    BROKEN


cdef inline bint take_big(
    const unsigned char **at, const unsigned char *end, int width, uint64_t *value
) noexcept nogil:
    """So many bytes, the greatest first."""
    cdef:
        uint64_t found = 0
        int step
    if end - at[0] < width:
        return False
    for step in range(width):
        found = found << 8 | at[0][step]
    at[0] += width
    value[0] = found
    return True


cdef inline int take_number(
    const unsigned char **at, const unsigned char *end, uint64_t *value
) noexcept nogil:
    """A whole number and its sign; what is negative comes as the bits of an int64."""
    cdef:
        unsigned char head
        int width
    if at[0] >= end:
        return NO_NUMBER
    head = at[0][0]
    at[0] += 1
    if head < 0x80:
        value[0] = head
        return POSITIVE
    if head >= 0xE0:
        value[0] = <uint64_t>(<int64_t>head - 0x100)
        return NEGATIVE
    if head < 0xCC or head > 0xD3:
        return NO_NUMBER
    width = 1 << (head & 3)
    if not take_big(at, end, width, value):
        return NO_NUMBER
    if head <= 0xCF or not value[0] >> (8 * width - 1):
        return POSITIVE
    if width < 8:
        value[0] |= ~<uint64_t>0 << (8 * width)
    return NEGATIVE


cdef inline bint take_bytes(
    const unsigned char **at, const unsigned char *end, const unsigned char **found, size_t *length
) noexcept nogil:
    cdef:
        unsigned char head
        uint64_t size = 0
    if at[0] >= end:
        return False
    head = at[0][0]
    at[0] += 1
    if head < 0xC4 or head > 0xC6 or not take_big(at, end, 1 << (head - 0xC4), &size):
        return False
    if <uint64_t>(end - at[0]) < size:
        return False
    found[0] = at[0]
    length[0] = <size_t>size
    at[0] += size
    return True


cdef inline bint take_array(
    const unsigned char **at, const unsigned char *end, uint64_t *count
) noexcept nogil:
    """The head of an array: how many there are in it."""
    cdef:
        unsigned char head
        uint64_t size = 0
    if at[0] >= end:
        return False
    head = at[0][0]
    at[0] += 1
    if 0x90 <= head <= 0x9F:
        count[0] = head & 0x0F
        return True
    if head != 0xDC and head != 0xDD or not take_big(at, end, 2 if head == 0xDC else 4, &size):
        return False
    count[0] = size
    return True


cdef inline int pass_value(const unsigned char **at, const unsigned char *end) noexcept nogil:
    """Go behind whatever value comes, with all that is in it: ALL_THERE, or CUT_OFF, or BROKEN where none comes."""
    cdef:
        uint64_t left = 1, more
        size_t length
        unsigned char head
        int wide
    while left > 0:
        left -= 1
        if at[0] >= end:
            return CUT_OFF
        head = at[0][0]
        at[0] += 1
        length = wide = 0
        more = 0
        if head < 0x80 or head >= 0xE0 or head == 0xC0 or head == 0xC2 or head == 0xC3:
            continue
        if head <= 0x8F:
            more = 2 * <uint64_t>(head & 0x0F)
        elif head <= 0x9F:
            more = head & 0x0F
        elif head <= 0xBF:
            length = head & 0x1F
        elif 0xC4 <= head <= 0xC6:
            wide = 1 << (head - 0xC4)
        elif 0xCA <= head <= 0xCB:
            length = 4 if head == 0xCA else 8
        elif 0xCC <= head <= 0xD3:
            length = 1 << (head & 3)
        elif 0xD9 <= head <= 0xDB:
            wide = 1 << (head - 0xD9)
        elif 0xDC <= head <= 0xDF:
            wide = 4 if head & 1 else 2
        else:
            return BROKEN
        if wide:
            if not take_big(at, end, wide, &more):
                return CUT_OFF
            if head < 0xDC:
                length = <size_t>more
                more = 0
            elif head >= 0xDE:
                more = 2 * more
        if <size_t>(end - at[0]) < length:
            return CUT_OFF
        at[0] += length
        left += more
    return ALL_THERE
