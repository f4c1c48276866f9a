// What a walk tells of the nodes that it expands.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

constexpr std::uint32_t kTopk = 10;

class WideClusters : public ::testing::Test {
 protected:
  WideClusters() {
    builder_.Link(Rows(data_.count), data_.count, data_.Source(), nullptr);
    builder_.Finish(nullptr);
  }

  const Vectors data_ = Vectors::Clustered(4'000, 96, 5), queries_ = Vectors::Clustered(50, 96, 5, 4'000);
  GraphBuilder builder_{Encoder::Train(MetricType::kL2, 96, data_.Sample()), {}, data_.count};
};

TEST_F(WideClusters, AWalkTellsWhatItExpandsAndNothingTwice) {
  const GraphView graph = builder_.Current().view;
  std::vector<std::uint8_t> code(graph.encoder->query_bytes());
  Breadth breadth = BreadthFor(kTopk, 24);
  breadth.keep = breadth.ef;
  breadth.margin = breadth.slack = -1;  // all that it keeps is expanded
  for (std::uint32_t q = 0; q < queries_.count; ++q) {
    ASSERT_TRUE(graph.encoder->EncodeQuery(queries_[q], code.data()));
    std::vector<std::uint32_t> told, rows;
    const auto tell = [](const void* to, std::uint32_t row) {
      static_cast<std::vector<std::uint32_t>*>(const_cast<void*>(to))->push_back(row);
    };
    Scratch& scratch = Scratch::Local();
    const std::uint64_t before = scratch.counts.expansions;
    ASSERT_TRUE(FindNearest(graph, code.data(), kTopk, breadth, scratch, &rows, {}, nullptr,
                            {.of = &told, .ask = tell})
                    .ok());
    EXPECT_EQ(told.size(), scratch.counts.expansions - before);
    const std::set<std::uint32_t> different(told.begin(), told.end());
    EXPECT_EQ(different.size(), told.size());
    for (const std::uint32_t row : rows) EXPECT_TRUE(different.contains(row)) << row;
  }
}

}  // namespace
}  // namespace zvec::hnsw
