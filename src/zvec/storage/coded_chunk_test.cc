#include "zvec/storage/coded_chunk.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace zvec::inline v0 {
namespace {

constexpr std::uint32_t kAllGroups = 0xFFFF;

/// A chunk of FP32 vectors in memory.
struct Rows {
  Rows(std::uint32_t rows, std::size_t dimension, unsigned seed = 3) : dim(dimension), floats(rows * dim) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (std::size_t i = 0; i < floats.size(); ++i)
      floats[i] = 5 * static_cast<float>(i % dim) + normal(random);
  }
  ColumnChunk Column() const {
    ColumnChunk column;
    column.rows = static_cast<std::uint32_t>(floats.size() / dim);
    column.fixed = reinterpret_cast<const std::byte*>(floats.data());
    column.width = 4 * dim;
    return column;
  }
  float* operator[](std::size_t row) { return &floats[row * dim]; }
  std::size_t dim;
  std::vector<float> floats;
};

/// In levels, in double; the first and the rest plane in one.
double OffCode(const CodedChunk::Codes& codes, const float* vector, std::size_t row) {
  double norm = 1;
  if (codes.directions) {
    norm = 0;
    for (std::size_t i = 0; i < codes.dim; ++i) norm += static_cast<double>(vector[i]) * vector[i];
    norm = std::sqrt(norm);
  }
  double sum = 0;
  for (std::size_t i = 0; i < codes.dim; ++i) {
    const std::uint8_t code = i < codes.first_bytes
                                  ? codes.first[row * codes.first_bytes + i]
                                  : codes.rest[row * codes.rest_bytes + i - codes.first_bytes];
    const double y = (vector[i] / norm - codes.mean[i]) * codes.scale + 63.5;
    sum += (y - code) * (y - code);
  }
  return std::sqrt(sum);
}

bool Apart(const CodedChunk::Codes& codes, std::size_t row) {
  return ((codes.apart[row / 64] >> (row % 64)) & 1) != 0;
}

TEST(CodedChunk, EveryRowIsWithinTheErrorOfItsCodeOrApart) {
  for (const bool directions : {false, true}) {
    for (const std::size_t dim : {64u, 65u, 128u, 200u, 769u}) {
      Rows rows(192, dim);
      for (std::size_t i = 0; i < dim; ++i) rows[70][i] = 0;     // no direction
      for (std::size_t i = 0; i < dim; ++i) rows[71][i] *= -40;  // far from what the range was fitted to
      rows[73][3] = 3e37f;
      CodedChunk chunk;
      ASSERT_EQ(chunk.Make(rows.Column(), dim, directions, kAllGroups, 16), 3u);
      ASSERT_EQ(chunk.ready(), 7u);
      const auto& codes = chunk.codes();
      int apart = 0;
      for (std::size_t row = 0; row < 192; ++row) {
        apart += Apart(codes, row);
        EXPECT_TRUE(Apart(codes, row) ||
                    OffCode(codes, rows[row], row) <= codes.errors[row / CodedChunk::kGroupRows])
            << dim << ", row " << row;
      }
      EXPECT_GE(apart, 3) << dim;
      EXPECT_LE(apart, 8) << dim;
    }
  }
}

TEST(CodedChunk, WhatTheSampleDidNotHaveIsApart) {
  Rows rows(128, 64);
  CodedChunk chunk;
  ColumnChunk first = rows.Column();
  first.rows = 64;
  ASSERT_EQ(chunk.Make(first, 64, false, kAllGroups, 16), 1u);
  for (std::size_t i = 0; i < 64; ++i) rows[100][i] += 100;
  rows[101][0] = std::numeric_limits<float>::quiet_NaN();  // under a null of a file may lie anything
  ASSERT_EQ(chunk.Make(rows.Column(), 64, false, kAllGroups, 16), 1u);
  EXPECT_TRUE(Apart(chunk.codes(), 100));
  EXPECT_TRUE(Apart(chunk.codes(), 101));
  EXPECT_FALSE(Apart(chunk.codes(), 102));
}

TEST(CodedChunk, GroupsAreMadeOnceAndWhole) {
  Rows rows(64 * 3 + 63, 64);
  CodedChunk chunk;
  EXPECT_EQ(chunk.ready(), 0u);
  EXPECT_EQ(chunk.Make(rows.Column(), 64, false, kAllGroups, 0), 0u);
  EXPECT_EQ(chunk.Make(rows.Column(), 64, false, 0b1110, 1), 1u);
  EXPECT_EQ(chunk.ready(), 0b0010u);
  EXPECT_EQ(chunk.Make(rows.Column(), 64, false, kAllGroups, 16), 2u);
  EXPECT_EQ(chunk.ready(), 0b0111u);
  EXPECT_EQ(chunk.Make(rows.Column(), 64, false, kAllGroups, 16), 0u);
}

TEST(CodedChunk, EqualRowsAndFewRowsAreNoDifficulty) {
  Rows rows(64, 64);
  for (float& x : rows.floats) x = 7;
  CodedChunk equal, none;
  EXPECT_EQ(equal.Make(rows.Column(), 64, false, kAllGroups, 16), 1u);
  EXPECT_EQ(equal.codes().apart[0], 0u);
  ColumnChunk few = rows.Column();
  few.rows = 63;
  EXPECT_EQ(none.Make(few, 64, false, kAllGroups, 16), 0u);
}

TEST(CodedChunk, ManyThreadsMakeEachGroupOnce) {
  Rows rows(kChunkRows, 64);
  CodedChunk chunk, alone;
  EXPECT_EQ(alone.Make(rows.Column(), 64, false, kAllGroups, 16), 16u);
  std::atomic<std::uint32_t> made{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) {
        made += chunk.Make(rows.Column(), 64, false, kAllGroups, 1);
        const std::uint32_t ready = chunk.ready();
        for (std::uint32_t g = 0; g < 16; ++g) {
          if (((ready >> g) & 1) != 0) {
            EXPECT_EQ(chunk.codes().apart[g], alone.codes().apart[g]);
          }
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 16u);
  EXPECT_EQ(chunk.ready(), kAllGroups);
}

}  // namespace
}  // namespace zvec::inline v0
