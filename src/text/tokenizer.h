// text/tokenizer.h: the words of a text, case-folded: runs of letters, digits and marks; ideographs one by
// one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace cocoindex::inline v0::text {

struct Word {
  std::span<const std::int32_t>
      characters;  ///< case-folded and canonically decomposed; valid until the next word
  bool ideograph = false;
  bool adjoins = false;  ///< nothing stands between it and the word before it
};

/// Appends one to four code points.
void append_folded(std::int32_t c, std::vector<std::int32_t>& out);

class Tokenizer {
 public:
  explicit Tokenizer(std::string_view text) : text_(text) {}
  /// False at the end.
  bool Next(Word& word);

 private:
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t end_of_last_ = SIZE_MAX;
  std::vector<std::int32_t> folded_;
};

}  // namespace cocoindex::inline v0::text
