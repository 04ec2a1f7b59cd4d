# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""A batch of change records read where it lies, and its new directories made from there.

What is plain here: a new directory, and a new file with its whole content, both without extended attributes.
Everything else of a batch is left to the caller, as are the names that are tried a second time.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.errno cimport EINTR
from libc.errno cimport errno as system_errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy

from app.native.posix cimport (
    AT_REMOVEDIR, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY, close, fchmod,
    fchown, fstat, futimens, kept_ns, mkdirat, openat, stat_t, timespec, unlinkat, write,
)
from app.native.unpacking cimport NO_NUMBER, POSITIVE, take_array, take_big, take_bytes, take_number

cdef enum:
    DEPTH = 64
    NAME = 255

cdef enum:
    STILL_OPEN
    ALL_DONE
    NOT_MADE
    LEFT_OVER

cdef enum:
    FILE_KIND = 0
    DIRECTORY_KIND = 1
    OTHER_KIND = -1

OPEN, WHOLE, REFUSED, BROKEN = STILL_OPEN, ALL_DONE, NOT_MADE, LEFT_OVER

cdef int64_t U32 = 0xFFFFFFFFLL
cdef int64_t U63 = 0x7FFFFFFFFFFFFFFFLL

cdef struct Item:
    const uint8_t *record
    const uint8_t *path
    const uint8_t *content
    int64_t size
    int64_t modified
    uint32_t record_length
    uint32_t path_length
    uint32_t uid
    uint32_t gid
    int root
    int permissions
    int kind

cdef struct Reader:
    const uint8_t *at
    const uint8_t *end

cdef struct Level:
    const uint8_t *path
    uint32_t length
    int fd
    Py_ssize_t row
    int64_t modified
    uint32_t uid
    uint32_t gid
    int permissions
    bint plain

cdef struct Made:
    Py_ssize_t row
    Py_ssize_t item
    bint done
    stat_t status


# Whatever is not of the kind that is asked for ends reading: false.

cdef inline bint _number(Reader *reader, int64_t *value) noexcept nogil:
    cdef:
        uint64_t found = 0
        int sign = take_number(<const unsigned char **>&reader.at, <const unsigned char *>reader.end, &found)
    if sign == NO_NUMBER or (sign == POSITIVE and found > <uint64_t>U63):
        return False
    value[0] = <int64_t>found
    return True


cdef inline bint _bytes(Reader *reader, const uint8_t **data, uint32_t *length) noexcept nogil:
    cdef size_t size = 0
    if not take_bytes(
        <const unsigned char **>&reader.at, <const unsigned char *>reader.end, <const unsigned char **>data, &size
    ):
        return False
    length[0] = <uint32_t>size
    return True


cdef inline bint _text(Reader *reader, const uint8_t **data, uint32_t *length) noexcept nogil:
    cdef:
        uint8_t first
        uint64_t size = 0
    if reader.at >= reader.end:
        return False
    first = reader.at[0]
    reader.at += 1
    if 0xA0 <= first <= 0xBF:
        size = first & 0x1F
    elif first < 0xD9 or first > 0xDB or not take_big(
        <const unsigned char **>&reader.at, <const unsigned char *>reader.end, 1 << (first - 0xD9), &size
    ):
        return False
    if <uint64_t>(reader.end - reader.at) < size:
        return False
    data[0] = reader.at
    length[0] = <uint32_t>size
    reader.at += size
    return True


cdef inline bint _array(Reader *reader, uint32_t *count) noexcept nogil:
    cdef uint64_t found = 0
    if not take_array(<const unsigned char **>&reader.at, <const unsigned char *>reader.end, &found):
        return False
    count[0] = <uint32_t>found
    return True


cdef bint _clean(const uint8_t *path, uint32_t length) noexcept nogil:
    """Whether it is a clean relative path, and not the root itself."""
    cdef:
        uint32_t at, start = 0, name
    if length == 0 or length > 65536:
        return False
    for at in range(length + 1):
        if at < length and path[at] == 0:
            return False
        if at == length or path[at] == c"/":
            name = at - start
            if name == 0 or name > NAME or (path[start] == c"." and (
                name == 1 or (name == 2 and path[start + 1] == c"."))):
                return False
            start = at + 1
    return True


