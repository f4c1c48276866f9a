#include "zvec/simd/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "zvec/doc.h"

namespace zvec::simd {
namespace {

constexpr std::size_t kRows = 3;

std::vector<std::size_t> Dims() {
  std::vector<std::size_t> dims;
  for (std::size_t d = 1; d <= 130; ++d) dims.push_back(d);
  dims.push_back(768);
  return dims;
}

// A query and rows whose last byte is the last of its allocation, so that the address sanitizer sees one read
// too many.
template <class Query, class Row>
struct Case {
  std::size_t dim, offset, stride;
  std::vector<Query> query;
  std::unique_ptr<std::byte[]> bytes;

  Case(std::size_t dim, std::size_t offset, std::mt19937& random)
      : dim(dim), offset(offset * sizeof(Row)), stride(dim * sizeof(Row) + offset) {
    query.resize(dim);
    for (Query& q : query) q = Draw<Query>(random);
    bytes = std::make_unique<std::byte[]>(this->offset + stride * (kRows - 1) + dim * sizeof(Row));
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t i = 0; i < dim; ++i) {
        const Row x = Draw<Row>(random);
        std::memcpy(bytes.get() + this->offset + r * stride + i * sizeof(Row), &x, sizeof(Row));
      }
    }
  }
  template <class T>
  static T Draw(std::mt19937& random) {
    if constexpr (std::is_same_v<T, signed char>) {
      return static_cast<signed char>(std::uniform_int_distribution(-128, 127)(random));
    } else {
      const float x = std::normal_distribution<float>(0, 2)(random);
      if constexpr (std::is_same_v<T, Half>) {
        return ToHalf(x);
      } else {
        return x;
      }
    }
  }
  Rows rows() const { return {bytes.get() + offset, stride, kRows, dim}; }
  double At(std::size_t row, std::size_t i) const {
    Row x;
    std::memcpy(&x, bytes.get() + offset + row * stride + i * sizeof(Row), sizeof(Row));
    if constexpr (std::is_same_v<Row, Half>) {
      return FromHalf(x);
    } else {
      return x;
    }
  }
};

struct Sums {
  float l2[kRows], ip[kRows], product[kRows], norm[kRows];
};

template <class C>
Sums RunAll(const TypeKernels& kernels, const C& c) {
  Sums sums;
  kernels.squared_l2(c.query.data(), c.rows(), sums.l2);
  kernels.inner_product(c.query.data(), c.rows(), sums.ip);
  kernels.product_and_norm(c.query.data(), c.rows(), sums.product, sums.norm);
  return sums;
}

// |computed - true| <= dim * epsilon * sum of |terms|, for any order of summation.
template <class C>
void ExpectClose(const C& c, const Sums& sums) {
  const double slack = static_cast<double>(c.dim + 2) * std::numeric_limits<float>::epsilon();
  for (std::size_t r = 0; r < kRows; ++r) {
    double l2 = 0, ip = 0, absolute = 0, norm = 0;
    for (std::size_t i = 0; i < c.dim; ++i) {
      const double q = c.query[i], x = c.At(r, i);
      l2 += (q - x) * (q - x);
      ip += q * x;
      absolute += std::fabs(q * x);
      norm += x * x;
    }
    ASSERT_NEAR(sums.l2[r], l2, slack * l2) << "dim " << c.dim << " row " << r;
    ASSERT_NEAR(sums.ip[r], ip, slack * absolute) << "dim " << c.dim << " row " << r;
    ASSERT_NEAR(sums.norm[r], norm, slack * norm) << "dim " << c.dim << " row " << r;
    ASSERT_EQ(sums.product[r], sums.ip[r]);
  }
}

template <class Query, class Row>
void Sweep(TypeKernels Kernels::* type) {
  std::mt19937 random(1);
  for (const std::size_t dim : Dims()) {
    for (std::size_t offset = 0; offset < 4; ++offset) {
      const Case<Query, Row> c(dim, offset, random);
      const Sums reference = RunAll(SupportedKernels()[0]->*type, c);
      ASSERT_NO_FATAL_FAILURE(ExpectClose(c, reference));
      for (const Kernels* kernels : SupportedKernels().subspan(1)) {
        const Sums sums = RunAll(kernels->*type, c);
        ASSERT_EQ(std::memcmp(&sums, &reference, sizeof(Sums)), 0) << kernels->name << " dim " << dim;
      }
    }
  }
}

