// zvec/index/hnsw/testing/vectors.h: vectors with clusters, and their nearest neighbours by plain loops.
// Tests only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "zvec/index/hnsw/builder.h"

namespace zvec::hnsw::testing {

inline std::vector<std::uint32_t> Rows(std::uint32_t count) {
  std::vector<std::uint32_t> rows(count);
  std::iota(rows.begin(), rows.end(), 0u);
  return rows;
}

struct Vectors {
  std::uint32_t count = 0;
  std::size_t dim = 0;
  std::vector<float> floats;

  /// Fifty centres that the seed gives, points around them. `skip`: others of the same centres.
  static Vectors Clustered(std::uint32_t count, std::size_t dim, std::uint32_t seed, std::uint32_t skip = 0) {
    Vectors out;
    out.dim = dim;
    std::mt19937 centres(seed), random(seed * 1'000 + skip + 1);
    std::normal_distribution<float> normal;
    std::vector<float> centre(50 * dim), point(dim);
    for (float& c : centre) c = normal(centres);
    for (std::uint32_t r = 0; r < count; ++r) {
      const std::size_t c = random() % 50;
      for (std::size_t i = 0; i < dim; ++i) point[i] = centre[c * dim + i] + 0.7f * normal(random);
      out.Add(point.data());
    }
    return out;
  }

  const float* operator[](std::uint32_t row) const { return &floats[row * dim]; }
  void Add(const float* vector) {
    floats.insert(floats.end(), vector, vector + dim);
    ++count;
  }
  void Resize(std::uint32_t rows) {
    floats.resize(rows * dim);
    count = rows;
  }
  std::span<const float> Sample() const {
    return std::span(floats).first(std::min<std::size_t>(count, 2'000) * dim);
  }
  VectorSource Source() const {
    return [this](std::uint32_t row, float*) { return (*this)[row]; };
  }
  void SortByFirstElement() {
    auto order = Rows(count);
    std::sort(order.begin(), order.end(),
              [&](std::uint32_t a, std::uint32_t b) { return (*this)[a][0] < (*this)[b][0]; });
    std::vector<float> sorted;
    for (const std::uint32_t row : order) sorted.insert(sorted.end(), (*this)[row], (*this)[row] + dim);
    floats = std::move(sorted);
  }

  double Distance(const float* query, std::uint32_t row, MetricType metric) const {
    double l2 = 0, product = 0, norm = 0, query_norm = 0;
    for (std::size_t i = 0; i < dim; ++i) {
      const double q = query[i], x = (*this)[row][i];
      l2 += (q - x) * (q - x);
      product += q * x;
      norm += x * x;
      query_norm += q * q;
    }
    if (metric == MetricType::kL2) return l2;
    if (metric == MetricType::kIp) return -product;
    return norm == 0 || query_norm == 0 ? 1 : 1 - product / std::sqrt(norm * query_norm);
  }
  std::vector<std::uint32_t> Nearest(const float* query, MetricType metric, std::size_t k,
                                     const std::set<std::uint32_t>& without = {}) const {
    std::vector<std::pair<double, std::uint32_t>> all;
    for (std::uint32_t r = 0; r < count; ++r)
      if (!without.contains(r)) all.emplace_back(Distance(query, r, metric), r);
    k = std::min(k, all.size());
    std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
    std::vector<std::uint32_t> rows;
    for (std::size_t i = 0; i < k; ++i) rows.push_back(all[i].second);
    return rows;
  }
};

}  // namespace zvec::hnsw::testing
