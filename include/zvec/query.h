// zvec/query.h: what can be asked of a collection and what comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "zvec/doc.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

/// No list: all scalar fields. An empty list: none. A vector field may be named.
using OutputFields = std::optional<std::vector<std::string>>;

/// Shapes   `vector` is of the field's kind: floats (FP32, FP16), halves (FP16), int8 (INT8), SparseVector.
/// Units    1 <= topk <= kMaxTopk.
struct VectorQuery {
  std::string field;
  std::variant<std::monostate, std::vector<float>, std::vector<Half>, std::vector<std::int8_t>, SparseVector>
      vector = {};
  std::uint32_t topk = 10;
  std::string filter = {};  ///< zvec filter language (docs/filter.md); empty: every document
  OutputFields output_fields = {};
  bool include_vectors = false;  ///< every vector field besides the named ones
};

/// Documents that pass a filter, in storage order, without a ranking.
struct ScanQuery {
  std::uint64_t limit = UINT64_MAX;
  std::string filter = {};
  OutputFields output_fields = {};
  bool include_vectors = false;
};

struct FetchOptions {
  OutputFields output_fields = {};
  bool include_vectors = true;
};

struct Hit {
  /// L2: squared distance. Cosine: 1 - cos, 0 .. 2; a zero vector has distance 1 to everything. In both,
  /// smaller is nearer. IP, dense and sparse: the dot product, larger is nearer. Scan: 0.
  float score = 0;
  Doc doc;
};

/// Counts of the work a query did, summed over segments.
struct QueryStats {
  std::string strategy;         ///< "scan" or "scan of matches"
  std::uint64_t documents = 0;  ///< live documents looked at by the filter, or all when there is none
  std::uint64_t matches = 0;    ///< documents that passed the filter
  std::uint64_t distances = 0;  ///< distances computed; above `matches` where reading on was cheaper
  std::uint32_t segments = 0;
};

struct HitList {
  std::vector<Hit> hits;  ///< nearest first; equal scores in storage order
  QueryStats stats;
};

}  // namespace zvec::inline v0
