// zvec/query/like.h: the patterns of LIKE: % is any run of characters, _ one character, a backslash before %
// _ or \ makes it literal. Case-sensitive, on the whole text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace zvec::inline v0::filter {

class LikePattern {
 public:
  explicit LikePattern(std::string_view pattern);
  /// Time at most |text| * |pattern|; for patterns without `_` about |text|.
  bool Matches(std::string_view text) const noexcept;
  /// The text that the pattern is, when it is plain, or begins with, when nothing but one % follows; null for
  /// other patterns.
  const std::string* Plain() const noexcept { return segments_.size() == 1 ? Literal() : nullptr; }
  const std::string* Prefix() const noexcept {
    return segments_.size() == 2 && segments_[1].empty() ? Literal() : nullptr;
  }

 private:
  // What stands between two %: pieces of literal text, and before each of them but the first a number of `_`.
  struct Piece {
    std::size_t characters = 0;  // `_` before the text
    std::string text;
  };
  using Segment = std::vector<Piece>;

  /// Of the first segment, when it has no `_`.
  const std::string* Literal() const noexcept;
  static bool MatchAt(const Segment& segment, std::string_view text, std::size_t* pos) noexcept;
  static bool MatchBefore(const Segment& segment, std::string_view text, std::size_t* end) noexcept;
  static bool Find(const Segment& segment, std::string_view text, std::size_t* pos) noexcept;

  std::vector<Segment> segments_;  // one more than there are %
};

}  // namespace zvec::inline v0::filter
