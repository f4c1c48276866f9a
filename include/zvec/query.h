// zvec/query.h: what can be asked of a collection and what comes back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
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
  /// Candidates that a graph keeps while it looks for the nearest, 1 .. kMaxEf: more find more and take
  /// longer; how many are scored: docs/search.md. 0: ours choose from `topk`, for a recall of 0.95 and more
  /// on our reference sets.
  std::uint32_t ef = 0;
  /// Only documents whose score is at least that near: distance <= radius, or inner product >= radius.
  std::optional<float> radius = {};
  bool exact = false;       ///< score every document that passes: a scan
  std::string filter = {};  ///< zvec filter language (docs/filter.md); empty: every document
  OutputFields output_fields = {};
  bool include_vectors = false;  ///< every vector field besides the named ones
};

/// Many queries of one field that differ in nothing but the vector.
/// Shapes   dense: `count * dim` elements, one query after the other; sparse: a vector each. Of the kinds
/// that
///          a VectorQuery takes. Borrowed until the call returns. None at all is a batch of no queries.
/// Units    topk, ef, radius, exact, filter: as in VectorQuery, of each query; the filter is evaluated once.
///          count * topk <= kMaxBatchHits.
struct BatchQuery {
  std::string field;
  std::variant<std::monostate, std::span<const float>, std::span<const Half>, std::span<const std::int8_t>,
               std::span<const SparseVector>>
      vectors = {};
  std::uint32_t topk = 10;
  std::uint32_t ef = 0;
  std::optional<float> radius = {};
  bool exact = false;
  std::string filter = {};
  bool ids = true;            ///< fill BatchHitList::ids
  std::uint32_t threads = 0;  ///< that work on the batch, this one among them; 0: as many as there are cores
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
  /// How segments were searched, joined by " + ": "scan" (every document), "scan of matches" (every one that
  /// passed the filter), "scan of codes" (the codes of those, then the best of them), "graph", "graph of
  /// matches" (a walk that picks them), "graph through misses" (a walk over them only), "lists" and "lists of
  /// matches" (of a sparse field).
  std::string strategy;
  std::uint64_t documents = 0;       ///< live documents looked at by the filter, or all when there is none
  std::uint64_t matches = 0;         ///< documents that passed the filter
  std::uint64_t distances = 0;       ///< scores computed; above `matches` where reading on was cheaper
  std::uint64_t code_distances = 0;  ///< distances between codes, in graphs and scans
  std::uint64_t nodes = 0;           ///< whose links were read
  std::uint64_t unlinked = 0;        ///< matches scanned in a field that wants a graph, as none has them
  std::uint32_t segments = 0;
  /// Of them, those whose answer to the filter was kept from an earlier query (docs/search.md).
  std::uint32_t kept_filters = 0;
  /// Of them, those scanned because a graph would have answered worse than promised (docs/search.md): that is
  /// many times slower.
  std::uint32_t refused = 0;
};

struct HitList {
  std::vector<Hit> hits;  ///< nearest first; equal scores in storage order
  QueryStats stats;
};

/// Row numbers (Collection::QueryRows), nearest first, and as many scores.
struct RowHitList {
  std::uint64_t layout = 0;  ///< of the stored rows, for IdsOfRows; 0 for ever on a read-only handle
  std::vector<std::uint64_t> rows;
  std::vector<float> scores;
  QueryStats stats;
};

/// The hits of query q are those from begin[q] to begin[q + 1], nearest first.
struct BatchHitList {
  std::uint64_t layout = 0;          ///< as RowHitList
  std::vector<std::uint64_t> begin;  ///< one more than queries
  std::vector<std::uint64_t> rows;   ///< row numbers (Collection::QueryRows)
  std::vector<float> scores;         ///< as many
  std::vector<std::string> ids;      ///< as many, or none when they were not asked for
  QueryStats
      stats;  ///< added up; `strategy`: all that occurred; `segments`, `kept_filters`, `refused`: of one
};

}  // namespace zvec::inline v0
