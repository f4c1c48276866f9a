// fuzz/fuzz.h: what every target has and what they share. A target defines the first four functions; glue.cc
// makes a libFuzzer program of them, replay.cc a plain one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_system.h"

namespace fuzz {

using Random = std::minstd_rand;

/// Inputs as our own writers make them: where a run begins. Each must be accepted.
std::vector<std::string> Seeds();
/// One run. Returns when all is as it must be; fails, or is killed by a sanitizer, otherwise.
void Run(std::string_view input);
/// Changes the input a little, to at most `most` bytes.
void Vary(std::string& input, std::size_t most, Random& random);
/// Makes checksums right, so that what is behind them is reached. Bytes that cannot be understood stay.
void Seal(std::string& input);

[[noreturn]] void Fail(std::string_view what, std::string_view more = {});
inline void Require(bool holds, std::string_view what, std::string_view more = {}) {
  if (!holds) Fail(what, more);
}

/// While it lives, more than `input_bytes` and 64 MiB in hand at once is a failure.
class AllocationWatch {
 public:
  explicit AllocationWatch(std::size_t input_bytes);
  ~AllocationWatch();
  AllocationWatch(const AllocationWatch&) = delete;
};

/// For Vary: bits, bytes, numbers at the limits of their kinds, blocks copied, cut out and doubled.
void VaryBytes(std::string& input, std::size_t most, Random& random);
/// For Vary: words of a language put in, taken out, exchanged and repeated.
void VaryText(std::string& input, std::size_t most, Random& random, const std::vector<std::string>& words);

template <class T>
T Get(std::string_view bytes, std::size_t at) {
  T value{};
  if (at <= bytes.size() && bytes.size() - at >= sizeof(T)) std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

/// A file system with one file, whatever its path; read-only. Behind a mapping lies memory that may not be
/// touched: under AddressSanitizer at once, else from the next multiple of 64 on. One mapping at a time.
class OneFile final : public cocozvec::FileSystem {
 public:
  /// `bytes` must outlive it. `other`: the lock that somebody holds on the file.
  explicit OneFile(std::string_view bytes, cocozvec::HeldLock other = cocozvec::HeldLock::kNone)
      : bytes_(bytes), other_(other) {}
  cocozvec::Result<std::unique_ptr<cocozvec::File>> Open(cocozvec::PathView path,
                                                         cocozvec::OpenMode mode) override;
  cocozvec::Result<cocozvec::FileInfo> Stat(cocozvec::PathView path) override;
  cocozvec::Result<std::vector<cocozvec::DirEntry>> List(cocozvec::PathView) override { return Refused(); }
  cocozvec::Status CreateDirectory(cocozvec::PathView) override { return Refused(); }
  cocozvec::Status Rename(cocozvec::PathView, cocozvec::PathView) override { return Refused(); }
  cocozvec::Status RenameNoReplace(cocozvec::PathView, cocozvec::PathView) override { return Refused(); }
  cocozvec::Status RemoveFile(cocozvec::PathView) override { return Refused(); }
  cocozvec::Status RemoveDirectory(cocozvec::PathView) override { return Refused(); }
  cocozvec::Status SyncDirectory(cocozvec::PathView) override { return Refused(); }

 private:
  static cocozvec::Status Refused() { return cocozvec::Status::PermissionDenied("one file, to be read"); }
  const std::string_view bytes_;
  const cocozvec::HeldLock other_;
};

/// What `write` has put into a file of a simulated disk.
std::string Written(const std::function<void(cocozvec::FileSystem& fs, const std::string& path)>& write);

}  // namespace fuzz
