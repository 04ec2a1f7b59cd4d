# cython: language_level=3, boundscheck=False, wraparound=False
"""New files, made with their content and metadata, and read back, without the interpreter."""

from libc cimport errno as system
from libc.errno cimport EBADMSG, EINTR, EIO
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp

from app.native.posix cimport (
    AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR, S_IFMT, S_IFREG, close,
    fchmod, fchown, fstat, futimens, off_t, openat, pread, stat_t, timespec, unlinkat, write,
)

cdef extern from "<fcntl.h>" nogil:
    int sync_file_range(int fd, off_t offset, off_t count, unsigned int flags)
    unsigned int SYNC_FILE_RANGE_WRITE

cdef enum:
    PIECE = 1 << 16
    BEGIN_WRITING = 1 << 16
    SET_IDS = 0o6000

cdef struct Wanted:
    int directory
    const char *name
    const char *content
    size_t length
    unsigned int permissions
    unsigned int uid
    unsigned int gid
    timespec modified
    unsigned long long inode
    int error


cdef bint _differs(const Wanted *wanted, const stat_t *found) noexcept nogil:
    """Whether owner, permissions or time are not as wanted."""
    return (
        found.st_uid != wanted.uid
        or found.st_gid != wanted.gid
        or (found.st_mode & 0o7777) != wanted.permissions
        or found.st_mtim.tv_sec != wanted.modified.tv_sec
        or found.st_mtim.tv_nsec != wanted.modified.tv_nsec
    )


cdef int _settle(int fd, Wanted *wanted) noexcept nogil:
    """Set the metadata of an open file and look whether they are as wanted; an error number, or 0."""
    cdef:
        stat_t found
        timespec times[2]
    times[0] = wanted.modified
    times[1] = wanted.modified
    if futimens(fd, times) != 0 or fstat(fd, &found) != 0:
        return system.errno
    if _differs(wanted, &found):
        if found.st_uid != wanted.uid or found.st_gid != wanted.gid:
            if fchown(fd, wanted.uid, wanted.gid) != 0:
                return system.errno
        # A new owner costs a file its set-user-ID bits.
        if (found.st_mode & 0o7777) != wanted.permissions or wanted.permissions & SET_IDS:
            if fchmod(fd, wanted.permissions) != 0:
                return system.errno
        if futimens(fd, times) != 0 or fstat(fd, &found) != 0:
            return system.errno
        if _differs(wanted, &found):
            return EBADMSG
    if (found.st_mode & S_IFMT) != S_IFREG or found.st_size != <long long>wanted.length:
        return EBADMSG
    wanted.inode = found.st_ino
    return 0


cdef int _fill(int fd, const Wanted *wanted, char *buffer) noexcept nogil:
    """Write the content and read it back; an error number, or 0."""
    cdef:
        size_t done = 0, most
        ssize_t count
    while done < wanted.length:
        count = write(fd, wanted.content + done, wanted.length - done)
        if count <= 0:
            return system.errno if count < 0 else EIO
        done += count
    done = 0
    while done < wanted.length:
        most = wanted.length - done
        count = pread(fd, buffer, PIECE if most > PIECE else most, done)
        if count < 0:
            return system.errno
        if count == 0 or memcmp(buffer, wanted.content + done, count) != 0:
            return EBADMSG
        done += count
    return 0


cdef void _make(Wanted *wanted, int directory, char *buffer) noexcept nogil:
    cdef int fd = openat(
        directory, wanted.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, wanted.permissions & 0o777
    )
    if fd < 0:
        wanted.error = system.errno
        return
    wanted.error = _fill(fd, wanted, buffer)
    if wanted.error == 0:
        wanted.error = _settle(fd, wanted)
    if wanted.error == 0 and wanted.length >= BEGIN_WRITING:
        # All is to be on the disk in the end, and the kernel has one thread to begin that, late. Small files are
        # left to that: it writes many of them in one go, and who begins to write each waits for the disk's queue.
        sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE)
    if close(fd) != 0 and wanted.error == 0 and system.errno != EINTR:
        wanted.error = system.errno
    if wanted.error != 0:
        unlinkat(directory, wanted.name, 0)


def files(list directories, list rows, bytes data):
    """Make new files; for each its inode number, or the error number as a negative one: then it is not there.

    Each of `rows` is (which of the `directories`, name, offset in `data`, length, permissions, user, group,
    time in ns). The directories are paths of which the last name is not followed. What is made has
    exactly these metadata, and was read back: else the error is EBADMSG. It is not on the disk yet, if larger on
    its way there: whoever needs it there waits for that. Other threads go on.

    Raises:
        ValueError: for something that is no name, no directory of these, or not in the data.
        OverflowError, TypeError: for numbers that no file can have.
    """
    cdef:
        Py_ssize_t count = len(rows), size = len(data), at, start, length
        const char *content = data
        Wanted *wanted
        const char **paths
        char *buffer
        list kept = []
        list result = []
        bytes name, path
        long long modified
        int number, known = len(directories), opened = -1, fd = -1, refused = 0
    wanted = <Wanted *>calloc(count + 1, sizeof(Wanted))
    paths = <const char **>calloc(known + 1, sizeof(char *))
    buffer = <char *>malloc(PIECE)
    try:
        if wanted == NULL or paths == NULL or buffer == NULL:
            raise MemoryError
        for number in range(known):
            path = directories[number]
            if path is None or b"\0" in path:
                raise ValueError("an impossible directory")
            kept.append(path)
            paths[number] = path
        for at in range(count):
            number, name, start, length, permissions, uid, gid, modified = rows[at]
            if name is None or name in (b"", b".", b"..") or b"/" in name or b"\0" in name:
                raise ValueError("an impossible name")
            if not (0 <= number < known and 0 <= start <= size and 0 <= length <= size - start):
                raise ValueError("it is not in the data")
            kept.append(name)
            wanted[at].directory = number
            wanted[at].name = name
            wanted[at].content = content + start
            wanted[at].length = length
            wanted[at].permissions = permissions
            wanted[at].permissions &= 0o7777
            wanted[at].uid = uid
            wanted[at].gid = gid
            # Rounded down also before 1970, as Python does.
            wanted[at].modified.tv_sec = modified // 1_000_000_000
            wanted[at].modified.tv_nsec = modified - wanted[at].modified.tv_sec * 1_000_000_000LL
        with nogil:
            for at in range(count):
                if wanted[at].directory != opened:
                    if fd >= 0:
                        close(fd)
                    opened = wanted[at].directory
                    fd = openat(AT_FDCWD, paths[opened], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                    refused = system.errno if fd < 0 else 0
                if fd < 0:
                    wanted[at].error = refused
                else:
                    _make(&wanted[at], fd, buffer)
            if fd >= 0:
                close(fd)
        for at in range(count):
            result.append(wanted[at].inode if wanted[at].error == 0 else -wanted[at].error)
    finally:
        free(wanted)
        free(paths)
        free(buffer)
    return result
