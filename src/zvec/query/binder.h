// zvec/query/binder.h: a filter with its fields found, its literals turned into values of their types, and
// NOT pushed down to the conditions, where it turns into the opposite test. So evaluation asks of each part
// only where it is true: in three-valued logic NOT (a AND b) is NOT a OR NOT b, and a condition on null is
// true neither plainly nor negated.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include "zvec/query/ast.h"
#include "zvec/query/test.h"
#include "zvec/schema.h"

namespace zvec::inline v0::filter {

struct BoundNode {
  enum class Kind : unsigned char { kAnd, kOr, kIsNull, kIsNotNull, kTest };
  Kind kind = Kind::kTest;
  std::size_t field = 0;            ///< leaves: as SegmentView::Column takes it
  std::unique_ptr<Test> test;       ///< kTest
  std::vector<BoundNode> children;  ///< kAnd, kOr: cheap ones first
  int cost = 0;
};

/// kInvalidArgument with the place: unknown field, literal that does not fit the type, operator that does not
/// fit it.
Result<BoundNode> BindFilter(const Node& node, std::string_view text, const CollectionSchema& schema);

}  // namespace zvec::inline v0::filter
