// bench/index/sets.h: sets of vectors with exact neighbours: generated like embeddings, or read from files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "generator.h"

namespace bench {

struct Set {
  std::string name;
  std::size_t dim = 0, rows = 0, queries = 0;
  std::vector<float> base, query;
  std::vector<std::uint32_t> nearest;  ///< kNearest of each query, nearest first, squared L2
  static constexpr std::size_t kNearest = 10;

  const float* Row(std::size_t r) const { return &base[r * dim]; }
  const float* Query(std::size_t q) const { return &query[q * dim]; }
};

/// a: 100,000 x 128. b: 1,000,000 x 128. c: 100,000 x 768, of length 1. An upper-case letter: a tenth of the
/// rows. c256: such a set of another dimension. Anything else: PATH.fvecs or PATH.npy, the last 1,000 rows
/// are the queries.
Set MakeSet(const std::string& name, std::size_t threads);

}  // namespace bench
