#include "cocoindex/types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

namespace coco = cocoindex;

namespace {

std::uint16_t Bits(coco::half v) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, &v, sizeof bits);
  return bits;
}

TEST(Half, RoundsAsNumPyDoes) {
  EXPECT_EQ(Bits(static_cast<coco::half>(0.1f)), 0x2e66);
  EXPECT_EQ(static_cast<float>(static_cast<coco::half>(2049.0f)), 2048.0f);
  EXPECT_EQ(static_cast<float>(static_cast<coco::half>(65519.996f)), 65504.0f);
  EXPECT_TRUE(std::isinf(static_cast<float>(static_cast<coco::half>(65520.0f))));
  EXPECT_EQ(Bits(static_cast<coco::half>(5.96e-8f)), 0x0001);
  EXPECT_EQ(Bits(static_cast<coco::half>(-0.0f)), 0x8000);
}

TEST(Annotated, ClassTypesAreUsedAsTheyAre) {
  coco::Annotated<std::vector<float>, coco::VectorSchema{3}> v = std::vector<float>{1, 2, 3};
  v.push_back(4);
  v = {5, 6};
  const std::vector<float>& plain = v;
  EXPECT_EQ(plain, (std::vector<float>{5, 6}));
  coco::Annotated<std::map<std::uint32_t, float>, 1> sparse;
  sparse[7] = 0.5f;
  EXPECT_EQ(sparse.size(), 1u);
}

TEST(Annotated, ScalarsConvertBothWays) {
  coco::Annotated<int, coco::DType::float32> n = 3;
  int& value = n;
  value += 1;
  EXPECT_EQ(n + 1, 5);
  static_assert(coco::is_annotated<decltype(n)> && !coco::is_annotated<int>);
  static_assert(std::is_same_v<coco::unannotated_t<decltype(n)>, int>);
  static_assert(std::is_same_v<coco::unannotated_t<std::string>, std::string>);
  EXPECT_EQ(coco::unannotated(n), 4);
}

struct Embedder {
  coco::VectorSchema vector_schema() const { return {.size = 8}; }
};
static_assert(coco::VectorSchemaProvider<Embedder>);
static_assert(coco::VectorSchemaProvider<coco::VectorSchema>);
static_assert(!coco::VectorSchemaProvider<std::string>);

}  // namespace
