#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "base/sanitizer.h"
#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

constexpr std::uint32_t kTopk = 10;

/// Share of the `topk` nearest (by flat search) among the candidates, averaged over queries.
double Recall(const GraphView& graph, const Vectors& data, const Vectors& queries, const Breadth& breadth,
              const std::set<std::uint32_t>& dead = {}) {
  std::size_t hits = 0, wanted = 0;
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  std::vector<std::uint32_t> rows;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    if (!graph.encoder->EncodeQuery(queries[q], code.data())) continue;
    const auto status = FindNearest(graph, code.data(), kTopk, breadth, Scratch::Local(), &rows);
    EXPECT_TRUE(status.ok()) << status.ToString();
    const std::vector<std::uint32_t> nearest = data.Nearest(queries[q], graph.encoder->metric(), kTopk, dead);
    wanted += nearest.size();
    for (const std::uint32_t row : nearest) hits += std::find(rows.begin(), rows.end(), row) != rows.end();
  }
  return static_cast<double>(hits) / static_cast<double>(wanted);
}

struct Built {
  std::unique_ptr<GraphBuilder> graph;
  Built(const Vectors& data, MetricType metric, cocozvec::ThreadPool* pool = nullptr,
        BuildParams params = {}) {
    graph =
        std::make_unique<GraphBuilder>(Encoder::Train(metric, data.dim, data.Sample()), params, data.count);
    graph->Link(Rows(data.count), data.count, data.Source(), pool);
    graph->Finish(pool);
  }
  GraphView view() const { return graph->Current().view; }
};

/// Everything that goes into a file, as one string.
std::string BytesOf(const GraphView& g) {
  std::string out;
  const auto add = [&](const void* p, std::size_t size) { out.append(static_cast<const char*>(p), size); };
  add(g.codes, g.nodes * g.code_bytes());
  add(g.links, std::size_t{g.nodes} * g.row_links * 4);
  add(g.slot_node, g.slots * 4);
  add(g.slot_row, g.slots * 4);
  add(g.slot_links, std::size_t{g.upper_rows} * g.m * 4);
  add(g.slot_codes, g.slots * g.code_bytes());
  add(&g.entry, 4);
  add(&g.top_level, 4);
  return out;
}

constexpr std::uint32_t kRowsOfCodes = cocozvec::kSanitized ? 1'500 : 4'000;

class EveryCode : public ::testing::TestWithParam<std::pair<MetricType, CodeKind>> {};

