#include "zvec/index/hnsw/encoder.h"

#include <algorithm>
#include <bit>
#include <cfloat>
#include <cmath>
#include <cstring>
#include <limits>

#include "zvec/doc.h"

namespace zvec::inline v0::hnsw {
namespace {

constexpr float kLevels = 127;
/// A code's range in standard deviations of an element. Narrower cuts off more, wider is coarser.
constexpr double kRange = 4;
/// The same of 4 bits: steps of a third of a deviation.
constexpr double kRangeOf4 = 2.5;
/// What kBits4Fine, whose queries have 2.8 deviations, cuts off of usual ones: at the median 0.0006, at most
/// 0.009 of a thousand (set c).
constexpr double kUsualCut = 0.01;
/// More is not told: any search is as broad as it can be by then.
constexpr double kMostCut = 1;
constexpr std::size_t kRounds = 4;
/// Of a code of halves: its square still has room.
constexpr float kMostHalf = 30'000;
/// Norms that differ by less need no sphere: the order by direction is the order by product.
constexpr double kSameNorm = 0.01;
/// Fewer elements would each be too long for the code's range.
constexpr std::size_t kLeastExtra = 16;
/// What a wider range may cost the rows that needed none (Fitness).
constexpr double kWideLoss = 0.02;

double Norm(const float* vector, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += static_cast<double>(vector[i]) * vector[i];
  return std::sqrt(sum);
}

std::uint64_t Mixed(std::uint64_t z) {  // splitmix64
  z = (z + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

std::size_t WholeLines(std::size_t bytes) {
  return (bytes + simd::kCodeBlock - 1) / simd::kCodeBlock * simd::kCodeBlock;
}

}  // namespace

float Encoder::levels() const noexcept { return kind_ == CodeKind::kBits8 ? 255 : narrow() ? 15 : kLevels; }

double Encoder::half() const noexcept {
  return kind_ == CodeKind::kHalves ? INFINITY : levels() / 2 / scale_;
}

float Encoder::BetweenCodes(double squared) const noexcept {
  const bool fine = kind_ == CodeKind::kBits4Fine;
  if (metric_ == MetricType::kIp || !(scale_ > 0) || !(fine || kind_ == CodeKind::kBits7)) return INFINITY;
  const double steps = fine ? simd::kFineSteps : 1, scale = scale_ * steps;
  // Rounding to the row's levels and to the query's steps, a twelfth squared of each.
  const double rounding = (steps * steps + 1) / 12 * static_cast<double>(dim_);
  const double between = std::max(squared, 0.0) * scale * scale + rounding;
  return between < double{FLT_MAX} ? static_cast<float>(between) : INFINITY;
}

std::size_t Encoder::CodeBytes(std::size_t dim, bool on_sphere, CodeKind kind) noexcept {
  const std::size_t elements = on_sphere ? dim + kLeastExtra : dim;
  return WholeLines(IsNarrow(kind)              ? (elements + 1) / 2
                    : kind == CodeKind::kHalves ? 2 * elements
                                                : elements);
}

void Encoder::Shape(MetricType metric, std::size_t dim, bool on_sphere, CodeKind kind) {
  metric_ = metric;
  kind_ = kind;
  dim_ = dim;
  code_bytes_ = CodeBytes(dim, on_sphere, kind);
  const std::size_t room = narrow()                    ? 2 * code_bytes_
                           : kind == CodeKind::kHalves ? code_bytes_ / 2
                                                       : code_bytes_;
  extra_ = on_sphere ? room - dim : 0;
  signs_.clear();
  if (!narrow()) return;
  for (std::size_t i = 0; i < kRounds * dim; ++i) signs_.push_back(Mixed(i) & 1 ? 1.0f : -1.0f);
}

/// Rotated: signs drawn by lot, then a Hadamard transform of as many elements as a power of two has; those at
/// the end in the next round. Lengths and distances stay.
void Encoder::Prepare(const float* vector, float factor, float* out) const {
  if (!narrow()) {
    for (std::size_t i = 0; i < dim_; ++i) out[i] = vector[i] * factor - mean_[i];
    return;
  }
  const std::size_t part = std::bit_floor(dim_), rounds = part == dim_ ? 2 : kRounds;
  const float scale = 1 / std::sqrt(static_cast<float>(part));
  simd::ActiveCodeKernels().rotate({mean_.data(), signs_.data(), dim_, part, rounds, scale}, vector, factor,
                                   out);
}

Encoder Encoder::Train(MetricType metric, std::size_t dim, std::span<const float> sample,
                       std::span<const float> extremes, CodeKind kind) {
  if (metric == MetricType::kIp && !extremes.empty()) {  // the sphere must be as large as the longest row
    std::vector<float> all(sample.begin(), sample.end());
    all.insert(all.end(), extremes.begin(), extremes.end());
    return TrainNarrow(metric, dim, all, kind);
  }
  Encoder narrow = TrainNarrow(metric, dim, sample, kind);
  if (metric != MetricType::kL2 || !(narrow.CutsRows(sample) || narrow.CutsRows(extremes))) return narrow;
  Encoder wide = narrow.Widened(sample, extremes);
  return Fitness(wide, sample) >= Fitness(narrow, sample) - kWideLoss ? wide : narrow;
}

bool Encoder::CutsRows(std::span<const float> rows) const {
  if (!(scale_ > 0) || kind_ == CodeKind::kHalves) return false;
  const auto most = static_cast<float>(half());
  std::vector<float> prepared(dim_);
  for (std::size_t at = 0; at < rows.size(); at += dim_) {
    Prepare(&rows[at], 1, prepared.data());
    std::size_t cut = 0;
    for (const float x : prepared) cut += std::fabs(x) > most;
    if (cut != 0 && cut * 4 >= dim_) return true;
  }
  return false;
}

Encoder Encoder::Widened(std::span<const float> sample, std::span<const float> extremes) const {
  double widest = 0;
  std::vector<float> prepared(dim_);
  for (const std::span<const float> rows : {sample, extremes}) {
    for (std::size_t at = 0; at < rows.size(); at += dim_) {
      Prepare(&rows[at], 1, prepared.data());
      for (const float x : prepared) widest = std::max(widest, std::fabs(static_cast<double>(x)));
    }
  }
  Encoder wide = *this;
  wide.scale_ = static_cast<float>(levels() / 2 / widest);
  if (!std::isfinite(wide.scale_)) wide.scale_ = 0;
  return wide;
}

Encoder Encoder::TrainNarrow(MetricType metric, std::size_t dim, std::span<const float> sample,
                             CodeKind kind) {
  const std::size_t rows = sample.size() / dim;
  std::vector<double> norms(rows, 1);
  double least = INFINITY, most = 0;
  if (metric != MetricType::kL2) {
    for (std::size_t r = 0; r < rows; ++r) {
      norms[r] = Norm(&sample[r * dim], dim);
      least = std::min(least, norms[r]);
      most = std::max(most, norms[r]);
    }
  }
  Encoder out;
  out.Shape(metric, dim, metric == MetricType::kIp && most - least > kSameNorm * most, kind);
  constexpr double kMostFloat = std::numeric_limits<float>::max();
  out.radius_ = metric == MetricType::kIp ? static_cast<float>(std::min(most, kMostFloat)) : 1;
  std::vector<double> mean(dim, 0);
  const auto element = [&](std::size_t r, std::size_t i) {
    const double x = sample[r * dim + i];
    return metric != MetricType::kCosine ? x : norms[r] > 0 ? x / norms[r] : 0;
  };
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t i = 0; i < dim; ++i) mean[i] += element(r, i) / static_cast<double>(rows);
  double squares = 0, widest = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t i = 0; i < dim; ++i) {
      const double d = element(r, i) - mean[i];
      squares += d * d;
      widest = std::max(widest, std::fabs(d));
    }
  }
  const double deviation = std::sqrt(squares / (static_cast<double>(rows) * static_cast<double>(dim)));
  // A query of inner product lies on the sphere, where its elements are as long as the longest row's.
  if (out.extra_ != 0) widest = std::max(widest, most / std::sqrt(static_cast<double>(dim)));
  double half = std::min(widest, kRange * deviation);
  // A rotation leaves no element wide and none narrow; sixteen levels stand best that close.
  if (out.narrow()) half = kRangeOf4 * deviation;
  if (kind == CodeKind::kHalves) half = kLevels / 2 * deviation;  // an element's deviation becomes 1
  out.scale_ = half > 0 && std::isfinite(half) ? static_cast<float>(out.levels() / 2 / half) : 0;
  if (!std::isfinite(out.scale_)) out.scale_ = 0;
  out.mean_.assign(mean.begin(), mean.end());
  for (float& m : out.mean_)
    if (!std::isfinite(m)) m = 0;
  return out;
}

