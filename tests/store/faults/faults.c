// A library to be preloaded (LD_PRELOAD): makes the n-th file system call on files below one folder fail, counted over all processes.
//
//   FAULTS_DIR    the folder, an absolute path
//   FAULTS_STATE  a file of 8 bytes, shared by all processes: how many matching calls there were
//   FAULTS_CALL   write (write, pwrite, writev), read (read, pread), sync (fsync, fdatasync), rename, mkdir, open or close
//   FAULTS_AT     which call fails, from 1 on; 0: none, they are only counted
//   FAULTS_ERROR  an errno by number; 0: the call does half of its work (a short write)
//   FAULTS_STAYS  1: all later calls fail as well, as on a full disk
//
// glibc's own streams do not come by here, but the program writes through descriptors.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static _Atomic long *count;
static const char *folder, *call;
static long fails_at, error_number;
static int stays;

static long number(const char *name) {
  const char *text = getenv(name);
  return text ? atol(text) : 0;
}

__attribute__((constructor)) static void begin(void) {
  const char *state = getenv("FAULTS_STATE");
  folder = getenv("FAULTS_DIR");
  call = getenv("FAULTS_CALL");
  fails_at = number("FAULTS_AT");
  error_number = number("FAULTS_ERROR");
  stays = number("FAULTS_STAYS") == 1;
  if (!state || !folder || !call) return;
  int (*open_it)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int (*close_it)(int) = dlsym(RTLD_NEXT, "close");
  const int fd = open_it(state, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared != MAP_FAILED) count = shared;
  close_it(fd);
}

static int below(const char *path) {
  const size_t length = strlen(folder);
  return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int is_ours(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return below(path);
}

// Whether this call, one of the counted kind on one of our files, is to fail.
static int fails(const char *kind, int ours) {
  if (!count || strcmp(kind, call) != 0 || !ours) return 0;
  const long now = atomic_fetch_add(count, 1) + 1;
  return fails_at > 0 && (now == fails_at || (stays && now > fails_at));
}

#define NEXT(name) static __typeof__(name) *next; if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define FD_FAILS(kind) (count && fails(kind, is_ours(fd)))

ssize_t write(int fd, const void *bytes, size_t size) {
  NEXT(write);
  if (!FD_FAILS("write")) return next(fd, bytes, size);
  if (error_number == 0) return next(fd, bytes, size > 1 ? size / 2 : size);
  errno = (int)error_number;
  return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
  NEXT(pwrite);
  if (!FD_FAILS("write")) return next(fd, bytes, size, at);
  if (error_number == 0) return next(fd, bytes, size > 1 ? size / 2 : size, at);
  errno = (int)error_number;
  return -1;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) { return pwrite(fd, bytes, size, at); }

ssize_t writev(int fd, const struct iovec *parts, int many) {
  NEXT(writev);
  if (!FD_FAILS("write")) return next(fd, parts, many);
  if (error_number == 0) return next(fd, parts, 1);
  errno = (int)error_number;
  return -1;
}

ssize_t read(int fd, void *bytes, size_t size) {
  NEXT(read);
  if (!FD_FAILS("read")) return next(fd, bytes, size);
  errno = (int)error_number;
  return -1;
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at) {
  NEXT(pread);
  if (!FD_FAILS("read")) return next(fd, bytes, size, at);
  errno = (int)error_number;
  return -1;
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at) { return pread(fd, bytes, size, at); }

int mkdir(const char *path, mode_t mode) {
  NEXT(mkdir);
  if (!count || !fails("mkdir", below(path))) return next(path, mode);
  errno = (int)error_number;
  return -1;
}

int fsync(int fd) {
  NEXT(fsync);
  if (!FD_FAILS("sync")) return next(fd);
  errno = (int)error_number;
  return -1;
}

int fdatasync(int fd) {
  NEXT(fdatasync);
  if (!FD_FAILS("sync")) return next(fd);
  errno = (int)error_number;
  return -1;
}

int rename(const char *from, const char *to) {
  NEXT(rename);
  if (!count || !fails("rename", below(to))) return next(from, to);
  errno = (int)error_number;
  return -1;
}

// Closes, as Linux does, and says that it failed.
int close(int fd) {
  NEXT(close);
  if (!FD_FAILS("close")) return next(fd);
  next(fd);
  errno = (int)error_number;
  return -1;
}

int open(const char *path, int flags, ...) {
  NEXT(open);
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  if (count && fails("open", below(path))) {
    errno = (int)error_number;
    return -1;
  }
  return next(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  mode_t mode = 0;
  if (flags & (O_CREAT | O_TMPFILE)) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  return open(path, flags, mode);
}
