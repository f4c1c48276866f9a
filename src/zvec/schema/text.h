// zvec/schema/text.h: what text may be a name or an id, and (of base) how text from users stands in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace zvec::inline v0 {

using cocozvec::IsUtf8;
using cocozvec::kInvalidCharacter;
using cocozvec::NextCharacter;
using cocozvec::Quoted;

/// What is wrong with a name or id of 1 to `max_bytes` bytes of UTF-8 without control characters and line
/// separators: "must not be empty", "exceeds 64 bytes (got 70)", "contains a tab", ...; "" when nothing is.
std::string TextProblem(std::string_view text, std::size_t max_bytes);

}  // namespace zvec::inline v0
