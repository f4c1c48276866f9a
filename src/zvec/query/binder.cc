#include "zvec/query/binder.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

#include "base/fault.h"
#include "zvec/query/lexer.h"
#include "zvec/query/parser.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0::filter {
namespace {

// Wide enough for every 64-bit integer and for values beyond them, which literals saturate to.
__extension__ using Wide = __int128;
constexpr Wide kWideLimit = Wide{1} << 100;

// Conditions in the order of what they cost a row: the parts of AND and OR run cheap ones first.
enum Cost { kNullCost = 0, kNumberCost = 1, kTextCost = 2, kListCost = 3, kPatternCost = 4, kCosts = 5 };

void CheapFirst(std::vector<BoundNode>* children) {
  std::vector<BoundNode> sorted;
  sorted.reserve(children->size());
  for (int cost = 0; cost < kCosts; ++cost) {
    for (BoundNode& child : *children) {
      if (child.cost == cost) sorted.push_back(std::move(child));
    }
  }
  *children = std::move(sorted);
}

Wide ParseWide(std::string_view digits) {
  const bool negative = digits[0] == '-';
  Wide value = 0;
  for (const char c : digits.substr(negative ? 1 : 0)) value = std::min(value * 10 + (c - '0'), kWideLimit);
  return negative ? -value : value;
}

// The exponent of ten of a decimal number that is too large or too small for its type: only its sign matters.
bool IsHuge(std::string_view number) {
  const std::size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::size_t point = std::min(number.find('.'), e);
  const std::size_t first = std::min(number.find_first_of("123456789"), e);
  std::int64_t exponent = static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
  if (e < number.size()) {
    const bool negative = number[e + 1] == '-';
    const std::string_view digits = number.substr(e + 1 + (negative || number[e + 1] == '+' ? 1 : 0));
    const auto shift = static_cast<std::int64_t>(std::min(ParseWide(digits), Wide{1} << 40));
    exponent += negative ? -shift : shift;
  }
  return exponent > 0;
}

// Of an integer or float token. Rounded once, whatever the locale; infinite or zero beyond the range of T.
template <class T>
T ParseFloating(std::string_view token) {
  const char last = token.back();
  const bool suffix = last == 'd' || last == 'D' || last == 'f' || last == 'F';
  const std::string_view number = token.substr(0, token.size() - (suffix ? 1 : 0));
  T value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc::result_out_of_range) return value;
  value = IsHuge(number) ? std::numeric_limits<T>::infinity() : T{0};
  return number[0] == '-' ? -value : value;
}

std::string_view LiteralKindName(Literal::Kind kind) {
  switch (kind) {
    case Literal::Kind::kInteger:
      return "an integer";
    case Literal::Kind::kFloat:
      return "a number";
    case Literal::Kind::kString:
      return "text";
    default:
      return "a truth value";
  }
}

std::string_view Wanted(DataType type) {
  switch (type) {
    case DataType::kString:
      return "text in quotes";
    case DataType::kBool:
      return "TRUE or FALSE";
    case DataType::kFloat:
    case DataType::kDouble:
      return "a number";
    default:
      return "an integer";
  }
}

class Binder {
 public:
  Binder(std::string_view text, const CollectionSchema& schema) : text_(text), schema_(schema) {}

  Result<BoundNode> Bind(const Node& node, bool negated) {
    if (node.kind == Node::Kind::kNot)
      return Bind(node.children[0], negated == cocozvec::FaultPlanted("forget_not"));
    if (node.kind == Node::Kind::kPredicate)
      return BindPredicate(*node.predicate, node.predicate->negated != negated);
    BoundNode bound;
    bound.kind = (node.kind == Node::Kind::kAnd) != negated ? BoundNode::Kind::kAnd : BoundNode::Kind::kOr;
    bound.children.reserve(node.children.size());
    for (const Node& child : node.children) {
      ZVEC_ASSIGN_OR_RETURN(BoundNode bound_child, Bind(child, negated));
      bound.cost = std::max(bound.cost, bound_child.cost);
      bound.children.push_back(std::move(bound_child));
    }
    CheapFirst(&bound.children);
    return bound;
  }

 private:
  struct Column {
    std::size_t index;
    DataType type;
  };

  Status Error(std::size_t position, const std::string& problem) const {
    return FilterError(text_, position, problem);
  }

  Result<Column> FindColumn(const Predicate& p) const {
    for (std::size_t i = 0; i < schema_.fields.size(); ++i) {
      if (schema_.fields[i].name == p.field) return Column{i, schema_.fields[i].type};
    }
    if (p.field == "id") return Column{kIdColumn, DataType::kString};
    std::vector<std::string_view> names = {"id"};
    for (const FieldSchema& field : schema_.fields) names.push_back(field.name);
    return Error(p.position, "unknown field " + Quoted(p.field) + Suggestion(p.field, names));
  }

  static std::string Describe(const Predicate& p, DataType type) {
    return "field " + Quoted(p.field) + " is " + std::string(DataTypeName(type));
  }

  Status Misfit(const Predicate& p, DataType type, const char* rule) const {
    return Error(p.operator_position, Describe(p, type) + ": " + rule);
  }

