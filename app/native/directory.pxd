# All of a directory with what lstat says of each entry.

from libc cimport errno as system
from libc.errno cimport ENOENT, ENOMEM
from libc.stdlib cimport qsort, realloc
from libc.string cimport memcmp, memcpy, strlen

from app.native.posix cimport (
    AT_SYMLINK_NOFOLLOW, DIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, close, closedir, dirent, dirfd,
    fdopendir, fstatat, openat, readdir, stat_t,
)

cdef struct Found:
    const char *name  # ends with a zero
    size_t length
    int error         # what lstat refused it with, or 0
    stat_t status


cdef inline int read_entries(DIR *opened, Found **found, size_t *count, char **names) noexcept nogil:
    """What is in an open directory, in the order of the system. The number of the error that ended it, or 0.

    `found` and `names`, in which the names are, are to be freed, also after an error. What vanishes meanwhile is left
    out. ENOMEM: there is no memory.
    """
    cdef:
        dirent *entry
        size_t room = 0, space = 0, used = 0, length, at
        int failed = 0, fd = dirfd(opened)
        void *more
    while True:
        system.errno = 0
        entry = readdir(opened)
        if entry == NULL:
            failed = system.errno
            break
        length = strlen(entry.d_name)
        if entry.d_name[0] == b"." and (length == 1 or (length == 2 and entry.d_name[1] == b".")):
            continue
        if count[0] == room:
            room = 16 if room == 0 else room * 2
            more = realloc(found[0], room * sizeof(Found))
            if more == NULL:
                failed = ENOMEM
                break
            found[0] = <Found *>more
        if used + length + 1 > space:
            space = 1024 if space == 0 else space * 2
            while used + length + 1 > space:
                space *= 2
            more = realloc(names[0], space)
            if more == NULL:
                failed = ENOMEM
                break
            names[0] = <char *>more
        found[0][count[0]].error = 0
        if fstatat(fd, entry.d_name, &found[0][count[0]].status, AT_SYMLINK_NOFOLLOW) != 0:
            if system.errno == ENOENT:
                continue
            found[0][count[0]].error = system.errno
        memcpy(names[0] + used, entry.d_name, length + 1)
        found[0][count[0]].length = length
        used += length + 1
        count[0] += 1
    # Only now: the names move while there are more of them.
    used = 0
    for at in range(count[0]):
        found[0][at].name = names[0] + used
        used += found[0][at].length + 1
    return failed


cdef inline int read_directory(
    int above, const char *path, Found **found, size_t *count, char **names
) noexcept nogil:
    """The same of the directory `path` beneath the open one `above`, which is not followed if it is a link."""
    cdef:
        int fd = openat(above, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), failed
        DIR *opened
    if fd < 0:
        return system.errno
    opened = fdopendir(fd)
    if opened == NULL:
        failed = system.errno
        close(fd)
        return failed
    failed = read_entries(opened, found, count, names)
    closedir(opened)
    return failed


cdef inline int first_error(const Found *found, size_t count) noexcept nogil:
    """The first that lstat refused an entry with, or 0."""
    cdef size_t at
    for at in range(count):
        if found[at].error != 0:
            return found[at].error
    return 0


cdef inline int _by_name(const void *one, const void *other) noexcept nogil:
    cdef:
        const Found *a = <const Found *>one
        const Found *b = <const Found *>other
        int order = memcmp(a.name, b.name, min(a.length, b.length))
    if order != 0:
        return order
    return -1 if a.length < b.length else a.length > b.length


cdef inline void sort_by_name(Found *found, size_t count) noexcept nogil:
    if count > 1:
        qsort(found, count, sizeof(Found), _by_name)
