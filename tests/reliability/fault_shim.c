// libfaultshim.so: preloaded into a program, makes its file-system calls fail, or do less than they were
// asked for, as a kernel may. For tests only; knows nothing of the program.
//
//   FAULTSHIM_SHORT   a number: from the start, reads and writes at an offset do a part, and calls are
//                     interrupted; the number chooses where
// A program may find `faultshim` (struct FaultShim) with dlsym and set it itself:
// tests/reliability/returns.cc.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault_shim.h"

__attribute__((visibility("default"))) struct FaultShim faultshim;

__attribute__((constructor)) static void Start(void) {
  const char* seed = getenv("FAULTSHIM_SHORT");
  if (seed == NULL) return;
  faultshim.short_seed = strtoull(seed, NULL, 10);
  faultshim.armed = 1;
}

#define REAL(name) ((__typeof__(&name))Resolve(#name))
static void* Resolve(const char* name) {
  void* f = dlsym(RTLD_NEXT, name);
  if (f == NULL) abort();
  return f;
}

static uint64_t Random(void) {
  uint64_t x = atomic_fetch_add(&faultshim.dice, 0x9E3779B97F4A7C15u) + faultshim.short_seed;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

// 1 when this call fails, with errno set.
static int Fails(unsigned kind) {
  if (!faultshim.armed) return 0;
  if (faultshim.short_seed != 0 && (kind & FAULTSHIM_INTERRUPTIBLE) != 0 && Random() % 4 == 0) {
    atomic_fetch_add(&faultshim.interrupted, 1);
    errno = EINTR;
    return 1;
  }
  if ((faultshim.kinds & kind) == 0) return 0;
  const uint64_t call = atomic_fetch_add(&faultshim.calls, 1) + 1;
  if (faultshim.at == 0 || call < faultshim.at || (call > faultshim.at && !faultshim.sticky)) return 0;
  atomic_fetch_add(&faultshim.struck, 1);
  errno = faultshim.error;
  return 1;
}

static size_t Part(size_t size) {
  if (!faultshim.armed || faultshim.short_seed == 0 || size < 2 || Random() % 2 == 0) return size;
  atomic_fetch_add(&faultshim.shortened, 1);
  return 1 + Random() % (size - 1);
}

#define OPEN(name)                                                                    \
  int name(const char* path, int flags, ...) {                                        \
    va_list args;                                                                     \
    va_start(args, flags);                                                            \
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;            \
    va_end(args);                                                                     \
    if (Fails((flags & O_CREAT) != 0 ? FAULTSHIM_CREATE : FAULTSHIM_OPEN)) return -1; \
    return REAL(name)(path, flags, mode);                                             \
  }
OPEN(open)
OPEN(open64)

#define TRANSFER(name, kind, data_type, off)                      \
  ssize_t name(int fd, data_type data, size_t size, off offset) { \
    if (Fails(kind)) return -1;                                   \
    return REAL(name)(fd, data, Part(size), offset);              \
  }
TRANSFER(pread, FAULTSHIM_READ, void*, off_t)
TRANSFER(pread64, FAULTSHIM_READ, void*, off64_t)
TRANSFER(pwrite, FAULTSHIM_WRITE, const void*, off_t)
TRANSFER(pwrite64, FAULTSHIM_WRITE, const void*, off64_t)

#define CALL(kind, name, params, ...) \
  int name params {                   \
    if (Fails(kind)) return -1;       \
    return REAL(name)(__VA_ARGS__);   \
  }
CALL(FAULTSHIM_SYNC, fsync, (int fd), fd)
CALL(FAULTSHIM_SYNC, fdatasync, (int fd), fd)
CALL(FAULTSHIM_TRUNCATE, ftruncate, (int fd, off_t size), fd, size)
CALL(FAULTSHIM_TRUNCATE, ftruncate64, (int fd, off64_t size), fd, size)
CALL(FAULTSHIM_NAME, rename, (const char* from, const char* to), from, to)
CALL(FAULTSHIM_NAME, renameat2, (int a, const char* from, int b, const char* to, unsigned flags), a, from, b,
     to, flags)
CALL(FAULTSHIM_NAME, unlink, (const char* path), path)
CALL(FAULTSHIM_NAME, rmdir, (const char* path), path)
CALL(FAULTSHIM_NAME, mkdir, (const char* path, mode_t mode), path, mode)
CALL(FAULTSHIM_STAT, lstat, (const char* path, struct stat* info), path, info)
CALL(FAULTSHIM_STAT, fstat, (int fd, struct stat* info), fd, info)

// A store into a page without a block, or a read beyond the end, would be the end of the process.
static void Audit(size_t size, int protection, int fd) {
  const int saved = errno;
  struct stat info;
  if (REAL(fstat)(fd, &info) == 0 && S_ISREG(info.st_mode) && (protection & PROT_EXEC) == 0) {
    atomic_fetch_add(&faultshim.maps, 1);
    if ((protection & PROT_WRITE) != 0 || (size_t)info.st_size < size ||
        lseek(fd, 0, SEEK_HOLE) < (off_t)size)
      atomic_fetch_add(&faultshim.bad_maps, 1);
  }
  errno = saved;
}

void* mmap(void* address, size_t size, int protection, int flags, int fd, off_t offset) {
  if (fd >= 0 && Fails(FAULTSHIM_MAP)) return MAP_FAILED;
  if (fd >= 0 && faultshim.armed) Audit(size, protection, fd);
  return REAL(mmap)(address, size, protection, flags, fd, offset);
}