void Encoder::Write(const float* vector, float factor, float extra, std::uint8_t* code) const {
  switch (kind_) {
    case CodeKind::kBits4:
    case CodeKind::kBits4Fine:
      return WriteNibbles(vector, factor, extra, code);
    case CodeKind::kHalves:
      return WriteHalves(vector, factor, extra, code);
    default:
      return WriteBytes(vector, factor, extra, code);
  }
}

namespace {

/// Truncated. A NaN (an infinity times 0) fails the first comparison.
std::uint8_t Level(float level, float most) {
  return static_cast<std::uint8_t>(static_cast<int>(level > 0 ? (level < most ? level : most) : 0));
}

}  // namespace

void Encoder::WriteBytes(const float* vector, float factor, float extra, std::uint8_t* code) const {
  const float most = levels(), middle = most / 2 + 0.5f;  // truncation then rounds
  const float *mean = mean_.data(), scale = scale_;
  for (std::size_t i = 0; i < dim_; ++i)
    code[i] = Level((vector[i] * factor - mean[i]) * scale + middle, most);
  const float level = std::min(extra * scale + 0.5f, most);
  std::memset(code + dim_, extra_ != 0 && level > 0 ? static_cast<int>(level) : 0, code_bytes_ - dim_);
}

void Encoder::WriteNibbles(const float* vector, float factor, float extra, std::uint8_t* code) const {
  thread_local std::vector<float> prepared;
  prepared.resize(dim_);
  Prepare(vector, factor, prepared.data());
  const float most = levels(), middle = most / 2 + 0.5f;
  std::memset(code, 0, code_bytes_);
  const auto put = [code](std::size_t i, std::uint8_t level) {
    code[i / 2] = static_cast<std::uint8_t>(code[i / 2] | level << (i % 2 * 4));
  };
  for (std::size_t i = 0; i < dim_; ++i) put(i, Level(prepared[i] * scale_ + middle, most));
  if (kind_ != CodeKind::kBits4Fine) {
    const std::uint8_t level = Level(extra * scale_ + 0.5f, most);
    for (std::size_t i = dim_; i < dim_ + extra_; ++i) put(i, level);
    return;
  }
  // Rounded alike they would be off by more than what rows differ by: some are a level higher, so that the
  // sum of their squares is right.
  const float wanted = extra * scale_;
  const std::uint8_t level = Level(wanted, most);
  const float lacking = wanted * wanted - static_cast<float>(level * level);
  const float share = std::clamp(lacking / static_cast<float>(2 * level + 1), 0.0f, 1.0f);
  const auto higher = level < 15 ? static_cast<std::size_t>(share * static_cast<float>(extra_) + 0.5f) : 0;
  for (std::size_t i = 0; i < extra_; ++i) put(dim_ + i, static_cast<std::uint8_t>(level + (i < higher)));
}

