#include "zvec/storage/file_names.h"

#include <charconv>
#include <iterator>
#include <utility>

namespace zvec::inline v0 {
namespace {

constexpr std::pair<std::string_view, NameKind> kPrefixes[] = {
    {"MANIFEST-", NameKind::kManifest}, {"log-", NameKind::kLog},     {"segment-", NameKind::kSegment},
    {"deletes-", NameKind::kDeletes},   {"index-", NameKind::kIndex},
};

std::optional<std::uint64_t> ParseNumber(std::string_view digits) noexcept {
  std::uint64_t number = 0;
  if (digits.empty() || digits.front() == '0') return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

constexpr std::size_t kMaxSiblingBase = 200;  // a name ends at 255 bytes on Linux
constexpr std::size_t kRandomDigits = 16;

std::string SiblingName(std::string_view base, std::string_view tag, std::uint64_t random) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string name = "." + std::string(base.substr(0, kMaxSiblingBase)) + std::string(tag);
  for (std::size_t i = 0; i < kRandomDigits; ++i) name.push_back(kHex[(random >> (4 * i)) & 15]);
  return name;
}

}  // namespace

std::string ManifestName(std::uint64_t number) { return "MANIFEST-" + std::to_string(number); }
std::string LogName(std::uint64_t number) { return "log-" + std::to_string(number); }
std::string SegmentName(std::uint64_t number) { return "segment-" + std::to_string(number); }
std::string DeletesName(std::uint64_t number) { return "deletes-" + std::to_string(number); }
std::string IndexName(std::uint64_t number) { return "index-" + std::to_string(number); }

std::optional<ParsedName> ParseName(std::string_view name) noexcept {
  if (name == kLockName) return ParsedName{NameKind::kLock, 0};
  if (name == kMarkName) return ParsedName{NameKind::kMark, 0};
  constexpr std::string_view kTemporary = ".tmp";
  if (name.ends_with(kTemporary)) {
    const auto inner = ParseName(name.substr(0, name.size() - kTemporary.size()));
    if (!inner || inner->kind == NameKind::kTemporary) return std::nullopt;
    return ParsedName{NameKind::kTemporary, inner->number};
  }
  for (const auto& [prefix, kind] : kPrefixes) {
    if (!name.starts_with(prefix)) continue;
    if (const auto number = ParseNumber(name.substr(prefix.size()))) return ParsedName{kind, *number};
  }
  return std::nullopt;
}

std::string NewSiblingName(std::string_view base, std::uint64_t random) {
  return SiblingName(base, ".zvec-new-", random);
}
std::string OldSiblingName(std::string_view base, std::uint64_t random) {
  return SiblingName(base, ".zvec-old-", random);
}

bool IsSiblingName(std::string_view name) noexcept {
  constexpr std::size_t kTag = 10;  // ".zvec-new-"
  if (!name.starts_with('.') || name.size() < 1 + kTag + kRandomDigits) return false;
  const std::string_view digits = name.substr(name.size() - kRandomDigits);
  if (digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) return false;
  const std::string_view tag = name.substr(name.size() - kRandomDigits - kTag, kTag);
  return tag == ".zvec-new-" || tag == ".zvec-old-";
}

bool IsSiblingNameOf(std::string_view name, std::string_view base) noexcept {
  constexpr std::size_t kTail = 10 + kRandomDigits;
  return IsSiblingName(name) && name.substr(1, name.size() - 1 - kTail) == base.substr(0, kMaxSiblingBase);
}

}  // namespace zvec::inline v0
