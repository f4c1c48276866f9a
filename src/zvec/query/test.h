// zvec/query/test.h: one condition on one column, over a chunk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "zvec/schema.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0::filter {

class Test {
 public:
  virtual ~Test() = default;
  /// Clears the bits of rows that fail. On entry every set row is inside the chunk and not null.
  virtual void Keep(const ColumnChunk& column, std::uint64_t* rows) const noexcept = 0;
};

/// What a column is compared with: lower <= x <= upper, an end left out when it is not `has_`, or excluded
/// when `open_`.
template <class T>
struct Range {
  bool has_lower = false, has_upper = false;
  bool open_lower = false, open_upper = false;
  T lower{}, upper{};
};

// Every maker takes `negated`: the test then keeps what it would clear.

/// Numbers of type T in cells of T; bool as std::uint8_t.
template <class T>
std::unique_ptr<Test> MakeRangeTest(const Range<T>& range, bool negated);
template <class T>
std::unique_ptr<Test> MakeInTest(std::vector<T> values, bool negated);
/// The same on the length of arrays of `array_type`.
std::unique_ptr<Test> MakeLengthRangeTest(DataType array_type, const Range<std::int64_t>& range,
                                          bool negated);
std::unique_ptr<Test> MakeLengthInTest(DataType array_type, std::vector<std::int64_t> values, bool negated);
/// Text, in the order of its bytes.
std::unique_ptr<Test> MakeTextRangeTest(const Range<std::string>& range, bool negated);
std::unique_ptr<Test> MakeTextInTest(std::vector<std::string> values, bool negated);
std::unique_ptr<Test> MakeLikeTest(const std::string& pattern, bool negated);
/// Arrays with elements of T; `all`: each of the values is among them, else at least one is.
template <class T>
std::unique_ptr<Test> MakeContainTest(std::vector<T> values, bool all, bool negated);
std::unique_ptr<Test> MakeTextContainTest(std::vector<std::string> values, bool all, bool negated);
/// Keeps all or none.
std::unique_ptr<Test> MakeConstantTest(bool keeps);

}  // namespace zvec::inline v0::filter
