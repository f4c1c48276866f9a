// zvec/query/value_set.h: the values of an IN list, looked up for every row of a column. Immutable: may be
// used from any thread.
#pragma once

#include <algorithm>
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

/// Which hashes there are, a bit for each: most others are told apart by one look and no branch.
class HashBits {
 public:
  explicit HashBits(std::size_t values) {
    constexpr std::size_t kBitsPerValue = 64, kLeastWords = 8, kMostWords = std::size_t{1} << 14;
    const std::size_t words = std::bit_ceil(std::clamp(values * kBitsPerValue / 64, kLeastWords, kMostWords));
    words_.resize(words);
    shift_ = 64 - std::countr_zero(words) - 6;
  }
  void Add(std::uint64_t hash) noexcept {
    words_[hash >> shift_ >> 6] |= std::uint64_t{1} << (hash >> shift_ & 63);
  }
  bool MayHave(std::uint64_t hash) const noexcept {
    return (words_[hash >> shift_ >> 6] >> (hash >> shift_ & 63) & 1) != 0;
  }

 private:
  std::vector<std::uint64_t> words_;
  int shift_;
};

/// Numbers by hash, about two slots each; NaN is none of them.
template <class T>
class NumberSet {
 public:
  /// `values`: at least one, each once, none NaN.
  explicit NumberSet(const std::vector<T>& values)
      : slots_(std::bit_ceil(2 * values.size())),
        used_(slots_.size()),
        shift_(64 - std::countr_zero(slots_.size())),
        bits_(values.size()) {
    for (const T value : values) {
      std::size_t at = Hash(value) >> shift_;
      while (used_[at]) at = (at + 1) & (slots_.size() - 1);
      used_[at] = true, slots_[at] = value;
      bits_.Add(Hash(value));
    }
  }

  /// False for most that are none of them.
  bool MayContain(T value) const noexcept { return bits_.MayHave(Hash(value)); }
  bool Contains(T value) const noexcept {
    for (std::size_t at = Hash(value) >> shift_; used_[at]; at = (at + 1) & (slots_.size() - 1))
      if (slots_[at] == value) return true;
    return false;
  }

 private:
  static std::uint64_t Hash(T value) noexcept {
    std::uint64_t bits = 0;
    if constexpr (std::is_floating_point_v<T>) value += T{0};  // -0 and 0 are equal, their bits are not
    std::memcpy(&bits, &value, sizeof(value));
    return (bits ^ bits >> 32) * 0x9E3779B97F4A7C15u;
  }

  std::vector<T> slots_;
  std::vector<unsigned char> used_;
  int shift_;
  HashBits bits_;
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

/// Texts.
class TextSet {
 public:
  explicit TextSet(std::vector<std::string> values) : values_(std::move(values)), bits_(values_.size()) {
    set_.insert(values_.begin(), values_.end());
    for (const std::string& value : values_) bits_.Add(Hash(value));
  }
  TextSet(const TextSet&) = delete;  // the set looks into the values
  TextSet& operator=(const TextSet&) = delete;

  /// False for most that are none of them.
  bool MayContain(std::string_view text) const noexcept { return bits_.MayHave(Hash(text)); }
  bool Contains(std::string_view text) const noexcept { return set_.contains(text); }

 private:
  /// Of the size and the first and last letters.
  static std::uint64_t Hash(std::string_view text) noexcept {
    std::uint64_t first = 0, last = 0;
    const std::size_t size = text.size();
    if (size >= 8) {
      std::memcpy(&first, text.data(), 8);
      std::memcpy(&last, text.data() + size - 8, 8);
    } else if (size >= 4) {
      std::memcpy(&first, text.data(), 4);
      std::memcpy(&last, text.data() + size - 4, 4);
    } else if (size > 0) {
      first = static_cast<unsigned char>(text[0]) | static_cast<unsigned>(text[size / 2]) << 8;
      last = static_cast<unsigned char>(text[size - 1]);
    }
    const std::uint64_t mixed = (first ^ size) * 0xC2B2AE3D27D4EB4Fu ^ last;
    return (mixed ^ mixed >> 32) * 0x9E3779B97F4A7C15u;
  }

  std::vector<std::string> values_;
  std::unordered_set<std::string_view> set_;
  HashBits bits_;
};

}  // namespace zvec::inline v0::filter