  Result<BoundNode> BindPredicate(const Predicate& p, bool negated) {
    ZVEC_ASSIGN_OR_RETURN(const Column column, FindColumn(p));
    BoundNode bound;
    bound.field = column.index;
    if (p.op == Operator::kIsNull && !p.is_length) {
      bound.kind = negated ? BoundNode::Kind::kIsNotNull : BoundNode::Kind::kIsNull;
      bound.cost = kNullCost;
      return bound;
    }
    ZVEC_RETURN_IF_ERROR(CheckOperator(p, column.type));
    bound.cost = Cost(p, column.type);
    ZVEC_ASSIGN_OR_RETURN(bound.test, MakeTest(p, column.type, negated));
    return bound;
  }

  static int Cost(const Predicate& p, DataType type) {
    if (p.op == Operator::kLike) return kPatternCost;
    if (IsArray(type) || p.literals.size() > 2) return kListCost;
    return type == DataType::kString ? kTextCost : kNumberCost;
  }

  // The table of operators and types in docs/filter.md.
  Status CheckOperator(const Predicate& p, DataType type) const {
    const bool contains = p.op == Operator::kContainAll || p.op == Operator::kContainAny;
    const bool ordered = p.op == Operator::kLt || p.op == Operator::kLe || p.op == Operator::kGt ||
                         p.op == Operator::kGe || p.op == Operator::kBetween;
    if (IsVector(type)) return Misfit(p, type, "vectors take IS NULL and IS NOT NULL only");
    if (p.is_length) {
      if (!IsArray(type)) return Misfit(p, type, "array_length takes an array field");
      const bool fits = ordered || p.op == Operator::kIn;
      return fits ? Status::Ok() : Misfit(p, type, "array_length is compared with integers");
    }
    if (contains && !IsArray(type)) return Misfit(p, type, "CONTAIN_ALL and CONTAIN_ANY take an array field");
    if (!contains && IsArray(type)) {
      return Misfit(p, type, "arrays take CONTAIN_ALL, CONTAIN_ANY, IS NULL and array_length(...)");
    }
    if (p.op == Operator::kLike && type != DataType::kString)
      return Misfit(p, type, "LIKE takes a STRING field");
    if (p.op == Operator::kBare && type != DataType::kBool) {
      return Misfit(p, type,
                    "only a BOOL field is a condition by itself; an operator and a value are missing");
    }
    if (ordered && type == DataType::kBool) return Misfit(p, type, "truth values have no order; use = or !=");
    return Status::Ok();
  }

  Result<std::unique_ptr<Test>> MakeTest(const Predicate& p, DataType type, bool negated) const {
    if (p.is_length) return MakeIntegerTest<std::int64_t>(p, DataType::kInt64, type, negated);
    switch (ElementType(type)) {
      case DataType::kInt32:
        return MakeIntegerTest<std::int32_t>(p, type, type, negated);
      case DataType::kInt64:
        return MakeIntegerTest<std::int64_t>(p, type, type, negated);
      case DataType::kUint32:
        return MakeIntegerTest<std::uint32_t>(p, type, type, negated);
      case DataType::kUint64:
        return MakeIntegerTest<std::uint64_t>(p, type, type, negated);
      case DataType::kFloat:
        return MakeFloatTest<float>(p, type, negated);
      case DataType::kDouble:
        return MakeFloatTest<double>(p, type, negated);
      case DataType::kBool:
        return MakeBoolTest(p, type, negated);
      default:
        return MakeTextTest(p, type, negated);
    }
  }

  Status LiteralMisfit(const Predicate& p, DataType type, const Literal& literal) const {
    const std::string what = p.is_length
                                 ? "array_length takes an integer"
                                 : Describe(p, type) + " and takes " + std::string(Wanted(ElementType(type)));
    return Error(literal.position, what + ", found " + std::string(LiteralKindName(literal.kind)));
  }

  // Integers, and floats that are whole: their value, mathematically.
  Result<Wide> WideOf(const Predicate& p, DataType type, const Literal& literal) const {
    if (literal.kind == Literal::Kind::kInteger) return ParseWide(literal.text);
    if (literal.kind != Literal::Kind::kFloat) return LiteralMisfit(p, type, literal);
    const double value = ParseFloating<double>(literal.text);
    constexpr double kLimit = 0x1p100;
    if (value >= kLimit) return kWideLimit;
    if (value <= -kLimit) return -kWideLimit;
    if (static_cast<double>(static_cast<Wide>(value)) != value) return LiteralMisfit(p, type, literal);
    return static_cast<Wide>(value);
  }