cdef int _compare(const Item *one, const Item *other) noexcept nogil:
    """By root, and by path as listings are ordered: what is in a directory follows it."""
    cdef:
        uint32_t at, least = min(one.path_length, other.path_length)
        uint8_t a, b
    if one.root != other.root:
        return -1 if one.root < other.root else 1
    for at in range(least):
        a, b = one.path[at], other.path[at]
        if a != b:
            if a == c"/":
                a = 0
            if b == c"/":
                b = 0
            return -1 if a < b else 1
    return 0 if one.path_length == other.path_length else -1 if one.path_length < other.path_length else 1


cdef bint _metadata(Reader *reader, Item *item, int64_t *kind) noexcept nogil:
    """Plain metadata: no extended attribute, no target, no device."""
    cdef:
        uint32_t count
        int64_t permissions, uid, gid, device
        const uint8_t *target
    if not _array(reader, &count) or count != 9:
        return False
    if not (_number(reader, kind) and _number(reader, &permissions) and _number(reader, &uid)
            and _number(reader, &gid) and _number(reader, &item.size) and _number(reader, &item.modified)):
        return False
    if not _array(reader, &count) or count != 0:
        return False
    if not _bytes(reader, &target, &count) or count != 0:
        return False
    if not _number(reader, &device) or device != 0:
        return False
    if not (0 <= permissions <= 0o7777 and 0 <= uid <= U32 and 0 <= gid <= U32):
        return False
    if item.size < 0 or item.modified < -U63:
        return False
    item.permissions, item.uid, item.gid = <int>permissions, <uint32_t>uid, <uint32_t>gid
    return True


cdef bint _placed(Item *item, int64_t roots_max, bint *unplaced, int64_t *tag, uint32_t *count, Reader *reader) noexcept nogil:
    """Read as far as the path. `unplaced`: the record has none by its tag."""
    cdef int64_t root
    unplaced[0] = False
    if not _array(reader, count) or not _number(reader, tag):
        return False
    if tag[0] == 1 or tag[0] == 9 or tag[0] == 10:
        unplaced[0] = True
        return False
    if not _number(reader, &root) or not 0 <= root <= roots_max:
        return False
    item.root = <int>root
    return _bytes(reader, &item.path, &item.path_length)


cdef void _read(Item *item, int64_t roots_max, int64_t most_bytes, bint *unplaced, bint *unknown) noexcept nogil:
    """Read one record; `unknown`: it has a path, or may have one, that is not known here."""
    cdef:
        Reader reader
        int64_t tag = 0, kind = 0, from_offset, length, stage
        uint32_t count = 0, content_length
    item.kind = OTHER_KIND
    item.path = NULL
    reader.at = item.record
    reader.end = item.record + item.record_length
    unknown[0] = False
    if not _placed(item, roots_max, unplaced, &tag, &count, &reader):
        unknown[0] = not unplaced[0]
        return
    if item.record_length > most_bytes or not _clean(item.path, item.path_length):
        return
    if tag == 4 and count == 4:
        if _metadata(&reader, item, &kind) and kind == 1 and item.size == 0 and reader.at == reader.end:
            item.kind = DIRECTORY_KIND
        return
    if tag != 2 or count != 7:
        return
    if not _metadata(&reader, item, &kind) or kind != 0 or not _array(&reader, &count):
        return
    if item.size == 0:
        if count != 0:
            return
    elif (
        count != 2 or not _number(&reader, &from_offset) or from_offset != 0
        or not _number(&reader, &length) or length != item.size
    ):
        return
    if not _bytes(&reader, &item.content, &content_length) or content_length != item.size:
        return
    if not _number(&reader, &stage) or stage != 0 or reader.at != reader.end:
        return
    item.kind = FILE_KIND


# Making. What is refused leaves nothing behind, or is told.

cdef int _named(const uint8_t *path, uint32_t length, uint32_t start, char *name) noexcept nogil:
    """The name at the end of a clean path."""
    memcpy(name, path + start, length - start)
    name[length - start] = 0
    return 0


