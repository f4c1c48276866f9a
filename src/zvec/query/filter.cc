// Binds a parsed filter to a schema and runs it over chunks.
#include "zvec/query/filter.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "zvec/query/binder.h"
#include "zvec/query/parser.h"

namespace zvec::inline v0 {
namespace {

using filter::BoundNode;

constexpr std::uint32_t kWords = kChunkRows / 64;

bool Any(const std::uint64_t* rows) {
  return std::any_of(rows, rows + kWords, [](std::uint64_t word) { return word != 0; });
}

// Clears the rows beyond the chunk and those that are null, or those that are not.
void KeepByNull(const ColumnChunk& column, bool null, std::uint64_t* rows) {
  if (!null && !column.valid && column.rows == kChunkRows) return;
  for (std::uint32_t w = 0; w < kWords; ++w) {
    const std::uint32_t first = w * 64;
    if (first >= column.rows) {
      rows[w] = 0;
      continue;
    }
    const std::uint32_t left = column.rows - first;
    if (left < 64) rows[w] &= (std::uint64_t{1} << left) - 1;
    const std::uint64_t valid = column.valid ? column.valid[w] : ~std::uint64_t{0};
    rows[w] &= null ? ~valid : valid;
  }
}

Status KeepTrue(const BoundNode& node, const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows);

Status KeepLeaf(const BoundNode& node, const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) {
  ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment.Column(node.field, chunk));
  KeepByNull(column, node.kind == BoundNode::Kind::kIsNull, rows);
  if (node.kind == BoundNode::Kind::kTest && Any(rows)) node.test->Keep(column, rows);
  return Status::Ok();
}

Status KeepAnd(const BoundNode& node, const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) {
  for (const BoundNode& child : node.children) {
    if (!Any(rows)) break;
    ZVEC_RETURN_IF_ERROR(KeepTrue(child, segment, chunk, rows));
  }
  return Status::Ok();
}

Status KeepOr(const BoundNode& node, const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) {
  std::uint64_t found[kWords] = {};
  std::uint64_t child_rows[kWords];
  for (const BoundNode& child : node.children) {
    if (!Any(rows)) break;
    std::copy_n(rows, kWords, child_rows);
    ZVEC_RETURN_IF_ERROR(KeepTrue(child, segment, chunk, child_rows));
    for (std::uint32_t w = 0; w < kWords; ++w) {
      found[w] |= child_rows[w];
      rows[w] &= ~child_rows[w];
    }
  }
  std::copy_n(found, kWords, rows);
  return Status::Ok();
}

// Depth is bounded by the parser.
Status KeepTrue(const BoundNode& node, const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) {
  switch (node.kind) {
    case BoundNode::Kind::kAnd:
      return KeepAnd(node, segment, chunk, rows);
    case BoundNode::Kind::kOr:
      return KeepOr(node, segment, chunk, rows);
    default:
      return KeepLeaf(node, segment, chunk, rows);
  }
}

class BoundFilter final : public Filter {
 public:
  explicit BoundFilter(std::optional<BoundNode> root) : root_(std::move(root)) {}
  bool matches_all() const noexcept override { return !root_; }
  Status Evaluate(const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) const override {
    return root_ ? KeepTrue(*root_, segment, chunk, rows) : Status::Ok();
  }

 private:
  std::optional<BoundNode> root_;
};

}  // namespace

Result<std::unique_ptr<Filter>> Filter::Parse(std::string_view text, const CollectionSchema& schema) {
  ZVEC_ASSIGN_OR_RETURN(const std::optional<filter::Node> parsed, filter::ParseFilter(text));
  std::optional<BoundNode> bound;
  if (parsed) {
    ZVEC_ASSIGN_OR_RETURN(bound, filter::BindFilter(*parsed, text, schema));
  }
  return std::unique_ptr<Filter>(std::make_unique<BoundFilter>(std::move(bound)));
}

}  // namespace zvec::inline v0
