#include "zvec/query/parser.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "zvec/query/filter.h"
#include "zvec/query/lexer.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0::filter {
namespace {

using cocozvec::Result;
using cocozvec::Status;
using enum TokenKind;

constexpr std::size_t kMaxContainItems = 32;

constexpr int kOrPower = 1, kAndPower = 2, kNotPower = 3;

bool IsComparison(TokenKind kind) { return kind >= kEq && kind <= kGe; }
bool IsLiteral(TokenKind kind) {
  return kind == kInteger || kind == kFloat || kind == kString || kind == kTrue || kind == kFalse;
}
// Keywords that are names where only a name can stand.
bool IsSoftKeyword(TokenKind kind) {
  return kind == kAnd || kind == kOr || kind == kNot || kind == kIn || kind == kBetween || kind == kLike;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view lower) {
  if (a.size() != lower.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const char c = a[i] >= 'A' && a[i] <= 'Z' ? static_cast<char>(a[i] + 32) : a[i];
    if (c != lower[i]) return false;
  }
  return true;
}

std::string Found(const Token& token) {
  return token.kind == kEnd ? "the filter ends here" : "found " + Quoted(token.text);
}

// Pratt: operands by prefix, operators by binding power. Every function returns false once error_ is set.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), lexer_(text) {
    for (Token& token : ahead_) token = lexer_.Next();
  }

  Result<std::optional<Node>> Parse() {
    if (Peek().kind == kEnd) return std::optional<Node>();
    Node root;
    if (!Expression(kOrPower, &root)) return error_;
    if (Peek().kind != kEnd) return AfterOperand(), error_;
    if (terms_ > kMaxFilterTerms) return TooManyTerms(text_.size()), error_;
    return std::optional<Node>(std::move(root));
  }

 private:
  // Equalities of a list that is being built, by what they compare: `f = 1 OR f = 2` is `f IN (1, 2)`.
  struct OpenList {
    std::optional<Node::Kind> kind;
    std::unordered_map<std::string, std::size_t> equalities;
  };

  const Token& Peek(int n = 0) const { return ahead_[n]; }
  Token Take() {
    const Token token = ahead_[0];
    ahead_[0] = ahead_[1];
    ahead_[1] = ahead_[2];
    ahead_[2] = lexer_.Next();
    return token;
  }
  bool Accept(TokenKind kind) {
    if (Peek().kind != kind) return false;
    Take();
    return true;
  }

  bool Fail(const Token& at, const std::string& problem) {
    // What the lexer has to say about a token is nearer to the cause.
    error_ = FilterError(text_, at.position, at.kind == kError ? at.problem : problem);
    return false;
  }
  bool TooManyTerms(std::size_t position) {
    error_ = FilterError(text_, position, "more than " + std::to_string(kMaxFilterTerms) + " conditions");
    return false;
  }

  bool Expression(int least_power, Node* out);
  bool Operand(Node* out);
  bool Append(Node::Kind kind, Node right, Node* left, OpenList* list);
  bool Merge(Node::Kind kind, const Node& right, Node* left, OpenList* list, bool* merged);

  bool NotIsPrefix() const;
  bool ParsePredicate(Node* out);
  bool ParseField(Predicate* p);
  bool ParseOperator(Predicate* p);
  bool ParseComparison(Predicate* p);
  bool ParseAfterNot(Predicate* p);
  bool ParseIs(Predicate* p);
  bool ParseList(Predicate* p, std::size_t most, bool may_be_empty);
  bool ParseLiteral(Predicate* p);
  bool ParseLike(Predicate* p);
  bool BadOperator(const Predicate& p);
  bool BadLiteral();
  bool AfterOperand();

  std::string_view text_;
  Lexer lexer_;
  Token ahead_[3];
  Status error_;
  std::size_t depth_ = 0;
  std::size_t terms_ = 0;
};

bool Parser::Expression(int least_power, Node* out) {
  if (!Operand(out)) return false;
  OpenList list;
  for (;;) {
    const TokenKind op = Peek().kind;
    const int power = op == kOr ? kOrPower : op == kAnd ? kAndPower : 0;
    if (power == 0 || power < least_power) return true;
    Take();
    Node right;
    if (!Expression(power + 1, &right)) return false;
    if (!Append(op == kOr ? Node::Kind::kOr : Node::Kind::kAnd, std::move(right), out, &list)) return false;
  }
}

bool Parser::Operand(Node* out) {
  const bool is_group = Peek().kind == kOpen;
  if (!is_group && !(Peek().kind == kNot && NotIsPrefix())) return ParsePredicate(out);
  if (depth_ == kMaxFilterDepth) {
    return Fail(Peek(), "nested deeper than " + std::to_string(kMaxFilterDepth) + " levels");
  }
  ++depth_;
  const Token start = Take();
  if (is_group) {
    if (!Expression(kOrPower, out)) return false;
    if (Peek().kind != kClose)
      return Peek().kind == kEnd ? Fail(start, "this parenthesis is not closed") : AfterOperand();
    Take();
  } else {
    Node operand;
    if (!Expression(kNotPower, &operand)) return false;
    out->kind = Node::Kind::kNot;
    out->children.push_back(std::move(operand));
  }
  --depth_;
  return true;
}

