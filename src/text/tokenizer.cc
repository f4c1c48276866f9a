#include "text/tokenizer.h"

#include <utf8proc.h>

#include "text/utf8.h"

namespace cocoindex::inline v0::text {

void append_folded(std::int32_t c, std::vector<std::int32_t>& out) {
  if (c < 0x80) {
    out.push_back(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    return;
  }
  utf8proc_int32_t parts[8];
  int boundary = 0;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_CASEFOLD | UTF8PROC_DECOMPOSE);
  const utf8proc_ssize_t count = utf8proc_decompose_char(c, parts, 8, options, &boundary);
  if (count < 1 || count > 8) {
    out.push_back(c);
    return;
  }
  out.insert(out.end(), parts, parts + count);
}

bool Tokenizer::Next(Word& word) {
  std::size_t begin = at_;
  CodePoint c{};
  for (;; begin += c.bytes) {
    if (begin >= text_.size()) return at_ = text_.size(), false;
    c = decode(text_, begin);
    if (c.value >= 0 && is_word_character(c.value)) break;
  }
  folded_.clear();
  append_folded(c.value, folded_);
  at_ = begin + c.bytes;
  word.ideograph = is_ideograph(c.value);
  while (!word.ideograph && at_ < text_.size()) {
    c = decode(text_, at_);
    if (c.value < 0 || !is_word_character(c.value) || is_ideograph(c.value)) break;
    append_folded(c.value, folded_);
    at_ += c.bytes;
  }
  word.characters = folded_;
  word.adjoins = begin == end_of_last_;
  end_of_last_ = at_;
  return true;
}

}  // namespace cocoindex::inline v0::text
