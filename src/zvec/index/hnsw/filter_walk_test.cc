// Walks under filters: how far they keep candidates, and where they are not to be trusted.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

constexpr std::uint32_t kTopk = 10;

struct Built {
  std::unique_ptr<GraphBuilder> graph;
  explicit Built(const Vectors& data)
      : graph(std::make_unique<GraphBuilder>(Encoder::Train(MetricType::kL2, data.dim, data.Sample()),
                                             BuildParams{}, data.count)) {
    graph->Link(Rows(data.count), data.count, data.Source(), nullptr);
    graph->Finish(nullptr);
  }
  GraphView view() const { return graph->Current().view; }
};

// Guards: where half as many pass as elsewhere a walk over matches found 0.80 of the nearest that do.
TEST(Searcher, AFilterThatPassesFewerNearTheQuestionIsAnsweredByCodes) {
  const Vectors data = Vectors::Clustered(20'000, 24, 10), queries = Vectors::Clustered(20, 24, 10, 20'000);
  const Built built(data);
  const GraphView graph = built.view();
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  std::size_t answered = 0, by_chance = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const auto order = data.Nearest(queries[q], MetricType::kL2, data.count, {});
    std::vector<std::uint64_t> fewer(data.count / 64 + 1, 0), even(fewer);
    for (std::uint32_t i = 0; i < data.count; ++i) {
      const std::uint32_t row = order[i], dice = (row * 2'654'435'761u >> 8) % 100;
      fewer[row / 64] |= std::uint64_t{dice < (i < 5'000 ? 6u : 20u)} << (row % 64);
      even[row / 64] |= std::uint64_t{dice < 16} << (row % 64);
    }
    std::vector<std::uint32_t> rows;
    ASSERT_TRUE(graph.encoder->EncodeQuery(queries[q], code.data()));
    const auto walked = [&](const std::vector<std::uint64_t>& words) {
      bool complete = false;
      EXPECT_TRUE(FindNearestMasked(graph, code.data(), kTopk, BreadthFor(kTopk, 0), Way::kThrough,
                                    {words.data()}, 3'200, 96, Scratch::Local(), &rows, &complete)
                      .ok());
      return complete;
    };
    answered += !walked(fewer);
    by_chance += walked(even);
  }
  EXPECT_GE(answered, 18u);
  EXPECT_GE(by_chance, 18u);
}

// Guards: candidates by the hundred waited, and each that came in moved them: a fifth of the query.
TEST(Searcher, AWalkKeepsAsManyWaitingAsItNeedsAndMoreWhereFewPass) {
  const Vectors data = Vectors::Clustered(20'000, 24, 10), queries = Vectors::Clustered(20, 24, 10, 20'000);
  const Built built(data);
  const GraphView graph = built.view();
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  Scratch& scratch = Scratch::Local();
  const StopRule stop{kTopk, 0.15f, 20};
  std::size_t repeated = 0;
  for (std::uint32_t q = 0; q < queries.count; ++q) {
    const auto order = data.Nearest(queries[q], MetricType::kL2, data.count, {});
    ASSERT_TRUE(graph.encoder->EncodeQuery(queries[q], code.data()));
    std::uint32_t slot = 0;
    float distance = 0;
    ASSERT_TRUE(Descend(graph, code.data(), 0, scratch, &slot, &distance).ok());
    const std::uint32_t entry = graph.slot_node[slot];
    for (const std::uint32_t failing : {0u, 200u}) {  // of the nearest
      std::vector<std::uint64_t> words(data.count / 64 + 1, 0);
      for (std::uint32_t i = failing; i < data.count; ++i)
        words[order[i] / 64] |= std::uint64_t{order[i] % 2} << (order[i] % 64);
      std::vector<std::uint32_t> found[2];
      for (const bool few : {false, true}) {
        bool finished = false;
        ASSERT_TRUE(WalkMasked(graph, code.data(), entry, distance, {words.data()}, 20, stop,
                               {1 << 20, 1 << 20, few ? 40 : kMostWaiting}, scratch, &finished)
                        .ok());
        EXPECT_TRUE(finished);
        for (std::uint32_t i = 0; i < std::min(kTopk, scratch.accepted.size()); ++i)
          found[few].push_back(scratch.accepted.node(i));
      }
      EXPECT_EQ(found[1].size(), kTopk);
      if (failing != 0) repeated += found[0] == found[1];
      std::size_t same = 0;
      for (const std::uint32_t row : found[1])
        same += std::find(found[0].begin(), found[0].end(), row) != found[0].end();
      EXPECT_GE(same, kTopk - 1);
    }
  }
  EXPECT_EQ(repeated, queries.count);
}

}  // namespace
}  // namespace zvec::hnsw
