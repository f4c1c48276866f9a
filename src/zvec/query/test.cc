#include "zvec/query/test.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <unordered_set>
#include <utility>

#include "base/bits.h"
#include "zvec/query/like.h"
#include "zvec/storage/cell.h"

namespace zvec::inline v0::filter {
namespace {

constexpr std::uint32_t kWords = kChunkRows / 64;

// Asks `passes(row)` for every set row. For tests that are too dear to run for nothing, or may only see real
// cells.
template <class Passes>
void KeepEach(std::uint64_t* rows, bool negated, const Passes& passes) {
  for (std::uint32_t w = 0; w < kWords; ++w) {
    std::uint64_t kept = 0;
    for (std::uint64_t left = rows[w]; left != 0; left &= left - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
      if (passes(w * 64 + bit) != negated) kept |= std::uint64_t{1} << bit;
    }
    rows[w] = kept;
  }
}

// Eight bytes of 0 or 1 to eight bits.
std::uint64_t PackBytes(const unsigned char* bytes) {
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return (word * 0x0102040810204080u) >> 56;
}

// For fixed cells, which exist for every row of the chunk: whole words, without a branch or a bit shift per
// row, so that the compiler makes vector code of the comparisons.
template <class Passes>
std::uint64_t TestWord(std::uint32_t first, std::uint32_t count, const Passes& passes) {
  unsigned char passed[64] = {};
  if (count == 64) {
    for (std::uint32_t bit = 0; bit < 64; ++bit) passed[bit] = passes(first + bit);
  } else {
    for (std::uint32_t bit = 0; bit < count; ++bit) passed[bit] = passes(first + bit);
  }
  std::uint64_t word = 0;
  for (std::uint32_t byte = 0; byte < 8; ++byte)
    word |= PackBytes(passed + std::size_t{byte} * 8) << (byte * 8);
  return word;
}

template <class Passes>
void KeepDense(const ColumnChunk& column, std::uint64_t* rows, bool negated, const Passes& passes) {
  constexpr std::uint64_t kFew = 8;
  for (std::uint32_t w = 0; w < kWords; ++w) {
    if (rows[w] == 0) continue;
    const std::uint32_t first = w * 64;
    std::uint64_t passed = 0;
    if (cocozvec::CountBits(rows[w]) < kFew) {
      for (std::uint64_t left = rows[w]; left != 0; left &= left - 1) {
        const auto bit = static_cast<std::uint32_t>(std::countr_zero(left));
        passed |= static_cast<std::uint64_t>(passes(first + bit)) << bit;
      }
    } else {
      passed = TestWord(first, std::min<std::uint32_t>(64, column.rows - first), passes);
    }
    rows[w] &= negated ? ~passed : passed;
  }
}

template <class T, class U>
bool InRange(const Range<T>& r, const U& x) {
  return (!r.has_lower || (r.open_lower ? x > r.lower : x >= r.lower)) &&
         (!r.has_upper || (r.open_upper ? x < r.upper : x <= r.upper));
}

template <class T>
class RangeTest final : public Test {
 public:
  RangeTest(const Range<T>& range, bool negated) : range_(range), negated_(negated) { Close(); }
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    const std::byte* cells = column.fixed;
    const auto at = [cells](std::uint32_t row) {
      T x;
      std::memcpy(&x, cells + row * sizeof(T), sizeof(T));
      return x;
    };
    // Copies that the compiler knows nobody changes, and nothing that branches.
    const T lower = range_.lower, upper = range_.upper;
    KeepDense(column, rows, negated_,
              [=](std::uint32_t row) { return int{at(row) >= lower} & int{at(row) <= upper}; });
  }

 private:
  static constexpr T kLeast = std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity()
                                                                   : std::numeric_limits<T>::lowest();
  static constexpr T kMost = std::numeric_limits<T>::has_infinity ? std::numeric_limits<T>::infinity()
                                                                  : std::numeric_limits<T>::max();

