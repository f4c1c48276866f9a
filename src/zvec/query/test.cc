#include "zvec/query/test.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string_view>
#include <type_traits>
#include <utility>

#include "zvec/query/like.h"
#include "zvec/query/value_set.h"
#include "zvec/simd/mask_kernels.h"
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
      kept |= std::uint64_t{passes(w * 64 + bit) != negated} << bit;  // no branch to guess wrong
    }
    rows[w] = kept;
  }
}

// The kernels compare modulo the width of a cell, so a sign is no matter.
template <class T>
void RangeMask(const ColumnChunk& column, T lower, T upper, std::uint64_t* out) {
  const simd::MaskKernels& kernels = simd::ActiveMaskKernels();
  const auto run = [&](auto kernel, auto low, auto high) {
    kernel(column.fixed, column.rows, low, high, out);
  };
  if constexpr (std::is_same_v<T, float>) {
    run(kernels.fp32, lower, upper);
  } else if constexpr (std::is_same_v<T, double>) {
    run(kernels.fp64, lower, upper);
  } else if constexpr (sizeof(T) == 1) {
    run(kernels.bits8, lower, upper);
  } else if constexpr (sizeof(T) == 4) {
    run(kernels.bits32, static_cast<std::uint32_t>(lower), static_cast<std::uint32_t>(upper));
  } else {
    run(kernels.bits64, static_cast<std::uint64_t>(lower), static_cast<std::uint64_t>(upper));
  }
}

// `passed`: a word for every 64 rows of the chunk.
void KeepPassed(const ColumnChunk& column, const std::uint64_t* passed, bool negated, std::uint64_t* rows) {
  const std::uint32_t words = (column.rows + 63) / 64;
  const std::uint64_t flip = negated ? ~std::uint64_t{0} : 0;
  for (std::uint32_t w = 0; w < words; ++w) rows[w] &= passed[w] ^ flip;
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
    std::uint64_t passed[kWords] = {};
    if (range_.lower <= range_.upper) RangeMask(column, range_.lower, range_.upper, passed);
    KeepPassed(column, passed, negated_, rows);
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

// A few values, or many that lie in few runs of whole numbers: a mask for each.
template <class T>
class RunsTest final : public Test {
 public:
  RunsTest(std::vector<std::pair<T, T>> runs, bool negated) : runs_(std::move(runs)), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    std::uint64_t passed[kWords] = {}, one[kWords];
    const std::uint32_t words = (column.rows + 63) / 64;
    for (const auto& [first, last] : runs_) {
      RangeMask(column, first, last, one);
      for (std::uint32_t w = 0; w < words; ++w) passed[w] |= one[w];
    }
    KeepPassed(column, passed, negated_, rows);
  }

 private:
  std::vector<std::pair<T, T>> runs_;
  bool negated_;
};

// Many values: those between the least and the largest are looked up one by one.
template <class T>
class InTest final : public Test {
 public:
  InTest(const std::vector<T>& sorted, bool negated)
      : least_(sorted.front()), most_(sorted.back()), values_(sorted), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    std::uint64_t passed[kWords] = {};
    RangeMask(column, least_, most_, passed);
    for (std::uint32_t w = 0; w < kWords; ++w) passed[w] &= rows[w];
    KeepEach(passed, false, [&](std::uint32_t row) { return values_.MayContain(column.Fixed<T>(row)); });
    KeepEach(passed, false, [&](std::uint32_t row) { return values_.Contains(column.Fixed<T>(row)); });
    KeepPassed(column, passed, negated_, rows);
  }

 private:
  T least_, most_;
  NumberSet<T> values_;
  bool negated_;
};

template <class T>
std::vector<std::pair<T, T>> RunsOf(const std::vector<T>& sorted) {
  std::vector<std::pair<T, T>> runs;
  for (const T value : sorted) {
    bool next = false;
    if constexpr (std::is_integral_v<T>) next = !runs.empty() && value - 1 == runs.back().second;
    if (next) {
      runs.back().second = value;
    } else {
      runs.emplace_back(value, value);
    }
  }
  return runs;
}

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
  TextInTest(std::vector<std::string> values, bool negated) : values_(std::move(values)), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    std::uint64_t passed[kWords];
    std::copy_n(rows, kWords, passed);
    KeepEach(passed, false, [&](std::uint32_t row) { return values_.MayContain(column.Cell(row)); });
    KeepEach(passed, false, [&](std::uint32_t row) { return values_.Contains(column.Cell(row)); });
    KeepPassed(column, passed, negated_, rows);
  }

 private:
  TextSet values_;
  bool negated_;
};

class TextEqualTest final : public Test {
 public:
  TextEqualTest(std::string value, bool negated) : needle_(std::move(value)), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    if (column.offsets == nullptr) {
      KeepEach(rows, negated_, [&](std::uint32_t row) {
        const std::string_view cell = column.Cell(row);
        return cell.size() == needle_.size() && needle_.IsSame(cell.data());
      });
      return;
    }
    // The sizes of all cells first, together.
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(needle_.size(), UINT32_MAX));
    std::uint32_t sizes[kChunkRows];
    for (std::uint32_t row = 0; row < column.rows; ++row)
      sizes[row] = column.offsets[row + 1] - column.offsets[row];
    std::uint64_t passed[kWords] = {};
    simd::ActiveMaskKernels().bits32(reinterpret_cast<const std::byte*>(sizes), column.rows, size, size,
                                     passed);
    for (std::uint32_t w = 0; w < kWords; ++w) passed[w] &= rows[w];
    KeepEach(passed, false,
             [&](std::uint32_t row) { return needle_.IsSame(column.bytes + column.offsets[row]); });
    KeepPassed(column, passed, negated_, rows);
  }

 private:
  Needle needle_;
  bool negated_;
};

class PrefixTest final : public Test {
 public:
  PrefixTest(std::string prefix, bool negated) : needle_(std::move(prefix)), negated_(negated) {}
  void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept override {
    KeepEach(rows, negated_, [&](std::uint32_t row) {
      const std::string_view cell = column.Cell(row);
      return cell.size() >= needle_.size() && needle_.IsSame(cell.data());
    });
  }

 private:
  Needle needle_;
  bool negated_;
};

class LikeTest final : public Test {
 public:
  LikeTest(LikePattern pattern, bool negated) : pattern_(std::move(pattern)), negated_(negated) {}
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
  constexpr std::size_t kFewRuns = 16;
  SortUnique(values);
  auto runs = RunsOf(values);
  if (runs.size() <= kFewRuns) return std::make_unique<RunsTest<T>>(std::move(runs), negated);
  return std::make_unique<InTest<T>>(values, negated);
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
  if (values.size() == 1) return std::make_unique<TextEqualTest>(std::move(values[0]), negated);
  return std::make_unique<TextInTest>(std::move(values), negated);
}
std::unique_ptr<Test> MakeLikeTest(const std::string& pattern, bool negated) {
  LikePattern parsed(pattern);
  if (const std::string* text = parsed.Plain()) return std::make_unique<TextEqualTest>(*text, negated);
  if (const std::string* text = parsed.Prefix()) return std::make_unique<PrefixTest>(*text, negated);
  return std::make_unique<LikeTest>(std::move(parsed), negated);
}
std::unique_ptr<Test> MakeTextContainTest(std::vector<std::string> values, bool all, bool negated) {
  return std::make_unique<TextContainTest>(std::move(values), all, negated);
}
std::unique_ptr<Test> MakeConstantTest(bool keeps) { return std::make_unique<ConstantTest>(keeps); }

}  // namespace zvec::inline v0::filter
