#include "zvec/query/code_scan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0 {
namespace {

/// What rounding may add to a score: as a share, and under cosine as a distance; and for each dimension,
/// whose float sum (16 lanes) may be off by half a unit in the last place at every sixteenth addition.
constexpr double kTolerance = 1e-4, kCosineTolerance = 1e-5, kTolerancePerDim = 2e-8;
/// Squared distances below may have lost squares that a float cannot hold.
constexpr float kLeastSquared = 1e-30f;
/// From two fifths of the rows on the codes of all are measured in one stream.
constexpr std::uint64_t kStreamFrom = 2, kStreamTo = 5;

constexpr auto kAllRows = [] {
  std::array<std::uint32_t, kChunkRows> all{};
  for (std::uint32_t row = 0; row < kChunkRows; ++row) all[row] = row;
  return all;
}();

bool Suits(const QueryVector& vector) {
  if (vector.floats().size() < CodedChunk::kLeastDim || vector.type() != DataType::kVectorFp32) return false;
  return vector.metric() == MetricType::kL2 || vector.metric() == MetricType::kCosine;
}

/// The words of `rows` from the first row on to the last lie in groups that are ready.
bool AllReady(std::uint32_t ready, std::uint32_t first_row, std::uint32_t last_row) {
  const std::uint32_t from = first_row / CodedChunk::kGroupRows, to = last_row / CodedChunk::kGroupRows;
  const std::uint32_t span = ((std::uint32_t{2} << to) - 1) & ~((std::uint32_t{1} << from) - 1);
  return (ready & span) == span;
}

/// From the first row of a word on.
struct Span {
  std::uint32_t first = 0, last = 0;
};

Span SpanOf(const ChunkRows& rows) {
  Span span;
  std::uint32_t w = 0;
  while (rows.words[w] == 0) ++w;
  span.first = w * 64;
  w = kChunkWords - 1;
  while (rows.words[w] == 0) --w;
  span.last = w * 64 + 63 - static_cast<std::uint32_t>(std::countl_zero(rows.words[w]));
  return span;
}

typedef float Floats __attribute__((vector_size(16)));
typedef std::int32_t Ints __attribute__((vector_size(16)));
constexpr std::uint32_t kWord = 64;

/// Bit i: distance i of kWord is `most` or less.
std::uint64_t NearBits(const float* distances, float most) {
  const Floats limit = Floats{} + most;
  std::uint64_t bits = 0;
  for (std::uint32_t at = 0; at < kWord; at += 16) {
    Floats four[4];
    std::memcpy(four, distances + at, sizeof(four));
    Ints near{};
    for (std::int32_t i = 0; i < 4; ++i) near |= (four[i] <= limit) & (Ints{1, 2, 4, 8} << (4 * i));
    bits |= std::uint64_t{static_cast<std::uint32_t>(near[0] | near[1] | near[2] | near[3])} << at;
  }
  return bits;
}

/// Of `width` rows from `first` (of a word) on those that `rows` has and whose distance is `most` or less:
/// their numbers into `out`, their distances to the front. There is room for distances of whole words.
std::uint32_t Nearer(const ChunkRows& rows, std::uint32_t first, std::uint32_t width, float most,
                     float* distances, std::uint32_t* out) {
  std::fill(distances + width, distances + (width + kWord - 1) / kWord * kWord, INFINITY);
  std::uint32_t left = 0;
  for (std::uint32_t at = 0; at < width; at += kWord) {
    std::uint64_t near = rows.words[(first + at) / kWord] & NearBits(distances + at, most);
    for (; near != 0; near &= near - 1) {
      const std::uint32_t i = at + static_cast<std::uint32_t>(std::countr_zero(near));
      out[left] = first + i;
      distances[left++] = distances[i];
    }
  }
  return left;
}

}  // namespace

CodeScan::CodeScan(const QueryVector& vector) : vector_(vector), usable_(Suits(vector)) {}

/// No code of a row that scores `limit` is farther from the query's than this, squared; negative: no row
/// scores it; NaN: nothing is known. From the query to a code the way leads to the codes' range and, at a
/// right angle or wider, on within it; from there it is a row's error to the row.
double CodeScan::MostLevels(const CodedChunk::Codes& codes, float limit,
                            const CodedChunk::Codes::Off& query) const noexcept {
  // Squares of so little vanish in the score's sum: a row may score less than its distance.
  if (!directions() && limit < kLeastSquared) return NAN;
  if (!std::isfinite(query.range)) return NAN;
  const double more = kTolerancePerDim * static_cast<double>(vector_.floats().size());
  const double tolerance = 1 + kTolerance + more;
  // Of directions the squared distance is twice the cosine's.
  const double squared = directions() ? 2 * (double{limit} + kCosineTolerance + more) : limit;
  const double far = (std::sqrt(std::max(squared, 0.0)) * codes.scale + codes.error()) * tolerance;
  const double within = far * far - query.range;
  if (within < 0) return -1;
  const double most = std::sqrt(within) + std::sqrt(double{query.rounding}) * tolerance;
  return most * most;
}

std::uint32_t CodeScan::Near(const CodedChunk::Codes& codes, std::uint32_t ready, const ChunkRows& rows,
                             float limit, std::uint32_t* out, std::uint64_t* measured) {
  if (!rows.Any()) return 0;
  first_.resize(codes.first_bytes);
  rest_.resize(codes.rest_bytes);
  const double levels =
      MostLevels(codes, limit, codes.Encode(vector_.floats().data(), first_.data(), rest_.data()));
  // No distance is farther than that where nothing is known.
  const float most = std::isnan(levels) ? FLT_MAX : static_cast<float>(std::min(levels, double{FLT_MAX}));
  const simd::CodeDistances& kernels = simd::ActiveCodeKernels().bits8;
  float distances[kChunkRows];
  const Span span = SpanOf(rows);
  const std::uint32_t width = span.last - span.first + 1;
  std::uint32_t left = 0;
  if (rows.Count() * kStreamTo >= std::uint64_t{width} * kStreamFrom &&
      AllReady(ready, span.first, span.last)) {
    kernels.squared_l2_near(first_.data(),
                            {codes.first.get() + std::size_t{span.first} * codes.first_bytes,
                             codes.first_bytes, kAllRows.data(), width},
                            distances);
    left = Nearer(rows, span.first, width, most, distances, out);
    *measured += width;
  } else {
    const std::uint32_t count = rows.List(out);
    kernels.squared_l2(first_.data(), {codes.first.get(), codes.first_bytes, out, count}, distances);
    for (std::uint32_t i = 0; i < count; ++i) {
      out[left] = out[i];
      distances[left] = distances[i];
      left += distances[left] <= most;
    }
    *measured += count;
  }
  if (codes.rest_bytes == 0 || left == 0) return left;
  float rests[kChunkRows];
  kernels.squared_l2(rest_.data(), {codes.rest.get(), codes.rest_bytes, out, left}, rests);
  std::uint32_t near = 0;
  for (std::uint32_t i = 0; i < left; ++i) {
    out[near] = out[i];
    near += distances[i] + rests[i] <= most;
  }
  return near;
}

}  // namespace zvec::inline v0
