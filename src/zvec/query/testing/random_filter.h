// zvec/query/testing/random_filter.h: random rows, random filters over them, and the language's definition as
// a plain evaluation of one row: what every faster way of answering is compared with.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zvec/doc.h"
#include "zvec/schema.h"

namespace zvec::testing {

__extension__ using Wide = __int128;
using Truth = std::optional<bool>;  // nothing: unknown

inline FieldSchema F(std::string name, DataType type) {
  FieldSchema field;
  field.name = std::move(name);
  field.type = type;
  field.nullable = true;
  return field;
}

inline const CollectionSchema& RandomSchema() {
  using enum DataType;
  static const CollectionSchema schema{
      "docs",
      {F("s", kString), F("b", kBool), F("i", kInt32), F("l", kInt64), F("w", kUint32), F("u", kUint64),
       F("f", kFloat), F("d", kDouble), F("ai", kArrayInt32), F("as", kArrayString)}};
  return schema;
}

/// Draws from few values, so that rows and literals meet.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::size_t Below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_); }
  bool OneIn(std::size_t n) { return Below(n) == 0; }
  template <class T>
  T Pick(const std::vector<T>& from) {
    return from[Below(from.size())];
  }

  std::string Text() {
    static const std::vector<std::string> alphabet = {"a", "b", "B", "%", "_", "\xC3\xA9", "'", "\\"};
    std::string s;
    for (std::size_t n = Below(4); n > 0; --n) s += Pick(alphabet);
    return s;
  }

  Doc Row(std::size_t number) {
    Doc doc("r" + std::to_string(number));
    const auto set = [&](const char* name, Value value) {
      if (!OneIn(5)) doc.Set(name, std::move(value));
    };
    set("s", Text());
    set("b", OneIn(2));
    set("i", Pick<std::int32_t>({INT32_MIN, -1, 0, 1, 2, INT32_MAX}));
    set("l", Pick<std::int64_t>({INT64_MIN, -1, 0, 1, 2, INT64_MAX}));
    set("w", Pick<std::uint32_t>({0, 1, 2, UINT32_MAX}));
    set("u", Pick<std::uint64_t>({0, 1, 2, UINT64_MAX}));
    set("f", Pick<float>({-1, 0, 0.5f, 0.1f, 2, std::numeric_limits<float>::infinity(), std::nanf("")}));
    set("d", Pick<double>({-1, 0, 0.5, 0.1, 2, -std::numeric_limits<double>::infinity(), std::nan("")}));
    std::vector<std::int32_t> numbers(Below(4));
    for (auto& n : numbers) n = static_cast<std::int32_t>(Below(4));
    set("ai", numbers);
    std::vector<std::string> texts(Below(3));
    for (auto& t : texts) t = Text();
    set("as", texts);
    return doc;
  }

 private:
  std::mt19937 random_;
};

inline std::string Quote(const std::string& s, bool pattern = false) {
  std::string out = "'";
  for (const char c : s) {
    if (c == '\'') {
      out += "''";
    } else {
      out += c == '\\' && !pattern ? "\\\\" : std::string(1, c);
    }
  }
  return out + "'";
}

// By definition, over bytes: the alphabet's only wide character has two, which `_` takes together.
inline bool Like(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '%')
    return Like(pattern.substr(1), text) || (!text.empty() && Like(pattern, text.substr(1)));
  if (text.empty()) return false;
  if (pattern[0] == '_') return Like(pattern.substr(1), text.substr(text[0] == '\xC3' ? 2 : 1));
  if (pattern[0] == '\\' && pattern.size() > 1 &&
      std::string_view("%_\\").find(pattern[1]) != std::string_view::npos) {
    pattern.remove_prefix(1);
  }
  return pattern[0] == text[0] && Like(pattern.substr(1), text.substr(1));
}

struct Expression {
  enum class Kind { kAnd, kOr, kNot, kTest, kIsNull } kind = Kind::kTest;
  std::vector<Expression> children;
  std::string field, op;  // op: = != < <= > >= IN BETWEEN LIKE ALL ANY LENGTH
  bool negated = false;
  std::vector<Wide> integers;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  std::vector<bool> truths;
  std::string text;  // as written
};