  // Compares mathematically: the literals may lie outside of T.
  template <class T>
  Result<std::unique_ptr<Test>> MakeIntegerTest(const Predicate& p, DataType type, DataType column_type,
                                                bool negated) const {
    constexpr Wide kLeast = std::numeric_limits<T>::min(), kMost = std::numeric_limits<T>::max();
    std::vector<Wide> wide;
    for (const Literal& literal : p.literals) {
      ZVEC_ASSIGN_OR_RETURN(const Wide value, WideOf(p, type, literal));
      wide.push_back(value);
    }
    const bool contains = p.op == Operator::kContainAll || p.op == Operator::kContainAny;
    if ((p.op == Operator::kIn && wide.size() > 1) || contains) {
      std::vector<T> values;
      for (const Wide value : wide) {
        if (value >= kLeast && value <= kMost) values.push_back(static_cast<T>(value));
      }
      if (contains) return MakeContain(p, std::move(values), wide.size(), negated);
      if constexpr (std::is_same_v<T, std::int64_t>) {
        if (p.is_length) return MakeLengthInTest(column_type, std::move(values), negated);
      }
      return MakeInTest<T>(std::move(values), negated);
    }
    Wide lower = kLeast, upper = kMost;
    switch (p.op) {
      case Operator::kIn:
        lower = upper = wide[0];
        break;
      case Operator::kLt:
        upper = wide[0] - 1;
        break;
      case Operator::kLe:
        upper = wide[0];
        break;
      case Operator::kGt:
        lower = wide[0] + 1;
        break;
      case Operator::kGe:
        lower = wide[0];
        break;
      default:
        lower = wide[0], upper = wide[1];
        break;
    }
    lower = std::max(lower, kLeast);
    upper = std::min(upper, kMost);
    if (lower > upper) return MakeConstantTest(negated);
    const Range<T> range{true, true, false, false, static_cast<T>(lower), static_cast<T>(upper)};
    if constexpr (std::is_same_v<T, std::int64_t>) {
      if (p.is_length) return MakeLengthRangeTest(column_type, range, negated);
    }
    return MakeRangeTest<T>(range, negated);
  }

  // `given` counts the values written; those that no element can equal are not in `values`.
  template <class T>
  static Result<std::unique_ptr<Test>> MakeContain(const Predicate& p, std::vector<T> values,
                                                   std::size_t given, bool negated) {
    const bool all = p.op == Operator::kContainAll;
    if (all && values.size() < given) return MakeConstantTest(negated);
    return MakeContainTest<T>(std::move(values), all, negated);
  }

  // lower and upper ends of an ordered operator, or of equality with one value.
  template <class T>
  static Range<T> MakeRange(Operator op, std::vector<T>& values) {
    Range<T> range;
    range.has_lower = op != Operator::kLt && op != Operator::kLe;
    range.has_upper = op != Operator::kGt && op != Operator::kGe;
    range.open_lower = op == Operator::kGt;
    range.open_upper = op == Operator::kLt;
    if (range.has_upper) range.upper = values.back();
    if (range.has_lower) range.lower = std::move(values.front());
    return range;
  }

  template <class T>
  Result<std::unique_ptr<Test>> MakeFloatTest(const Predicate& p, DataType type, bool negated) const {
    std::vector<T> values;
    for (const Literal& literal : p.literals) {
      if (literal.kind != Literal::Kind::kInteger && literal.kind != Literal::Kind::kFloat) {
        return LiteralMisfit(p, type, literal);
      }
      // One rounding, as when the value was stored: 0.1 finds what was stored from 0.1.
      values.push_back(ParseFloating<T>(literal.text));
    }
    if (IsArray(type)) return MakeContain(p, values, values.size(), negated);
    if (p.op == Operator::kIn && values.size() > 1) return MakeInTest<T>(std::move(values), negated);
    return MakeRangeTest<T>(MakeRange(p.op, values), negated);
  }

  Result<std::unique_ptr<Test>> MakeBoolTest(const Predicate& p, DataType type, bool negated) const {
    std::vector<std::uint8_t> values;
    for (const Literal& literal : p.literals) {
      if (literal.kind != Literal::Kind::kTrue && literal.kind != Literal::Kind::kFalse) {
        return LiteralMisfit(p, type, literal);
      }
      values.push_back(literal.kind == Literal::Kind::kTrue);
    }
    if (p.op == Operator::kBare) values.push_back(1);
    if (IsArray(type)) return MakeContain(p, values, values.size(), negated);
    return MakeInTest<std::uint8_t>(std::move(values), negated);
  }

  Result<std::unique_ptr<Test>> MakeTextTest(const Predicate& p, DataType type, bool negated) const {
    std::vector<std::string> values;
    for (const Literal& literal : p.literals) {
      if (literal.kind != Literal::Kind::kString) return LiteralMisfit(p, type, literal);
      values.push_back(DecodeString(literal.text, p.op == Operator::kLike));
    }
    if (p.op == Operator::kLike) return MakeLikeTest(values[0], negated);
    if (IsArray(type)) return MakeTextContainTest(std::move(values), p.op == Operator::kContainAll, negated);
    if (p.op == Operator::kIn) return MakeTextInTest(std::move(values), negated);
    return MakeTextRangeTest(MakeRange(p.op, values), negated);
  }

  std::string_view text_;
  const CollectionSchema& schema_;
};

}  // namespace

Result<BoundNode> BindFilter(const Node& node, std::string_view text, const CollectionSchema& schema) {
  return Binder(text, schema).Bind(node, false);
}

}  // namespace zvec::inline v0::filter
