#include "text/pool.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace cocoindex::text {
namespace {

using Sums = std::vector<std::int32_t>;

struct Table {
  explicit Table(std::size_t row_bytes) : bytes(row_bytes) {
    std::mt19937 random(7);
    for (std::size_t i = 0; i < kRows * row_bytes; ++i)
      weights.push_back(static_cast<std::uint8_t>(random()));
    for (std::size_t i = 0; i < kRows; ++i) scales.push_back(static_cast<std::int16_t>(random() & 0x7FFF));
    scales[3] = 32'767;
    scales[4] = 0;
  }
  // What pool.h says, word for word.
  Sums Plain(const std::vector<std::uint16_t>& rows) const {
    Sums sums(2 * bytes);
    for (const auto r : rows) {
      for (std::size_t i = 0; i < bytes; ++i) {
        sums[i] += (weights[r * bytes + i] & 15) * scales[r];
        sums[bytes + i] += (weights[r * bytes + i] >> 4) * scales[r];
      }
    }
    return sums;
  }
  static constexpr std::size_t kRows = 50;
  std::size_t bytes;
  std::vector<std::uint8_t> weights;
  std::vector<std::int16_t> scales;
};

TEST(Pool, EveryLevelGivesTheSumsOfThePlainLoop) {
  for (const auto level : cocozvec::SupportedCpuLevels()) {
    const PoolRows pool = PoolRowsFor(level);
    for (const std::size_t bytes : {16, 32, 64, 128, 144, 512}) {
      const Table table(bytes);
      for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 2048}) {
        std::vector<std::uint16_t> rows;
        for (std::size_t i = 0; i < count; ++i)
          rows.push_back(static_cast<std::uint16_t>(i * 17 % Table::kRows));
        Sums sums(2 * bytes);
        pool(table.weights.data(), bytes, table.scales.data(), rows.data(), rows.size(), sums.data());
        EXPECT_EQ(sums, table.Plain(rows)) << cocozvec::CpuLevelName(level) << " " << bytes << " " << count;
      }
    }
  }
}

TEST(Pool, TheLargestPortionDoesNotOverflow) {
  for (const auto level : cocozvec::SupportedCpuLevels()) {
    const std::vector<std::uint8_t> weights(16, 0xFF);
    const std::vector<std::int16_t> scales = {32'767};
    const std::vector<std::uint16_t> rows(kMostPooled, 0);
    Sums sums(32);
    PoolRowsFor(level)(weights.data(), 16, scales.data(), rows.data(), rows.size(), sums.data());
    EXPECT_EQ(sums, Sums(32, 15 * 32'767 * static_cast<std::int32_t>(kMostPooled)));
  }
}

}  // namespace
}  // namespace cocoindex::text
