// zvec/query/ast.h: a filter as written: names and literals still point into the text.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace zvec::inline v0::filter {

struct Literal {
  enum class Kind : unsigned char { kInteger, kFloat, kString, kTrue, kFalse };
  Kind kind = Kind::kInteger;
  std::string_view text;  ///< the token, strings with their quotes
  std::size_t position = 0;
};

enum class Operator : unsigned char {
  kIn,  ///< `=` too, and equalities of one field that were joined by OR
  kLt,
  kLe,
  kGt,
  kGe,
  kBetween,  ///< two literals, both ends included
  kLike,
  kIsNull,
  kContainAll,
  kContainAny,
  kBare,  ///< a field alone, which is true when it is
};

struct Predicate {
  std::string_view field;
  std::size_t position = 0;           ///< of the field
  std::size_t operator_position = 0;  ///< of the operator
  Operator op = Operator::kIn;
  bool negated = false;
  bool is_length = false;  ///< array_length(field)
  bool single = false;     ///< kIn written as `=` or `!=`: may be joined with others
  std::vector<Literal> literals;
};

/// Depth is bounded by the parser: recursion over it is safe.
struct Node {
  enum class Kind : unsigned char { kPredicate, kAnd, kOr, kNot };
  Kind kind = Kind::kPredicate;
  std::vector<Node> children;  ///< kAnd, kOr: two or more; kNot: one
  std::unique_ptr<Predicate> predicate;
};

}  // namespace zvec::inline v0::filter