void Encoder::WriteFine(const float* vector, float factor, std::uint8_t* code, double* cut) const {
  thread_local std::vector<float> prepared;
  prepared.resize(dim_);
  Prepare(vector, factor, prepared.data());
  constexpr float kSteps = simd::kFineSteps, kHalf = simd::kMostFine / kSteps - 15.0f / 2;
  const double beyond = simd::ActiveCodeKernels().fine_query(
      {prepared.data(), dim_, scale_ * kSteps, levels() / 2 * kSteps - simd::kLeastFine + 0.5f,
       kHalf / scale_, query_bytes()},
      code);
  if (cut != nullptr) *cut = FineCut(beyond);
}

void Encoder::WriteHalves(const float* vector, float factor, float extra, std::uint8_t* code) const {
  const auto put = [&](std::size_t i, float x) {
    const Half half = ToHalf(x > -kMostHalf ? (x < kMostHalf ? x : kMostHalf) : -kMostHalf);
    std::memcpy(code + 2 * i, &half.bits, 2);
  };
  for (std::size_t i = 0; i < dim_; ++i) put(i, (vector[i] * factor - mean_[i]) * scale_);
  for (std::size_t i = dim_; i < code_bytes_ / 2; ++i) put(i, i < dim_ + extra_ ? extra * scale_ : 0);
}