// A chain of one operator is one flat list, however long.
bool Parser::Append(Node::Kind kind, Node right, Node* left, OpenList* list) {
  const std::size_t position = right.predicate ? right.predicate->position : Peek().position;
  if (list->kind != kind) {
    Node first = std::move(*left);
    *left = Node{kind, {}, nullptr};
    *list = OpenList{kind, {}};
    bool merged = false;
    if (!Merge(kind, first, left, list, &merged)) return false;
    left->children.push_back(std::move(first));
  }
  bool merged = false;
  if (!Merge(kind, right, left, list, &merged)) return false;
  if (!merged) left->children.push_back(std::move(right));
  return terms_ <= kMaxFilterTerms || TooManyTerms(position);
}

bool Parser::Merge(Node::Kind kind, const Node& right, Node* left, OpenList* list, bool* merged) {
  const Predicate* p = right.predicate.get();
  if (!p || !p->single || p->negated != (kind == Node::Kind::kAnd)) return true;
  const std::string key = (p->is_length ? "length " : "value ") + std::string(p->field);
  const auto [it, fresh] = list->equalities.emplace(key, left->children.size());
  if (fresh) return true;
  Predicate& target = *left->children[it->second].predicate;
  if (target.literals.size() == kMaxInItems) {
    return Fail(
        {kName, p->field, p->position, nullptr},
        "more than " + std::to_string(kMaxInItems) + " comparisons of " + Quoted(p->field) + " in one chain");
  }
  target.literals.push_back(p->literals[0]);
  --terms_;
  *merged = true;
  return true;
}

// `NOT x = 1`, but `not = 1` and `not IN (1)` are about a field called not.
bool Parser::NotIsPrefix() const {
  const TokenKind next = Peek(1).kind, after = Peek(2).kind;
  if (IsComparison(next) || next == kIs) return false;
  if (next == kIn || next == kContainAll || next == kContainAny) return after != kOpen;
  if (next == kLike || next == kBetween) return !IsLiteral(after);
  return true;
}

bool Parser::ParsePredicate(Node* out) {
  auto p = std::make_unique<Predicate>();
  if (!ParseField(p.get()) || !ParseOperator(p.get())) return false;
  ++terms_;
  out->kind = Node::Kind::kPredicate;
  out->predicate = std::move(p);
  return true;
}

bool Parser::ParseField(Predicate* p) {
  const Token& token = Peek();
  if (IsLiteral(token.kind) || token.kind == kNull) {
    const bool compared = IsComparison(Peek(1).kind);
    return Fail(token, compared ? "the field stands on the left, the value on the right"
                                : "a condition begins with a field, " + Found(token));
  }
  if (token.kind != kName && !IsSoftKeyword(token.kind)) {
    return Fail(token, "expected a field, NOT or a parenthesis, " + Found(token));
  }
  const Token name = Take();
  p->field = name.text;
  p->position = name.position;
  if (Peek().kind != kOpen || name.kind != kName) return true;
  if (!EqualsIgnoringCase(name.text, "array_length")) {
    return Fail(
        name, "unknown function or operator " + Quoted(name.text) + Suggestion(name.text, {"array_length"}));
  }
  Take();
  if (Peek().kind != kName && !IsSoftKeyword(Peek().kind)) {
    return Fail(Peek(), "array_length takes the name of an array field, " + Found(Peek()));
  }
  const Token field = Take();
  p->field = field.text;
  p->position = field.position;
  p->is_length = true;
  if (!Accept(kClose))
    return Fail(Peek(), "array_length takes one field and a closing parenthesis, " + Found(Peek()));
  return true;
}

bool Parser::ParseOperator(Predicate* p) {
  p->operator_position = Peek().position;
  const TokenKind op = Peek().kind;
  if (IsComparison(op)) return ParseComparison(p);
  switch (op) {
    case kNot:
    case kIn:
    case kBetween:
    case kLike:
    case kContainAll:
    case kContainAny:
      return ParseAfterNot(p);
    case kIs:
      return ParseIs(p);
    case kAnd:
    case kOr:
    case kClose:
    case kEnd:
      p->op = Operator::kBare;
      return true;
    default:
      return BadOperator(*p);
  }
}

bool Parser::ParseComparison(Predicate* p) {
  switch (Take().kind) {
    case kLt:
      p->op = Operator::kLt;
      break;
    case kLe:
      p->op = Operator::kLe;
      break;
    case kGt:
      p->op = Operator::kGt;
      break;
    case kGe:
      p->op = Operator::kGe;
      break;
    case kNe:
      p->negated = true;
      [[fallthrough]];
    default:
      p->op = Operator::kIn, p->single = true;
      break;
  }
  return ParseLiteral(p);
}

