// How many links a row gets.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

TEST(Links, ARowIsFilledWithTheNearestThatWereNotChosen) {
  const auto filled = [](std::size_t candidates, std::size_t most, std::vector<std::uint32_t> chosen) {
    Fill(candidates, most, chosen);
    return chosen;
  };
  using List = std::vector<std::uint32_t>;
  EXPECT_EQ(filled(10, 6, {0, 3, 9}), (List{0, 1, 2, 3, 4, 9}));
  EXPECT_EQ(filled(4, 6, {0, 3}), (List{0, 1, 2, 3}));
  EXPECT_EQ(filled(10, 3, {2, 5, 7}), (List{2, 5, 7}));
  EXPECT_EQ(filled(10, 2, {2, 5, 7}), (List{2, 5, 7}));
  EXPECT_EQ(filled(3, 2, {}), (List{0, 1}));
  EXPECT_EQ(filled(0, 2, {}), List{});
}

class FilledRows : public ::testing::Test {
 protected:
  FilledRows() {
    builder_.Link(Rows(data_.count), data_.count, data_.Source(), nullptr);
    builder_.Finish(nullptr);
  }

  const Vectors data_ = Vectors::Clustered(4'000, 96, 5);
  GraphBuilder builder_{Encoder::Train(MetricType::kL2, 96, data_.Sample()), {}, data_.count};
};

// Guards: rows of a cluster whose distances are all alike had half of the links that there is room for, and a
// walk came past some of them.
TEST_F(FilledRows, RowsHaveTheLinksThatThereIsRoomFor) {
  const GraphView graph = builder_.Current().view;
  std::uint64_t links = 0;
  for (std::uint32_t row = 0; row < graph.nodes; ++row) {
    const std::uint32_t* first = graph.links + std::size_t{row} * graph.row_links;
    const auto end = std::find(first, first + graph.row_links, kNoNode);
    const std::set<std::uint32_t> different(first, end);
    EXPECT_EQ(different.size(), static_cast<std::size_t>(end - first));
    EXPECT_FALSE(different.contains(row));
    EXPECT_LE(different.size(), 2u * graph.m);
    links += different.size();
  }
  EXPECT_GE(links, std::uint64_t{graph.nodes} * 22);
}

}  // namespace
}  // namespace zvec::hnsw
