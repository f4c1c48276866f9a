#include "zvec/query/like.h"

namespace zvec::inline v0::filter {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Moves over `count` characters; false when there are fewer.
bool Forward(std::string_view text, std::size_t count, std::size_t* pos) {
  for (; count > 0; --count) {
    if (*pos >= text.size()) return false;
    do ++*pos;
    while (*pos < text.size() && IsContinuation(text[*pos]));
  }
  return true;
}

bool Backward(std::string_view text, std::size_t count, std::size_t* pos) {
  for (; count > 0; --count) {
    if (*pos == 0) return false;
    do --*pos;
    while (*pos > 0 && IsContinuation(text[*pos]));
  }
  return true;
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern) : segments_(1) {
  bool in_text = false;  // the last character went into the text of the last piece
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char c = pattern[i];
    bool literal = c != '%' && c != '_';
    if (c == '\\' && i + 1 < pattern.size()) {
      const char next = pattern[i + 1];
      if (next == '%' || next == '_' || next == '\\') c = pattern[++i];
    }
    if (!literal && c == '%') {
      segments_.emplace_back();
      in_text = false;
      continue;
    }
    Segment& segment = segments_.back();
    if (segment.empty() || (!literal && in_text)) segment.emplace_back();
    if (literal) {
      segment.back().text += c;
    } else {
      ++segment.back().characters;
    }
    in_text = literal;
  }
}

const std::string* LikePattern::Literal() const noexcept {
  static const std::string kNothing;
  const Segment& first = segments_.front();
  if (first.empty()) return &kNothing;
  return first.size() == 1 && first[0].characters == 0 ? &first[0].text : nullptr;
}

bool LikePattern::MatchAt(const Segment& segment, std::string_view text, std::size_t* pos) noexcept {
  for (const Piece& piece : segment) {
    if (!Forward(text, piece.characters, pos)) return false;
    if (text.substr(*pos, piece.text.size()) != piece.text) return false;
    *pos += piece.text.size();
  }
  return true;
}

bool LikePattern::MatchBefore(const Segment& segment, std::string_view text, std::size_t* end) noexcept {
  for (auto piece = segment.rbegin(); piece != segment.rend(); ++piece) {
    if (piece->text.size() > *end) return false;
    *end -= piece->text.size();
    if (text.substr(*end, piece->text.size()) != piece->text) return false;
    if (!Backward(text, piece->characters, end)) return false;
  }
  return true;
}

bool LikePattern::Find(const Segment& segment, std::string_view text, std::size_t* pos) noexcept {
  if (segment.size() == 1 && segment[0].characters == 0) {
    const std::size_t at = text.find(segment[0].text, *pos);
    if (at == std::string_view::npos) return false;
    *pos = at + segment[0].text.size();
    return true;
  }
  for (std::size_t start = *pos; start <= text.size(); ++start) {
    if (start < text.size() && IsContinuation(text[start])) continue;
    std::size_t end = start;
    if (MatchAt(segment, text, &end)) {
      *pos = end;
      return true;
    }
  }
  return false;
}

bool LikePattern::Matches(std::string_view text) const noexcept {
  std::size_t pos = 0;
  if (!MatchAt(segments_.front(), text, &pos)) return false;
  if (segments_.size() == 1) return pos == text.size();
  // The last segment is fixed to the end; those between take the leftmost place, which leaves most for the
  // next.
  std::size_t end = text.size();
  if (!MatchBefore(segments_.back(), text, &end) || end < pos) return false;
  const std::string_view middle = text.substr(0, end);
  for (std::size_t i = 1; i + 1 < segments_.size(); ++i) {
    if (!Find(segments_[i], middle, &pos)) return false;
  }
  return true;
}

}  // namespace zvec::inline v0::filter