  /// The same rows by a range with both its ends in it: for NaN in a column too, which is in no range that
  /// has an end.
  void Close() {
    if (!range_.has_lower) range_.lower = kLeast;
    if (!range_.has_upper) range_.upper = kMost;
    const bool none = (range_.has_lower && range_.open_lower && !(range_.lower < kMost)) ||
                      (range_.has_upper && range_.open_upper && !(range_.upper > kLeast));
    if (range_.has_lower && range_.open_lower && !none) range_.lower = Next(range_.lower, kMost);
    if (range_.has_upper && range_.open_upper && !none) range_.upper = Next(range_.upper, kLeast);
    if (none) range_.lower = kMost, range_.upper = kLeast;
  }
  static T Next(T x, T towards) {
    if constexpr (std::is_floating_point_v<T>) {
      return std::nextafter(x, towards);
    } else {
      return towards == kMost ? static_cast<T>(x + 1) : static_cast<T>(x - 1);
    }
  }

  Range<T> range_;
  bool negated_;
};

// Sorted values; NaN in a column is among none of them.
template <class T>
bool Contains(const std::vector<T>& sorted, T x) {
  const auto it = std::lower_bound(sorted.begin(), sorted.end(), x);
  return it != sorted.end() && *it == x;
}

template <class T>
void SortUnique(std::vector<T>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

template <class T>
class InTest final : public Test {
 public:
  InTest(std::vector<T> values, bool negated) : values_(std::move(values)), negated_(negated) {
    SortUnique(values_);
  }
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) { return Contains(values_, column.Fixed<T>(row)); });
  }

 private:
  std::vector<T> values_;
  bool negated_;
};

class LengthRangeTest final : public Test {
 public:
  LengthRangeTest(DataType type, const Range<std::int64_t>& range, bool negated)
      : type_(type), range_(range), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) {
      return InRange(range_, std::int64_t{ArrayLength(type_, column.Cell(row))});
    });
  }

 private:
  DataType type_;
  Range<std::int64_t> range_;
  bool negated_;
};

class LengthInTest final : public Test {
 public:
  LengthInTest(DataType type, std::vector<std::int64_t> values, bool negated)
      : type_(type), values_(std::move(values)), negated_(negated) {
    SortUnique(values_);
  }
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) {
      return Contains(values_, std::int64_t{ArrayLength(type_, column.Cell(row))});
    });
  }

 private:
  DataType type_;
  std::vector<std::int64_t> values_;
  bool negated_;
};

class TextRangeTest final : public Test {
 public:
  TextRangeTest(Range<std::string> range, bool negated) : range_(std::move(range)), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) { return InRange(range_, column.Cell(row)); });
  }

 private:
  Range<std::string> range_;
  bool negated_;
};

class TextInTest final : public Test {
 public:
  TextInTest(std::vector<std::string> values, bool negated) : values_(std::move(values)), negated_(negated) {
    set_.insert(values_.begin(), values_.end());
  }
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    if (values_.size() == 1) {
      const std::string_view only = values_[0];
      KeepEach(rows, negated_, [&](std::uint32_t row) { return column.Cell(row) == only; });
    } else {
      KeepEach(rows, negated_, [&](std::uint32_t row) { return set_.contains(column.Cell(row)); });
    }
  }

 private:
  std::vector<std::string> values_;
  std::unordered_set<std::string_view> set_;  // of values_
  bool negated_;
};

class LikeTest final : public Test {
 public:
  LikeTest(const std::string& pattern, bool negated) : pattern_(pattern), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) { return pattern_.Matches(column.Cell(row)); });
  }

 private:
  LikePattern pattern_;
  bool negated_;
};

// Whether the cell's elements hold all (or any) of the values; `element(i)` is the i-th. At most 32 values: a
// word of bits.
template <class T, class Element>
bool ContainsValues(const std::vector<T>& values, bool all, std::uint32_t count, const Element& element) {
  const std::uint64_t everything = (std::uint64_t{1} << values.size()) - 1;
  std::uint64_t found = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto x = element(i);
    for (std::size_t v = 0; v < values.size(); ++v) found |= std::uint64_t{values[v] == x} << v;
    if (all ? found == everything : found != 0) break;
  }
  return all ? found == everything : found != 0;
}

