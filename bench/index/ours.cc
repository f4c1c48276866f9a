// Ours, through the public API: a collection on disk, sealed, one graph, no output fields.
#include <cstdlib>

#include "base/io/file_system.h"
#include "cocozvec/base/log.h"
#include "peers.h"
#include "zvec/collection.h"

namespace bench {
namespace {

class Ours final : public Index {
 public:
  Ours(std::string directory, std::uint32_t ef_construction)
      : directory_(std::move(directory)), ef_construction_(ef_construction) {}
  ~Ours() override {
    collection_.reset();
    (void)zvec::Collection::Destroy(directory_);
  }
  std::string name() const override { return "cocozvec efc" + std::to_string(ef_construction_); }
  bool chooses_ef() const override { return true; }

  void Build(const Set& set, std::size_t threads) override {
    // A graph that is refused is said here.
    cocozvec::SetLogCallback(
        [](cocozvec::LogLevel, std::string_view text) {
          std::fprintf(stderr, "bench_index: %.*s\n", static_cast<int>(text.size()), text.data());
        },
        cocozvec::LogLevel::kWarning);
    zvec::CollectionSchema schema;
    schema.name = "bench";
    zvec::IndexParams params = zvec::IndexParams::Hnsw(zvec::MetricType::kL2);
    params.m = kM;
    params.ef_construction = ef_construction_;
    schema.fields = {{"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim), params}};
    zvec::CollectionOptions options;
    options.durability = zvec::Durability::kRelaxed;
    options.seal_bytes = std::uint64_t{8} << 30;
    options.maintenance = zvec::Maintenance::kManual;           // the build is one call, and measured
    options.maintenance_memory_bytes = std::uint64_t{8} << 30;  // one graph: the default has 700,000 x 128
    options.enable_mmap = std::getenv("BENCH_INDEX_RESIDENT") == nullptr;
    collection_ = zvec::Collection::Create(directory_, schema, options).value();
    for (std::size_t r = 0; r < set.rows;) {
      std::vector<zvec::Doc> docs;
      for (; r < set.rows && docs.size() < 1'000; ++r)
        docs.push_back(
            zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set.Row(r), set.Row(r) + set.dim)}}));
      collection_->Insert(docs).value();
    }
    zvec::OptimizeOptions optimize;
    optimize.concurrency = static_cast<std::uint32_t>(threads);
    if (const auto status = collection_->Optimize(optimize); !status.ok()) cocozvec::ThrowStatusError(status);
    query_.field = "v";
    query_.topk = Set::kNearest;
    query_.output_fields.emplace();
    query_.vector = std::vector<float>(set.dim);
  }
  void SetEf(std::uint32_t ef) override { query_.ef = ef; }
  void Search(const float* query, std::uint32_t* rows) override {
    auto& vector = std::get<std::vector<float>>(query_.vector);
    vector.assign(query, query + vector.size());
    zvec::HitList found = collection_->Query(query_).value();
    for (std::size_t i = 0; i < found.hits.size(); ++i)
      rows[i] = static_cast<std::uint32_t>(std::strtoul(found.hits[i].doc.id.c_str(), nullptr, 10));
    last_ = std::move(found.stats);
  }
  std::string strategy() const override {
    return last_.strategy + (last_.refused != 0 ? " (NO GRAPH: it was refused, see above)" : "");
  }

 private:
  const std::string directory_;
  const std::uint32_t ef_construction_;
  std::shared_ptr<zvec::Collection> collection_;
  zvec::VectorQuery query_;
  zvec::QueryStats last_;
};

}  // namespace

std::unique_ptr<Index> MakeOurs(const std::string& directory, std::uint32_t ef_construction) {
  return std::make_unique<Ours>(directory, ef_construction);
}

}  // namespace bench
