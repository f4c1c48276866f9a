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

/// Rows of which a filter fails the nearest to a question, or lets only some pass.
class FilterWalk : public ::testing::Test {
 protected:
  explicit FilterWalk(std::size_t dim = 24)
      : data_(Vectors::Clustered(20'000, dim, 10)), queries_(Vectors::Clustered(20, dim, 10, 20'000)) {}
  void SetUp() override { code_.resize(graph_.encoder->query_bytes()); }
  /// Begins a question: its rows, nearest first.
  void Ask(std::uint32_t q) {
    order_ = data_.Nearest(queries_[q], MetricType::kL2, data_.count, {});
    ASSERT_TRUE(graph_.encoder->EncodeQuery(queries_[q], code_.data()));
    std::uint32_t slot = 0;
    ASSERT_TRUE(Descend(graph_, code_.data(), 0, scratch_, &slot, &distance_).ok());
    entry_ = graph_.slot_node[slot];
  }
  /// Passes what `passes` says of the n-th nearest row and its number.
  template <class Passes>
  std::vector<std::uint64_t> MaskOf(const Passes& passes) const {
    std::vector<std::uint64_t> words(data_.count / 64 + 1, 0);
    for (std::uint32_t i = 0; i < data_.count; ++i)
      words[order_[i] / 64] |= std::uint64_t{passes(i, order_[i])} << (order_[i] % 64);
    return words;
  }
  struct Walked {
    bool finished = false;
    std::uint64_t distances = 0;
  };
  Walked Walk(const std::vector<std::uint64_t>& words, std::uint32_t ef, const Budget& budget) {
    Walked walked;
    const std::uint64_t before = scratch_.counts.distances;
    EXPECT_TRUE(WalkMasked(graph_, code_.data(), entry_, distance_, {words.data()}, ef,
                           {kTopk, 0.15f, std::max(ef, kTopk)}, budget, scratch_, &walked.finished)
                    .ok());
    walked.distances = scratch_.counts.distances - before;
    return walked;
  }

  const Vectors data_, queries_;
  const Built built_{data_};
  const GraphView graph_ = built_.view();
  Scratch& scratch_ = Scratch::Local();
  std::vector<std::uint8_t> code_;
  std::vector<std::uint32_t> order_;
  std::uint32_t entry_ = 0;
  float distance_ = 0;
};

// Guards: the repetition began with the whole budget again.
TEST_F(FilterWalk, ARepeatedWalkSpendsNoMoreThanTheBudgetOfOne) {
  for (std::uint32_t q = 0; q < queries_.count; ++q) {
    ASSERT_NO_FATAL_FAILURE(Ask(q));
    const auto words = MaskOf([](std::uint32_t i, std::uint32_t row) { return i >= 200 && row % 2 == 1; });
    const std::uint64_t once = Walk(words, 20, {1 << 20, 1 << 20, kMostWaiting}).distances;
    const Walked both = Walk(words, 20, {1 << 20, 1 << 20, 40});
    ASSERT_TRUE(both.finished);
    ASSERT_GT(both.distances, once);  // it was repeated
    EXPECT_TRUE(Walk(words, 20, {both.distances, both.distances, 40}).finished);
    const Walked less = Walk(words, 20, {both.distances - 1, both.distances - 1, 40});
    EXPECT_FALSE(less.finished);
    EXPECT_LE(less.distances, both.distances);
  }
}

// Guards: a full list of fewer than the ten that end a walk was taken for one that wants more.
TEST_F(FilterWalk, WithFewCandidatesAWalkThatFindsThemIsMadeOnce) {
  for (const std::uint32_t ef : {1u, 5u, 9u}) {
    for (std::uint32_t q = 0; q < queries_.count; ++q) {
      ASSERT_NO_FATAL_FAILURE(Ask(q));
      const auto words = MaskOf([](std::uint32_t, std::uint32_t row) { return row % 2 == 1; });
      const Walked once = Walk(words, ef, {1 << 20, 1 << 20, kMostWaiting});
      const Walked few = Walk(words, ef, {1 << 20, 1 << 20, 40});
      EXPECT_TRUE(few.finished);
      EXPECT_LE(few.distances, once.distances) << "ef " << ef << ", query " << q;
    }
  }
}

/// Rows in a cloud of few dimensions, where links are short.
class FilterWalkInACloud : public FilterWalk {
 protected:
  FilterWalkInACloud() : FilterWalk(4) {}
};

// Guards: a walk that the bound ended with fewer than wanted was followed by the codes of all that pass.
TEST_F(FilterWalkInACloud, WhatEndsBeyondTheBoundIsCompleteHoweverFewPassWithinIt) {
  constexpr std::uint32_t kFailing = 4'500;  // so many that a walk meets no other
  for (const std::uint32_t passing : {1u, 3u}) {
    std::size_t complete_ones = 0;
    for (std::uint32_t q = 0; q < queries_.count; ++q) {
      ASSERT_NO_FATAL_FAILURE(Ask(q));
      const auto words = MaskOf([&](std::uint32_t i, std::uint32_t) { return i < passing || i >= kFailing; });
      Breadth breadth = BreadthFor(kTopk, 0);
      breadth.bound = graph_.encoder->BetweenCodes(data_.Distance(queries_[q], order_[5], MetricType::kL2));
      bool complete = false;
      std::vector<std::uint32_t> rows;
      ASSERT_TRUE(FindNearestMasked(graph_, code_.data(), kTopk, breadth, Way::kWalk, {words.data()},
                                    data_.count - kFailing + passing, 96, scratch_, &rows, &complete)
                      .ok());
      if (!complete) continue;
      ++complete_ones;
      EXPECT_LT(rows.size(), kTopk);
      for (std::uint32_t i = 0; i < passing; ++i)
        EXPECT_NE(std::find(rows.begin(), rows.end(), order_[i]), rows.end()) << "query " << q;
    }
    EXPECT_GE(complete_ones, queries_.count - 1) << passing;
  }
}

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