template <class T>
class ContainTest final : public Test {
 public:
  ContainTest(std::vector<T> values, bool all, bool negated)
      : values_(std::move(values)), all_(all), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) {
      const std::string_view cell = column.Cell(row);
      return ContainsValues(values_, all_, static_cast<std::uint32_t>(cell.size() / sizeof(T)),
                            [&](std::uint32_t i) {
                              T x;
                              std::memcpy(&x, cell.data() + std::size_t{i} * sizeof(T), sizeof(T));
                              return x;
                            });
    });
  }

 private:
  std::vector<T> values_;
  bool all_, negated_;
};

class TextContainTest final : public Test {
 public:
  TextContainTest(std::vector<std::string> values, bool all, bool negated)
      : values_(std::move(values)), all_(all), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) {
      const std::string_view cell = column.Cell(row);
      return ContainsValues(values_, all_, ArrayLength(DataType::kArrayString, cell),
                            [&](std::uint32_t i) { return StringElement(cell, i); });
    });
  }

 private:
  std::vector<std::string> values_;
  bool all_, negated_;
};

class ConstantTest final : public Test {
 public:
  explicit ConstantTest(bool keeps) : keeps_(keeps) {}
  void Keep(const ColumnChunk&, std::uint64_t* rows) const noexcept override {
    if (!keeps_) std::fill_n(rows, kWords, 0);
  }

 private:
  bool keeps_;
};

}  // namespace

template <class T>
std::unique_ptr<Test> MakeRangeTest(const Range<T>& range, bool negated) {
  return std::make_unique<RangeTest<T>>(range, negated);
}
template <class T>
std::unique_ptr<Test> MakeInTest(std::vector<T> values, bool negated) {
  return std::make_unique<InTest<T>>(std::move(values), negated);
}
template <class T>
std::unique_ptr<Test> MakeContainTest(std::vector<T> values, bool all, bool negated) {
  return std::make_unique<ContainTest<T>>(std::move(values), all, negated);
}

#define ZVEC_MAKE_TESTS(T)                                                \
  template std::unique_ptr<Test> MakeRangeTest<T>(const Range<T>&, bool); \
  template std::unique_ptr<Test> MakeInTest<T>(std::vector<T>, bool);     \
  template std::unique_ptr<Test> MakeContainTest<T>(std::vector<T>, bool, bool);
ZVEC_MAKE_TESTS(std::uint8_t)
ZVEC_MAKE_TESTS(std::int32_t)
ZVEC_MAKE_TESTS(std::int64_t)
ZVEC_MAKE_TESTS(std::uint32_t)
ZVEC_MAKE_TESTS(std::uint64_t)
ZVEC_MAKE_TESTS(float)
ZVEC_MAKE_TESTS(double)
#undef ZVEC_MAKE_TESTS

std::unique_ptr<Test> MakeLengthRangeTest(DataType array_type, const Range<std::int64_t>& range,
                                          bool negated) {
  return std::make_unique<LengthRangeTest>(array_type, range, negated);
}
std::unique_ptr<Test> MakeLengthInTest(DataType array_type, std::vector<std::int64_t> values, bool negated) {
  return std::make_unique<LengthInTest>(array_type, std::move(values), negated);
}
std::unique_ptr<Test> MakeTextRangeTest(const Range<std::string>& range, bool negated) {
  return std::make_unique<TextRangeTest>(range, negated);
}
std::unique_ptr<Test> MakeTextInTest(std::vector<std::string> values, bool negated) {
  return std::make_unique<TextInTest>(std::move(values), negated);
}
std::unique_ptr<Test> MakeLikeTest(const std::string& pattern, bool negated) {
  return std::make_unique<LikeTest>(pattern, negated);
}
std::unique_ptr<Test> MakeTextContainTest(std::vector<std::string> values, bool all, bool negated) {
  return std::make_unique<TextContainTest>(std::move(values), all, negated);
}
std::unique_ptr<Test> MakeConstantTest(bool keeps) { return std::make_unique<ConstantTest>(keeps); }

}  // namespace zvec::inline v0::filter