inline std::string Written(Wide value) {
  std::string digits;
  const bool negative = value < 0;
  for (Wide rest = negative ? -value : value; rest != 0 || digits.empty(); rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  return (negative ? "-" : "") + digits;
}

/// Makes expressions and writes them down.
class Maker {
 public:
  explicit Maker(Generator& g) : g_(g) {}

  Expression Make(int depth) {
    Expression e;
    const std::size_t kind = depth == 0 ? 9 : g_.Below(10);
    if (kind < 4) {
      e.kind = kind < 2 ? Expression::Kind::kAnd : Expression::Kind::kOr;
      const char* word = kind < 2 ? " AND " : " OR ";
      for (std::size_t n = 2 + g_.Below(4); n > 0; --n) {
        e.children.push_back(Make(depth - 1));
        const Expression& child = e.children.back();
        // Parentheses where they are needed, and sometimes where they are not.
        const bool needed = child.kind == Expression::Kind::kOr && kind < 2;
        e.text += (e.children.size() > 1 ? word : "") +
                  (needed || g_.OneIn(4) ? "(" + child.text + ")" : child.text);
      }
      return e;
    }
    if (kind == 4) {
      e.kind = Expression::Kind::kNot;
      e.children.push_back(Make(depth - 1));
      const Expression& child = e.children[0];
      const bool bare =
          child.kind != Expression::Kind::kAnd && child.kind != Expression::Kind::kOr && g_.OneIn(2);
      e.text = bare ? "NOT " + child.text : "NOT (" + child.text + ")";
      return e;
    }
    Leaf(&e);
    return e;
  }

 private:
  void Leaf(Expression* e) {
    const FieldSchema& field = RandomSchema().fields[g_.Below(RandomSchema().fields.size())];
    e->field = field.name;
    if (g_.OneIn(12)) {
      e->kind = Expression::Kind::kIsNull;
      e->negated = g_.OneIn(2);
      e->text = e->field + (e->negated ? " IS NOT NULL" : " IS NULL");
      return;
    }
    std::string name = e->field;
    std::vector<std::string> ops = {"=", "!=", "<", "<=", ">", ">=", "IN", "BETWEEN"};
    if (field.type == DataType::kBool) ops = {"=", "!=", "IN"};
    if (field.type == DataType::kString) ops.push_back("LIKE"), ops.push_back("LIKE");
    if (IsArray(field.type)) {
      if (g_.OneIn(3)) {
        name = "array_length(" + name + ")";
        e->op = "LENGTH";
      } else {
        ops = {"ALL", "ANY"};
      }
    }
    const std::string op = g_.Pick(ops);
    const std::size_t count = op == "IN" || op == "ALL" || op == "ANY" ? 1 + g_.Below(4)
                              : op == "BETWEEN"                        ? 2
                                                                       : 1;
    std::vector<std::string> literals;
    for (std::size_t n = 0; n < count; ++n) literals.push_back(Literal(e, field, op));
    e->negated =
        op == "!=" ||
        ((op == "IN" || op == "BETWEEN" || op == "LIKE" || op == "ALL" || op == "ANY") && g_.OneIn(3));
    e->text = name + (e->negated && op != "!=" ? " NOT" : "") + " " + Rest(op, literals);
    e->op = e->op.empty() ? op : "LENGTH" + op;
  }

  static std::string Rest(const std::string& op, const std::vector<std::string>& literals) {
    if (op == "BETWEEN") return "BETWEEN " + literals[0] + " AND " + literals[1];
    if (op != "IN" && op != "ALL" && op != "ANY") return op + " " + literals[0];
    std::string list = op == "IN" ? "IN (" : "CONTAIN_" + op + " (";
    for (const std::string& literal : literals) list += (list.back() == '(' ? "" : ", ") + literal;
    return list + ")";
  }

  std::string Literal(Expression* e, const FieldSchema& field, const std::string& op) {
    const DataType type = e->op == "LENGTH" ? DataType::kInt64 : ElementType(field.type);
    if (type == DataType::kString) {
      std::string s = g_.Text();
      if (op == "LIKE") {
        s += g_.OneIn(2) ? "%" : "";
        std::string clean;
        for (const char c : s) {
          if (c != '\'' || clean.empty() || clean.back() != '\\')
            clean += c;  // an escaped quote is one character
        }
        while (!clean.empty() && clean.back() == '\\') clean.pop_back();  // would escape the closing quote
        s = clean;
      }
      e->texts.push_back(s);
      return Quote(s, op == "LIKE");
    }
    if (type == DataType::kBool) {
      e->truths.push_back(g_.OneIn(2));
      return e->truths.back() ? "true" : "FALSE";
    }
    if (type == DataType::kFloat || type == DataType::kDouble) {
      static const std::vector<std::pair<std::string, double>> values = {{"-1", -1},
                                                                         {"0", 0},
                                                                         {"0.5", 0.5},
                                                                         {"0.1", 0.1},
                                                                         {"2e0", 2},
                                                                         {"1e400", HUGE_VAL},
                                                                         {"-1e400", -HUGE_VAL},
                                                                         {"1.5", 1.5}};
      const auto& [text, value] = values[g_.Below(values.size())];
      e->numbers.push_back(type == DataType::kFloat ? static_cast<double>(static_cast<float>(value)) : value);
      return text;
    }
    const Wide big = Wide{1} << 64;
    const Wide value =
        g_.Pick<Wide>({-1, 0, 1, 2, 3, INT32_MIN, INT32_MAX, INT64_MIN, INT64_MAX, UINT32_MAX, UINT64_MAX,
                       big, -big, Wide{INT64_MIN} - 1, Wide{INT32_MAX} + 1, Wide{INT32_MIN} - 1});
    e->integers.push_back(value);
    return Written(value);
  }

  Generator& g_;
};

template <class T, class U>
bool Compare(const std::string& op, const T& x, const std::vector<U>& y) {
  if (op == "<") return x < y[0];
  if (op == "<=") return x <= y[0];
  if (op == ">") return x > y[0];
  if (op == ">=") return x >= y[0];
  if (op == "BETWEEN") return x >= y[0] && x <= y[1];
  for (const U& item : y) {  // = != IN
    if (x == item) return true;
  }
  return false;
}

template <class T, class U>
bool Holds(const std::vector<T>& array, const std::vector<U>& items, bool all) {
  for (const U& item : items) {
    bool found = false;
    for (const T& x : array) found = found || static_cast<U>(x) == item;
    if (found != all) return found;
  }
  return all;
}

inline bool TestValue(const Expression& e, const Value& value) {
  if (e.op.starts_with("LENGTH")) {
    const auto* numbers = std::get_if<std::vector<std::int32_t>>(&value);
    const std::size_t length = numbers ? numbers->size() : std::get<std::vector<std::string>>(value).size();
    return Compare(e.op.substr(6), Wide{length}, e.integers);
  }
  if (const auto* s = std::get_if<std::string>(&value))
    return e.op == "LIKE" ? Like(e.texts[0], *s) : Compare(e.op, *s, e.texts);
  if (const auto* x = std::get_if<bool>(&value)) return Compare(e.op, *x, e.truths);
  if (const auto* x = std::get_if<std::int32_t>(&value)) return Compare(e.op, Wide{*x}, e.integers);
  if (const auto* x = std::get_if<std::int64_t>(&value)) return Compare(e.op, Wide{*x}, e.integers);
  if (const auto* x = std::get_if<std::uint32_t>(&value)) return Compare(e.op, Wide{*x}, e.integers);
  if (const auto* x = std::get_if<std::uint64_t>(&value)) return Compare(e.op, Wide{*x}, e.integers);
  if (const auto* x = std::get_if<float>(&value)) return Compare(e.op, double{*x}, e.numbers);
  if (const auto* x = std::get_if<double>(&value)) return Compare(e.op, *x, e.numbers);
  if (const auto* a = std::get_if<std::vector<std::int32_t>>(&value))
    return Holds(*a, e.integers, e.op == "ALL");
  return Holds(std::get<std::vector<std::string>>(value), e.texts, e.op == "ALL");
}

/// Three-valued: nothing is unknown. A document passes when this is true.
inline Truth Evaluate(const Expression& e, const Doc& doc) {
  if (e.kind == Expression::Kind::kNot) {
    const Truth t = Evaluate(e.children[0], doc);
    return t ? Truth(!*t) : t;
  }
  if (e.kind == Expression::Kind::kAnd || e.kind == Expression::Kind::kOr) {
    const bool decides = e.kind == Expression::Kind::kOr;
    Truth result = !decides;
    for (const Expression& child : e.children) {
      const Truth t = Evaluate(child, doc);
      if (t == decides) return decides;
      if (!t) result = std::nullopt;
    }
    return result;
  }
  const Value* value = doc.Find(e.field);
  if (e.kind == Expression::Kind::kIsNull) return (value == nullptr) != e.negated;
  if (!value) return std::nullopt;
  return TestValue(e, *value) != e.negated;
}

}  // namespace zvec::testing
