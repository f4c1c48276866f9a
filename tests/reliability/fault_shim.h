// tests/reliability/fault_shim.h: what fault_shim.c and the program that sets it share.
#pragma once

#include <stdint.h>

enum {
  FAULTSHIM_OPEN = 1,
  FAULTSHIM_CREATE = 2,  // an open with O_CREAT
  FAULTSHIM_READ = 4,
  FAULTSHIM_WRITE = 8,
  FAULTSHIM_SYNC = 16,
  FAULTSHIM_TRUNCATE = 32,
  FAULTSHIM_NAME = 64,  // rename, unlink, rmdir, mkdir
  FAULTSHIM_STAT = 128,
  FAULTSHIM_MAP = 256,
  // Those for which POSIX knows EINTR and Linux, on some file system, may answer it.
  FAULTSHIM_INTERRUPTIBLE = 1 | 2 | 4 | 8 | 16 | 32
};

#if defined(__cplusplus)
#include <atomic>
typedef std::atomic<uint64_t> faultshim_counter;
#else
typedef _Atomic uint64_t faultshim_counter;
#endif

// Set `armed` last; calls are counted and struck only while it is.
struct FaultShim {
  volatile int armed;
  int error;   // of the call number `at`, from 1, among calls of `kinds`; 0: none
  int sticky;  // and of every later one
  unsigned kinds;
  uint64_t at;
  uint64_t short_seed;  // not 0: short reads and writes, interruptions
  faultshim_counter calls, struck, shortened, interrupted, dice;
  // Files that were mapped; and of these, mapped to write, beyond their end, or with a hole.
  faultshim_counter maps, bad_maps;
};