cdef bint _settled(int fd, int64_t modified, uint32_t uid, uint32_t gid, int permissions, stat_t *status) noexcept nogil:
    """Give what is new its metadata. False where that is refused, or something else came of it."""
    cdef timespec times[2]
    times[0].tv_sec = modified // 1_000_000_000
    times[0].tv_nsec = modified % 1_000_000_000
    if times[0].tv_nsec < 0:
        times[0].tv_sec -= 1
        times[0].tv_nsec += 1_000_000_000
    times[1] = times[0]
    if futimens(fd, times) != 0 or fstat(fd, status) != 0:
        return False
    if status.st_uid != uid or status.st_gid != gid:
        if fchown(fd, uid, gid) != 0 or fstat(fd, status) != 0:
            return False
    if <int>(status.st_mode & 0o7777) != permissions:
        if fchmod(fd, permissions) != 0 or fstat(fd, status) != 0:
            return False
    return (
        status.st_uid == uid and status.st_gid == gid and <int>(status.st_mode & 0o7777) == permissions
        and status.st_mtim.tv_sec == times[1].tv_sec and status.st_mtim.tv_nsec == times[1].tv_nsec
        and status.st_ino <= <uint64_t>U63
    )


cdef int _file(int directory, const char *name, const Item *item, stat_t *status) noexcept nogil:
    """A new file; OPEN when it is there, else what became of it."""
    cdef:
        int fd = openat(
            directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, item.permissions & 0o777
        )
        const uint8_t *content = item.content
        int64_t left = item.size
        ssize_t written
        bint whole = True
    if fd < 0:
        return NOT_MADE
    while left > 0:
        written = write(fd, content, left)
        if written <= 0:
            if written < 0 and system_errno == EINTR:
                continue
            whole = False
            break
        content += written
        left -= written
    whole = whole and _settled(fd, item.modified, item.uid, item.gid, item.permissions, status)
    whole = whole and status.st_size == item.size
    close(fd)
    if whole:
        return STILL_OPEN
    return NOT_MADE if unlinkat(directory, name, 0) == 0 else LEFT_OVER


cdef int _directory(int above, const char *name, int permissions, int *fd) noexcept nogil:
    # With what it needs until it is finished, and what it is to have then, as far as that is allowed here.
    if mkdirat(above, name, 0o700 | (permissions & 0o777)) != 0:
        return NOT_MADE
    fd[0] = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if fd[0] >= 0:
        return STILL_OPEN
    return NOT_MADE if unlinkat(above, name, AT_REMOVEDIR) == 0 else LEFT_OVER


cdef tuple _row(int root, const Item *item, const stat_t *status, bint top):
    """A row of the states; see `app.replication.replica.drift_states.StateRow`."""
    cdef bint file = item.kind == FILE_KIND
    return (
        root, _key(item.path, item.path_length), status.st_ino, status.st_mode, status.st_uid, status.st_gid,
        status.st_size if file else 0, _ns(&status.st_mtim), 0 if top else _ns(&status.st_ctim), b"",
    )


cdef inline int64_t _ns(const timespec *time) noexcept:
    return kept_ns(time)


cdef bytes _key(const uint8_t *path, uint32_t length):
    cdef:
        bytes key = PyBytes_FromStringAndSize(<const char *>path, length)
        char *into = PyBytes_AS_STRING(key)
        uint32_t at
    for at in range(length):
        if into[at] == c"/":
            into[at] = 0
    return key