TEST(Kernels, Fp32IsRightAndTheSameOnEveryLevel) { Sweep<float, float>(&Kernels::fp32); }
TEST(Kernels, Fp16IsRightAndTheSameOnEveryLevel) { Sweep<float, Half>(&Kernels::fp16); }
TEST(Kernels, Int8IsRightAndTheSameOnEveryLevel) { Sweep<signed char, signed char>(&Kernels::int8); }

// Long and short rows: fewer and more rows ahead than there are.
TEST(Kernels, ScatteredRowsScoreAsTheyDoInARow) {
  std::mt19937 random(2);
  for (const std::size_t dim : {1u, 3u, 100u, 3'000u}) {
    const std::vector<float> query(dim, 1.5f);
    std::vector<float> data(dim * 40);
    for (float& x : data) x = std::normal_distribution<float>()(random);
    const Rows all{reinterpret_cast<const std::byte*>(data.data()), dim * sizeof(float), 40, dim};
    const std::uint32_t index[] = {39, 0, 7, 7, 12, 38, 1};
    for (const Kernels* kernels : SupportedKernels()) {
      float expected[40], norms[40], found[7], found_norms[7];
      kernels->fp32.product_and_norm(query.data(), all, expected, norms);
      kernels->fp32.product_and_norm(query.data(), {all.first, all.stride, 7, dim, index}, found,
                                     found_norms);
      for (std::size_t i = 0; i < 7; ++i) {
        EXPECT_EQ(found[i], expected[index[i]]) << kernels->name << " dim " << dim;
        EXPECT_EQ(found_norms[i], norms[index[i]]) << kernels->name << " dim " << dim;
      }
    }
  }
}

TEST(Kernels, EveryHalfIsWidenedExactly) {
  std::vector<std::uint16_t> halves(65'536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = static_cast<std::uint16_t>(i);
  const float one = 1;
  std::vector<float> out(halves.size());
  for (const Kernels* kernels : SupportedKernels()) {
    kernels->fp16.inner_product(
        &one, {reinterpret_cast<const std::byte*>(halves.data()), 2, halves.size(), 1}, out.data());
    for (std::size_t i = 0; i < halves.size(); ++i) {
      const float value = FromHalf({halves[i]});
      ASSERT_TRUE(out[i] == value || (std::isnan(out[i]) && std::isnan(value))) << kernels->name << " " << i;
    }
  }
}

TEST(Kernels, Int8SumsAreExactAtTheLargestDimension) {
  constexpr std::size_t kDim = 20'000;
  const std::vector<signed char> low(kDim, -128), high(kDim, 127);
  for (const Kernels* kernels : SupportedKernels()) {
    const Rows rows{reinterpret_cast<const std::byte*>(high.data()), kDim, 1, kDim};
    float l2 = 0, ip = 0;
    kernels->int8.squared_l2(low.data(), rows, &l2);
    kernels->int8.inner_product(low.data(), rows, &ip);
    EXPECT_EQ(l2, 255.0f * 255.0f * kDim) << kernels->name;
    EXPECT_EQ(ip, -128.0f * 127.0f * kDim) << kernels->name;
  }
}

TEST(Kernels, ScalarIsAlwaysThereAndTheBestIsLast) {
  ASSERT_FALSE(SupportedKernels().empty());
  EXPECT_STREQ(SupportedKernels()[0]->name, "scalar");
  EXPECT_EQ(&ChooseKernels(SupportedKernels(), ""), SupportedKernels().back());
}

TEST(Kernels, TheSwitchNamesALevelAndAnUnknownNameIsIgnored) {
  EXPECT_STREQ(ChooseKernels(SupportedKernels(), "scalar").name, "scalar");
  EXPECT_EQ(&ChooseKernels(SupportedKernels(), "sse9"), SupportedKernels().back());
  EXPECT_EQ(&ChooseKernels(SupportedKernels().first(1), "avx512"), SupportedKernels()[0]);
}

}  // namespace
}  // namespace zvec::simd
