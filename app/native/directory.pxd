# All of a directory with what lstat says of each entry, in the order in which the system has them.

from libc cimport errno as system
from libc.errno cimport ENOENT, ENOMEM
from libc.stdlib cimport realloc
from libc.string cimport memcpy, strlen

from app.native.posix cimport (
    AT_SYMLINK_NOFOLLOW, DIR, O_CLOEXEC, O_DIRECTORY, O_NOFOLLOW, O_RDONLY, close, closedir, dirent, fdopendir,
    fstatat, openat, readdir, stat_t,
)

cdef struct Found:
    size_t name      # where it begins among the names
    size_t length
    int error        # what lstat refused it with, or 0
    stat_t status


cdef inline int read_directory(
    int above, const char *path, Found **found, size_t *count, char **names
) noexcept nogil:
    """The number of the error that ended it, or 0. `found` and `names` are to be freed, also after an error."""
    cdef:
        int fd = openat(above, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), failed = 0
        DIR *opened
        dirent *entry
        size_t room = 0, space = 0, used = 0, length
        void *more
    if fd < 0:
        return system.errno
    opened = fdopendir(fd)
    if opened == NULL:
        failed = system.errno
        close(fd)
        return failed
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
            room = 64 if room == 0 else room * 2
            more = realloc(found[0], room * sizeof(Found))
            if more == NULL:
                failed = ENOMEM
                break
            found[0] = <Found *>more
        if used + length > space:
            space = 4096 if space == 0 else space * 2
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
        memcpy(names[0] + used, entry.d_name, length)
        found[0][count[0]].name = used
        found[0][count[0]].length = length
        used += length
        count[0] += 1
    closedir(opened)
    return failed
