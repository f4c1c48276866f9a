// The peers that are installed, each with m 16 (32 links on the lowest level) and ef_construction 200.
#include "peers.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <thread>

#if BENCH_HNSWLIB
#include <hnswlib/hnswlib.h>
#endif
#if BENCH_FAISS
#include <faiss/IndexHNSW.h>
#include <omp.h>
#endif
#if BENCH_USEARCH
#include <usearch/index_dense.hpp>
#endif

namespace bench {
namespace {

[[maybe_unused]] void Parallel(std::size_t threads, std::size_t count,
                               const std::function<void(std::size_t row, std::size_t thread)>& body) {
  std::atomic<std::size_t> next{0};
  const auto work = [&](std::size_t thread) {
    for (std::size_t i = next++; i < count; i = next++) body(i, thread);
  };
  std::vector<std::thread> others;
  for (std::size_t t = 1; t < threads; ++t) others.emplace_back(work, t);
  work(0);
  for (std::thread& t : others) t.join();
}

#if BENCH_HNSWLIB
class Hnswlib final : public Index {
 public:
  std::string name() const override { return "hnswlib"; }
  void Build(const Set& set, std::size_t threads) override {
    space_ = std::make_unique<hnswlib::L2Space>(set.dim);
    index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), set.rows, kM, kEfConstruction);
    index_->addPoint(set.Row(0), 0);
    Parallel(threads, set.rows - 1,
             [&](std::size_t r, std::size_t) { index_->addPoint(set.Row(r + 1), r + 1); });
  }
  void SetEf(std::uint32_t ef) override { index_->setEf(ef); }
  void Search(const float* query, std::uint32_t* rows) override {
    auto found = index_->searchKnn(query, Set::kNearest);
    for (std::size_t i = found.size(); i-- > 0; found.pop())
      rows[i] = static_cast<std::uint32_t>(found.top().second);
  }

 private:
  std::unique_ptr<hnswlib::L2Space> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};
#endif

#if BENCH_FAISS
class Faiss final : public Index {
 public:
  explicit Faiss(bool quantized) : quantized_(quantized) {}
  std::string name() const override { return quantized_ ? "FAISS HNSW SQ8" : "FAISS HNSW Flat"; }
  void Build(const Set& set, std::size_t threads) override {
    omp_set_num_threads(static_cast<int>(threads));
    if (quantized_) {
      index_ = std::make_unique<faiss::IndexHNSWSQ>(set.dim, faiss::ScalarQuantizer::QT_8bit, kM);
    } else {
      index_ = std::make_unique<faiss::IndexHNSWFlat>(set.dim, kM);
    }
    index_->hnsw.efConstruction = kEfConstruction;
    const auto rows = static_cast<faiss::Index::idx_t>(set.rows);
    if (!index_->is_trained) index_->train(rows, set.base.data());
    index_->add(rows, set.base.data());
    omp_set_num_threads(1);
  }
  void SetEf(std::uint32_t ef) override { index_->hnsw.efSearch = static_cast<int>(ef); }
  void Search(const float* query, std::uint32_t* rows) override {
    float distances[Set::kNearest];
    faiss::Index::idx_t labels[Set::kNearest];
    index_->search(1, query, Set::kNearest, distances, labels);
    for (std::size_t i = 0; i < Set::kNearest; ++i) rows[i] = static_cast<std::uint32_t>(labels[i]);
  }

 private:
  const bool quantized_;
  std::unique_ptr<faiss::IndexHNSW> index_;
};
#endif

#if BENCH_USEARCH
class USearch final : public Index {
 public:
  explicit USearch(unum::usearch::scalar_kind_t kind, const char* name) : kind_(kind), name_(name) {}
  std::string name() const override { return name_; }
  void Build(const Set& set, std::size_t threads) override {
    using namespace unum::usearch;
    metric_punned_t metric(set.dim, metric_kind_t::l2sq_k, kind_);
    index_ = index_dense_t::make(metric, index_dense_config_t(kM, kEfConstruction, 64));
    index_.reserve(index_limits_t(set.rows, std::max<std::size_t>(threads, 1)));
    Parallel(threads, set.rows,
             [&](std::size_t r, std::size_t thread) { index_.add(r, set.Row(r), thread); });
  }
  void SetEf(std::uint32_t ef) override { index_.change_expansion_search(ef); }
  void Search(const float* query, std::uint32_t* rows) override {
    unum::usearch::index_dense_t::vector_key_t keys[Set::kNearest] = {};
    index_.search(query, Set::kNearest, 0).dump_to(keys);
    for (std::size_t i = 0; i < Set::kNearest; ++i) rows[i] = static_cast<std::uint32_t>(keys[i]);
  }

 private:
  const unum::usearch::scalar_kind_t kind_;
  const std::string name_;
  unum::usearch::index_dense_t index_;
};
#endif

}  // namespace

std::vector<std::unique_ptr<Index>> MakePeers(const Set& set, const std::string& folder,
                                              std::string* missing) {
  std::vector<std::unique_ptr<Index>> peers;
  const auto lacks = [&](const std::string& why) {
    if (!why.empty()) *missing += (missing->empty() ? "" : ", ") + why;
  };
  lacks(AddSketch(set, peers));
#if BENCH_HNSWLIB
  peers.push_back(std::make_unique<Hnswlib>());
#else
  lacks("hnswlib (libhnswlib-dev)");
#endif
#if BENCH_FAISS
  peers.push_back(std::make_unique<Faiss>(false));
  peers.push_back(std::make_unique<Faiss>(true));
#else
  lacks("FAISS (libfaiss-dev)");
#endif
#if BENCH_USEARCH
  peers.push_back(std::make_unique<USearch>(unum::usearch::scalar_kind_t::f32_k, "USearch f32"));
  peers.push_back(std::make_unique<USearch>(unum::usearch::scalar_kind_t::i8_k, "USearch i8"));
#else
  lacks("USearch (its headers: npm pack usearch; set USEARCH_INCLUDE)");
#endif
  lacks(AddZvec(folder, peers));
  return peers;
}

}  // namespace bench
