// libcrashshim.so: preloaded into a program, counts the calls that change files below one folder and kills
// the program with SIGKILL at a chosen one. For tests only; knows nothing of the program.
//
//   CRASHSHIM_ROOT     real path of the folder to watch; without it the shim only passes calls on
//   CRASHSHIM_REPORT   a file that the shim maps and keeps up to date (struct Report); its magic is the proof
//   of loading CRASHSHIM_KILL_AT  N: die before the Nth call takes effect; 0 or absent: only count
//   CRASHSHIM_TEAR     1: if call N is a write, do half of it first
//   CRASHSHIM_TRACE    a file to which each counted call is added as a line: number, operation, path
//
// Counted: open with O_CREAT or O_TRUNC, write, pwrite, writev, pwritev, fsync, fdatasync, msync (of any
// mapping), ftruncate, fallocate, rename, unlink, rmdir, mkdir, link, in all their spellings. Not seen:
// direct system calls and what the C library does inside its own functions (fopen, remove): the database and
// LMDB use neither.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum Op {
  kOpOpen,
  kOpWrite,
  kOpSync,
  kOpMsync,
  kOpTruncate,
  kOpAllocate,
  kOpRename,
  kOpRemove,
  kOpMakeDir,
  kOpLink,
  kOps
};
static const char* const kOpNames[kOps] = {"open",     "write",  "sync",   "msync", "truncate",
                                           "allocate", "rename", "remove", "mkdir", "link"};

// Read by kill_points.py with struct.unpack: keep both in step.
struct Report {
  char magic[8];  // "CRSHIM1\n"
  _Atomic uint64_t calls;
  _Atomic uint64_t killed_at;  // 0: it was not us
  _Atomic uint64_t by_op[kOps];
  char last[256];  // what the fatal call was
};

#define MAX_FD 65536
enum { kUnknown = 0, kInside = 1, kOutside = 2 };
static _Atomic unsigned char fd_place[MAX_FD];
static char root[PATH_MAX];
static size_t root_length;
static uint64_t kill_at;
static int tear;
static int trace_fd = -1;
static struct Report* report;

#define REAL(name) ((__typeof__(&name))Resolve(#name))
static void* Resolve(const char* name) {
  void* f = dlsym(RTLD_NEXT, name);
  if (f == NULL) abort();
  return f;
}