// The candidates of a walk, against those of 7 bits (with all of them scored where there are 4). Finer
// queries are for long codes, and for graphs that others linked.
TEST_P(EveryCode, CandidatesAreAsGoodAsThoseOf7Bits) {
  const auto [metric, kind] = GetParam();
  const bool fine = kind == CodeKind::kBits4Fine;
  for (const std::size_t dim : {fine ? 301u : 32u, fine ? 512u : 97u}) {
    const Vectors data = Vectors::Clustered(fine ? 1'500 : kRowsOfCodes, dim, 1),
                  queries = Vectors::Clustered(100, dim, 1, 4'000);
    const auto recall = [&](CodeKind of) {
      const Encoder encoder = Encoder::Train(metric, dim, data.Sample(), {}, of);
      const bool links = of != CodeKind::kBits4Fine;
      GraphBuilder graph(links ? encoder : Encoder::Train(metric, dim, data.Sample()), {}, data.count);
      graph.Link(Rows(data.count), data.count, data.Source(), nullptr);
      graph.Finish(nullptr);
      if (!links) graph.Recode(encoder, data.Source(), nullptr);
      EXPECT_EQ(graph.CountUnreachable(), 0u);
      Breadth breadth = BreadthFor(kTopk, 100);
      if (of == CodeKind::kBits4) breadth.keep = breadth.ef, breadth.slack = -1;
      return Recall(graph.Current().view, data, queries, breadth);
    };
    EXPECT_GE(recall(kind), recall(CodeKind::kBits7) - 0.005) << "dim " << dim;
  }
}

INSTANTIATE_TEST_SUITE_P(Kinds, EveryCode,
                         ::testing::Values(std::pair(MetricType::kL2, CodeKind::kBits8),
                                           std::pair(MetricType::kIp, CodeKind::kBits8),
                                           std::pair(MetricType::kCosine, CodeKind::kBits8),
                                           std::pair(MetricType::kL2, CodeKind::kBits4),
                                           std::pair(MetricType::kIp, CodeKind::kBits4),
                                           std::pair(MetricType::kCosine, CodeKind::kBits4),
                                           std::pair(MetricType::kL2, CodeKind::kHalves),
                                           std::pair(MetricType::kIp, CodeKind::kHalves),
                                           std::pair(MetricType::kCosine, CodeKind::kHalves),
                                           std::pair(MetricType::kL2, CodeKind::kBits4Fine),
                                           std::pair(MetricType::kIp, CodeKind::kBits4Fine),
                                           std::pair(MetricType::kCosine, CodeKind::kBits4Fine)));

// Of long codes a walk reads the first third, and the rest of what that leaves: wherever rows differ, and
// where queries are unlike any row.
TEST(LongCodes, MeasuringThemInPartsLosesNothing) {
  constexpr std::size_t kDim = 400, kPart = 128;
  enum Where { kEverywhere, kNotInThePart, kInThePart, kQueriesDiffer };
  for (const Where where : {kEverywhere, kNotInThePart, kInThePart, kQueriesDiffer}) {
    Vectors data = Vectors::Clustered(1'500, kDim, 11), queries = Vectors::Clustered(30, kDim, 11, 1);
    for (Vectors* v : {&data, &queries}) {
      for (std::size_t i = 0; i < v->floats.size(); ++i) {
        const bool in_part = i % kDim < kPart;
        if (where == (in_part ? kNotInThePart : kInThePart)) v->floats[i] = 0;
        if (where == kQueriesDiffer && in_part && v == &queries) v->floats[i] += 2;
      }
    }
    const Built built(data, MetricType::kL2);
    EXPECT_EQ(built.view().code_bytes(), 448u);
    EXPECT_GE(Recall(built.view(), data, queries, BreadthFor(kTopk, 0)), 0.97) << "case " << where;
  }
}

TEST(EncoderKinds, CodesTakeWholeLinesAndAnyDimensionIsRotated) {
  for (const std::size_t dim : {1u, 2u, 3u, 31u, 64u, 65u, 127u, 128u, 129u, 300u, 768u, 1'000u}) {
    const Vectors data = Vectors::Clustered(200, dim, 3);
    for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
      for (const CodeKind kind :
           {CodeKind::kBits7, CodeKind::kBits8, CodeKind::kBits4, CodeKind::kHalves, CodeKind::kBits4Fine}) {
        const Encoder encoder = Encoder::Train(metric, dim, data.Sample(), {}, kind);
        ASSERT_EQ(encoder.code_bytes() % 64, 0u);
        std::vector<std::uint8_t> a(encoder.code_bytes() + 1, 0xAB), b = a;
        encoder.EncodeRow(data[0], a.data());
        encoder.EncodeRow(data[0], b.data());
        EXPECT_EQ(a, b);
        EXPECT_EQ(a.back(), 0xAB) << "dim " << dim;
        std::vector<std::uint8_t> query(encoder.query_bytes() + 1, 0xAB);
        (void)encoder.EncodeQuery(data[0], query.data());  // in one dimension 0 has no direction
        EXPECT_EQ(query.back(), 0xAB) << "dim " << dim;
        std::string saved;
        encoder.Save(saved);
        cocozvec::Reader in(saved);
        Encoder loaded;
        ASSERT_TRUE(loaded.Load(in, metric, dim));
        EXPECT_EQ(loaded, encoder);
      }
    }
  }
}

// A row's code is near to the codes of what is near to it: distances by codes are in proportion to the true.
TEST(EncoderKinds, DistancesBetweenCodesAreInProportion) {
  const Vectors data = Vectors::Clustered(300, 100, 4);
  for (const CodeKind kind :
       {CodeKind::kBits7, CodeKind::kBits8, CodeKind::kBits4, CodeKind::kHalves, CodeKind::kBits4Fine}) {
    const Encoder encoder = Encoder::Train(MetricType::kL2, 100, data.Sample(), {}, kind);
    const std::size_t bytes = encoder.code_bytes();
    std::vector<std::uint8_t> query(encoder.query_bytes());
    ASSERT_TRUE(encoder.EncodeQuery(data[0], query.data()));
    std::vector<std::uint8_t> codes(data.count * bytes);
    for (std::uint32_t r = 0; r < data.count; ++r) encoder.EncodeRow(data[r], &codes[r * bytes]);
    double ratio = 0;
    for (std::uint32_t r = 1; r < data.count; ++r) {
      float by_code = 0;
      double exact = 0;
      encoder.distances().squared_l2(query.data(), {codes.data(), bytes, &r, 1}, &by_code);
      for (std::size_t i = 0; i < 100; ++i) exact += std::pow(data[0][i] - data[r][i], 2);
      if (r == 1) ratio = by_code / exact;
      EXPECT_NEAR(by_code / exact, ratio, ratio * (Encoder::IsNarrow(kind) ? 0.4 : 0.1)) << "row " << r;
    }
  }
}

double Product(const float* a, const float* b, std::size_t dim) {
  return std::inner_product(a, a + dim, b, 0.0);
}

TEST(EncoderKinds, WhatADistanceIsBetweenCodesIsKnownOnAverage) {
  for (const MetricType metric : {MetricType::kL2, MetricType::kCosine, MetricType::kIp}) {
    const Vectors data = Vectors::Clustered(500, 512, 4);
    for (const CodeKind kind : {CodeKind::kBits7, CodeKind::kBits4Fine, CodeKind::kBits8}) {
      const Encoder encoder = Encoder::Train(metric, data.dim, data.Sample(), {}, kind);
      if (metric == MetricType::kIp || kind == CodeKind::kBits8) {
        EXPECT_EQ(encoder.BetweenCodes(1), INFINITY);
        continue;
      }
      const std::size_t bytes = encoder.code_bytes();
      std::vector<std::uint8_t> query(encoder.query_bytes()), codes(data.count * bytes);
      ASSERT_TRUE(encoder.EncodeQuery(data[0], query.data()));
      const double norm = std::sqrt(Product(data[0], data[0], data.dim));
      double off = 0;
      for (std::uint32_t r = 1; r < data.count; ++r) {
        encoder.EncodeRow(data[r], &codes[r * bytes]);
        float by_code = 0;
        encoder.distances().squared_l2(query.data(), {codes.data(), bytes, &r, 1}, &by_code);
        const double product = Product(data[0], data[r], data.dim),
                     other = Product(data[r], data[r], data.dim);
        const double squared = metric == MetricType::kL2 ? norm * norm - 2 * product + other
                                                         : 2 - 2 * product / (norm * std::sqrt(other));
        off += by_code / encoder.BetweenCodes(squared) - 1;
      }
      EXPECT_NEAR(off / (data.count - 1), 0, kind == CodeKind::kBits7 ? 0.01 : 0.03);
      EXPECT_GT(encoder.BetweenCodes(-1), 0);  // a radius below zero
    }
  }
}

class EveryMetric : public ::testing::TestWithParam<MetricType> {};

TEST_P(EveryMetric, RecallAgainstFlatSearchIsHigh) {
  const Vectors data = Vectors::Clustered(5'000, 32, 1), queries = Vectors::Clustered(100, 32, 1, 5'000);
  const Built built(data, GetParam());
  EXPECT_GT(Recall(built.view(), data, queries, BreadthFor(kTopk, 0)), 0.95);
  EXPECT_GT(Recall(built.view(), data, queries, BreadthFor(kTopk, 200)), 0.99);
}

Vectors OfLengths(float least, float most) {
  Vectors data = Vectors::Clustered(3'000, 20, 2);
  for (std::uint32_t r = 0; r < data.count; ++r)
    for (std::size_t i = 0; i < data.dim; ++i)
      data.floats[r * data.dim + i] *= least + (most - least) * static_cast<float>(r % 50) / 50;
  return data;
}

TEST_P(EveryMetric, VectorsOfDifferentLengthsAreFound) {
  const Vectors data = OfLengths(0.3f, 3);
  const Built built(data, GetParam());
  EXPECT_GT(Fitness(built.graph->encoder(), data.Sample()), 0.95);
  EXPECT_GT(Recall(built.view(), data, Vectors::Clustered(60, 20, 2, 3'000), BreadthFor(kTopk, 200)), 0.95);
}

TEST_P(EveryMetric, EveryDimensionWorks) {
  for (const std::size_t dim : {1u, 2u, 3u, 63u, 64u, 65u, 127u, 129u, 1'001u, 4'096u}) {
    const std::uint32_t count = dim > 200 ? 300 : 800;
    const Vectors data = Vectors::Clustered(count, dim, 3);
    const Built built(data, GetParam());
    EXPECT_EQ(built.graph->CountUnreachable(), 0u) << dim;
    // One dimension of cosine or many equal codes: only that answers come back is promised by codes alone.
    if (dim >= 63) {
      EXPECT_GT(Recall(built.view(), data, Vectors::Clustered(20, dim, 3, count), BreadthFor(kTopk, 200)),
                0.95)
          << dim;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Metrics, EveryMetric,
                         ::testing::Values(MetricType::kL2, MetricType::kIp, MetricType::kCosine));

TEST(GraphBuilder, TheBytesDoNotDependOnTheNumberOfThreads) {
  const Vectors data = Vectors::Clustered(3'000, 24, 4);
  cocozvec::ThreadPool one(1), three(3);
  const std::string alone = BytesOf(Built(data, MetricType::kL2).view());
  EXPECT_EQ(BytesOf(Built(data, MetricType::kL2, &one).view()), alone);
  EXPECT_EQ(BytesOf(Built(data, MetricType::kL2, &three).view()), alone);
}

TEST(GraphBuilder, OtherCodesLeaveTheLinksAndDoNotDependOnTheNumberOfThreads) {
  Vectors data = Vectors::Clustered(2'000, 300, 4);
  const Encoder fine = Encoder::Train(MetricType::kL2, 300, data.Sample(), {}, CodeKind::kBits4Fine);
  const VectorSource gaps = [&](std::uint32_t row, float*) { return row % 9 == 4 ? nullptr : data[row]; };
  cocozvec::ThreadPool three(3);
  std::string bytes[2];
  for (cocozvec::ThreadPool* pool : {static_cast<cocozvec::ThreadPool*>(nullptr), &three}) {
    GraphBuilder graph(Encoder::Train(MetricType::kL2, 300, data.Sample()), {}, data.count);
    graph.Link(Rows(data.count), data.count, gaps, pool);
    graph.Finish(pool);
    const GraphView before = graph.Current().view;
    const std::vector<std::uint32_t> links(before.links,
                                           before.links + std::size_t{before.nodes} * before.row_links);
    const std::string seven = BytesOf(before);
    graph.Recode(fine, gaps, pool);
    const GraphView view = graph.Current().view;
    EXPECT_EQ(view.code_bytes(), 192u);
    EXPECT_EQ(view.nodes, data.count);
    EXPECT_TRUE(std::equal(links.begin(), links.end(), view.links));
    std::vector<std::uint8_t> code(192);
    for (std::uint32_t slot = 0; slot < view.slots; ++slot) {
      fine.EncodeRow(data[view.slot_node[slot]], code.data());
      EXPECT_TRUE(std::equal(code.begin(), code.end(), view.slot_codes + slot * 192));
      EXPECT_TRUE(std::equal(code.begin(), code.end(), view.codes + view.slot_node[slot] * 192));
    }
    std::string& out = bytes[pool != nullptr];
    for (std::uint32_t row = 0; row < view.nodes; ++row)
      if (view.present[row] != 0) out.append(reinterpret_cast<const char*>(view.codes + row * 192), 192);
    // Back again, as where the shorter codes find less.
    graph.Recode(Encoder::Train(MetricType::kL2, 300, data.Sample()), gaps, pool);
    GraphView again = graph.Current().view;
    for (std::uint32_t row = 0; row < again.nodes; ++row) {
      if (again.present[row] == 0) continue;
      ASSERT_EQ(std::string_view(reinterpret_cast<const char*>(again.codes) + row * 320, 320),
                std::string_view(seven).substr(row * 320, 320));
    }
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

// Guards: such a query was searched no more broadly, as if its code stood for it.
TEST(EncoderKinds, WhatAQueryLacksIsTold) {
  const Vectors data = Vectors::Clustered(1'000, 512, 3);
  for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
    for (const CodeKind kind : {CodeKind::kBits7, CodeKind::kBits4Fine}) {
      const Encoder encoder = Encoder::Train(metric, 512, data.Sample(), {}, kind);
      std::vector<std::uint8_t> code(encoder.query_bytes());
      std::size_t told = 0;
      for (std::uint32_t r = 0; r < 100; ++r) {
        double cut = -1;
        ASSERT_TRUE(encoder.EncodeQuery(data[r], code.data(), &cut));
        told += cut > 0.002;
        std::vector<float> far(data[r], data[r] + 512);
        for (std::size_t i = 0; i < 512; ++i) far[i] = i % 2 == 0 ? 9 * far[i] : 0;
        ASSERT_TRUE(encoder.EncodeQuery(far.data(), code.data(), &cut));
        if (metric == MetricType::kL2) {
          EXPECT_GT(cut, 0.1) << r;
        } else if (metric == MetricType::kIp) {
          EXPECT_EQ(cut, 0);
        }
      }
      std::vector<float> huge(512, 3e38f);  // sums of them are infinite
      for (std::size_t i = 0; i < 512; i += 3) huge[i] = -3e38f;
      if (metric == MetricType::kL2) {
        double cut = -1;
        ASSERT_TRUE(encoder.EncodeQuery(huge.data(), code.data(), &cut));
        EXPECT_GE(cut, 1) << "kind " << static_cast<int>(kind);
      }
      EXPECT_LE(told, 3u) << "metric " << static_cast<int>(metric) << " kind " << static_cast<int>(kind);
    }
  }
}

// Guards: rows that came in one cluster after another, and equal vectors, which fill each other's links.
TEST(GraphBuilder, EveryRowIsReachableHoweverTheRowsCome) {
  Vectors data = Vectors::Clustered(4'000, 16, 5);
  data.SortByFirstElement();
  EXPECT_EQ(Built(data, MetricType::kL2).graph->CountUnreachable(), 0u);
  for (std::uint32_t r = 0; r < 3'000; ++r) std::copy_n(data[0], data.dim, &data.floats[r * data.dim]);
  EXPECT_EQ(Built(data, MetricType::kL2).graph->CountUnreachable(), 0u);
}

TEST(GraphBuilder, ARowWithoutAVectorIsNoNode) {
  const Vectors data = Vectors::Clustered(500, 8, 6);
  GraphBuilder graph(Encoder::Train(MetricType::kL2, 8, data.Sample()), {}, 10);
  graph.Link(
      Rows(500), 500, [&](std::uint32_t row, float*) { return row % 3 == 0 ? nullptr : data[row]; }, nullptr);
  graph.Finish(nullptr);
  std::vector<std::uint8_t> code(graph.encoder().query_bytes());
  std::vector<std::uint32_t> rows;
  ASSERT_TRUE(graph.encoder().EncodeQuery(data[0], code.data()));
  ASSERT_TRUE(
      FindNearest(graph.Current().view, code.data(), 500, BreadthFor(500, 500), Scratch::Local(), &rows)
          .ok());
  EXPECT_EQ(rows.size(), 333u);
  for (const std::uint32_t row : rows) EXPECT_NE(row % 3, 0u);
}

TEST(GraphBuilder, RowsLinkedInManyCallsAreFoundAsWell) {
  const Vectors data = Vectors::Clustered(4'000, 24, 7), queries = Vectors::Clustered(60, 24, 7, 4'000);
  GraphBuilder graph(Encoder::Train(MetricType::kL2, 24, data.Sample()), {}, 1);
  const auto rows = Rows(data.count);
  for (std::uint32_t at = 0; at < data.count;) {
    const std::uint32_t end = std::min(data.count, at + 1 + at % 97);
    graph.Link(std::span(rows).subspan(at, end - at), end, data.Source(), nullptr);
    EXPECT_EQ(graph.Current().view.nodes, end);
    at = end;
  }
  EXPECT_GT(Recall(graph.Current().view, data, queries, BreadthFor(kTopk, 100)), 0.97);
}

// Guards: every candidate was scored where a row was dead.
TEST(Searcher, DeadRowsLeadOnAndTakeNobodysPlace) {
  const Vectors data = Vectors::Clustered(3'000, 24, 8), queries = Vectors::Clustered(40, 24, 8, 3'000);
  const Built built(data, MetricType::kL2);
  std::set<std::uint32_t> dead;
  for (std::uint32_t row = 0; row < data.count; row += 7) dead.insert(row);
  const auto has = [](const void* of, std::uint32_t row) {
    return static_cast<const std::set<std::uint32_t>*>(of)->contains(row);
  };
  const Breadth breadth = BreadthFor(kTopk, 0);
  std::vector<std::uint8_t> code(built.graph->encoder().query_bytes());
  std::size_t hits = 0, candidates = 0, candidates_before = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    ASSERT_TRUE(built.graph->encoder().EncodeQuery(queries[q], code.data()));
    std::vector<std::uint32_t> rows;
    ASSERT_TRUE(FindNearest(built.view(), code.data(), kTopk, breadth, Scratch::Local(), &rows).ok());
    candidates_before += rows.size();
    ASSERT_TRUE(
        FindNearest(built.view(), code.data(), kTopk, breadth, Scratch::Local(), &rows, {&dead, has, 1.0 / 7})
            .ok());
    candidates += rows.size();
    for (const std::uint32_t row : rows) EXPECT_FALSE(dead.contains(row));
    for (const std::uint32_t row : data.Nearest(queries[q], MetricType::kL2, kTopk, dead))
      hits += std::find(rows.begin(), rows.end(), row) != rows.end();
  }
  EXPECT_GE(hits, 380u);  // of 400
  EXPECT_LT(candidates, candidates_before * 11 / 10);
}

double MeanLinks(const GraphView& graph) {
  std::uint64_t links = 0;
  for (std::size_t i = 0; i < std::size_t{graph.nodes} * graph.row_links; ++i)
    links += graph.links[i] != kNoNode;
  return static_cast<double>(links) / graph.nodes;
}

/// Rows of `data` under their numbers in `ids`.
Vectors Picked(const Vectors& data, const std::vector<std::uint32_t>& ids) {
  Vectors out;
  out.dim = data.dim;
  for (const std::uint32_t id : ids) out.Add(data[id]);
  return out;
}

// Guards: every row that had lost a neighbour was pruned anew, to the few links that a new row begins with: a
// third of all links went, and recall fell from 0.991 to 0.983 after one row in ten was deleted.
TEST(GraphBuilder, AfterRoundsOfDeletesAndInsertsTheGraphIsAsGoodAsAFreshOne) {
  constexpr std::uint32_t kCount = cocozvec::kSanitized ? 2'000 : 5'000;
  const Vectors data = Vectors::Clustered(kCount, 24, 8), queries = Vectors::Clustered(150, 24, 8, kCount);
  const Breadth narrow = BreadthFor(kTopk, 16);
  std::unique_ptr<GraphBuilder> graph = std::move(Built(data, MetricType::kL2).graph);
  std::vector<std::uint32_t> ids = Rows(kCount);
  std::mt19937 random(3);
  for (int round = 0; round < 6; ++round) {
    std::vector<std::uint32_t> new_row(kCount, kNoNode), kept, moved;
    for (std::uint32_t row = 0; row < kCount; ++row) {
      if (random() % 10 == 0) {
        moved.push_back(ids[row]);
        continue;
      }
      new_row[row] = static_cast<std::uint32_t>(kept.size());
      kept.push_back(ids[row]);
    }
    const auto staying = static_cast<std::uint32_t>(kept.size());
    if (round == 5) moved.clear();  // the last round only deletes
    kept.insert(kept.end(), moved.begin(), moved.end());
    const Vectors rows = Picked(data, kept);
    auto next = std::make_unique<GraphBuilder>(graph->encoder(), BuildParams{}, rows.count);
    ASSERT_TRUE(next->Adopt(graph->Current().view, new_row, rows.count, rows.Source(), nullptr).ok());
    const std::vector<std::uint32_t> all = Rows(rows.count);
    next->Link(std::span(all).subspan(staying), rows.count, rows.Source(), nullptr);
    next->Finish(nullptr);
    EXPECT_EQ(next->CountUnreachable(), 0u);
    graph = std::move(next);
    ids = kept;
    if (round < 4) continue;
    const Built fresh(rows, MetricType::kL2);
    EXPECT_GE(Recall(graph->Current().view, rows, queries, narrow),
              Recall(fresh.view(), rows, queries, narrow) - 0.005)
        << round;
    EXPECT_GE(MeanLinks(graph->Current().view), 0.8 * MeanLinks(fresh.view())) << round;
  }
}

TEST(GraphBuilder, AdoptedRowsKeepTheirRecallAndDroppedOnesAreHealed) {
  const Vectors data = Vectors::Clustered(6'000, 24, 8), queries = Vectors::Clustered(80, 24, 8, 6'000);
  const Built built(data, MetricType::kL2);
  for (const std::uint32_t every : {10u, 2u}) {  // a tenth goes, a half goes
    std::vector<std::uint32_t> new_row(data.count, kNoNode);
    Vectors kept;
    kept.dim = data.dim;
    for (std::uint32_t r = 0; r < data.count; ++r) {
      if (r % every == 0) continue;
      new_row[r] = kept.count;
      kept.Add(data[r]);
    }
    GraphBuilder graph(Encoder::Train(MetricType::kL2, 24, kept.Sample()), {}, kept.count);
    ASSERT_TRUE(graph.Adopt(built.view(), new_row, kept.count, kept.Source(), nullptr).ok());
    graph.Finish(nullptr);
    EXPECT_EQ(graph.CountUnreachable(), 0u);
    const double fresh = Recall(Built(kept, MetricType::kL2).view(), kept, queries, BreadthFor(kTopk, 64));
    EXPECT_GT(Recall(graph.Current().view, kept, queries, BreadthFor(kTopk, 64)), fresh - 0.005) << every;
  }
}

TEST(GraphBuilder, ASmallerGraphsRowsGoIntoTheLarger) {
  const Vectors data = Vectors::Clustered(4'000, 24, 9), queries = Vectors::Clustered(60, 24, 9, 4'000);
  Vectors first = data;
  first.Resize(3'000);
  const Built built(first, MetricType::kL2);
  GraphBuilder graph(Encoder::Train(MetricType::kL2, 24, data.Sample()), {}, data.count);
  ASSERT_TRUE(graph.Adopt(built.view(), Rows(3'000), data.count, data.Source(), nullptr).ok());
  const auto rows = Rows(data.count);
  graph.Link(std::span(rows).subspan(3'000), data.count, data.Source(), nullptr);
  graph.Finish(nullptr);
  EXPECT_EQ(graph.CountUnreachable(), 0u);
  EXPECT_GT(Recall(graph.Current().view, data, queries, BreadthFor(kTopk, 100)), 0.98);
}

TEST(Searcher, AFilterFindsTheNearestThatPass) {
  const Vectors data = Vectors::Clustered(20'000, 24, 10), queries = Vectors::Clustered(50, 24, 10, 20'000);
  const Built built(data, MetricType::kL2);
  const GraphView graph = built.view();
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  for (const std::uint32_t every : {2u, 5u, 12u}) {
    std::vector<std::uint64_t> words(data.count / 64 + 1, 0);
    std::set<std::uint32_t> failing;
    for (std::uint32_t r = 0; r < data.count; ++r) {
      if ((r * 2'654'435'761u >> 8) % every == 0)
        words[r / 64] |= std::uint64_t{1} << (r % 64);
      else
        failing.insert(r);
    }
    const std::uint64_t matches = data.count - failing.size();
    const Mask mask{words.data()};
    for (const Way way : {Way::kWalk, Way::kThrough}) {
      std::size_t hits = 0, walked = 0;
      for (std::uint32_t q = 0; q < queries.count; ++q) {
        std::vector<std::uint32_t> rows;
        bool complete = false;
        ASSERT_TRUE(graph.encoder->EncodeQuery(queries[q], code.data()));
        ASSERT_TRUE(FindNearestMasked(graph, code.data(), kTopk, BreadthFor(kTopk, 64), way, mask, matches,
                                      1 << 20, Scratch::Local(), &rows, &complete)
                        .ok());
        walked += complete;
        if (!complete) {  // by chance fewer pass there
          ASSERT_TRUE(
              FindByCodes(graph, code.data(), kTopk, BreadthFor(kTopk, 64), mask, Scratch::Local(), &rows)
                  .ok());
        }
        for (const std::uint32_t row : rows) EXPECT_TRUE(mask.Has(row));
        for (const std::uint32_t row : data.Nearest(queries[q], MetricType::kL2, kTopk, failing))
          hits += std::find(rows.begin(), rows.end(), row) != rows.end();
      }
      EXPECT_GT(hits, queries.count * kTopk * 95 / 100)
          << "every " << every << " way " << static_cast<int>(way);
      EXPECT_GT(walked, queries.count * 9 / 10);
    }
  }
}

// Guards: the walk ended at the edge of what passes, far from the question, with half of the answers.
TEST(Searcher, AFilterThatPassesNothingNearTheQuestionIsAnsweredByCodes) {
  const Vectors data = Vectors::Clustered(20'000, 24, 10), queries = Vectors::Clustered(20, 24, 10, 20'000);
  const Built built(data, MetricType::kL2);
  const GraphView graph = built.view();
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  std::size_t hits = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const auto order = data.Nearest(queries[q], MetricType::kL2, data.count, {});
    std::vector<std::uint64_t> words(data.count / 64 + 1, 0);
    for (std::uint32_t i = 18'000; i < data.count; ++i)
      words[order[i] / 64] |= std::uint64_t{1} << (order[i] % 64);
    const Mask mask{words.data()};
    const Breadth breadth = BreadthFor(kTopk, 0);
    std::vector<std::uint32_t> rows;
    bool complete = true;
    ASSERT_TRUE(graph.encoder->EncodeQuery(queries[q], code.data()));
    ASSERT_TRUE(FindNearestMasked(graph, code.data(), kTopk, breadth, Way::kThrough, mask, 2'000, 96,
                                  Scratch::Local(), &rows, &complete)
                    .ok());
    EXPECT_FALSE(complete);
    ASSERT_TRUE(FindByCodes(graph, code.data(), kTopk, breadth, mask, Scratch::Local(), &rows).ok());
    for (std::uint32_t i = 18'000; i < 18'000 + kTopk; ++i)
      hits += std::find(rows.begin(), rows.end(), order[i]) != rows.end();
  }
  EXPECT_GT(hits, queries.count * kTopk * 95 / 100);
}

// Guards: it walked for half the price of the codes of all matches, and these were measured after all.
TEST(Searcher, AFilterThatPassesHalfButNothingNearTheQuestionIsNotWalked) {
  const Vectors data = Vectors::Clustered(20'000, 24, 10), queries = Vectors::Clustered(20, 24, 10, 20'000);
  const Built built(data, MetricType::kL2);
  const GraphView graph = built.view();
  std::vector<std::uint8_t> code(graph.code_bytes());
  Scratch& scratch = Scratch::Local();
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const auto order = data.Nearest(queries[q], MetricType::kL2, data.count, {});
    std::vector<std::uint64_t> words(data.count / 64 + 1, 0);
    for (std::uint32_t i = 10'000; i < data.count; ++i)
      words[order[i] / 64] |= std::uint64_t{1} << (order[i] % 64);
    std::vector<std::uint32_t> rows;
    bool complete = true;
    ASSERT_TRUE(graph.encoder->EncodeQuery(queries[q], code.data()));
    const std::uint64_t before = scratch.counts.distances;
    ASSERT_TRUE(FindNearestMasked(graph, code.data(), kTopk, BreadthFor(kTopk, 0), Way::kWalk, {words.data()},
                                  10'000, 1 << 20, scratch, &rows, &complete)
                    .ok());
    EXPECT_FALSE(complete);
    EXPECT_LT(scratch.counts.distances - before, 300u);  // the way down to level 0
  }
}

TEST(Searcher, FewMatchesAreScannedManyAreWalked) {
  const Vectors data = Vectors::Clustered(20'000, 24, 11);
  const Built built(data, MetricType::kL2);
  const Breadth breadth = BreadthFor(kTopk, 0);
  EXPECT_EQ(ChooseWay(built.view(), breadth, 20, 96), Way::kScan);
  EXPECT_EQ(ChooseWay(built.view(), breadth, 18'000, 96), Way::kWalk);
  // Guards: walks over one match in a hundred found 0.63 of the answers (set c), to save an eighth of the
  // scan.
  EXPECT_EQ(ChooseWay(built.view(), breadth, 1'500, 3'072), Way::kThrough);
  EXPECT_EQ(ChooseWay(built.view(), breadth, 600, 3'072), Way::kScan);
}

// Guards: a million rows, searched twice as broadly: the walk stopped where the narrow one did.
TEST(Searcher, ABroaderSearchStopsLaterAndIsScoredByTheMargin) {
  const Breadth usual = BreadthFor(10, 0), broad = BreadthFor(10, 0, CodeKind::kBits7, 1, 4);
  EXPECT_EQ(broad.ef, 4 * usual.ef);
  EXPECT_EQ(broad.keep, 4 * usual.keep);
  EXPECT_FLOAT_EQ(broad.slack, 2 * usual.slack);
  EXPECT_EQ(broad.margin, usual.margin);
  // What is cut off a query leaves no order that a margin could be of.
  EXPECT_LT(BreadthFor(10, 0, CodeKind::kBits7, 2, 1).margin, 0);
  EXPECT_EQ(BreadthFor(10, 0, CodeKind::kBits7, 8, 8).ef, BreadthFor(10, 0, CodeKind::kBits7, 8, 1).ef);
}

// Codes that are coarse for these: twenty scored rows would be the end of recall however large ef is.
TEST(Searcher, AGivenEfRaisesTheNumberOfRowsThatAreScored) {
  EXPECT_EQ(BreadthFor(10, 1'000).keep, 500u);
  EXPECT_EQ(BreadthFor(10, 20).keep, BreadthFor(10, 0).keep);
  EXPECT_EQ(BreadthFor(10, 0, CodeKind::kBits4Fine).keep, BreadthFor(10, 0).keep + 10);
  Vectors data = Vectors::Clustered(4'000, 32, 14), queries = Vectors::Clustered(40, 32, 14, 4'000);
  for (std::uint32_t r = 0; r < data.count; ++r)
    for (std::size_t i = 0; i < data.dim; ++i)
      data.floats[r * data.dim + i] *= 1 + static_cast<float>(r % 100 == 0) * 5;
  const Built built(data, MetricType::kIp);
  EXPECT_LT(Recall(built.view(), data, queries, BreadthFor(kTopk, 0)), 0.9);
  EXPECT_GT(Recall(built.view(), data, queries, BreadthFor(kTopk, 2'000)), 0.95);
}

// The hostile order for a level function: all rows at once, any m.
TEST(LevelOf, FallsByTheFactorM) {
  std::vector<std::uint32_t> levels(4, 0);
  for (std::uint32_t row = 0; row < 160'000; ++row)
    for (std::uint32_t l = 0; l < 4 && l <= LevelOf(row, 16); ++l) ++levels[l];
  EXPECT_EQ(levels[0], 160'000u);
  EXPECT_NEAR(levels[1], 10'000, 500);
  EXPECT_NEAR(levels[2], 625, 120);
}

TEST(Encoder, WhatWasSavedIsLoadedAndNothingElse) {
  const Vectors data = Vectors::Clustered(100, 70, 12);
  for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
    const Encoder encoder = Encoder::Train(metric, 70, data.Sample());
    std::string bytes;
    encoder.Save(bytes);
    Encoder loaded;
    cocozvec::Reader in(bytes);
    ASSERT_TRUE(loaded.Load(in, metric, 70));
    EXPECT_TRUE(in.done());
    EXPECT_EQ(loaded, encoder);
    cocozvec::Reader again(bytes);
    EXPECT_FALSE(loaded.Load(again, metric, 71));
    std::string unknown = bytes;  // kind
    unknown[0] = static_cast<char>((unknown[0] & 15) | 5 << 4);
    cocozvec::Reader of_later(unknown);
    EXPECT_FALSE(loaded.Load(of_later, metric, 70));
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
      cocozvec::Reader part(std::string_view(bytes).substr(0, cut));
      EXPECT_FALSE(loaded.Load(part, metric, 70));
    }
  }
}

// One step of the code is longer than the short vectors: whoever builds a graph must be told.
TEST(Encoder, FitnessTellsWhenTheCodesCannotTellRowsApart) {
  const Vectors data = OfLengths(0.001f, 1'000);
  EXPECT_LT(Fitness(Encoder::Train(MetricType::kL2, data.dim, data.Sample()), data.Sample()), 0.9);
  EXPECT_GT(Fitness(Encoder::Train(MetricType::kCosine, data.dim, data.Sample()), data.Sample()), 0.95);
  const std::vector<float> equal(8 * 100, 0.5f);
  EXPECT_EQ(Fitness(Encoder::Train(MetricType::kL2, 8, equal), equal), 1);
}

TEST(Encoder, AZeroVectorHasNoDirection) {
  const Vectors data = Vectors::Clustered(100, 8, 13);
  const std::vector<float> zero(8, 0);
  std::uint8_t code[64];
  EXPECT_TRUE(Encoder::Train(MetricType::kL2, 8, data.Sample()).EncodeQuery(zero.data(), code));
  EXPECT_FALSE(Encoder::Train(MetricType::kIp, 8, data.Sample()).EncodeQuery(zero.data(), code));
  EXPECT_FALSE(Encoder::Train(MetricType::kCosine, 8, data.Sample()).EncodeQuery(zero.data(), code));
}

// All vectors equal, zero, or as large as floats go: codes stay codes.
TEST(Encoder, DegenerateSamplesGiveAnEncoder) {
  for (const float value : {0.0f, 1.0f, 3e38f}) {
    const std::vector<float> sample(40, value);
    for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
      const Encoder encoder = Encoder::Train(metric, 8, sample);
      std::vector<std::uint8_t> code(encoder.code_bytes());
      encoder.EncodeRow(sample.data(), code.data());
      (void)encoder.EncodeQuery(sample.data(), code.data());
      for (const std::uint8_t c : code) EXPECT_LE(c, 127);
      std::string bytes;
      encoder.Save(bytes);
      cocozvec::Reader in(bytes);
      EXPECT_TRUE(Encoder().Load(in, metric, 8)) << value;  // what was written must be readable
    }
  }
}

}  // namespace
}  // namespace zvec::hnsw
