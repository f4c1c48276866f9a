#include "zvec/schema/text.h"

namespace zvec::inline v0 {
namespace {

const char* CharacterProblem(char32_t c) {
  if (c == kInvalidCharacter) return "is not valid UTF-8";
  if (c == 0) return "contains a null character";
  if (c == '\n') return "contains a newline";
  if (c == '\t') return "contains a tab";
  if (c < 0x20 || (c >= 0x7F && c < 0xA0)) return "contains a control character";
  if (c == 0x2028) return "contains a line separator";
  if (c == 0x2029) return "contains a paragraph separator";
  return nullptr;
}

}  // namespace

std::string TextProblem(std::string_view text, std::size_t max_bytes) {
  if (text.empty()) return "must not be empty";
  if (text.size() > max_bytes) {
    return "exceeds " + std::to_string(max_bytes) + " bytes (got " + std::to_string(text.size()) + ")";
  }
  for (std::size_t pos = 0; pos < text.size();) {
    if (const char* problem = CharacterProblem(NextCharacter(text, &pos))) return problem;
  }
  return {};
}

}  // namespace zvec::inline v0