__attribute__((constructor)) static void Start(void) {
  const char* watched = getenv("CRASHSHIM_ROOT");
  const char* report_path = getenv("CRASHSHIM_REPORT");
  if (watched == NULL || report_path == NULL || strlen(watched) >= sizeof(root)) return;
  const int fd = REAL(open)(report_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || REAL(ftruncate)(fd, sizeof(struct Report)) != 0) abort();
  struct Report* mapped = mmap(NULL, sizeof(struct Report), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) abort();
  REAL(close)(fd);
  const char* at = getenv("CRASHSHIM_KILL_AT");
  const char* half = getenv("CRASHSHIM_TEAR");
  kill_at = at == NULL ? 0 : strtoull(at, NULL, 10);
  tear = half != NULL && half[0] == '1';
  strcpy(root, watched);
  memcpy(mapped->magic, "CRSHIM1\n", 8);
  report = mapped;
  root_length = strlen(root);
  const char* trace = getenv("CRASHSHIM_TRACE");
  if (trace != NULL) trace_fd = REAL(open)(trace, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int IsInside(const char* path) {
  return root_length != 0 && strncmp(path, root, root_length) == 0 &&
         (path[root_length] == '/' || path[root_length] == '\0');
}

static int PathOfFd(int fd, char* out) {
  char link[64];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, out, PATH_MAX - 1);
  if (n < 0) return 0;
  out[n] = '\0';
  return 1;
}

// Textual, without following links: the tests give real paths.
static int PathInside(int directory, const char* path) {
  if (root_length == 0 || path == NULL) return 0;
  if (path[0] == '/') return IsInside(path);
  char full[2 * PATH_MAX];
  if (directory == AT_FDCWD ? getcwd(full, PATH_MAX) == NULL : !PathOfFd(directory, full)) return 0;
  strcat(full, "/");
  strncat(full, path, PATH_MAX - 1);
  return IsInside(full);
}

static int FdInside(int fd) {
  if (root_length == 0 || fd < 0 || fd >= MAX_FD) return 0;
  unsigned char place = atomic_load(&fd_place[fd]);
  if (place == kUnknown) {
    const int saved = errno;
    char path[PATH_MAX];
    place = PathOfFd(fd, path) && IsInside(path) ? kInside : kOutside;
    atomic_store(&fd_place[fd], place);
    errno = saved;
  }
  return place == kInside;
}

static void Forget(int fd) {
  if (fd >= 0 && fd < MAX_FD) atomic_store(&fd_place[fd], kUnknown);
}

static void Die(enum Op op, uint64_t call, const char* what) {
  snprintf(report->last, sizeof(report->last), "%s %s", kOpNames[op], what);
  atomic_store(&report->killed_at, call);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static void Trace(enum Op op, uint64_t call, const char* what) {
  char line[PATH_MAX + 64];
  const int n = snprintf(line, sizeof(line), "%llu %s %s\n", (unsigned long long)call, kOpNames[op], what);
  if (n > 0 && (size_t)n < sizeof(line) && REAL(write)(trace_fd, line, (size_t)n) != n) abort();
}

// Paths cost a system call: only when somebody will read them.
static void NameOf(int fd, char* path) {
  path[0] = '\0';
  if (kill_at != 0 || trace_fd >= 0) PathOfFd(fd, path);
}

// Counts a call; returns its number when it is the fatal one and the caller may do half of it first, else 0.
static uint64_t Count(enum Op op, const char* what, int can_tear) {
  const uint64_t call = atomic_fetch_add(&report->calls, 1) + 1;
  atomic_fetch_add(&report->by_op[op], 1);
  if (trace_fd >= 0) Trace(op, call, what);
  if (call != kill_at) return 0;
  if (can_tear && tear) return call;
  Die(op, call, what);
  return 0;
}

static void CountFd(enum Op op, int fd) {
  char path[PATH_MAX];
  if (!FdInside(fd)) return;
  NameOf(fd, path);
  Count(op, path, 0);
}

static void CountPath(enum Op op, int directory, const char* path) {
  if (PathInside(directory, path)) Count(op, path, 0);
}

static void CountTwo(enum Op op, int from_directory, const char* from, int to_directory, const char* to) {
  if (PathInside(from_directory, from) || PathInside(to_directory, to)) Count(op, to, 0);
}

// ---- opening and closing
// -------------------------------------------------------------------------------------------

static mode_t ModeOf(int flags, va_list args) {
  return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}
static void BeforeOpen(int directory, const char* path, int flags) {
  if ((flags & (O_CREAT | O_TRUNC)) != 0) CountPath(kOpOpen, directory, path);
}
static int AfterOpen(int fd) {
  Forget(fd);
  return fd;
}

#define OPEN(name)                                   \
  int name(const char* path, int flags, ...) {       \
    va_list args;                                    \
    va_start(args, flags);                           \
    const mode_t mode = ModeOf(flags, args);         \
    va_end(args);                                    \
    BeforeOpen(AT_FDCWD, path, flags);               \
    return AfterOpen(REAL(name)(path, flags, mode)); \
  }
#define OPENAT(name)                                            \
  int name(int directory, const char* path, int flags, ...) {   \
    va_list args;                                               \
    va_start(args, flags);                                      \
    const mode_t mode = ModeOf(flags, args);                    \
    va_end(args);                                               \
    BeforeOpen(directory, path, flags);                         \
    return AfterOpen(REAL(name)(directory, path, flags, mode)); \
  }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int creat(const char* path, mode_t mode) {
  BeforeOpen(AT_FDCWD, path, O_CREAT);
  return AfterOpen(REAL(creat)(path, mode));
}
int close(int fd) {
  Forget(fd);
  return REAL(close)(fd);
}

// ---- contents
// ------------------------------------------------------------------------------------------------------

// Before a write of `size` bytes: 0, or the number of the fatal call, which then does size / 2.
static uint64_t BeforeWrite(int fd, size_t size) {
  if (!FdInside(fd)) return 0;
  char path[PATH_MAX];
  NameOf(fd, path);
  return Count(kOpWrite, path, size > 1);
}

ssize_t write(int fd, const void* data, size_t size) {
  const uint64_t fatal = BeforeWrite(fd, size);
  const ssize_t n = REAL(write)(fd, data, fatal ? size / 2 : size);
  if (fatal) Die(kOpWrite, fatal, "(half)");
  return n;
}

#define PWRITE(name, off)                                                    \
  ssize_t name(int fd, const void* data, size_t size, off offset) {          \
    const uint64_t fatal = BeforeWrite(fd, size);                            \
    const ssize_t n = REAL(name)(fd, data, fatal ? size / 2 : size, offset); \
    if (fatal) Die(kOpWrite, fatal, "(half)");                               \
    return n;                                                                \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

// Half of a vector is its first half of parts.
ssize_t writev(int fd, const struct iovec* parts, int count) {
  const uint64_t fatal = BeforeWrite(fd, (size_t)count);
  const ssize_t n = REAL(writev)(fd, parts, fatal ? count / 2 : count);
  if (fatal) Die(kOpWrite, fatal, "(half)");
  return n;
}

#define PWRITEV(name, off)                                                      \
  ssize_t name(int fd, const struct iovec* parts, int count, off offset) {      \
    const uint64_t fatal = BeforeWrite(fd, (size_t)count);                      \
    const ssize_t n = REAL(name)(fd, parts, fatal ? count / 2 : count, offset); \
    if (fatal) Die(kOpWrite, fatal, "(half)");                                  \
    return n;                                                                   \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define ON_FD(op, name, params, ...) \
  int name params {                  \
    CountFd(op, fd);                 \
    return REAL(name)(__VA_ARGS__);  \
  }
ON_FD(kOpSync, fsync, (int fd), fd)
ON_FD(kOpSync, fdatasync, (int fd), fd)
ON_FD(kOpTruncate, ftruncate, (int fd, off_t size), fd, size)
ON_FD(kOpTruncate, ftruncate64, (int fd, off64_t size), fd, size)
ON_FD(kOpAllocate, fallocate, (int fd, int mode, off_t offset, off_t size), fd, mode, offset, size)
ON_FD(kOpAllocate, fallocate64, (int fd, int mode, off64_t offset, off64_t size), fd, mode, offset, size)
ON_FD(kOpAllocate, posix_fallocate, (int fd, off_t offset, off_t size), fd, offset, size)
ON_FD(kOpAllocate, posix_fallocate64, (int fd, off64_t offset, off64_t size), fd, offset, size)

int msync(void* address, size_t size, int flags) {
  if (root_length != 0) Count(kOpMsync, "", 0);
  return REAL(msync)(address, size, flags);
}

// ---- names
// ---------------------------------------------------------------------------------------------------------

#define ON_PATH(op, name, directory, params, ...) \
  int name params {                               \
    CountPath(op, directory, path);               \
    return REAL(name)(__VA_ARGS__);               \
  }
ON_PATH(kOpRemove, unlink, AT_FDCWD, (const char* path), path)
ON_PATH(kOpRemove, unlinkat, directory, (int directory, const char* path, int flags), directory, path, flags)
ON_PATH(kOpRemove, rmdir, AT_FDCWD, (const char* path), path)
ON_PATH(kOpMakeDir, mkdir, AT_FDCWD, (const char* path, mode_t mode), path, mode)
ON_PATH(kOpMakeDir, mkdirat, directory, (int directory, const char* path, mode_t mode), directory, path, mode)
ON_PATH(kOpTruncate, truncate, AT_FDCWD, (const char* path, off_t size), path, size)
ON_PATH(kOpTruncate, truncate64, AT_FDCWD, (const char* path, off64_t size), path, size)

int rename(const char* from, const char* to) {
  CountTwo(kOpRename, AT_FDCWD, from, AT_FDCWD, to);
  return REAL(rename)(from, to);
}
int renameat(int from_directory, const char* from, int to_directory, const char* to) {
  CountTwo(kOpRename, from_directory, from, to_directory, to);
  return REAL(renameat)(from_directory, from, to_directory, to);
}
int renameat2(int from_directory, const char* from, int to_directory, const char* to, unsigned int flags) {
  CountTwo(kOpRename, from_directory, from, to_directory, to);
  return REAL(renameat2)(from_directory, from, to_directory, to, flags);
}
int link(const char* from, const char* to) {
  CountTwo(kOpLink, AT_FDCWD, from, AT_FDCWD, to);
  return REAL(link)(from, to);
}
int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  CountTwo(kOpLink, from_directory, from, to_directory, to);
  return REAL(linkat)(from_directory, from, to_directory, to, flags);
}
