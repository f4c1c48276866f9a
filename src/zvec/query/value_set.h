// zvec/query/value_set.h: the values of an IN list, looked up for every row of a column. Immutable: may be
// used from any thread.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

namespace zvec::inline v0::filter {

/// Numbers by hash, about two slots each; NaN is none of them.
template <class T>
class NumberSet {
 public:
  /// `values`: at least one, each once, none NaN.
  explicit NumberSet(const std::vector<T>& values)
      : slots_(std::bit_ceil(2 * values.size())), shift_(64 - std::countr_zero(slots_.size())) {
    used_.resize(slots_.size());
    for (const T value : values) {
      std::size_t at = First(value);
      while (used_[at]) at = (at + 1) & (slots_.size() - 1);
      used_[at] = true, slots_[at] = value;
    }
  }

  bool Contains(T value) const noexcept {
    for (std::size_t at = First(value); used_[at]; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at] == value) return true;
    return false;
  }

 private:
  std::size_t First(T value) const noexcept {
    std::uint64_t bits = 0;
    if constexpr (std::is_floating_point_v<T>) value += T{0};  // -0 and 0 are equal, their bits are not
    std::memcpy(&bits, &value, sizeof(value));
    bits ^= bits >> 32;
    return static_cast<std::size_t>(bits * 0x9E3779B97F4A7C15u >> shift_);
  }

  std::vector<T> slots_;
  std::vector<unsigned char> used_;
  int shift_;
};

/// One text, compared with many of its length.
class Needle {
 public:
  explicit Needle(std::string text) : text_(std::move(text)) {
    if (text_.size() < kWord) return;
    std::memcpy(&head_, text_.data(), kWord);
    std::memcpy(&tail_, text_.data() + text_.size() - kWord, kWord);
  }
  std::size_t size() const noexcept { return text_.size(); }
  /// `other` has size() bytes.
  bool IsSame(const char* other) const noexcept {
    if (text_.size() < kWord) {
      for (std::size_t i = 0; i < text_.size(); ++i)
        if (other[i] != text_[i]) return false;
      return true;
    }
    std::uint64_t head, tail;
    std::memcpy(&head, other, kWord);
    std::memcpy(&tail, other + text_.size() - kWord, kWord);
    if (head != head_ || tail != tail_) return false;
    return text_.size() <= 2 * kWord ||
           std::memcmp(other + kWord, text_.data() + kWord, text_.size() - 2 * kWord) == 0;
  }

 private:
  static constexpr std::size_t kWord = 8;
  std::string text_;
  std::uint64_t head_ = 0, tail_ = 0;  ///< of a long text: the first and the last eight bytes
};

/// Texts; most that are none of them fail by their length or first letter.
class TextSet {
 public:
  explicit TextSet(std::vector<std::string> values) : values_(std::move(values)) {
    for (const std::string& value : values_) {
      sizes_ |= std::uint64_t{1} << (value.size() % 64);
      first_[FirstOf(value)] = true;
    }
    set_.insert(values_.begin(), values_.end());
  }
  TextSet(const TextSet&) = delete;  // the set looks into the values
  TextSet& operator=(const TextSet&) = delete;

  bool Contains(std::string_view text) const noexcept {
    if ((sizes_ >> (text.size() % 64) & 1) == 0 || !first_[FirstOf(text)]) return false;
    return set_.contains(text);
  }

 private:
  static std::size_t FirstOf(std::string_view text) noexcept {
    return text.empty() ? 0 : static_cast<unsigned char>(text[0]);
  }

  std::vector<std::string> values_;
  std::unordered_set<std::string_view> set_;
  std::uint64_t sizes_ = 0;  ///< bit size % 64
  bool first_[256] = {};
};

}  // namespace zvec::inline v0::filter
