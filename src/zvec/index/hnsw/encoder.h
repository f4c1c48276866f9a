// zvec/index/hnsw/encoder.h: vectors as codes of 7 (or 8, or 4) bits an element, or halves, whose squared L2
// distance orders rows as the field's metric does. L2: the vector itself. Cosine: its direction. Inner
// product: the vector on a sphere: what its squared norm lacks of the largest one is spread over further
// elements that are 0 in a query. Codes of 4 bits are of the vector after a random rotation, which makes all
// elements alike; their fine kind has queries of 7 bits, so only rows are rounded coarsely, and distances
// between two rows there are none. Threads: immutable once made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/coding.h"
#include "zvec/schema.h"
#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {

/// In files.
enum class CodeKind : std::uint8_t { kBits7 = 0, kBits8 = 1, kBits4 = 2, kHalves = 3, kBits4Fine = 4 };

class Encoder {
 public:
  Encoder() = default;
  /// From vectors that stand for all of them (`sample`: rows of `dim` floats, at least one). The same sample
  /// gives the same encoder on every machine. `extremes`: rows besides, those with the largest Loss of all;
  /// under L2 the range of a code takes them in, if the codes of the sample then still differ enough.
  static Encoder Train(MetricType metric, std::size_t dim, std::span<const float> sample,
                       std::span<const float> extremes = {}, CodeKind kind = CodeKind::kBits7);

  /// code_bytes() of such an encoder; one of inner products may be `on_sphere`.
  static std::size_t CodeBytes(std::size_t dim, bool on_sphere, CodeKind kind) noexcept;

  MetricType metric() const noexcept { return metric_; }
  CodeKind kind() const noexcept { return kind_; }
  std::size_t dim() const noexcept { return dim_; }
  std::size_t code_bytes() const noexcept { return code_bytes_; }  ///< whole cache lines

  /// Of a query's code.
  std::size_t query_bytes() const noexcept {
    return kind_ == CodeKind::kBits4Fine ? 2 * code_bytes_ : code_bytes_;
  }
  /// How much more than with 7 bits rounding changes a distance between codes, in levels of these: 5.7; but 4
  /// is faster at equal recall (set c).
  float roughness() const noexcept { return kind_ == CodeKind::kBits4Fine ? 4.0f : 1; }

  /// What a row that is `squared` from a query (cosine: twice the distance, as between directions) has
  /// between its code and the query's, on average. Infinite where codes do not tell that: other kinds than
  /// kBits7 and kBits4Fine, inner product.
  float BetweenCodes(double squared) const noexcept;

  /// Between codes of this encoder (kBits4Fine: of a query and of rows).
  const simd::CodeDistances& distances() const noexcept {
    const simd::CodeKernels& kernels = simd::ActiveCodeKernels();
    switch (kind_) {
      case CodeKind::kBits8:
        return kernels.bits8;
      case CodeKind::kBits4:
        return kernels.bits4;
      case CodeKind::kBits4Fine:
        return kernels.bits4fine;
      case CodeKind::kHalves:
        return kernels.halves;
      case CodeKind::kBits7:
        break;
    }
    return kernels.bits7;
  }

  /// `vector`: dim() floats; `code`: code_bytes() bytes, any alignment.
  void EncodeRow(const float* vector, std::uint8_t* code) const;
  /// How badly a row's code stands for it, for comparison with other rows; 0: well. Inner product: its
  /// squared norm, as the longest are the answers. Else the squared length of what the code's range cuts off.
  double Loss(const float* vector) const;
  /// `code`: query_bytes(). False when the vector has no direction under a metric that needs one (nothing can
  /// be navigated to). `cut`, if not null: how much of the query its code lacks: the squared length of what
  /// the code's range cuts off, in squared lengths of a usual row; of kBits4Fine what is more than a usual
  /// one loses. Candidates are in the wrong order then. 0 under inner product, where it is scaled, and where
  /// the kind has no range or all candidates are scored (kBits4).
  bool EncodeQuery(const float* vector, std::uint8_t* code, double* cut = nullptr) const;

  void Save(std::string& out) const;
  /// False when the bytes are not those of an encoder for these.
  bool Load(cocozvec::Reader& in, MetricType metric, std::size_t dim);
  bool operator==(const Encoder&) const = default;
  static bool IsNarrow(CodeKind kind) noexcept {
    return kind == CodeKind::kBits4 || kind == CodeKind::kBits4Fine;
  }

 private:
  static Encoder TrainNarrow(MetricType metric, std::size_t dim, std::span<const float> sample,
                             CodeKind kind);
  /// A quarter of the elements of some of the rows are cut off.
  bool CutsRows(std::span<const float> rows) const;
  /// With a range in which all of the rows are.
  Encoder Widened(std::span<const float> sample, std::span<const float> extremes) const;
  void Shape(MetricType metric, std::size_t dim, bool on_sphere, CodeKind kind);
  float levels() const noexcept;
  double CutShare(const float* query) const;
  /// The same for kBits4Fine; `beyond`: the squared length of what a query's code cuts off.
  double FineCut(double beyond) const;
  /// Codes of 4 bits.
  bool narrow() const noexcept { return IsNarrow(kind_); }
  /// Half of a code's range, in units of an element; infinite: nothing is cut off.
  double half() const noexcept;
  /// What is quantized: `factor` times the vector, without the mean, rotated where the kind asks for that.
  void Prepare(const float* vector, float factor, float* out) const;
  void WriteBytes(const float* vector, float factor, float extra, std::uint8_t* code) const;
  void WriteNibbles(const float* vector, float factor, float extra, std::uint8_t* code) const;
  void WriteFine(const float* vector, float factor, std::uint8_t* code, double* cut) const;
  void WriteHalves(const float* vector, float factor, float extra, std::uint8_t* code) const;
  /// What is added to an element before quantizing so that the vector has length 1 or lies on the sphere.
  void Write(const float* vector, float factor, float extra, std::uint8_t* code) const;

  MetricType metric_ = MetricType::kUndefined;
  CodeKind kind_ = CodeKind::kBits7;
  std::size_t dim_ = 0;
  std::size_t code_bytes_ = 0;
  std::size_t extra_ = 0;     ///< elements after dim() that put a row on the sphere; 0: none needed
  float radius_ = 0;          ///< of the sphere (inner product)
  float scale_ = 0;           ///< codes per unit
  std::vector<float> signs_;  ///< of the rotation, for each of its rounds
  std::vector<float> mean_;   ///< dim() elements, the middle of the code's range
};

/// How well codes tell rows apart: the share of the ten nearest of a row of the sample (rows of dim() floats)
/// that stand among the twenty nearest by codes; 1 is best. Below kLeastFitness a graph would not find what
/// it should.
double Fitness(const Encoder& encoder, std::span<const float> sample);
inline constexpr double kLeastFitness = 0.9;

}  // namespace zvec::inline v0::hnsw
