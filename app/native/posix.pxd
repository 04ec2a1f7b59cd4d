# What the modules here use of the system.

from libc.stdint cimport int64_t, uint64_t

cdef extern from "<sys/types.h>" nogil:
    ctypedef int mode_t
    ctypedef unsigned int uid_t
    ctypedef unsigned int gid_t
    ctypedef long long off_t
    ctypedef unsigned long long ino_t
    ctypedef unsigned long long dev_t

cdef extern from "<time.h>" nogil:
    cdef struct timespec:
        long tv_sec
        long tv_nsec

cdef extern from "<sys/stat.h>" nogil:
    cdef struct stat_t "stat":
        dev_t st_dev
        ino_t st_ino
        unsigned int st_mode
        unsigned long st_nlink
        uid_t st_uid
        gid_t st_gid
        dev_t st_rdev
        off_t st_size
        long st_blksize
        long st_blocks
        timespec st_mtim
        timespec st_ctim
    int fstat(int fd, stat_t *status)
    int fstatat(int fd, const char *name, stat_t *status, int flags)
    int mkdirat(int fd, const char *name, unsigned int mode)
    int fchmod(int fd, unsigned int mode)
    int futimens(int fd, const timespec *times)
    int utimensat(int fd, const char *name, const timespec *times, int flags)
    unsigned int S_IFMT
    unsigned int S_IFREG
    unsigned int S_IFDIR
    unsigned int S_IFLNK
    unsigned int S_IFSOCK

cdef extern from "<fcntl.h>" nogil:
    int openat(int fd, const char *name, int flags, ...)
    int O_RDONLY
    int O_RDWR
    int O_WRONLY
    int O_CREAT
    int O_EXCL
    int O_NOFOLLOW
    int O_CLOEXEC
    int O_DIRECTORY
    int O_NONBLOCK
    int O_NOCTTY
    int O_NOATIME
    int AT_FDCWD
    int AT_SYMLINK_NOFOLLOW
    int AT_REMOVEDIR

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    int dup(int fd)
    ssize_t read(int fd, void *into, size_t size)
    ssize_t pread(int fd, void *into, size_t size, off_t offset)
    ssize_t write(int fd, const void *what, size_t size)
    ssize_t pwrite(int fd, const void *what, size_t size, off_t offset)
    off_t lseek(int fd, off_t offset, int whence)
    int ftruncate(int fd, off_t size)
    int fchown(int fd, uid_t uid, gid_t gid)
    int fchownat(int fd, const char *name, uid_t uid, gid_t gid, int flags)
    int linkat(int fd, const char *name, int into, const char *other, int flags)
    int unlinkat(int fd, const char *name, int flags)
    int symlinkat(const char *target, int fd, const char *name)
    ssize_t readlinkat(int fd, const char *name, char *into, size_t size)
    int SEEK_DATA
    int SEEK_HOLE

cdef extern from "<dirent.h>" nogil:
    ctypedef struct DIR:
        pass
    cdef struct dirent:
        ino_t d_ino
        unsigned char d_type
        char d_name[256]
    DIR *fdopendir(int fd)
    dirent *readdir(DIR *directory)
    int dirfd(DIR *directory)
    int closedir(DIR *directory)
    void rewinddir(DIR *directory)

cdef extern from "<sys/xattr.h>" nogil:
    ssize_t listxattr(const char *path, char *names, size_t size)
    ssize_t llistxattr(const char *path, char *names, size_t size)
    ssize_t flistxattr(int fd, char *names, size_t size)


cdef inline int64_t kept_ns(const timespec *time) noexcept nogil:
    """Nanoseconds since 1970; what is beyond 64 bits as `app.model.entry.kept_ns` has it."""
    if time.tv_sec > 9223372036LL or (time.tv_sec == 9223372036LL and time.tv_nsec > 854775807):
        return 0x7FFFFFFFFFFFFFFFLL
    if time.tv_sec < -9223372037LL or (time.tv_sec == -9223372037LL and time.tv_nsec < 145224193):
        return -0x7FFFFFFFFFFFFFFFLL
    if time.tv_sec < 0:
        return (time.tv_sec + 1) * 1_000_000_000LL + (time.tv_nsec - 1_000_000_000LL)
    return time.tv_sec * 1_000_000_000LL + time.tv_nsec