bool Parser::ParseAfterNot(Predicate* p) {
  p->negated = Accept(kNot);
  const Token op = Peek();
  switch (op.kind) {
    case kIn:
      p->op = Operator::kIn;
      return Take(), ParseList(p, kMaxInItems, false);
    case kContainAll:
      p->op = Operator::kContainAll;
      return Take(), ParseList(p, kMaxContainItems, true);
    case kContainAny:
      p->op = Operator::kContainAny;
      return Take(), ParseList(p, kMaxContainItems, true);
    case kLike:
      return Take(), ParseLike(p);
    case kBetween:
      Take();
      p->op = Operator::kBetween;
      if (!ParseLiteral(p)) return false;
      if (!Accept(kAnd)) return Fail(Peek(), "BETWEEN takes two values joined by AND, " + Found(Peek()));
      return ParseLiteral(p);
    default:
      return Fail(op, "expected IN, LIKE, BETWEEN, CONTAIN_ALL or CONTAIN_ANY after NOT, " + Found(op));
  }
}

bool Parser::ParseIs(Predicate* p) {
  Take();
  p->op = Operator::kIsNull;
  p->negated = Accept(kNot);
  if (Accept(kNull)) return true;
  const bool truth = Peek().kind == kTrue || Peek().kind == kFalse;
  return Fail(Peek(), truth ? "write = instead of IS" : "expected NULL, " + Found(Peek()));
}

bool Parser::ParseLike(Predicate* p) {
  p->op = Operator::kLike;
  if (Peek().kind != kString) return Fail(Peek(), "LIKE takes a pattern in quotes, " + Found(Peek()));
  return ParseLiteral(p);
}

bool Parser::ParseList(Predicate* p, std::size_t most, bool may_be_empty) {
  if (!Accept(kOpen)) return Fail(Peek(), "expected a list in parentheses, " + Found(Peek()));
  if (may_be_empty && Accept(kClose)) return true;
  for (;;) {
    if (p->literals.size() == most) {
      return Fail(Peek(), "a list of more than " + std::to_string(most) + " values");
    }
    if (!ParseLiteral(p)) return false;
    if (Accept(kClose)) return true;
    if (!Accept(kComma)) return Fail(Peek(), "expected a comma or a closing parenthesis, " + Found(Peek()));
  }
}

bool Parser::ParseLiteral(Predicate* p) {
  if (!IsLiteral(Peek().kind)) return BadLiteral();
  const Token token = Take();
  const auto kind = token.kind == kInteger  ? Literal::Kind::kInteger
                    : token.kind == kFloat  ? Literal::Kind::kFloat
                    : token.kind == kString ? Literal::Kind::kString
                    : token.kind == kTrue   ? Literal::Kind::kTrue
                                            : Literal::Kind::kFalse;
  p->literals.push_back({kind, token.text, token.position});
  return true;
}

bool Parser::BadLiteral() {
  const Token& token = Peek();
  switch (token.kind) {
    case kNull:
      return Fail(token, "nothing is equal to NULL; write IS NULL or IS NOT NULL");
    case kName:
      return Fail(token, "expected a value, found the name " + Quoted(token.text) +
                             "; text stands in quotes, and fields are compared with values only");
    case kOpenBracket:
      return Fail(token, "vectors cannot be compared in a filter");
    case kClose:
      return Fail(token, "expected a value before the parenthesis");
    default:
      return Fail(token, "expected a value, " + Found(token));
  }
}

bool Parser::BadOperator(const Predicate& p) {
  const Token& token = Peek();
  std::string problem = "expected an operator after " + Quoted(p.field) + ", " + Found(token);
  if (token.kind == kName) {
    if (EqualsIgnoringCase(token.text, "ilike"))
      return Fail(token, problem + "; LIKE minds upper and lower case");
    problem += Suggestion(token.text,
                          {"IN", "NOT", "LIKE", "BETWEEN", "IS", "CONTAIN_ALL", "CONTAIN_ANY", "AND", "OR"});
    if (token.text.size() > 1 && token.text[0] == '-') problem += "; there is no arithmetic in a filter";
  }
  return Fail(token, problem);
}

// What stands behind a complete condition is neither AND, OR nor the end of its group.
bool Parser::AfterOperand() {
  const Token& token = Peek();
  if (token.kind == kClose) return Fail(token, "this parenthesis was never opened");
  return Fail(token, "expected AND, OR or the end of the filter, " + Found(token));
}

}  // namespace

Result<std::optional<Node>> ParseFilter(std::string_view text) { return Parser(text).Parse(); }

}  // namespace zvec::inline v0::filter
