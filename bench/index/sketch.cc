// The laboratory sketch (prototype/index of the shared folder), where it is at hand: a floor that ours is
// held to. One metric, no ids, one thread, AVX-512 only; its vectors lie in memory.
#include "peers.h"

#if BENCH_SKETCH && defined(__AVX512VNNI__)
#include <immintrin.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {
// Its names are everybody's: Set, Graph, Pool.
#include "builder.h"
#include "fastrot.h"
}  // namespace

namespace bench {
namespace {

constexpr int kSteps = 3, kAhead = 24;

/// One graph for all variants: it does not know which codes will be walked.
struct Built {
  ::Graph graph;
  double seconds = 0;
  ~Built() {
    if (seconds > 0) ::munmap(graph.adj, std::size_t{graph.n} * graph.R * 4);
  }
};

void BuildOnce(const bench::Set& set, Built* built) {
  if (built->seconds > 0) return;
  const auto start = std::chrono::steady_clock::now();
  BuildP params;
  params.M = static_cast<int>(kM);
  params.R = 2 * static_cast<int>(kM);
  params.efc = static_cast<int>(kEfConstruction);
  params.fwd = static_cast<int>(kM);
  params.slack = 16;
  params.W = kSteps;
  auto codes = std::make_unique<DU7>();
  codes->build(set.base.data(), set.rows, static_cast<int>(set.dim), nullptr);
  Builder<DU7> builder(*codes, static_cast<std::uint32_t>(set.rows), params);
  std::mt19937 random(100);
  for (std::uint32_t row = 0; row < set.rows; ++row) {
    const double u = (static_cast<double>(random()) + 0.5) / 4294967296.0;
    builder.insert(row, static_cast<int>(-std::log(u) / std::log(params.M)),
                   [&](std::uint32_t r) { codes->set(set.Row(r), nullptr); });
  }
  built->graph = builder.finish();
  built->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  ::munmap(codes->base, set.rows * codes->st);
}

/// `Codes`: what is walked on. `stop`: negative never, else how much farther than the k-th ends a walk.
template <class Codes>
class Sketch final : public Index {
 public:
  Sketch(std::shared_ptr<Built> built, const char* name, float stop)
      : built_(std::move(built)), name_(name), stop_(stop) {}
  ~Sketch() override {
    if (codes_ != nullptr) ::munmap(codes_->base, rows_ * codes_->st);
  }
  std::string name() const override { return name_; }
  double built_seconds() const override { return built_->seconds; }
  std::size_t build_threads(std::size_t) const override { return 1; }

  void Build(const bench::Set& set, std::size_t) override {
    BuildOnce(set, built_.get());
    rows_ = set.rows;
    const int dim = static_cast<int>(set.dim);
    codes_ = std::make_unique<Codes>();
    if constexpr (kRotated) {
      rotation_ = std::make_unique<FRot>(dim);
      codes_->build(set.base.data(), set.rows, dim, rotation_.get());
    } else {
      codes_->build(set.base.data(), set.rows, dim, nullptr);
    }
    exact_ = std::make_unique<DFp32>();
    exact_->base = reinterpret_cast<char*>(const_cast<float*>(set.base.data()));
    exact_->st = set.dim * 4;
    exact_->d = dim;
    scored_ = kRotated ? (set.dim < 512 ? 24 : 16) : 20;
    searcher_ = std::make_unique<Searcher2<Codes>>(built_->graph, *codes_);
    searcher_->W = kSteps;
    searcher_->P.po = kAhead;
    searcher_->P.gamma = stop_;
    searcher_->P.k = bench::Set::kNearest;
  }
  void SetEf(std::uint32_t ef) override { ef_ = static_cast<int>(ef); }
  void Search(const float* query, std::uint32_t* rows) override {
    if constexpr (kRotated) {
      codes_->setq(query);
      double squares = 0;
      for (std::size_t i = 0; i < codes_->st; ++i)
        squares += codes_->ql[i] * codes_->ql[i] + codes_->qh[i] * codes_->qh[i];
      searcher_->P.off = static_cast<float>(squares * codes_->qs * codes_->qs);
    } else {
      codes_->set(query, nullptr);
    }
    searcher_->run(ef_);
    Score(query, rows);
  }

 private:
  static constexpr bool kRotated = std::is_same_v<Codes, EU4>;

  void Score(const float* query, std::uint32_t* rows) {
    std::pair<float, std::uint32_t> found[64];
    const int count = std::min({searcher_->pool.sz, scored_, ef_});
    exact_->set(query, nullptr);
    for (int i = 0; i < count; ++i) {
      found[i].second = searcher_->pool.id[i] & 0x7fffffff;
      const char* row = exact_->base + found[i].second * exact_->st;
      for (std::size_t at = 0; at < exact_->st; at += 64) __builtin_prefetch(row + at);
    }
    for (int i = 0; i < count; ++i) found[i].first = exact_->dist(found[i].second);
    std::sort(found, found + count);
    for (int i = 0; i < std::min<int>(count, bench::Set::kNearest); ++i) rows[i] = found[i].second;
  }

  const std::shared_ptr<Built> built_;
  const std::string name_;
  const float stop_;
  std::size_t rows_ = 0;
  std::unique_ptr<FRot> rotation_;
  std::unique_ptr<Codes> codes_;
  std::unique_ptr<DFp32> exact_;
  std::unique_ptr<Searcher2<Codes>> searcher_;
  int ef_ = 0, scored_ = 0;
};

}  // namespace

std::string AddSketch(const Set& set, std::vector<std::unique_ptr<Index>>& to) {
  if (!__builtin_cpu_supports("avx512vnni")) return "the sketch (this CPU has no AVX-512 VNNI)";
  // What its kernels read without a rest.
  if (set.dim % 64 != 0 || set.dim > 2'048)
    return "the sketch (it takes whole 64 dimensions up to 2,048, the set has " + std::to_string(set.dim) +
           ")";
  const auto built = std::make_shared<Built>();
  to.push_back(std::make_unique<Sketch<DU7>>(built, "sketch 7 bits", -1.0f));
  to.push_back(std::make_unique<Sketch<DU7>>(built, "sketch 7 bits stop", 0.2f));
  to.push_back(std::make_unique<Sketch<EU4>>(built, "sketch 4 bits", -1.0f));
  return "";
}

}  // namespace bench

#else

namespace bench {
std::string AddSketch(const Set&, std::vector<std::unique_ptr<Index>>&) {
#if BENCH_SKETCH
  return "the sketch (it was built for a CPU without AVX-512 VNNI)";
#else
  return "the sketch (set SKETCH_INCLUDE to the folder prototype/index)";
#endif
}
}  // namespace bench

#endif
