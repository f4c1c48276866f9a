#include "zvec/collection/graph_check.h"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "base/array.h"

namespace zvec::inline v0 {
namespace {

constexpr std::uint32_t kRows = 8 * kChunkRows, kDim = 16;

/// Rows in memory. Counts how often a chunk is asked for.
class CountedView final : public SegmentView {
 public:
  CountedView() : floats_(cocozvec::MakeArray<float>(std::size_t{kRows} * kDim)) {
    schema_.name = "c";
    schema_.fields = {{"v", DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(MetricType::kL2)}};
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < std::size_t{kRows} * kDim; ++i) floats_[i] = normal(random);
  }
  const CollectionSchema& schema() const noexcept override { return schema_; }
  std::uint32_t row_count() const noexcept override { return kRows; }
  Result<ColumnChunk> Column(std::size_t, std::uint32_t chunk) const override {
    if (++asked == raise_at) cancel.Raise();
    ColumnChunk out;
    out.rows = kChunkRows;
    out.width = kDim * sizeof(float);
    out.fixed = reinterpret_cast<const std::byte*>(&floats_[std::size_t{chunk} * kChunkRows * kDim]);
    return out;
  }
  std::uint64_t dead_count() const noexcept override { return 0; }
  bool IsDead(std::uint32_t) const noexcept override { return false; }
  void ClearDead(std::uint32_t, std::uint64_t*) const noexcept override {}

  mutable int asked = 0, raise_at = 0;
  mutable cocozvec::Cancel cancel;

 private:
  CollectionSchema schema_;
  cocozvec::Array<float> floats_;
};

// Guards: Close waited for an exact scan of the whole segment, at 1,000,000 x 768 some tenths of a second.
TEST(MeasureGraph, AScanEndsWithTheChunkInWhichItWasCancelled) {
  const CountedView view;
  const BuildHelp help{.cancel = &view.cancel};
  const auto column = VectorColumn::Make(view, 0).value();
  std::string why;
  const auto encoder = TrainEncoder(view, 0, column, help, &why).value();
  ASSERT_TRUE(encoder.has_value()) << why;
  auto graph = std::make_shared<hnsw::GraphBuilder>(*encoder, hnsw::BuildParams{}, kRows);
  std::vector<std::uint32_t> rows(kRows);
  std::iota(rows.begin(), rows.end(), 0u);
  ASSERT_TRUE(graph->Link(rows, kRows, column.Source(), nullptr));
  ASSERT_TRUE(graph->Finish(nullptr));

  view.asked = 0;
  ASSERT_TRUE(MeasureGraph(view, 0, column, graph, help).ok());
  ASSERT_GT(view.asked, 100);
  view.asked = 0;
  view.raise_at = 2;
  EXPECT_EQ(MeasureGraph(view, 0, column, graph, help).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(view.asked, 2);

  view.asked = 0;
  EXPECT_EQ(VectorColumn::Make(view, 0, &view.cancel).status().code(), StatusCode::kCancelled);
  EXPECT_EQ(view.asked, 0);
}

}  // namespace
}  // namespace zvec::inline v0
