// cocoindex/internal/memo_bridge.h: the one place where the runtime's headers meet memo.h.
#pragma once

#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cocoindex/fingerprint.h"

#if __has_include("cocoindex/memo.h")
#include "cocoindex/memo.h"
#endif

namespace cocoindex::inline v0::internal {

// Until memo.h is merged: everything passes, nothing is remembered.
template <class T>
inline constexpr bool kMemoHashable = true;
template <class T>
inline constexpr bool kMemoEncodable = true;

template <class T>
void hash_arg(Hasher& h, const T& value) {
  if constexpr (std::is_arithmetic_v<T>) h.real(static_cast<double>(value));
}
template <class T>
std::string encode_result(const T&) {
  return {};
}
template <class T>
T decode_result(std::string_view) {
  throw std::logic_error("memo.h is not there yet");
}

}  // namespace cocoindex::inline v0::internal