cdef class Records:
    """The records of a batch, where they lie in `data`."""

    cdef:
        const uint8_t[::1] _data
        Item *_items
        readonly Py_ssize_t count
        readonly Py_ssize_t ordered
        """How many records from the first on are in the order of their paths, each path once."""

    def __dealloc__(self):
        free(self._items)

    def __len__(self):
        return self.count

    def record(self, Py_ssize_t at):
        """The bytes of one record."""
        self._check(at)
        return PyBytes_FromStringAndSize(<const char *>self._items[at].record, self._items[at].record_length)

    def size(self, Py_ssize_t at):
        """How many they are."""
        self._check(at)
        return self._items[at].record_length

    def place(self, Py_ssize_t at):
        """(root, path) of a plain record, and whether it is a directory; None for any other."""
        self._check(at)
        cdef Item *item = &self._items[at]
        if item.kind == OTHER_KIND:
            return None
        return (
            item.root, PyBytes_FromStringAndSize(<const char *>item.path, item.path_length),
            item.kind == DIRECTORY_KIND,
        )

    def others(self):
        """The numbers of the records that are not plain."""
        cdef Py_ssize_t at
        return [at for at in range(self.count) if self._items[at].kind == OTHER_KIND]

    def follows(self, Records before):
        """Whether all of `before` is in order, and all paths here come after those of it."""
        cdef:
            Py_ssize_t first = 0, last = before.count - 1
        if before.ordered != before.count:
            return False
        while first < self.count and self._items[first].path == NULL:
            first += 1
        while last >= 0 and before._items[last].path == NULL:
            last -= 1
        if first >= self.ordered or last < 0:
            return False
        return _compare(&before._items[last], &self._items[first]) < 0

    cdef _check(self, Py_ssize_t at):
        if not 0 <= at < self.count:
            raise IndexError(at)

    def grow(self, Py_ssize_t at, int root, int above, bytes name, list opened, list rows):
        """Make what the records from `at` on tell of, as long as it is in one new directory.

        `opened` are its directories that still get entries, from the outermost, as (path, descriptor, row,
        permissions, user, group, time, whether it is plain); with none the record begins with it: it is
        made as `name` in the directory `above`. Changed to those that are open afterwards. `rows` gets one
        for each entry, in their order; that of an open directory is None until it is finished.

        Returns (the next record, bytes in new files, what became of it, the inode of the whole). REFUSED is
        for one that cannot be made here, of which nothing is there, BROKEN where something of it may be.
        """
        cdef:
            Level levels[DEPTH]
            Level *level
            Made *made
            Made *one
            Made ended[DEPTH]
            stat_t status
            int depth = 0, endings = 0, became = STILL_OPEN, fd
            Py_ssize_t number, count = 0, base = len(rows), start = at
            uint32_t parent
            int64_t size = 0
            uint64_t inode = 0
            bint stop = False, top
            char last[NAME + 1]
            const char *side = name
            Item *item
            bytes path
        if at < 0 or at > self.count or len(opened) > DEPTH:
            raise ValueError("out of range")
        for known in opened:
            path, fd, number, permissions, uid, gid, modified, plain = known
            level = &levels[depth]
            level.path, level.length = <const uint8_t *>PyBytes_AS_STRING(path), len(path)
            level.fd, level.row, level.plain = fd, number, plain
            level.permissions, level.uid, level.gid, level.modified = permissions, uid, gid, modified
            if not 0 <= number < base:
                raise ValueError("no such row")
            depth += 1
        made = <Made *>malloc((self.ordered - at if self.ordered > at else 1) * sizeof(Made))
        if made == NULL:
            raise MemoryError
        with nogil:
            while not stop:
                if at >= self.ordered:
                    # What comes with another batch may be in them, too.
                    break
                item = &self._items[at]
                if item.kind == OTHER_KIND or item.root != root:
                    break
                parent = item.path_length
                while parent > 0 and item.path[parent - 1] != c"/":
                    parent -= 1
                # The directories that it is not in get nothing more.
                while depth > 0:
                    level = &levels[depth - 1]
                    if parent > level.length and item.path[level.length] == c"/" and (
                        memcmp(item.path, level.path, level.length) == 0
                    ):
                        # In it, or deeper, where something is missing.
                        stop = parent != level.length + 1
                        break
                    if not level.plain:
                        stop = True
                        break
                    if not _settled(
                        level.fd, level.modified, level.uid, level.gid, level.permissions, &status
                    ):
                        became = LEFT_OVER
                        break
                    close(level.fd)
                    depth -= 1
                    if level.row >= base:
                        one = &made[level.row - base]
                    else:
                        one = &ended[endings]
                        one.row = level.row
                        endings += 1
                    one.status = status
                    one.done = True
                    if depth == 0:
                        became = ALL_DONE
                        inode = status.st_ino
                if stop or became != STILL_OPEN:
                    break
                if depth == 0:
                    if at != start or item.kind != DIRECTORY_KIND:
                        break
                elif depth == DEPTH and item.kind == DIRECTORY_KIND:
                    break
                one = &made[count]
                one.item = at
                if item.kind == DIRECTORY_KIND:
                    if depth == 0:
                        became = _directory(above, side, item.permissions, &fd)
                    else:
                        _named(item.path, item.path_length, parent, last)
                        became = _directory(levels[depth - 1].fd, last, item.permissions, &fd)
                    if became != STILL_OPEN:
                        break
                    level = &levels[depth]
                    level.path, level.length = item.path, item.path_length
                    level.fd, level.row, level.plain = fd, base + count, True
                    level.permissions, level.uid, level.gid = item.permissions, item.uid, item.gid
                    level.modified = item.modified
                    one.done = False
                    depth += 1
                else:
                    _named(item.path, item.path_length, parent, last)
                    became = _file(levels[depth - 1].fd, last, item, &one.status)
                    if became != STILL_OPEN:
                        break
                    one.done = True
                    size += item.size
                count += 1
                at += 1
        try:
            for number in range(endings):
                one = &ended[number]
                rows[one.row] = self._finished(root, opened, one)
            for number in range(count):
                one = &made[number]
                rows.append(
                    _row(root, &self._items[one.item], &one.status, base + number == 0) if one.done else None
                )
            still = []
            for number in range(depth):
                level = &levels[number]
                still.append((
                    PyBytes_FromStringAndSize(<const char *>level.path, level.length), level.fd, level.row,
                    level.permissions, level.uid, level.gid, level.modified, level.plain,
                ))
            opened[:] = still
        except BaseException:
            for number in range(depth):
                close(levels[number].fd)
            raise
        finally:
            free(made)
        return at, size, became, inode

    cdef tuple _finished(self, int root, list opened, const Made *one):
        """The row of a directory that was opened before."""
        for known in opened:
            if known[2] == one.row:
                path = known[0]
                break
        else:
            raise ValueError("no such row")
        return (
            root, path.replace(b"/", b"\0"), one.status.st_ino, one.status.st_mode, one.status.st_uid,
            one.status.st_gid, 0, _ns(&one.status.st_mtim), 0 if one.row == 0 else _ns(&one.status.st_ctim),
            b"",
        )


