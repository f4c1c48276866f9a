// cocoindex/text/splitter.h: cuts a text into pieces of limited size at the best places there are.
// Threads: a splitter is immutable; split() may be called from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cocoindex::inline v0::text {

inline constexpr std::uint32_t kMaxPieceSize = 1'000'000;

/// Units: characters, that is Unicode code points; a byte that is no part of valid UTF-8 counts as one
/// character.
struct SplitOptions {
  std::uint32_t size = 1'000;   ///< no piece is longer; 1 .. kMaxPieceSize
  std::uint32_t overlap = 150;  ///< the most that a piece repeats of the one before it; less than `size`
  bool operator==(const SplitOptions&) const = default;
};

/// Points into the text that was split.
struct Piece {
  std::string_view text;
  std::uint64_t start_byte = 0;  ///< in the original text
  std::uint64_t start = 0;       ///< in characters of the original text
  std::uint64_t length = 0;      ///< in characters
};

/// Cuts after a blank line if there is one in reach; otherwise after a line, a sentence, a word, a character.
///
/// Guarantees, for every text: the pieces are in order, none is empty, and every character is in one of them;
/// none is longer than `size`; each but the first begins at most `overlap` characters before the end of the
/// one before it, at the beginning of a word where there is one, and never after that end; each but the last
/// ends at least (size - overlap) / 2 characters behind the one before it, so that n characters make at most
/// 2 n / (size - overlap) + 2 pieces; no cut falls inside a UTF-8 sequence; equal texts give equal pieces.
class RecursiveSplitter {
 public:
  /// Throws std::invalid_argument that names the option and both values.
  explicit RecursiveSplitter(SplitOptions options = {});

  std::vector<Piece> split(std::string_view text) const;

  const SplitOptions& options() const noexcept { return options_; }
  /// Everything that the pieces depend on besides the text, for memo keys: "recursive/1 size=1000
  /// overlap=150".
  std::string identity() const;

 private:
  SplitOptions options_;
};

}  // namespace cocoindex::inline v0::text
