#include <gtest/gtest.h>

#include "base/cancel.h"
#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/testing/vectors.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

// Guards: Close waited until a million rows had got other codes, or been taken over.
TEST(GraphBuilder, WhatTakesLongEndsSoonAfterItIsCancelled) {
  const Vectors data = Vectors::Clustered(3'000, 24, 4);
  cocozvec::Cancel cancel;
  constexpr std::uint32_t kAsked = 100, kPart = 64;
  std::uint32_t asked = 0;
  const VectorSource raises = [&](std::uint32_t row, float*) {
    if (++asked == kAsked) cancel.Raise();
    return data[row];
  };
  const Encoder encoder = Encoder::Train(MetricType::kL2, data.dim, data.Sample());
  GraphBuilder built(encoder, {}, data.count);
  ASSERT_TRUE(built.Link(Rows(data.count), data.count, data.Source(), nullptr));
  ASSERT_TRUE(built.Finish(nullptr));
  EXPECT_FALSE(built.Recode(encoder, raises, nullptr, &cancel));
  EXPECT_LE(asked, kAsked + kPart);
  EXPECT_FALSE(built.Finish(nullptr, &cancel));
  cancel.Lower();
  EXPECT_TRUE(built.Recode(encoder, data.Source(), nullptr, &cancel));
  EXPECT_TRUE(built.Finish(nullptr, &cancel));

  asked = 0;
  GraphBuilder next(encoder, {}, data.count);
  const Status status =
      next.Adopt(built.Current().view, Rows(data.count), data.count, raises, nullptr, &cancel);
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_LE(asked, kAsked + kPart);
}

}  // namespace
}  // namespace zvec::hnsw