void Encoder::EncodeRow(const float* vector, std::uint8_t* code) const {
  if (metric_ == MetricType::kCosine) {
    const double norm = Norm(vector, dim_);
    return Write(vector, norm > 0 ? static_cast<float>(1 / norm) : 0, 0, code);
  }
  float extra = 0;
  if (extra_ != 0) {
    const double norm = Norm(vector, dim_), radius = radius_;
    const double missing = std::max(0.0, radius * radius - norm * norm);
    extra = static_cast<float>(std::sqrt(missing / static_cast<double>(extra_)));
  }
  Write(vector, 1, extra, code);
}

double Encoder::Loss(const float* vector) const {
  const double norm = metric_ == MetricType::kL2 ? 1 : Norm(vector, dim_);
  if (metric_ == MetricType::kIp) return norm * norm;
  if (!(norm > 0) || !(scale_ > 0)) return 0;
  if (kind_ == CodeKind::kHalves) return 0;
  thread_local std::vector<float> prepared;
  prepared.resize(dim_);
  Prepare(vector, static_cast<float>(1 / norm), prepared.data());
  const double most = half();
  double loss = 0;
  for (const float x : prepared) {
    const double cut = std::fabs(x) - most;
    if (cut > 0) loss += cut * cut;
  }
  return loss;
}

namespace {

/// The squares of what lies beyond `half` on either side, in lanes: one sum would be a chain of additions.
template <class Element>
double SquaredBeyond(std::size_t count, float half, const Element& element) {
  float lanes[16] = {};
  const auto add = [&](std::size_t i) {
    const float cut = std::max(std::fabs(element(i)) - half, 0.0f);
    lanes[i % 16] += cut * cut;
  };
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (std::size_t lane = 0; lane < 16; ++lane) add(i + lane);
  for (; i < count; ++i) add(i);
  double cut = 0;
  for (const float lane : lanes) cut += lane;
  return cut;
}

}  // namespace

double Encoder::CutShare(const float* query) const {
  const bool bytes = kind_ == CodeKind::kBits7 || kind_ == CodeKind::kBits8;
  if (metric_ == MetricType::kIp || !bytes || !(scale_ > 0)) return 0;
  const double norm = metric_ == MetricType::kL2 ? 1 : Norm(query, dim_);
  if (!(norm > 0)) return 0;
  const auto factor = static_cast<float>(1 / norm);
  const float *mean = mean_.data(), half = levels() / 2 / scale_;
  const double cut = SquaredBeyond(dim_, half, [&](std::size_t i) { return query[i] * factor - mean[i]; });
  const double deviation = half / kRange;
  return cut / (deviation * deviation * static_cast<double>(dim_));
}

double Encoder::FineCut(double beyond) const {
  if (metric_ == MetricType::kIp || !(scale_ > 0)) return 0;
  const double deviation = half() / kRangeOf4;
  const double share = beyond / (deviation * deviation * static_cast<double>(dim_));
  if (!(share < kMostCut)) return kMostCut;  // the rotation of huge elements may have made it a NaN
  return std::max(share - kUsualCut, 0.0);
}

bool Encoder::EncodeQuery(const float* vector, std::uint8_t* code, double* cut) const {
  if (cut != nullptr) *cut = CutShare(vector);
  float factor = 1;
  if (metric_ != MetricType::kL2) {
    const double norm = Norm(vector, dim_);
    if (!(norm > 0)) return false;
    factor = static_cast<float>(radius_ / norm);
  }
  if (kind_ == CodeKind::kBits4Fine) {
    WriteFine(vector, factor, code, cut);
  } else {
    Write(vector, factor, 0, code);
  }
  return true;
}