def read(const uint8_t[::1] data, int tag, int roots_max, Py_ssize_t records_max, Py_ssize_t record_bytes_max):
    """(kind, epoch, first sequence, Records) of the bytes of a batch whose frames begin with `tag`, else None.

    The bytes must not change. Only what `app.replication.frame_codec` takes as well is taken.
    """
    cdef:
        Reader reader
        uint32_t count, length, number
        int64_t value, kind, first
        const uint8_t *epoch
        const uint8_t *record
        Records records
        Item *item
        Item *last = NULL
        bint unplaced, unknown, ordered = True
    if data.shape[0] == 0:
        return None
    reader.at = &data[0]
    reader.end = reader.at + data.shape[0]
    if not _array(&reader, &count) or count != 5 or not _number(&reader, &value) or value != tag:
        return None
    if not _number(&reader, &kind) or not 0 <= kind <= 1 or not _text(&reader, &epoch, &length):
        return None
    # A character may have four bytes; whoever makes an epoch needs far less.
    if length > 4096:
        return None
    try:
        text = PyUnicode_DecodeUTF8(<const char *>epoch, length, NULL)
    except UnicodeDecodeError:
        return None
    if not _number(&reader, &first) or not 1 <= first < (<int64_t>1 << 62):
        return None
    if not _array(&reader, &count) or <Py_ssize_t>count > records_max or <Py_ssize_t>count > data.shape[0]:
        return None
    records = Records.__new__(Records)
    records._data = data
    records._items = <Item *>malloc((count if count else 1) * sizeof(Item))
    if records._items == NULL:
        raise MemoryError
    with nogil:
        for number in range(count):
            item = &records._items[number]
            if not _bytes(&reader, &item.record, &item.record_length):
                break
            _read(item, roots_max, record_bytes_max, &unplaced, &unknown)
            records.count += 1
            if not ordered:
                continue
            if unknown or (not unplaced and last != NULL and _compare(last, item) >= 0):
                ordered = False
                continue
            if not unplaced:
                last = item
            records.ordered = records.count
    if records.count != count or reader.at != reader.end:
        return None
    return kind, text, first, records
