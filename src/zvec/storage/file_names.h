// zvec/storage/file_names.h: the names inside a collection's directory. All are ours and none holds user
// text:
//   LOCK  MARK  MANIFEST-<n>  log-<n>  segment-<n>  deletes-<n>  index-<n>, and the same with ".tmp" while
//   they are being made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace zvec::inline v0 {

enum class NameKind { kLock, kMark, kManifest, kLog, kSegment, kDeletes, kIndex, kTemporary };

struct ParsedName {
  NameKind kind;
  std::uint64_t number = 0;
};

inline constexpr std::string_view kLockName = "LOCK";
inline constexpr std::string_view kMarkName = "MARK";

std::string ManifestName(std::uint64_t number);
std::string LogName(std::uint64_t number);
std::string SegmentName(std::uint64_t number);
std::string DeletesName(std::uint64_t number);
std::string IndexName(std::uint64_t number);

/// nullopt: not one of our names; such a file is never touched.
std::optional<ParsedName> ParseName(std::string_view name) noexcept;

/// ".<base>.zvec-new-<16 hex digits>" (an unfinished Create) and ".<base>.zvec-old-..." (an unfinished
/// Destroy).
std::string NewSiblingName(std::string_view base, std::uint64_t random);
std::string OldSiblingName(std::string_view base, std::uint64_t random);
bool IsSiblingName(std::string_view name) noexcept;
bool IsSiblingNameOf(std::string_view name, std::string_view base) noexcept;

}  // namespace zvec::inline v0