void Encoder::Save(std::string& out) const {
  using cocozvec::PutFixed;
  PutFixed(out,
           static_cast<std::uint8_t>(static_cast<unsigned>(metric_) | static_cast<unsigned>(kind_) << 4));
  PutFixed(out, static_cast<std::uint32_t>(dim_));
  PutFixed(out, static_cast<std::uint32_t>(code_bytes_));
  PutFixed(out, static_cast<std::uint32_t>(extra_));
  PutFixed(out, radius_);
  PutFixed(out, scale_);
  for (const float m : mean_) PutFixed(out, m);
}

bool Encoder::Load(cocozvec::Reader& in, MetricType metric, std::size_t dim) {
  const auto saved_metric = in.Read<std::uint8_t>();
  const auto saved_dim = in.Read<std::uint32_t>(), bytes = in.Read<std::uint32_t>(),
             extra = in.Read<std::uint32_t>();
  const auto kind = static_cast<CodeKind>(saved_metric >> 4);
  if (!in.ok() || (saved_metric & 15) != static_cast<std::uint8_t>(metric) || kind > CodeKind::kBits4Fine ||
      saved_dim != dim)
    return false;
  Shape(metric, dim, extra != 0, kind);
  if (bytes != code_bytes_ || extra != extra_) return false;
  radius_ = in.Read<float>();
  scale_ = in.Read<float>();
  const std::string_view mean = in.Raw(dim * sizeof(float));
  if (!in.ok() || !std::isfinite(radius_) || !std::isfinite(scale_)) return false;
  mean_.resize(dim);
  std::memcpy(mean_.data(), mean.data(), mean.size());
  return std::all_of(mean_.begin(), mean_.end(), [](float m) { return std::isfinite(m); });
}

namespace {

/// Smaller is nearer, for every metric.
double Distance(MetricType metric, const float* a, const float* b, std::size_t dim) {
  double l2 = 0, product = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double x = a[i], y = b[i];
    l2 += (x - y) * (x - y);
    product += x * y;
  }
  if (metric == MetricType::kL2) return l2;
  if (metric == MetricType::kIp) return -product;
  const double norm = Norm(b, dim);
  return norm > 0 ? -product / norm : 0;
}

}  // namespace

double Fitness(const Encoder& encoder, std::span<const float> sample) {
  constexpr std::size_t kQueries = 32, kMostRows = 1'000, kLeastRows = 100, kNear = 10;
  constexpr std::size_t kWork = 20'000'000;  // elements: some hundredths of a second
  const std::size_t dim = encoder.dim(), bytes = encoder.code_bytes(), all = sample.size() / dim;
  const std::size_t rows = std::min(all, std::clamp(kWork / (kQueries * dim), kLeastRows, kMostRows));
  if (rows <= 2 * kNear) return 1;
  const auto row = [&](std::size_t r) { return &sample[r * (all / rows) * dim]; };
  std::vector<std::uint8_t> codes(rows * bytes), code(encoder.query_bytes());
  std::vector<std::uint32_t> index(rows);
  for (std::size_t r = 0; r < rows; ++r) {
    encoder.EncodeRow(row(r), &codes[r * bytes]);
    index[r] = static_cast<std::uint32_t>(r);
  }
  std::size_t found = 0, wanted = 0;
  std::vector<float> by_code(rows);
  std::vector<double> exact(rows);
  for (std::size_t q = 0; q < kQueries; ++q) {
    const float* query = row(q * rows / kQueries);
    if (!encoder.EncodeQuery(query, code.data())) continue;
    encoder.distances().squared_l2(code.data(), {codes.data(), bytes, index.data(), rows}, by_code.data());
    for (std::size_t r = 0; r < rows; ++r) exact[r] = Distance(encoder.metric(), query, row(r), dim);
    std::vector<double> sorted = exact;
    std::nth_element(sorted.begin(), sorted.begin() + (kNear - 1), sorted.end());
    std::vector<std::uint32_t> order = index;
    std::nth_element(order.begin(), order.begin() + (2 * kNear - 1), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) {
                       return std::pair(by_code[a], a) < std::pair(by_code[b], b);
                     });
    std::size_t hits = 0;
    for (std::size_t i = 0; i < 2 * kNear; ++i) hits += exact[order[i]] <= sorted[kNear - 1];
    found += std::min(hits, kNear);
    wanted += kNear;
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace zvec::inline v0::hnsw
