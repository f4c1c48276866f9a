// fuzz/graph.cc: any bytes as the file of a graph; its place, rows and header checksum are those that the
// file says. It is walked in every way, plainly and behind masks.
#include <algorithm>

#include "fuzz.h"
#include "seal.h"
#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace fuzz {
namespace {

namespace hnsw = zvec::hnsw;
using zvec::MetricType;

constexpr std::size_t kDim = 4;
constexpr hnsw::GraphPlace kPlace{77, 5, 2};
constexpr std::uint32_t kTopk = 4;

std::string GraphFile(std::uint32_t rows, hnsw::CodeKind kind) {
  const auto data = hnsw::testing::Vectors::Clustered(rows, kDim, 1);
  const bool links = kind != hnsw::CodeKind::kBits4Fine;
  const auto encoder = hnsw::Encoder::Train(MetricType::kL2, kDim, data.Sample(), {}, kind);
  hnsw::GraphBuilder builder(links ? encoder : hnsw::Encoder::Train(MetricType::kL2, kDim, data.Sample()),
                             hnsw::BuildParams{2, 10}, rows);
  builder.Link(hnsw::testing::Rows(rows), rows, data.Source(), nullptr);
  builder.Finish(nullptr);
  if (!links) builder.Recode(encoder, data.Source(), nullptr);
  return Written([&](cocozvec::FileSystem& fs, const std::string& path) {
    (void)hnsw::WriteGraph(fs, path, 9, kPlace, builder.Current().view).value();
  });
}

/// Guards: its levels were walked once all blocks had been checked, although no descent had found them sound.
std::string LevelsThatLeadNowhere() {
  std::string file = GraphFile(40, hnsw::CodeKind::kBits7);
  const auto meta = Get<std::uint64_t>(file, Get<std::uint64_t>(file, 40));
  constexpr std::size_t kTopLevel = 28;  // docs/format/index.md
  file.replace(meta + kTopLevel, 4, 4, '\xFF');
  SealIndex(file);
  return file;
}

void CheckRows(const std::vector<std::uint32_t>& rows, const hnsw::GraphView& graph, const hnsw::Mask* mask) {
  for (const std::uint32_t row : rows) {
    Require(row < graph.nodes, "a row that the segment does not have");
    if (mask != nullptr) Require(mask->Has(row), "a row that the mask does not have");
  }
}

void Search(const hnsw::GraphView& graph, const float* query) {
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  graph.encoder->EncodeQuery(query, code.data());
  hnsw::Scratch& scratch = hnsw::Scratch::Local();
  const hnsw::Breadth breadth = hnsw::BreadthFor(kTopk, 8);
  std::vector<std::uint32_t> rows;
  if (hnsw::FindNearest(graph, code.data(), kTopk, breadth, scratch, &rows).ok())
    CheckRows(rows, graph, nullptr);
  std::vector<std::uint64_t> words(graph.nodes / 64 + 1, 0x5555'5555'5555'5555u);
  words.back() &= (std::uint64_t{1} << graph.nodes % 64) - 1;
  const hnsw::Mask mask{words.data()};
  const std::uint64_t matches = (graph.nodes + 1) / 2;
  for (const hnsw::Way way : {hnsw::Way::kWalk, hnsw::Way::kThrough}) {
    bool complete = false;
    rows.clear();
    if (hnsw::FindNearestMasked(graph, code.data(), kTopk, breadth, way, mask, matches, 4 * kDim, scratch,
                                &rows, &complete)
            .ok() &&
        complete)
      CheckRows(rows, graph, &mask);
  }
  if (hnsw::FindByCodes(graph, code.data(), kTopk, breadth, mask, scratch, &rows).ok())
    CheckRows(rows, graph, &mask);
}

}  // namespace

std::vector<std::string> Seeds() {
  return {GraphFile(1, hnsw::CodeKind::kBits7),
          GraphFile(40, hnsw::CodeKind::kBits7),
          GraphFile(20, hnsw::CodeKind::kBits4),
          GraphFile(20, hnsw::CodeKind::kHalves),
          LevelsThatLeadNowhere(),
          GraphFile(20, hnsw::CodeKind::kBits4Fine)};
}

void Run(std::string_view input) {
  OneFile disk(input);
  const auto meta = static_cast<std::size_t>(Get<std::uint64_t>(input, Get<std::uint64_t>(input, 40)));
  zvec::IndexEntry entry;
  entry.number = Get<std::uint64_t>(input, 24);
  entry.size_bytes = input.size();
  entry.nodes = Get<std::uint64_t>(input, 32);
  entry.header_checksum = Get<std::uint64_t>(input, 56);
  const hnsw::GraphPlace place{Get<std::uint64_t>(input, 16), Get<std::uint64_t>(input, meta),
                               Get<std::uint32_t>(input, meta + 8)};
  const bool map = input.size() % 2 == 0;
  const auto graph = hnsw::OpenGraph(disk, "g", entry, place, MetricType::kL2, kDim, map, /*resident=*/false);
  if (!graph.ok()) return;
  const hnsw::GraphView view = (*graph)->Current().view;
  Require(view.nodes <= input.size(), "more rows than bytes");
  if (!view.empty()) {
    const float queries[][kDim] = {{0, 0, 0, 0}, {1, -1, 0.5F, 1e9F}};
    for (const float* query : queries) Search(view, query);
  }
  if ((*graph)->Verify().ok() && !view.empty()) Search(view, std::vector<float>{1, 1, 1, 1}.data());
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealIndex(input); }

}  // namespace fuzz
