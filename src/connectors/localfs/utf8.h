// connectors/localfs/utf8.h: is it text, and how to show it when it is not.
#pragma once

#include <string>
#include <string_view>

namespace cocoindex::inline v0::connectors::localfs {

/// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsUtf8(std::string_view bytes) noexcept;
/// Bytes that are no UTF-8, and control characters, as \xNN.
std::string Printable(std::string_view bytes);

}  // namespace cocoindex::inline v0::connectors::localfs
