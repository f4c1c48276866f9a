// cocoindex/internal/memo_bridge.h: the one place where the runtime's headers meet memo.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/fingerprint.h"

#if __has_include("cocoindex/memo.h")
#include "cocoindex/memo.h"

namespace cocoindex::inline v0::internal {

template <class T>
inline constexpr bool kMemoHashable = memo_hashable<T>;
template <class T>
inline constexpr bool kMemoEncodable = memo_storable<T>;

template <class T>
void hash_arg(Hasher& h, const T& value) {
  memo_hash(h, value);
}
template <class T>
std::string encode_result(const T& value) {
  return store_value(value);
}
template <class T>
T decode_result(std::string_view bytes) {
  return load_value<T>(bytes);
}

}  // namespace cocoindex::inline v0::internal

#else

namespace cocoindex::inline v0 {

struct MemoStates {
  std::vector<std::string> states;
  bool valid = true;
  bool changed = false;
};
template <class... Args>
std::size_t count_memo_states(const Args&...) {
  return 0;
}
template <class... Args>
MemoStates collect_memo_states(const std::vector<std::string>*, const Args&...) {
  return {};
}

}  // namespace cocoindex::inline v0

namespace cocoindex::inline v0::internal {

// Until memo.h is merged: everything passes, nothing is remembered well.
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
  throw 1;
}

}  // namespace cocoindex::inline v0::internal
#endif
