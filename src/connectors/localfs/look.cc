#include "connectors/localfs/look.h"

#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <system_error>

#include "base/utf8.h"

namespace cocoindex::inline v0::connectors::localfs {
namespace {

using cocozvec::IsUtf8;
using cocozvec::Printable;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::int64_t ToNs(const timespec& t) noexcept {
  std::int64_t ns = 0;  // a file may claim any year: a time out of range becomes 0, and stays it
  if (__builtin_mul_overflow(static_cast<std::int64_t>(t.tv_sec), kNsPerSecond, &ns)) return 0;
  if (__builtin_add_overflow(ns, static_cast<std::int64_t>(t.tv_nsec), &ns)) return 0;
  return ns;
}

Looked Not(std::string path, Skip reason, std::string detail = {}) {
  return {std::nullopt, {Printable(path), reason, std::move(detail)}};
}

}  // namespace

std::string_view to_string(Skip reason) noexcept {
  switch (reason) {
    case Skip::symlink:
      return "symlink";
    case Skip::not_utf8_name:
      return "not_utf8_name";
    case Skip::oversized:
      return "oversized";
    case Skip::unreadable:
      return "unreadable";
    case Skip::special:
      return "special";
    case Skip::ignored:
      return "ignored";
    case Skip::vanished:
      return "vanished";
    case Skip::binary:
      return "binary";
  }
  return "unknown";
}

std::int64_t NowNs() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return ToNs(now);
}

Looked LookAt(const std::string& full, std::string path, std::uint64_t max_file_bytes) {
  if (!IsUtf8(path)) return Not(std::move(path), Skip::not_utf8_name);
  struct stat info{};
  const std::int64_t seen = NowNs();  // before: a change from here on makes the entry older than it looks
  if (::lstat(full.c_str(), &info) != 0) {
    const int error = errno;
    const bool gone = error == ENOENT || error == ENOTDIR;
    return Not(std::move(path), gone ? Skip::vanished : Skip::unreadable,
               std::generic_category().message(error));
  }
  if (S_ISLNK(info.st_mode)) return Not(std::move(path), Skip::symlink);
  if (!S_ISREG(info.st_mode))
    return Not(std::move(path), Skip::special, S_ISDIR(info.st_mode) ? "a folder" : "");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size > max_file_bytes) {
    return Not(std::move(path), Skip::oversized,
               std::to_string(size) + " bytes, allowed are " + std::to_string(max_file_bytes));
  }
  FileEntry entry{std::move(path),
                  size,
                  ToNs(info.st_mtim),
                  ToNs(info.st_ctim),
                  static_cast<std::uint64_t>(info.st_ino),
                  static_cast<std::uint64_t>(info.st_dev),
                  seen};
  return {std::move(entry), {}};
}

Looked look_at(const Folder& folder, std::string_view path) {
  return LookAt(cocozvec::JoinPath(folder.path, path), std::string(path), folder.max_file_bytes);
}

}  // namespace cocoindex::inline v0::connectors::localfs
