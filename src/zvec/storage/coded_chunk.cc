#include "zvec/storage/coded_chunk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

namespace zvec::inline v0 {
namespace {

constexpr std::size_t kLine = 64;
constexpr float kMost = 127, kMiddle = 63.5f;
/// Of a code's range over what the sample has, as it has not seen everything; and at most so many deviations:
/// what lies beyond is apart.
constexpr double kWider = 1.1, kMostDeviations = 12;
/// Above what rounding of single precision adds.
constexpr float kSlack = 1.002f;
constexpr std::size_t kLanes = 16;  // without them the sums would be long chains of additions

std::size_t WholeLines(std::size_t bytes) { return (bytes + kLine - 1) / kLine * kLine; }

float DirectionFactor(const float* vector, std::size_t dim) {
  float lanes[kLanes] = {};
  std::size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes)
    for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += vector[i + lane] * vector[i + lane];
  for (; i < dim; ++i) lanes[0] += vector[i] * vector[i];
  double sum = 0;
  for (const float lane : lanes) sum += lane;
  // Nothing has the direction of zero, and what squares lose or overflow is not known well enough.
  const bool plain = sum > 1e-30 && sum < 1e30;
  return plain ? static_cast<float>(1 / std::sqrt(sum)) : std::numeric_limits<float>::quiet_NaN();
}

const float* RowOf(const ColumnChunk& column, std::size_t row) {
  return reinterpret_cast<const float*>(column.fixed + row * column.width);
}

// Four at a time, as every CPU of our levels can: what the compiler makes of a plain loop takes twice as
// long.
typedef float Floats __attribute__((vector_size(16)));
typedef std::int32_t Levels __attribute__((vector_size(16)));
typedef std::uint8_t Bytes __attribute__((vector_size(4)));

template <class T>
T Load(const float* from) {
  T value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

/// Elements [from, to) of a vector.
void EncodePart(const CodedChunk::Codes& codes, const float* vector, float factor, std::size_t from,
                std::size_t to, std::uint8_t* code, CodedChunk::Codes::Off* off) {
  const float *mean = codes.mean.data() + from, scale = codes.scale;
  vector += from;
  const std::size_t count = to - from;
  constexpr std::size_t kFour = 4, kSums = 4;
  const Floats zero{}, most = zero + kMost;
  Floats outside[kSums] = {}, rounded[kSums] = {};
  std::size_t i = 0;
  for (; i + kFour * kSums <= count; i += kFour * kSums) {
    for (std::size_t s = 0; s < kSums; ++s) {
      const std::size_t at = i + kFour * s;
      const Floats y = (Load<Floats>(vector + at) * factor - Load<Floats>(mean + at)) * scale + kMiddle;
      const Floats above = y > zero ? y : zero;  // a NaN is 0
      const Floats cut = above < most ? above : most;
      const Levels level = __builtin_convertvector(cut + 0.5f, Levels);
      const Floats beyond = y - cut, rest = cut - __builtin_convertvector(level, Floats);
      outside[s] += beyond * beyond;
      rounded[s] += rest * rest;
      const Bytes bytes = __builtin_convertvector(level, Bytes);
      std::memcpy(code + at, &bytes, sizeof(bytes));
    }
  }
  for (; i < count; ++i) {
    const float y = (vector[i] * factor - mean[i]) * scale + kMiddle;
    const float cut = y > 0 ? (y < kMost ? y : kMost) : 0;
    code[i] = static_cast<std::uint8_t>(static_cast<int>(cut + 0.5f));
    const float beyond = y - cut, rest = cut - static_cast<float>(code[i]);
    off->range += beyond * beyond;
    off->rounding += rest * rest;
  }
  for (std::size_t s = 0; s < kSums; ++s) {
    for (std::size_t k = 0; k < kFour; ++k) {
      off->range += outside[s][k];
      off->rounding += rounded[s][k];
    }
  }
}

}  // namespace

float CodedChunk::Codes::MostError() const noexcept {
  return 0.5f * std::sqrt(static_cast<float>(dim)) * kSlack;
}

CodedChunk::Codes::Off CodedChunk::Codes::Encode(const float* vector, std::uint8_t* first_plane,
                                                 std::uint8_t* rest_plane) const noexcept {
  Off off;
  const float factor = directions ? DirectionFactor(vector, dim) : 1;
  const std::size_t split = std::min(dim, first_bytes);
  std::memset(first_plane + split, 0, first_bytes - split);
  EncodePart(*this, vector, factor, 0, split, first_plane, &off);
  if (rest_bytes == 0) return off;
  std::memset(rest_plane + (dim - split), 0, rest_bytes - (dim - split));
  EncodePart(*this, vector, factor, split, dim, rest_plane, &off);
  return off;
}

CodedChunk::~CodedChunk() { delete codes_.load(std::memory_order_acquire); }

std::uint64_t CodedChunk::bytes() const noexcept {
  const Codes* codes = codes_.load(std::memory_order_acquire);
  if (codes == nullptr) return 0;
  return sizeof(Codes) + codes->dim * sizeof(float) + kChunkRows * (codes->first_bytes + codes->rest_bytes);
}

bool CodedChunk::Suits(const FieldSchema& field) noexcept {
  return field.type == DataType::kVectorFp32 && field.dimension >= kLeastDim && field.index &&
         field.index->type != IndexType::kFlat &&
         (field.metric() == MetricType::kL2 || field.metric() == MetricType::kCosine);
}

/// Fits the range to 64 rows of the chunk.
CodedChunk::Codes* CodedChunk::Begin(const ColumnChunk& column, std::size_t dim, bool directions) const {
  try {
    auto made = std::make_unique<Codes>();
    made->dim = dim;
    made->directions = directions;
    const std::size_t bytes = WholeLines(dim);
    made->first_bytes = WholeLines(std::max(kLine, dim / 4));
    made->rest_bytes = bytes - made->first_bytes;
    made->first = cocozvec::MakeArray<std::uint8_t>(kChunkRows * made->first_bytes);
    if (made->rest_bytes != 0) made->rest = cocozvec::MakeArray<std::uint8_t>(kChunkRows * made->rest_bytes);
    std::vector<float> elements(kGroupRows * dim, 0.0f);
    made->mean.assign(dim, 0.0f);
    for (std::size_t r = 0; r < kGroupRows; ++r) {
      const std::size_t row = r * column.rows / kGroupRows;
      if (column.IsNull(static_cast<std::uint32_t>(row))) continue;
      const float* vector = RowOf(column, row);
      const float factor = directions ? DirectionFactor(vector, dim) : 1;
      if (!std::isfinite(factor)) continue;
      for (std::size_t i = 0; i < dim; ++i) {
        elements[r * dim + i] = vector[i] * factor;
        made->mean[i] += vector[i] * factor / kGroupRows;
      }
    }
    double squares = 0, widest = 0;
    for (std::size_t r = 0; r < kGroupRows; ++r) {
      for (std::size_t i = 0; i < dim; ++i) {
        const double off = std::fabs(static_cast<double>(elements[r * dim + i]) - made->mean[i]);
        squares += off * off;
        widest = std::max(widest, off);
      }
    }
    const double deviation = std::sqrt(squares / static_cast<double>(elements.size()));
    const double half = std::min(widest * kWider, deviation * kMostDeviations);
    made->scale = half > 1e-30 && std::isfinite(half) ? static_cast<float>(kMiddle / half) : 0;
    Codes* shown = nullptr;
    if (!codes_.compare_exchange_strong(shown, made.get(), std::memory_order_acq_rel)) return shown;
    return made.release();
  } catch (const std::bad_alloc&) {  // the vectors themselves are there
    return nullptr;
  }
}

std::uint32_t CodedChunk::Make(const ColumnChunk& column, std::size_t dim, bool directions,
                               std::uint32_t wanted, std::uint32_t most) const {
  wanted &= (std::uint32_t{1} << column.rows / kGroupRows) - 1;
  wanted &= ~claimed_.load(std::memory_order_relaxed);
  if (wanted == 0 || most == 0 || reinterpret_cast<std::uintptr_t>(column.fixed) % alignof(float) != 0)
    return 0;
  Codes* codes = codes_.load(std::memory_order_acquire);
  if (codes == nullptr) codes = Begin(column, dim, directions);
  if (codes == nullptr) return 0;
  std::uint32_t made = 0;
  for (; wanted != 0 && made < most; wanted &= wanted - 1) {
    const std::uint32_t bit = wanted & (~wanted + 1);
    if ((claimed_.fetch_or(bit, std::memory_order_relaxed) & bit) != 0) continue;
    const auto group = static_cast<std::size_t>(std::countr_zero(bit));
    const float most_error = codes->MostError();
    std::uint64_t apart = 0;
    float farthest = 0;
    for (std::size_t r = 0; r < kGroupRows; ++r) {
      const std::size_t row = group * kGroupRows + r;
      const Codes::Off off = codes->Encode(RowOf(column, row), codes->first.get() + row * codes->first_bytes,
                                           codes->rest.get() + row * codes->rest_bytes);
      const float squared = off.range + off.rounding;
      const bool within = squared <= most_error * most_error;  // a NaN is not
      apart |= std::uint64_t{!within} << r;
      if (within) farthest = std::max(farthest, squared);
    }
    codes->apart[group] = apart;
    codes->errors[group] = std::sqrt(farthest) * kSlack;
    ready_.fetch_or(bit, std::memory_order_release);
    ++made;
  }
  return made;
}

}  // namespace zvec::inline v0
